"""The table of errors, row by row, in the original's words."""

from __future__ import annotations

from typing import Any

import pytest

from chatsrv.services import Services
from tests.api.oksky.people import MEDIA_TYPE, Sky, add, add_room, as_person, changed, identifiers, new, refused

pytestmark = pytest.mark.parametrize("database_source", ["sqlite_template"], indirect=True)

QUERIES = [
    ("page[size]=101", 118, "Invalid page value", "size exceeds maximum page size of 100."),
    ("page[size]=0", 118, "Invalid page value", "0 is not a valid value for size page parameter."),
    ("page[size]=abc", 118, "Invalid page value", "0 is not a valid value for size page parameter."),
    ("page[size]=", 118, "Invalid page value", "0 is not a valid value for size page parameter."),
    ("page[size]=-5", 118, "Invalid page value", "-5 is not a valid value for size page parameter."),
    ("page[number]=0", 118, "Invalid page value", "0 is not a valid value for number page parameter."),
    ("page=0", 118, "Invalid page value", "0 is not a valid value for number page parameter."),
    ("page%5Bnumber%5D=x", 118, "Invalid page value", "0 is not a valid value for number page parameter."),
    ("sort=bogus", 114, "Invalid sort criteria", "bogus is not a valid sort criteria for users"),
    ("sort=id,-bogus", 114, "Invalid sort criteria", "bogus is not a valid sort criteria for users"),
    ("filter[username]=x", 102, "Filter not allowed", "username is not allowed."),
    ("filter=abc", 120, "Invalid filters syntax", "abc is not a valid syntax for filtering."),
    ("include=bogus", 112, "Invalid field", "bogus is not a valid relationship of users"),
    ("include=members.bogus", 112, "Invalid field", "bogus is not a valid relationship of members"),
    ("fields[users]=bogus", 104, "Invalid field", "bogus is not a valid field for users."),
    ("fields[customers]=id,bogus", 104, "Invalid field", "bogus is not a valid field for customers."),
    ("fields[bogus]=x", 101, "Invalid resource", "bogus is not a valid resource."),
    ("fields=x", 119, "Invalid field format", "Fields must specify a type."),
]


async def test_each_bad_parameter_of_a_list_is_refused_in_its_own_words(sky: Sky) -> None:
    for query, code, title, detail in QUERIES:
        refused(await sky.get(f"/users?{query}"), 400, code, title, detail)
    refused(await sky.get("/customers?sort=x"), 400, 114, "Invalid sort criteria", _sort("x", "customers"))
    refused(await sky.get("/rooms?sort=name"), 400, 114, "Invalid sort criteria", _sort("name", "rooms"))


def _sort(name: str, type_: str) -> str:
    return f"{name} is not a valid sort criteria for {type_}"


async def test_what_the_original_passes_over_is_passed_over(sky: Sky, services: Services) -> None:
    await add(services, "anna")
    for query in (
        "page[limit]=x",
        "page[offset]=3",
        "bogus=1",
        "stats[total]=count",
        "page[size]=7abc",
        "sort=",
        "include=",
    ):
        assert (await sky.get(f"/users?{query}")).json["meta"] == {"record_count": 1}
    for query in ("filter[id]=abc", "filter[uuid]=abc", "filter[id]=", f"filter[id]={9**40}", "page=3"):
        assert (await sky.get(f"/users?{query}")).json["data"] == []


async def test_an_include_may_neither_be_endless_nor_bring_along_too_much(sky: Sky) -> None:
    endless = ",".join(["members.user.members.user"] * 13)
    detail = "include may name at most 50 relationships"
    refused(await sky.get(f"/users?include={endless}"), 400, 112, "Invalid field", detail)


async def test_a_record_that_is_not_there(sky: Sky) -> None:
    for path in ("/users/999", "/users/0", "/users/-1", f"/users/{10**30}", "/administrators/999", "/rooms/999"):
        detail = f"The record identified by {path.split('/')[2]} could not be found."
        refused(await sky.get(path), 404, 404, "Record not found", detail)
        refused(await sky.delete(path), 404, 404, "Record not found", detail)
    for path in ("/users/abc", "/customers/1x", "/users/%F0%9F%91%8D", "/rooms/abc", "/members/1.0", "/memos/abc"):
        assert refused(await sky.get(path), 400, 103, "Invalid field value")["detail"].endswith(
            " is not a valid value for id."
        )


NOT_ACCEPTABLE = (
    "All requests must use the 'application/vnd.api+json' Accept without media type parameters. "
    "This request specified '{}'."
)
UNSUPPORTED = (
    "All requests that create or update must use the 'application/vnd.api+json' Content-Type. "
    "This request specified '{}'."
)


