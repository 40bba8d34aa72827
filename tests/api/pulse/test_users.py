"""Users: made, read, changed, deleted and brought back."""

from __future__ import annotations

from typing import Any

import pytest

from chatsrv.domain.presence import SERVER
from chatsrv.services import Services
from tests.api.pulse.people import NOBODY, USERS, add, attributes_of, document, id_of, names, refused
from tests.client import ApiClient

pytestmark = pytest.mark.parametrize("database_source", ["sqlite_template"], indirect=True)


async def test_a_new_user_is_created_and_is_found_where_it_says(pulse: ApiClient) -> None:
    body = document("users", name=" Anna Berg ", email="anna@mail.test", avatar="anna.png")
    answer = await pulse.post(USERS, body)
    assert attributes_of(answer, 201) == {
        "discarded_at": None,
        "email": "anna@mail.test",
        "status": "created",
        "name": "Anna Berg",
        "avatar": "anna.png",
    }
    where = f"{USERS}/{id_of(answer, 201)}"
    assert (answer.headers["Location"], answer.json["data"]["links"]) == (where, {"self": where})
    assert answer.json["data"]["type"] == "user"
    assert (await pulse.get(where)).json == answer.json
    assert (await pulse.get(where.upper().replace(USERS.upper(), USERS) + "/")).json == answer.json


async def test_a_name_is_enough_and_both_types_are_taken(pulse: ApiClient) -> None:
    for kind in ("users", "user"):
        body = {"data": {"type": kind, "attributes": {"name": "Ben"}, "relationships": {}}, "meta": {}}
        assert attributes_of(await pulse.post(USERS, body), 201)["email"] is None


async def test_put_and_patch_change_only_what_is_sent(pulse: ApiClient) -> None:
    id_ = await add(pulse, "Anna", email="anna@mail.test", avatar="a.png")
    for method, change in (("PUT", {"name": "Anne"}), ("PATCH", {"avatar": None}), ("PUT", {})):
        body = {"data": {"type": "users", "id": id_, "attributes": change}}
        assert attributes_of(await pulse.request(method, f"{USERS}/{id_}", json=body)).items() >= change.items()
    assert attributes_of(await pulse.get(f"{USERS}/{id_}")) == {
        "discarded_at": None,
        "email": "anna@mail.test",
        "status": "created",
        "name": "Anne",
        "avatar": None,
    }


async def test_the_username_comes_from_the_email_or_the_name_and_is_made_unique(
    pulse: ApiClient, services: Services
) -> None:
    people: list[tuple[dict[str, Any], str]] = [
        ({"name": "Anna Berg", "email": "Anna.B+x@mail.test"}, "anna.b+x"),
        ({"name": "Anna  Berg"}, "anna.berg"),
        ({"name": "ANNA BERG"}, "anna.berg2"),
        ({"name": "anna berg", "email": "anna.berg@mail.test"}, "anna.berg3"),
        ({"name": "Änne Ñu"}, "änne.ñu"),
        ({"name": "名前"}, "名前"),
        ({"name": "<>"}, "user"),
        ({"name": "..", "email": "..@mail.test"}, "user2"),
        ({"name": "x" * 191}, "x" * 150),
    ]
    for attributes, username in people:
        id_ = id_of(await pulse.post(USERS, document("users", **attributes)), 201)
        assert (await services.users.find("demo", username)).uuid == id_
    for _ in range(5):
        await add(pulse, "Anna Berg")


async def test_what_other_dialects_hold_is_the_same_person(pulse: ApiClient, services: Services) -> None:
    other = await services.users.create(
        "demo", {"username": "ben", "last_name": "Ott", "avatar": "https://a.test/b.png"}, SERVER
    )
    read = attributes_of(await pulse.get(f"{USERS}/{other.user.uuid}"))
    assert (read["name"], read["status"], read["avatar"]) == ("Ott", "active", "https://a.test/b.png")
    id_ = await add(pulse, "Anna", email="anna@mail.test")
    native = (await pulse.get("/v1/demo/users/anna?fields=uuid,name,email,role,status")).json
    assert native == {"uuid": id_, "name": "Anna", "email": "anna@mail.test", "role": "user", "status": 0}
    assert (await pulse.delete(f"/v1/demo/users/{other.user.username}")).status == 204
    refused(await pulse.get(f"{USERS}/{other.user.uuid}"), 404)


