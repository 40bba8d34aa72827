"""One user: made, read, changed and deleted."""

from __future__ import annotations

import asyncio
import re
from typing import Any

import pytest

from chatsrv.domain.clock import Clock
from chatsrv.domain.wire import FIELDS
from tests.api.native.people import USERS, add, path_of
from tests.api.native.refusals import refused
from tests.client import ApiClient

pytestmark = pytest.mark.parametrize("database_source", ["sqlite_template"], indirect=True)

EIGHT = ["username", "first_name", "last_name", "avatar", "created_at", "updated_at", "last_login_at"]
EIGHT += ["presence_status"]
ALL = {
    "first_name": "Anna",
    "last_name": "Berg",
    "name": "Anna B.",
    "email": "Anna@mail.test",
    "external_id": "crm-1",
    "avatar": "https://host.test/a.png?x=1",
    "role": "coach",
    "language": "de-AT",
    "timezone": "Europe/Vienna",
    "metadata": {"team": {"id": 7}, "tags": ["a", None, 1.5]},
}
INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")


async def test_a_new_user_has_exactly_the_eight_keys_and_an_address(api: ApiClient) -> None:
    made = await api.post(USERS, {"username": "anna"})
    assert (made.status, made.headers["Location"]) == (201, "/v1/demo/users/anna")
    assert list(made.json) == EIGHT
    assert INSTANT.fullmatch(made.json["created_at"])
    assert made.json == {
        **dict.fromkeys(EIGHT),
        "username": "anna",
        "presence_status": 0,
        "created_at": made.json["created_at"],
        "updated_at": made.json["created_at"],
    }
    assert (await api.get(made.headers["Location"])).json == made.json


async def test_a_new_user_is_an_active_user_in_the_role_user(api: ApiClient) -> None:
    made = await api.post(f"{USERS}?fields=role,status,metadata,devices,text", {"username": "anna"})
    assert made.json == {"role": "user", "status": 0, "metadata": None, "devices": [], "text": None}


async def test_the_app_is_taken_from_the_key_where_the_path_has_none(api: ApiClient) -> None:
    made = await api.post("/v1/users", {"username": "a b"})
    assert (made.status, made.headers["Location"]) == (201, "/v1/demo/users/a%20b")
    assert (await api.get("/v1/users/A%20B")).json == made.json == (await api.get(path_of("a b"))).json


async def test_every_writable_field_comes_back_as_it_was_written(api: ApiClient) -> None:
    made = await api.post(f"{USERS}?fields=*", {"username": "Anna", **ALL})
    assert {name: made.json[name] for name in ALL} == ALL
    assert made.json.keys() == FIELDS.keys()
    assert (await api.get(f"{USERS}/anna?fields=*")).json == made.json


SAME = {"Anna": "aNNA", "straße": "STRASSE", "Ångström": "A\u030angstro\u0308m", "ΣΊΣΥΦΟΣ": "σίσυφος"}


async def test_a_username_is_unique_without_regard_to_case_and_stored_as_written(api: ApiClient) -> None:
    for written, same in SAME.items():
        await add(api, written)
        refused(await api.post(USERS, {"username": same}), 409, 40900, "username")
        assert (await api.get(path_of(same))).json["username"] == written
        assert (await api.delete(path_of(same))).status == 204


async def test_usernames_are_normalised_before_they_are_counted(api: ApiClient) -> None:
    made = await api.post(USERS, {"username": "e\u0301" * 191})
    assert made.json["username"] == "\u00e9" * 191
    refused(await api.post(USERS, {"username": "x" * 192}), 400, 40003, "username")


BAD_USERNAMES = ["", " a", "a ", "\u00a0a", "a\tb", "a\x00b", "a\x7fb", "a\u200bb", "a\u202eb", "a\u2066b", "a\ufeff"]
BAD_USERNAMES += [".", "..", "x" * 192]
BAD_VALUES: dict[str, list[Any]] = {
    "username": [*BAD_USERNAMES, None, 7, True, ["a"], {"a": 1}],
    "first_name": ["x" * 192, "a\x00", 1, ["a"]],
    "last_name": ["x" * 192, "a\n", True],
    "email": ["anna", "a b@c.d", "@", "a@b@c", 7],
    "avatar": ["ftp://a/b", "a/b.png", "http://x/" + "a" * 2040, "http:///a", "javascript:1", "http://[::1", "..", {}],
    "metadata": [[], "x", 7],
    "role": ["two words", "", "7", None],
    "external_id": ["", 7],
    "language": ["?", 7],
    "timezone": ["0", 7],
}


@pytest.mark.parametrize("field", BAD_VALUES)
async def test_a_bad_value_is_refused_by_the_name_of_its_field(api: ApiClient, field: str) -> None:
    await add(api, "ben")
    for value in BAD_VALUES[field]:
        refused(await api.post(USERS, {"username": "anna", field: value}), 400, 40003, field)
        refused(await api.put(f"{USERS}/ben", {field: value}), 400, 40003, field)
    assert (await api.get(USERS)).headers["X-Total-Count"] == "1"