async def test_what_is_accepted_must_be_json_api_without_parameters(sky: Sky, services: Services) -> None:
    await add(services, "anna")
    weighted = f"{MEDIA_TYPE};q=0.8"
    for good in (
        *(None, "", "*/*", MEDIA_TYPE, f"text/html, {MEDIA_TYPE}", "text/html, */*;q=0.8"),
        *(f"{weighted}, {MEDIA_TYPE}", f"{weighted}, */*;q=0.1;level=1"),
    ):
        assert (await sky.get("/users/1", headers={"Accept": good})).status == 200
    for bad in (
        *("application/json", "text/html, application/*", f"{MEDIA_TYPE}; charset=utf-8", f"{MEDIA_TYPE};ext=x"),
        *(weighted, f"{MEDIA_TYPE}; Q=1", f"text/html, {weighted}"),
    ):
        for method, path in (("GET", "/users"), ("POST", "/users"), ("PATCH", "/users/1"), ("DELETE", "/users/1")):
            answer = await sky.request(method, path, headers={"Accept": bad})
            refused(answer, 406, 406, "Not acceptable", NOT_ACCEPTABLE.format(bad))
    assert (await sky.get("/users/1")).status == 200


async def test_whoever_writes_must_say_that_it_is_json_api(sky: Sky, services: Services) -> None:
    await add(services, "anna")
    writes = [("POST", "/users"), ("PUT", "/users/1"), ("PATCH", "/users/1"), ("PATCH", "/users/deactivate")]
    for method, path in writes:
        for header, told in (("application/json", "application/json"), (None, ""), ("text/plain; x=y", "text/plain")):
            answer = await sky.request(method, path, {}, headers={"Content-Type": header})
            refused(answer, 415, 415, "Unsupported media type", UNSUPPORTED.format(told))
    answer = await sky.post("/users", headers={"Content-Type": "application/json", "Accept": "text/html"})
    refused(answer, 415, 415, "Unsupported media type")
    good = {"Content-Type": f"{MEDIA_TYPE}; charset=utf-8"}
    assert (await sky.patch("/users/1", changed("users", "1", name="A"), headers=good)).status == 200
    assert (await sky.request("DELETE", "/users/1", headers={"Content-Type": None})).status == 204


async def test_an_action_without_a_body_needs_no_word_about_one(sky: Sky, services: Services) -> None:
    await add(services, "anna")
    for method, path, status in (
        ("PUT", "/users/1/regenerate_access_token", 204),
        ("PATCH", "/users/deactivate?filter[id]=1", 200),
        ("PATCH", "/users/reactivate/?filter[id]=1", 200),
    ):
        assert (await sky.request(method, path, headers={"Content-Type": None})).status == status
        for body, header in ((b"{}", None), (None, "text/plain"), (b"{}", "text/plain")):
            answer = await sky.request(method, path, body, headers={"Content-Type": header})
            refused(answer, 415, 415, "Unsupported media type")
    answer = await sky.patch("/users/1", headers={"Content-Type": None})
    refused(answer, 415, 415, "Unsupported media type")


