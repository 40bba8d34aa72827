"""Users, one at a time: read, made, changed and deleted; the same people under both subtypes."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest

from chatsrv.domain.presence import SERVER
from chatsrv.services import Services
from tests.api.native.people import come_online
from tests.api.oksky.people import MEDIA_TYPE, Sky, add, changed, ids_of, new, refused
from tests.client import Answer

pytestmark = pytest.mark.parametrize("database_source", ["sqlite_template"], indirect=True)

FULL: dict[str, Any] = {
    "username": "anna",
    "full_name": "Anna Maria Berg",
    "name": "Anni",
    "email": "Anna@Example.com",
    "avatar_url": "https://example.com/anna.png",
    "max_support_count": 15,
    "timezone": "Asia/Tokyo",
    "in_training": True,
    "language": "ja",
    "info": {"country": "japan", "tags": ["a", {"b": None}]},
    "sound_notification": False,
    "notification_email": "desk@example.com",
    "last_seen_location": "https://example.com/clients/1/test",
}


def attributes(answer: Answer) -> dict[str, Any]:
    found: dict[str, Any] = answer.json["data"]["attributes"]
    return found


async def test_what_is_written_is_read_as_it_was_written(sky: Sky) -> None:
    made = await sky.post("/users", new("users", **FULL))
    assert made.status == 201
    assert made.headers["Location"] == made.json["data"]["links"]["self"] == f"{sky.api.url}/rapi/v1/users/1"
    assert made.json["data"]["type"] == "users"
    read = await sky.get(made.headers["Location"])
    assert {name: attributes(read)[name] for name in FULL} == FULL
    assert attributes(read) == attributes(made)
    assert attributes(read)["gravatar_id"] == hashlib.md5(b"anna@example.com").hexdigest()
    assert (await sky.patch("/users/1", changed("users", "1", **FULL))).status == 200


async def test_somebody_new_has_the_documented_defaults(sky: Sky) -> None:
    found = attributes(await sky.post("/users", new("users", username="anna")))
    assert found["name"] == "anna"
    assert [found[name] for name in ("full_name", "email", "avatar_url", "timezone", "language")] == [None] * 5
    assert (found["gravatar_id"], found["info"], found["is_active"]) == ("", {}, True)
    assert (found["user_type"], found["status"], found["active_supports_count"]) == ("Customer", "offline", 0)


FROM_FORMS: list[tuple[str, Any, Any]] = [
    *(("max_support_count", given, read) for given, read in (("5", 5), ("+07", 7), ("0", 0))),
    *((flag, given, True) for flag in ("in_training", "sound_notification") for given in ("true", "1", 1)),
    *((flag, given, False) for flag in ("in_training", "sound_notification") for given in ("false", "0", 0)),
    *((text, "", None) for text in ("email", "avatar_url", "timezone", "language")),
    *((text, "", None) for text in ("notification_email", "last_seen_location")),
]
NO_NUMBERS: list[Any] = ["5.5", "x", "", "-1", " ", "\u0663", "9" * 30, True, ["5"]]
NO_FLAGS: list[Any] = ["yes", "", 2, 1.0, "TRUE", [1], {}]


async def test_what_comes_as_a_form_sends_it_is_taken_for_what_it_means(sky: Sky) -> None:
    await sky.post("/users", new("users", **FULL))
    for name, given, read in FROM_FORMS:
        answer = await sky.patch("/users/1", changed("users", "1", **{name: given}))
        assert (answer.status, attributes(answer)[name]) == (200, read), (name, given)
        assert type(attributes(answer)[name]) is type(read)
    refused_ones = [("max_support_count", given) for given in NO_NUMBERS] + [
        ("in_training", given) for given in NO_FLAGS
    ]
    for name, given in refused_ones:
        answer = await sky.patch("/users/1", changed("users", "1", **{name: given}))
        assert refused(answer, 422, 100, answer.json["errors"][0]["title"])["source"]["pointer"].endswith(name)


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
async def test_both_verbs_set_what_is_given_and_leave_the_rest(sky: Sky, method: str) -> None:
    await sky.post("/users", new("users", **FULL))
    answer = await sky.request(method, "/users/1", changed("users", "1", name="A", info=None, email=None))
    assert (answer.status, answer.json["data"]["type"]) == (200, "customers")
    expected = {**FULL, "name": "A", "info": {}, "email": None}
    assert {name: attributes(answer)[name] for name in FULL} == expected
    assert attributes(answer)["gravatar_id"] == ""
    assert {n: attributes(await sky.get("/users/1"))[n] for n in FULL} == expected


async def test_the_last_word_of_the_full_name_is_the_last_name(sky: Sky, services: Services) -> None:
    await add(services, "anna")
    for written, first, last, read in (
        ("Anna Berg", "Anna", "Berg", "Anna Berg"),
        ("  Anna  Maria Berg ", "Anna Maria", "Berg", "Anna Maria Berg"),
        ("Berg", None, "Berg", "Berg"),
        ("", None, None, None),
        ("Anna Berg", "Anna", "Berg", "Anna Berg"),
        (None, None, None, None),
    ):
        answer = await sky.patch("/users/1", changed("users", "1", full_name=written))
        user = await services.users.find("demo", 1)
        assert (user.first_name, user.last_name, attributes(answer)["full_name"]) == (first, last, read)


async def test_the_name_is_its_own_or_the_full_name_or_the_username(sky: Sky) -> None:
    await sky.post("/users", new("users", username="anna", full_name="Anna Berg", name="Anni"))
    assert attributes(await sky.get("/users/1"))["name"] == "Anni"
    assert attributes(await sky.patch("/users/1", changed("users", "1", name=None)))["name"] == "Anna Berg"
    assert attributes(await sky.patch("/users/1", changed("users", "1", full_name=None)))["name"] == "anna"


async def test_instants_carry_the_offset_of_the_users_own_zone(sky: Sky, services: Services) -> None:
    await add(services, "anna")
    user = await services.users.find("demo", 1)
    moment = user.created_at
    for zone, end in (("Asia/Tokyo", "+09:00"), ("UTC", "Z"), ("Nowhere/At_all", "Z"), (None, "Z"), ("Europe", "Z")):
        found = attributes(await sky.patch("/users/1", changed("users", "1", timezone=zone)))
        assert found["created_at"].endswith(f".{moment % 1000:03d}{end}")
        assert found["created_at_unix"] == moment // 1000


async def test_administrators_are_those_with_the_role_admin(sky: Sky, services: Services) -> None:
    await add(services, "anna", role="Admin")
    await add(services, "ben", role="agent")
    listed = (await sky.get("/users")).json["data"]
    assert [(one["id"], one["type"]) for one in listed] == [("1", "administrators"), ("2", "customers")]
    assert [one["attributes"]["user_type"] for one in listed] == ["Administrator", "Customer"]
    assert [one["links"]["self"].rpartition("/rapi/v1")[2] for one in listed] == ["/administrators/1", "/customers/2"]
    assert ids_of(await sky.get("/administrators")) == ["1"]
    assert ids_of(await sky.get("/customers")) == ["2"]
    assert (await sky.get("/users/1")).json["data"]["type"] == "users"
    for path in ("/administrators/1", "/customers/1"):
        assert (await sky.get(path)).json["data"]["type"] == "administrators"


async def test_people_are_written_under_their_subtypes_too(sky: Sky, services: Services) -> None:
    await add(services, "anna", "ben")
    for method, path, type_ in (
        ("PATCH", "/customers/1", "customers"),
        ("PUT", "/customers/1", "customers"),
        ("PATCH", "/administrators/1", "administrators"),
        ("PATCH", "/customers/1", "administrators"),
    ):
        answer = await sky.request(method, path, changed(type_, "1", name=method))
        assert (answer.status, answer.json["data"]["type"]) == (200, "customers")
        assert attributes(await sky.get("/users/1"))["name"] == method
    refused(await sky.patch("/customers/1", changed("users", "1")), 400, 101, "Invalid resource")
    assert (await sky.delete("/customers/1")).status == 204
    assert (await sky.delete("/administrators/2")).status == 204
    assert ids_of(await sky.get("/users")) == []


async def test_a_deleted_user_is_gone_whatever_the_body_says(sky: Sky, services: Services) -> None:
    bodies: list[Any] = [None, {}, {"data": {"type": "users", "id": "1"}}, {"data": []}, b"{"]
    for body in bodies:
        (one,) = await add(services, "anna")
        answer = await sky.delete(f"/users/{one}", body)
        assert (answer.status, answer.body) == (204, b"")
        assert answer.headers["Content-Type"] == MEDIA_TYPE
        refused(await sky.get(f"/users/{one}"), 404, 404, "Record not found")


async def test_a_new_username_is_a_rename(sky: Sky, services: Services) -> None:
    await add(services, "anna")
    await come_online(services, "anna")
    assert attributes(await sky.get("/users/1"))["status"] == "online"
    assert (await sky.patch("/users/1", changed("users", "1", username="anne"))).status == 200
    assert attributes(await sky.get("/users/1"))["status"] == "offline"
    assert (await services.users.find("demo", "anne")).id == 1


@pytest.mark.parametrize(("claim", "word"), [("away", "away"), ("dnd", "away"), ("invisible", "offline")])
async def test_the_status_is_what_others_see_in_one_of_three_words(
    sky: Sky, services: Services, claim: str, word: str
) -> None:
    await add(services, "anna")
    await come_online(services, "anna")
    assert attributes(await sky.get("/users/1"))["status"] == "online"
    path = "/v1/demo/users/anna/presence"
    headers = {"X-Api-Key": sky.api.headers["X-Access-Token"]}
    assert (await sky.api.put(path, {"status": claim}, headers=headers)).status == 200
    assert attributes(await sky.get("/users/1"))["status"] == word
    assert (await sky.get("/users")).json["data"][0]["attributes"]["status"] == word


async def test_the_number_of_open_supports_is_counted(sky: Sky, services: Services) -> None:
    (anna, ben) = await add(services, "anna", "ben")
    room = (await services.channels.create("demo", {}, None, SERVER)).channel.id
    await services.supports.open("demo", room, int(ben), int(anna))
    assert [one["attributes"]["active_supports_count"] for one in (await sky.get("/users")).json["data"]] == [1, 0]


async def test_every_path_works_with_a_slash_at_its_end(sky: Sky, services: Services) -> None:
    await add(services, "anna")
    for path in ("/users/", "/users/1/", "/users/1/rooms/", "/users/1/relationships/rooms/", "/rooms/"):
        assert (await sky.get(path)).status == 200
    answer = await sky.get("/users/?page[size]=1")
    assert answer.json["links"]["first"] == f"{sky.api.url}/rapi/v1/users?page%5Bnumber%5D=1&page%5Bsize%5D=1"
    assert (await sky.request("HEAD", "/users/1")).status == 200