async def test_every_bad_field_is_named_at_once(api: ApiClient) -> None:
    body = {"username": "", "email": "x", "role": 1, "first_name": "A"}
    refused(await api.post(USERS, body), 400, 40003, "username", "email", "role")
    refused(await api.post(USERS, {"username": "a", "foo": 1, "bar": 2}), 400, 40003, "foo", "bar")
    refused(await api.post(USERS, {"first_name": "A"}), 400, 40003, "username")


async def test_values_at_their_limits_are_taken(api: ApiClient) -> None:
    fields = {"first_name": "ä" * 191, "avatar": "http://x/" + "a" * 2039, "external_id": "x" * 191}
    await add(api, "x" * 191, **fields, email="a@" + "b" * 189)


async def test_metadata_may_take_8_kib_as_json_and_not_a_byte_more(api: ApiClient) -> None:
    await add(api, "anna", metadata={"a": "ä" * 4092})
    refused(await api.put(f"{USERS}/anna", {"metadata": {"a": "ä" * 4092 + "b"}}), 400, 40013, "metadata")


async def test_odd_metadata_comes_back_as_it_was(api: ApiClient) -> None:
    odd = {"\x00": "\x00\ud83d\ude00".encode("utf-16", "surrogatepass").decode("utf-16"), "": -0.5, "n": 10**30}
    await add(api, "anna", metadata=odd)
    assert (await api.get(f"{USERS}/anna?fields=metadata")).json == {"metadata": odd}


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
async def test_an_update_sets_what_is_sent_and_null_clears(api: ApiClient, method: str, clock: Clock) -> None:
    await add(api, "anna", **ALL)
    before = (await api.get(f"{USERS}/anna?fields=*")).json
    clock.advance(2)
    body = {"first_name": None, "metadata": None, "last_name": "Wien"}
    after = (await api.request(method, f"{USERS}/anna?fields=*", json=body)).json
    assert after["updated_at"] > before["updated_at"]
    assert after == {**before, **body, "updated_at": after["updated_at"]}


async def test_updated_at_moves_even_when_the_clock_goes_back(api: ApiClient, clock: Clock) -> None:
    await add(api, "anna")
    before = (await api.get(f"{USERS}/anna")).json
    clock.advance(-1)
    after = (await api.put(f"{USERS}/anna", {"first_name": "A"})).json
    assert after["updated_at"] > before["updated_at"]
    assert after["created_at"] == before["created_at"]


async def test_what_a_get_answered_may_be_sent_back(api: ApiClient) -> None:
    await add(api, "Anna", **ALL)
    before = (await api.get(f"{USERS}/anna?fields=*")).json
    after = (await api.put(f"{USERS}/anna?fields=*", before)).json
    assert after == {**before, "updated_at": after["updated_at"]}
    fake = {"id": 1, "uuid": "x", "status": 2, "created_at": 5, "presence_status": 4, "devices": "?"}
    assert (await api.put(f"{USERS}/anna?fields=*", fake)).json == after


async def test_another_username_in_an_update_is_refused_with_a_hint(api: ApiClient) -> None:
    await add(api, "anna")
    assert "rename" in refused(await api.put(f"{USERS}/anna", {"username": "ben"}), 400, 40003, "username")
    assert (await api.put(f"{USERS}/anna", {"username": "ANNA", "name": "A"})).json["username"] == "anna"


async def test_avatar_url_is_another_name_for_avatar(api: ApiClient) -> None:
    await add(api, "anna", avatar_url="a.png")
    assert (await api.get(f"{USERS}/anna")).json["avatar"] == "a.png"
    body = {"avatar": "b.png", "avatar_url": "c.png"}
    refused(await api.put(f"{USERS}/anna", body), 400, 40003, "avatar_url")
    refused(await api.post(USERS, {"username": "ben", **body}), 400, 40003, "avatar_url")
    assert (await api.put(f"{USERS}/anna", {"avatar": "b", "avatar_url": "b"})).json["avatar"] == "b"
    assert (await api.put(f"{USERS}/anna", {"avatar_url": None})).json["avatar"] is None


async def test_email_and_external_id_are_unique_too(api: ApiClient) -> None:
    await add(api, "anna", email="Anna@mail.test", external_id="crm-1")
    await add(api, "ben", email="ben@mail.test", external_id="CRM-1")
    for field, value in (("email", "anna@MAIL.test"), ("external_id", "crm-1")):
        refused(await api.post(USERS, {"username": "eve", field: value}), 409, 40900, field)
        refused(await api.put(f"{USERS}/ben", {field: value}), 409, 40900, field)
    await api.put(f"{USERS}/anna", {"email": None, "external_id": None})
    assert (await api.put(f"{USERS}/ben", {"email": "anna@mail.test", "external_id": "crm-1"})).status == 200
    await add(api, "eve", email=None)