BODIES: list[tuple[Any, int, str, str]] = [
    ({}, 106, "Missing Parameter", "The required parameter, data, is missing."),
    (None, 106, "Missing Parameter", "The required parameter, data, is missing."),
    ({"data": None}, 106, "Missing Parameter", "The required parameter, data, is missing."),
    ({"data": []}, 106, "Missing Parameter", "The required parameter, data, is missing."),
    ({"data": [{"type": "users"}]}, 122, "Invalid data format", "Data must be a hash."),
    ({"data": "users"}, 122, "Invalid data format", "Data must be a hash."),
    ([], 400, "Bad Request", "Request must be a hash"),
    ("x", 400, "Bad Request", "Request must be a hash"),
]
CREATED: list[tuple[Any, int, str, str]] = [
    ({"data": {"attributes": {}}}, 106, "Missing Parameter", "The required parameter, type, is missing."),
    ({"data": {"type": "customers"}}, 101, "Invalid resource", "customers is not a valid resource."),
    ({"data": {"type": 5}}, 101, "Invalid resource", "5 is not a valid resource."),
    ({"data": {"type": ["üsers", None]}}, 101, "Invalid resource", '["üsers", null] is not a valid resource.'),
    (new("users", username="x", bogus=1, rubbish=2), 105, "Param not allowed", "bogus is not allowed."),
    (new("users", uuid="x"), 105, "Param not allowed", "uuid is not allowed."),
    ({"data": {"type": "users", "id": "7"}}, 105, "Param not allowed", "id is not allowed."),
    ({"data": {"type": "users", "links": {}}}, 105, "Param not allowed", "links is not allowed."),
    (
        {"data": {"type": "users", "relationships": {"rooms": {"data": []}}}},
        105,
        "Param not allowed",
        "rooms is not allowed.",
    ),
    ({"data": {"type": "users", "attributes": [1]}}, 105, "Param not allowed", "attributes is not allowed."),
]
UPDATED: list[tuple[Any, int, str, str]] = [
    (new("users", name="x"), 109, "A key is required", "The resource object does not contain a key."),
    (changed("users", "3"), 110, "Key is not included in URL", "The URL does not support the key 3"),
    (changed("users", 3), 110, "Key is not included in URL", "The URL does not support the key 3"),
    (changed("users", True), 110, "Key is not included in URL", "The URL does not support the key true"),
    (changed("users", ["2"]), 110, "Key is not included in URL", 'The URL does not support the key ["2"]'),
    ({"data": {"id": "1"}}, 106, "Missing Parameter", "The required parameter, type, is missing."),
    (changed("customers", "1"), 101, "Invalid resource", "customers is not a valid resource."),
    (changed("users", "1", status="online"), 105, "Param not allowed", "status is not allowed."),
]


async def test_each_bad_body_is_refused_in_its_own_words(sky: Sky, services: Services) -> None:
    await add(services, "anna")
    for body, code, title, detail in BODIES:
        for method, path in (("POST", "/users"), ("PATCH", "/users/1"), ("POST", "/rooms"), ("POST", "/members")):
            refused(await sky.request(method, path, body), 400, code, title, detail)
    for body, code, title, detail in CREATED:
        refused(await sky.post("/users", body), 400, code, title, detail)
    for body, code, title, detail in UPDATED:
        refused(await sky.patch("/users/1", body), 400, code, title, detail)
        refused(await sky.put("/users/1", body), 400, code, title, detail)
    malformed = refused(await sky.post("/users", b'{"data": '), 400, 400, "Bad Request")
    assert "JSON" in malformed["detail"]
    refused(await sky.post("/users", b'{"a":' * 100 + b"1" + b"}" * 100), 400, 400, "Bad Request")


async def test_what_does_no_harm_in_a_body_does_none(sky: Sky) -> None:
    harmless = new("users", username="anna") | {"meta": {"x": 1}, "jsonapi": {"version": "1.0"}}
    harmless["data"]["relationships"] = {}
    assert (await sky.post("/users", harmless)).status == 201
    assert (await sky.patch("/users/1", changed("users", 1, name="A"))).status == 200


async def test_validation_tells_one_error_for_each_message(sky: Sky, services: Services) -> None:
    await add(services, "anna", email="anna@example.com")
    for body in (new("users"), new("users", username=""), new("users", username="  "), new("users", username=None)):
        error = refused(await sky.post("/users", body), 422, 100, "can't be blank", "username - can't be blank")
        assert error["source"] == {"pointer": "/data/attributes/username"}
    taken = "username - has already been taken"
    refused(await sky.post("/users", new("users", username="ANNA")), 422, 100, "has already been taken", taken)
    taken = "email - has already been taken"
    email = new("users", username="b", email="Anna@Example.com")
    refused(await sky.post("/users", email), 422, 100, "has already been taken", taken)
    bad = changed("users", "1", username="", email="x", full_name=5, info=[], max_support_count=-1, avatar_url="a b:")
    answer = await sky.patch("/users/1", bad)
    told = [error["source"]["pointer"].rpartition("/")[2] for error in answer.json["errors"]]
    assert answer.status == 422
    assert sorted(told) == ["avatar_url", "email", "full_name", "info", "max_support_count", "username"]
    assert {(error["code"], error["status"]) for error in answer.json["errors"]} == {("100", "422")}
    assert (await sky.get("/users/1")).json["data"]["attributes"]["username"] == "anna"
    assert await told_of(sky, {"username": "ANNA", "email": "Anna@example.com"}) == [
        "email - has already been taken",
        "username - has already been taken",
    ]
    assert await told_of(sky, {"username": "", "email": "anna@example.com"}) == [
        "email - has already been taken",
        "username - can't be blank",
    ]
    await add(services, "ben")
    both = {"username": "anna", "email": "anna@example.com", "max_support_count": "x", "in_training": "y"}
    assert [detail.partition(" - ")[0] for detail in await told_of(sky, both, "2")] == [
        *("email", "in_training", "max_support_count", "username"),
    ]
    own = changed("users", "1", username="Anna", email="anna@example.com", in_training="y")
    refused(await sky.patch("/users/1", own), 422, 100, "must be true or false")
    long = changed("users", "1", full_name=f"{'x' * 192} {'y' * 192}")
    assert refused(await sky.patch("/users/1", long), 422, 100, "must have at most 191 characters")


