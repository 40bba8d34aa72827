"""Who may do what: server keys by their scopes, administrators, customers, and nobody else's app."""

from __future__ import annotations

from typing import Any

import pytest

from chatsrv.api.oksky import ROUTES
from chatsrv.domain.apps import Scope
from chatsrv.domain.presence import SERVER
from chatsrv.services import Services
from tests.api.oksky.people import Sky, add, add_room, as_key, as_person, changed, identifiers, ids_of, new, refused

pytestmark = pytest.mark.parametrize("database_source", ["sqlite_template"], indirect=True)

WRITES: list[tuple[str, str, Any]] = [
    ("POST", "/users", new("users", username="carl")),
    ("PATCH", "/users/{other}", changed("users", "{other}", name="x")),
    ("PUT", "/customers/{other}", changed("customers", "{other}", name="x")),
    ("DELETE", "/users/{other}", None),
    ("PUT", "/users/{other}/regenerate_access_token", None),
    ("PATCH", "/users/deactivate", identifiers("users", "{other}")),
    ("PATCH", "/users/reactivate?filter[id]={other}", None),
    ("POST", "/rooms", new("rooms", name="x")),
    ("PATCH", "/rooms/{room}", changed("rooms", "{room}", name="x")),
    ("POST", "/members", new("members", room_id="{room}", user_id="{own}")),
    ("POST", "/users/{own}/relationships/rooms", identifiers("rooms", "{room}")),
    ("POST", "/users/{other}/relationships/starred_customers", identifiers("users", "{own}")),
    ("DELETE", "/users/{other}/relationships/rooms", identifiers("rooms", "{room}")),
    ("DELETE", "/members/{member}", None),
    ("DELETE", "/rooms/{room}", None),
]

GOES = ("/users/{other}", "/members/{member}", "/rooms/{room}")
MANAGED = [
    *(write for write in WRITES if write[0] != "DELETE" or write[1] not in GOES),
    *(("DELETE", path, None) for path in ("/members/{member}", "/rooms/{room}", "/users/{other}")),
]
"""The same, with what deletes at the end."""


def filled(value: Any, names: dict[str, str]) -> Any:
    if isinstance(value, str):
        for name, id_ in names.items():
            value = value.replace(f"{{{name}}}", id_)
        return value
    if isinstance(value, dict):
        return {key: filled(item, names) for key, item in value.items()}
    return [filled(item, names) for item in value] if isinstance(value, list) else value


async def set_up(services: Services, role: str) -> dict[str, str]:
    (own,) = await add(services, "anna", role=role)
    (other,) = await add(services, "ben")
    return {"own": own, "other": other, "room": await add_room(services, "board", 1, other), "member": "1"}


async def test_a_customer_may_read_and_change_themselves_alone(sky: Sky, services: Services) -> None:
    names = await set_up(services, "user")
    as_anna = await as_person(services, sky, "anna")
    for path in (
        "/users",
        "/users/{other}",
        "/customers",
        "/administrators",
        "/rooms",
        "/members",
        "/users/{other}/rooms",
    ):
        assert (await as_anna.get(filled(path, names))).status == 200
    for method, path, body in WRITES:
        refused(await as_anna.request(method, filled(path, names), filled(body, names)), 403, 403, "Forbidden")
    for path, type_ in (("/users", "users"), ("/customers", "customers")):
        answer = await as_anna.patch(f"{path}/{names['own']}", changed(type_, names["own"], name="Anni"))
        assert answer.json["data"]["attributes"]["name"] == "Anni"
    assert (await sky.get("/users/2")).json["data"]["attributes"]["name"] == "ben"
    assert (await as_anna.delete(f"/users/{names['own']}")).status == 204
    refused(await as_anna.get("/users"), 401, 401, "Unauthorized")


async def test_a_customer_has_stars_for_what_they_may_see(sky: Sky, services: Services) -> None:
    names = await set_up(services, "user")
    names["open"] = await add_room(services, "open")
    as_anna = await as_person(services, sky, "anna")
    for path in ("/users/{own}", "/customers/{own}"):
        for name, type_, id_ in (("starred_rooms", "rooms", "{open}"), ("starred_customers", "customers", "{other}")):
            address, body = filled(f"{path}/relationships/{name}", names), filled(identifiers(type_, id_), names)
            assert (await as_anna.post(address, body)).status == 204
            assert (await as_anna.get(address)).json["data"] == body["data"]
            assert (await as_anna.delete(address, body)).status == 204
            assert (await sky.get(address)).json["data"] == []
        replaced = await as_anna.put(filled(f"{path}/relationships/rooms", names), {"data": []})
        refused(replaced, 403, 403, "Forbidden")
    hidden = identifiers("rooms", names["room"])
    answer = await as_anna.post(f"/users/{names['own']}/relationships/starred_rooms", hidden)
    refused(answer, 404, 404, "Record not found", f"The record identified by {names['room']} could not be found.")