async def test_whoever_is_deleted_is_gone_and_the_name_is_free(api: ApiClient) -> None:
    await add(api, "anna", first_name="A")
    old = (await api.get(f"{USERS}/anna?fields=id,uuid")).json
    gone = await api.delete(f"{USERS}/ANNA")
    assert (gone.status, gone.body) == (204, b"")
    refused(await api.get(f"{USERS}/anna"), 404, 40015)
    refused(await api.delete(f"{USERS}/anna"), 404, 40015)
    await add(api, "anna")
    new = (await api.get(f"{USERS}/anna?fields=id,uuid,first_name")).json
    assert new["first_name"] is None
    assert (new["id"], new["uuid"]) != (old["id"], old["uuid"])


async def test_whoever_does_not_exist_can_be_neither_read_nor_changed(api: ApiClient) -> None:
    refused(await api.get(f"{USERS}/nobody"), 404, 40015)
    refused(await api.put(f"{USERS}/nobody", {"name": "x"}), 404, 40015)
    refused(await api.patch(f"{USERS}/nobody", {}), 404, 40015)
    for verb in ("deactivate", "reactivate", "tokens"):
        refused(await api.post(f"{USERS}/nobody/{verb}"), 404, 40015)
    refused(await api.post(f"{USERS}/nobody/rename", {"username": "x"}), 404, 40015)


async def test_fields_gives_those_alone_and_each_one_can_be_asked_for(api: ApiClient) -> None:
    await add(api, "anna")
    for name in FIELDS:
        assert list((await api.get(f"{USERS}/anna?fields={name}")).json) == [name]
    assert list((await api.get(f"{USERS}/anna?fields=role,%20email,role")).json) == ["role", "email"]


async def test_bad_fields_are_refused_before_anything_is_done(api: ApiClient) -> None:
    await add(api, "anna")
    for query in ("fields=", "fields=foo", "fields=role,", "fields=*,role", "fields=role&fields=role"):
        refused(await api.get(f"{USERS}/anna?{query}"), 400, 40003, "fields")
        refused(await api.post(f"{USERS}?{query}", {"username": "ben"}), 400, 40003, "fields")
        refused(await api.put(f"{USERS}/anna?{query}", {"name": "x"}), 400, 40003, "fields")
        refused(await api.post(f"{USERS}/anna/deactivate?{query}"), 400, 40003, "fields")
        refused(await api.post(f"{USERS}/anna/rename?{query}", {"username": "eve"}), 400, 40003, "fields")
    left = await api.get(f"{USERS}?fields=username,status,name")
    assert left.json == [{"username": "anna", "status": 0, "name": None}]


async def test_an_unknown_parameter_is_refused_by_name(api: ApiClient) -> None:
    await add(api, "anna")
    for method, path in (
        ("POST", USERS),
        ("GET", f"{USERS}/anna"),
        ("PUT", f"{USERS}/anna"),
        ("PATCH", f"{USERS}/anna"),
    ):
        refused(await api.request(method, f"{path}?foo=1", json={"username": "anna"}), 400, 40003, "foo")


async def test_a_user_that_has_not_changed_is_answered_with_304(api: ApiClient) -> None:
    await add(api, "anna")
    first = await api.get(f"{USERS}/anna")
    again = await api.get(f"{USERS}/anna", headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status, again.body, again.headers["ETag"]) == (304, b"", first.headers["ETag"])
    await api.put(f"{USERS}/anna", {"first_name": "A"})
    assert (await api.get(f"{USERS}/anna", headers={"If-None-Match": first.headers["ETag"]})).status == 200


async def test_of_those_who_take_a_name_at_once_one_gets_it(api: ApiClient) -> None:
    names = ["anna", "Anna", "ANNA", "aNNa"]
    answers = await asyncio.gather(*(api.post(USERS, {"username": name}) for name in names))
    assert sorted(answer.status for answer in answers) == [201, 409, 409, 409]
    await add(api, "ben", "eve")
    renames = [api.post(f"{USERS}/{name}/rename", {"username": "new"}) for name in ("anna", "ben", "eve")]
    assert sorted(answer.status for answer in await asyncio.gather(*renames)) == [200, 409, 409]


async def test_updates_at_once_of_different_fields_lose_nothing(api: ApiClient) -> None:
    await add(api, "anna")
    values = {"first_name": "A", "last_name": "B", "name": "C", "avatar": "d.png", "email": "e@f"}
    await asyncio.gather(*(api.put(f"{USERS}/anna", {field: value}) for field, value in values.items()))
    assert (await api.get(f"{USERS}/anna?fields={','.join(values)}")).json == values