async def told_of(sky: Sky, attributes: dict[str, Any], id_: str | None = None) -> list[str]:
    """The details of the 422, in order; it is somebody new, or the user with the id."""
    body = changed("users", id_, **attributes) if id_ else new("users", **attributes)
    answer = await (sky.patch(f"/users/{id_}", body) if id_ else sky.post("/users", body))
    assert answer.status == 422, answer.json
    assert {error["code"] for error in answer.json["errors"]} == {"100"}
    return sorted(error["detail"] for error in answer.json["errors"])


async def test_relationships_are_never_replaced_and_only_some_are_written(sky: Sky, services: Services) -> None:
    (anna,) = await add(services, "anna")
    room = await add_room(services, "board")
    path = f"/users/{anna}/relationships"
    for name in ("rooms", "memos", "user_events"):
        words = "Complete replacement forbidden"
        for method, body in (("PATCH", identifiers("rooms", room)), ("PUT", {"data": []})):
            answer = await sky.request(method, f"{path}/{name}", body)
            refused(answer, 403, 403, words, f"{words} for this relationship")
    for method in ("POST", "DELETE"):
        refused(await sky.request(method, f"{path}/memos", identifiers("memos", "1")), 405, 405, "Method Not Allowed")
        refused(await sky.request(method, f"{path}/rooms", {}), 400, 106, "Missing Parameter")
        refused(await sky.request(method, f"{path}/rooms", {"data": {}}), 400, 106, "Missing Parameter")
        refused(await sky.request(method, f"{path}/rooms", {"data": "1"}), 400, 115, "Invalid Links Object")
        refused(await sky.request(method, f"{path}/rooms", {"data": [{"id": "1"}]}), 400, 115, "Invalid Links Object")
        refused(await sky.request(method, f"{path}/rooms", identifiers("users", room)), 400, 116, "Type Mismatch")
        detail = "The record identified by 99 could not be found."
        refused(
            await sky.request(method, f"{path}/rooms", identifiers("rooms", room, "99")),
            404,
            404,
            "Record not found",
            detail,
        )
    assert (await sky.get(f"{path}/rooms")).json["data"] == []


async def test_unknown_routes_and_verbs_are_told_of_as_json_api(sky: Sky, services: Services) -> None:
    await add(services, "anna")
    for path in ("/bogus", "/users/1/bogus", "/users/1/relationships/bogus", "/users/1/rooms/2", "/members/1/rooms"):
        detail = f"There is nothing at /rapi/v1{path}."
        refused(await sky.get(path), 404, 404, "Not Found", detail)
    for method in ("POST", "PUT", "PATCH", "DELETE"):
        path = "/users/1/relationships/bogus"
        refused(await sky.request(method, path, {}), 404, 404, "Not Found", f"There is nothing at /rapi/v1{path}.")
    answer = await sky.post("/users/1", new("users"))
    refused(answer, 405, 405, "Method Not Allowed")
    assert answer.headers["Allow"] == "DELETE, GET, HEAD, OPTIONS, PATCH, PUT"
    refused(await sky.delete("/users"), 405, 405, "Method Not Allowed")


async def test_a_body_that_is_too_large(sky: Sky) -> None:
    big = new("users", username="x" * 70_000)
    refused(await sky.post("/users", big), 413, 413, "Request Entity Too Large")


async def test_credentials_come_first_then_the_type_of_the_body_then_what_is_accepted(
    sky: Sky, services: Services
) -> None:
    (anna,) = await add(services, "anna")
    wrong = {"Content-Type": "application/json", "Accept": "text/html"}
    sky.api.headers["X-Access-Token"] = "nobody"
    refused(await sky.post("/users", b"{", headers=wrong), 401, 401, "Unauthorized", "Unauthorized")
    person = await as_person(services, sky, int(anna))
    refused(await person.post("/users", b"{", headers=wrong), 415, 415, "Unsupported media type")
    refused(await person.post("/users", b"{", headers={"Accept": "text/html"}), 406, 406, "Not acceptable")
    refused(await person.post("/users", b"{"), 403, 403, "Forbidden")
