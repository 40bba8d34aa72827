"""Servers that users own: the same ones as in the panel dialect."""

from __future__ import annotations

from typing import Any

import pytest

from chatsrv.domain.apps import Scope
from chatsrv.services import Services
from tests.api.native.people import USERS, add, as_user
from tests.api.native.refusals import refused
from tests.client import ApiClient

pytestmark = pytest.mark.parametrize("database_source", ["sqlite_template"], indirect=True)

SERVERS = "/v1/demo/servers"


async def make(api: ApiClient, name: str = "lobby", owner: str = "anna") -> dict[str, Any]:
    answer = await api.post(SERVERS, {"name": name, "owner": owner})
    assert answer.status == 201, answer.json
    assert answer.headers["Location"] == f"{SERVERS}/{answer.json['id']}"
    made: dict[str, Any] = answer.json
    return made


async def test_a_server_is_made_read_listed_and_deleted(api: ApiClient) -> None:
    await add(api, "anna", "ben")
    lobby, arena = await make(api, " Lobby ", "ANNA"), await make(api, "Arena", "ben")
    assert list(lobby) == ["id", "uuid", "name", "owner", "created_at", "updated_at"]
    assert (lobby["name"], lobby["owner"], arena["owner"]) == ("Lobby", "anna", "ben")
    assert (await api.get(f"{SERVERS}/{lobby['id']}")).json == lobby
    first = await api.get(f"{SERVERS}?limit=1")
    assert (first.json["items"], first.json["total_count"], first.headers["X-Total-Count"]) == ([lobby], 2, "2")
    assert (await api.get(first.json["links"]["next"])).json["items"] == [arena]
    assert (await api.delete(f"{SERVERS}/{lobby['id']}")).status == 204
    for answer in (await api.get(f"{SERVERS}/{lobby['id']}"), await api.delete(f"{SERVERS}/{lobby['id']}")):
        refused(answer, 404, 40400)


async def test_it_is_the_same_server_in_the_panel(api: ApiClient) -> None:
    await add(api, "anna")
    lobby = await make(api)
    panel = (await api.get(f"/api/application/servers/{lobby['id']}")).json["attributes"]
    assert (panel["uuid"], panel["name"]) == (lobby["uuid"], lobby["name"])
    assert panel["user"] == (await api.get(f"{USERS}/anna?fields=id")).json["id"]


async def test_whoever_owns_one_cannot_be_deleted_but_renamed(api: ApiClient) -> None:
    await add(api, "anna")
    lobby = await make(api)
    answer = await api.delete(f"{USERS}/anna")
    assert (answer.status, answer.json["code"], answer.json["type"]) == (409, 40901, "OwnsServers")
    await api.post(f"{USERS}/anna/rename", {"username": "eve"})
    assert (await api.get(f"{SERVERS}/{lobby['id']}")).json["owner"] == "eve"
    await api.delete(f"{SERVERS}/{lobby['id']}")
    assert (await api.delete(f"{USERS}/eve")).status == 204


async def test_what_is_wrong_is_named(api: ApiClient) -> None:
    await add(api, "anna")
    for name in (None, "", " ", 7, "x" * 192, "a\x00"):
        refused(await api.post(SERVERS, {"name": name, "owner": "anna"}), 400, 40003, "name")
    for owner in (None, 7, ["anna"]):
        refused(await api.post(SERVERS, {"name": "lobby", "owner": owner}), 400, 40003, "owner")
    refused(await api.post(SERVERS, {"name": "lobby", "owner": "anna", "foo": 1}), 400, 40003, "foo")
    refused(await api.get(f"{SERVERS}?sort=id"), 400, 40003, "sort")
    for nobody in ("nobody", "", "a\x00"):
        refused(await api.post(SERVERS, {"name": "lobby", "owner": nobody}), 404, 40015)
    for text in ("0", "x", "-1", "9" * 18, "9" * 40, "%00"):
        refused(await api.get(f"{SERVERS}/{text}"), 404, 40400)


async def test_servers_have_scopes_of_their_own_and_are_not_for_user_tokens(api: ApiClient, services: Services) -> None:
    await add(api, "anna")
    lobby = await make(api)
    needed = {
        ("GET", SERVERS): Scope.SERVERS_READ,
        ("GET", f"{SERVERS}/{lobby['id']}"): Scope.SERVERS_READ,
        ("POST", SERVERS): Scope.SERVERS_WRITE,
        ("DELETE", f"{SERVERS}/{lobby['id']}"): Scope.SERVERS_WRITE,
    }
    anna = await as_user(api, "anna")
    for (method, path), scope in needed.items():
        refused(await anna.request(method, path), 403, 40105)
        _, key = await services.apps.create_key("demo", "rest", frozenset(set(Scope) - {scope}), (), None)
        refused(await api.speaking_as(key).request(method, path), 403, 40105)
        _, key = await services.apps.create_key("demo", "one", frozenset((scope,)), (), None)
        assert (await api.speaking_as(key).request(method, path, json={})).status in (200, 204, 400)


async def test_servers_of_another_app_are_not_there(api: ApiClient, services: Services) -> None:
    await add(api, "anna")
    lobby = await make(api)
    _, key = await services.apps.create("other", None)
    theirs = api.speaking_as(key)
    refused(await theirs.get(f"/v1/other/servers/{lobby['id']}"), 404, 40400)
    refused(await theirs.delete(f"/v1/other/servers/{lobby['id']}"), 404, 40400)
    refused(await theirs.post("/v1/other/servers", {"name": "x", "owner": "anna"}), 404, 40015)
    assert (await theirs.get("/v1/other/servers")).json["items"] == []