async def test_a_deletion_is_soft_here_and_whole_everywhere_else(pulse: ApiClient, services: Services) -> None:
    id_ = await add(pulse, "Anna", email="anna@mail.test")
    answer = await pulse.delete(f"{USERS}/{id_}", data=b'{"data":{"type":"users"}}')
    gone = attributes_of(answer)
    assert (gone["status"], gone["email"], gone["name"]) == ("deleted", "anna@mail.test", "Anna")
    assert gone["discarded_at"]
    assert attributes_of(await pulse.get(f"{USERS}/{id_}")) == gone
    assert names(await pulse.get(USERS)) == ["Anna"]
    assert (await pulse.get("/v1/demo/users/anna")).status == 404
    assert (await pulse.get("/v1/demo/users")).json == []


async def test_a_deletion_frees_the_names_and_a_restore_wants_them_back(pulse: ApiClient) -> None:
    first = await add(pulse, "Anna", email="anna@mail.test")
    await pulse.delete(f"{USERS}/{first}")
    second = await add(pulse, "Anna", email="anna@mail.test")
    assert (await pulse.get("/v1/demo/users/anna?fields=uuid")).json == {"uuid": second}
    answer = await pulse.delete(f"{USERS}/{first}/discard")
    assert answer.status == 422
    assert answer.json["errors"][0]["code"] == "taken"
    await pulse.delete(f"{USERS}/{second}")
    back = attributes_of(await pulse.delete(f"{USERS}/{first}/discard"))
    assert (back["status"], back["discarded_at"], back["email"]) == ("active", None, "anna@mail.test")
    assert (await pulse.get("/v1/demo/users/anna?fields=uuid")).json == {"uuid": first}


async def test_nothing_is_done_to_who_is_deleted_and_nobody_is_brought_back_who_is_not(pulse: ApiClient) -> None:
    id_ = await add(pulse, "Anna", email="anna@mail.test")
    here = f"{USERS}/{id_}"
    refused(await pulse.delete(f"{here}/discard"), 422, "/data/attributes/status")
    await pulse.delete(here)
    body = {"data": {"type": "users", "attributes": {"name": "B"}}}
    for method, path in [
        ("DELETE", here), ("PUT", here), ("PATCH", here), ("POST", f"{here}/invite"), ("DELETE", f"{here}/invite"),
        ("POST", f"{here}/deactivate"), ("DELETE", f"{here}/deactivate"),
    ]:  # fmt: skip
        answer = await pulse.request(method, path, json=body)
        [error] = refused(answer, 422, "/data/attributes/status")
        assert error["code"] == "wrong_state"


async def test_who_owns_servers_is_not_deleted(pulse: ApiClient, services: Services) -> None:
    id_ = await add(pulse, "Anna")
    user = await services.users.find("demo", "anna")
    await services.servers.create("demo", "s1", user.id)
    [error] = refused(await pulse.delete(f"{USERS}/{id_}"), 422)
    assert error["code"] == "owns_servers"


async def test_an_id_that_nobody_has_or_that_is_none_is_404(pulse: ApiClient) -> None:
    body = {"data": {"type": "users", "attributes": {}}}
    for id_ in ("1", "anna", NOBODY, "%00", "{id}", "..%2F", f"{{{NOBODY}}}", NOBODY.replace("-", "")):
        for method in ("GET", "PUT", "PATCH", "DELETE"):
            refused(await pulse.request(method, f"{USERS}/{id_}", json=body), 404)


async def test_other_accounts_are_not_there(pulse: ApiClient, services: Services) -> None:
    await services.apps.create("other", None)
    other = (await services.users.create("other", {"username": "anna"}, SERVER)).user
    for path in (f"{USERS}/{other.uuid}", f"/api/v1/account_memberships/{other.uuid}"):
        refused(await pulse.get(path), 404)
    refused(await pulse.delete(f"{USERS}/{other.uuid}"), 404)
    assert names(await pulse.get(USERS)) == []