async def test_administrators_and_server_keys_manage(sky: Sky, services: Services) -> None:
    for caller in ("anna", None):
        names = await set_up(services, "admin")
        manager = await as_person(services, sky, caller) if caller else sky
        assert names["room"] in ids_of(await manager.get("/rooms"))
        for method, path, body in MANAGED:
            answer = await manager.request(method, filled(path, names), filled(body, names))
            assert answer.status in (200, 201, 204), (method, path, answer.json)
            if path == "/members":
                names["member"] = answer.json["data"]["id"]
        for one in (await sky.get("/users")).json["data"]:
            await sky.delete(f"/users/{one['id']}")


async def test_a_server_key_needs_the_scope_of_what_it_does(sky: Sky, services: Services) -> None:
    names = await set_up(services, "user")
    _, reads = await services.apps.create_key("demo", "reads", frozenset((Scope.USERS_READ,)), (), None)
    _, writes = await services.apps.create_key("demo", "writes", frozenset((Scope.USERS_WRITE,)), (), None)
    reader, writer = as_key(sky.api, reads), as_key(sky.api, writes)
    for route in ROUTES:
        path = route.path.replace("{id:[^/]+}", "1").replace("{relationship:[^/]+}", "room").removeprefix("/rapi/v1")
        refused_one = writer if route.method == "GET" else reader
        answer = await refused_one.request(route.method, filled(path, names))
        refused(answer, 403, 403, "Forbidden")
    assert (await reader.get("/users")).status == 200
    assert (await writer.post("/users", new("users", username="carl"))).status == 201


async def test_none_and_bad_credentials_are_the_same_401(sky: Sky, services: Services) -> None:
    await add(services, "anna")
    for token in (None, "", "bogus", "ä", "a.b.c", "ca_x"):
        nobody = as_key(sky.api, token)
        for method, path in (
            ("GET", "/users"),
            ("POST", "/users"),
            ("GET", "/users/abc"),
            ("PATCH", "/users/deactivate"),
        ):
            refused(await nobody.request(method, path), 401, 401, "Unauthorized", "Unauthorized")
    bearer = as_key(sky.api, None)
    bearer.api.headers["Authorization"] = f"Bearer {sky.api.headers['X-Access-Token']}"
    refused(await bearer.get("/users"), 401, 401, "Unauthorized")


async def test_what_is_another_apps_is_not_there(sky: Sky, services: Services) -> None:
    names = await set_up(services, "admin")
    _, key = await services.apps.create("other", None)
    stranger = as_key(sky.api, key)
    for path in ("/users", "/rooms", "/members", f"/users?filter[id]={names['other']}", "/rooms?filter[id]=1"):
        assert ids_of(await stranger.get(path)) == []
    assert ids_of(await stranger.get("/members?filter[user_id]=1,2&include=user")) == []
    for path in ("/users/{own}", "/users/{other}/rooms", "/rooms/{room}", "/members/{member}", "/rooms/{room}"):
        refused(await stranger.get(filled(path, names)), 404, 404, "Record not found")
    for method, path, body in WRITES:
        if "{" in path and method != "POST" and "ctivate" not in path:
            answer = await stranger.request(method, filled(path, names), filled(body, names))
            refused(answer, 404, 404, "Record not found")
    assert ids_of(await stranger.patch("/users/deactivate?filter[id]=1,2")) == []
    mine = await services.users.create("other", {"username": "eve"}, SERVER)
    foreign = identifiers("rooms", names["room"])
    answer = await stranger.post(f"/users/{mine.user.id}/relationships/rooms", foreign)
    refused(answer, 404, 404, "Record not found")
    assert len(ids_of(await sky.get("/users"))) == 2
    assert all(one["attributes"]["is_active"] for one in (await sky.get("/users")).json["data"])
