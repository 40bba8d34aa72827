"""Servers of the panel: enough to own them and to let them go."""

from __future__ import annotations

import pytest

from chatsrv.services import Services
from tests.api.panel.people import BEN, NOT_FOUND, SERVERS, USERS, make, own, refusal
from tests.client import ApiClient

pytestmark = pytest.mark.parametrize("database_source", ["sqlite_template"], indirect=True)


async def test_a_server_is_made_read_listed_and_deleted(api: ApiClient) -> None:
    anna, ben = await make(api), await make(api, BEN)
    lobby = await own(api, anna["id"], "  Lobby ")
    arena = await own(api, ben["id"], "Arena")
    assert (lobby["name"], lobby["user"], lobby["created_at"]) == ("Lobby", anna["id"], lobby["updated_at"])
    for query in ("", "?include=user,node&sort=x&filter[name]=y", "?page=1"):
        answer = await api.get(f"{SERVERS}{query}")
        assert [server["attributes"] for server in answer.json["data"]] == [lobby, arena]
    second = await api.get(f"{SERVERS}?per_page=1&page=2")
    assert second.json["data"] == [{"object": "server", "attributes": arena}]
    assert second.json["meta"]["pagination"]["links"] == {"previous": f"{api.url}{SERVERS}?page=1"}
    for path, server in (("", lobby), ("/force", arena)):
        gone = await api.delete(f"{SERVERS}/{server['id']}{path}")
        assert (gone.status, gone.body) == (204, b"")
        assert refusal(await api.delete(f"{SERVERS}/{server['id']}{path}")) == NOT_FOUND
    assert (await api.delete(f"{USERS}/{anna['id']}")).status == 204


async def test_a_server_may_name_its_owner_by_text_and_hold_what_we_do_not_know(api: ApiClient) -> None:
    anna = await make(api)
    body = {"name": "lobby", "user": str(anna["id"]), "egg": 1, "limits": {"memory": 0}, "uuid": "x", "id": 9}
    assert (await api.post(SERVERS, body)).json["attributes"]["user"] == anna["id"]


async def test_only_ids_of_this_app_name_servers(api: ApiClient, services: Services) -> None:
    _, key = await services.apps.create("other", None)
    theirs = api.speaking_as(key)
    lobby = await own(theirs, (await make(theirs))["id"])
    for text in (str(lobby["id"]), lobby["uuid"], "0", "x", "9" * 19, "9" * 300, "%00"):
        assert refusal(await api.get(f"{SERVERS}/{text}")) == NOT_FOUND, text
        assert refusal(await api.delete(f"{SERVERS}/{text}")) == NOT_FOUND, text
    assert (await api.get(SERVERS)).json["data"] == []
    assert (await theirs.get(SERVERS)).json["data"] == [{"object": "server", "attributes": lobby}]
