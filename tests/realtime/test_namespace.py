"""Sockets drive presence: what a connection changes, for REST and for others, and what it does not."""

from __future__ import annotations

import pytest

from chatsrv.domain.clock import Clock
from chatsrv.domain.presence import SERVER
from chatsrv.services import Services
from tests.client import ApiClient
from tests.realtime.conftest import NewClient, eventually, has_no_sockets, shows

pytestmark = pytest.mark.parametrize("database_source", ["sqlite_template"], indirect=True)


async def test_connecting_shows_in_hello_and_in_every_rest_answer_that_has_it(
    api: ApiClient, new_client: NewClient, token: str
) -> None:
    assert (await api.get("/v1/demo/users/anna")).json["last_login_at"] is None
    client = new_client()
    hello = await client.connect({"token": token})
    assert list(hello) == ["user", "session_id", "resumed", "epoch", "version", "server_time"]
    user = (await api.get("/v1/demo/users/anna")).json
    assert user == hello["user"]
    assert user["presence_status"] == 1
    assert user["last_login_at"] is not None
    assert (hello["session_id"], hello["resumed"], hello["version"]) == (client.io.get_sid(), False, 1)
    page = (await api.get("/v1/demo/users?presence=true")).json
    assert page["users"] == [user]
    assert (await api.get("/v1/demo/users?presence=true&filter=presence_status:eq:1")).json["total_count"] == 1
    assert (await api.get("/v1/demo/users?presence=true&filter=presence_status:eq:0")).json["total_count"] == 0
    fields = (await api.get("/v1/demo/users/anna?fields=devices,last_seen_at,last_active_at")).json
    assert fields["devices"] == ["web"]
    assert fields["last_seen_at"] is None
    assert fields["last_active_at"] == user["last_login_at"]


async def test_after_the_own_disconnect_the_user_is_offline_at_once(
    api: ApiClient, new_client: NewClient, token: str
) -> None:
    client = new_client()
    hello = await client.connect({"token": token})
    await client.io.disconnect()
    await eventually(lambda: shows(api, 0), "anna is offline")
    user = (await api.get("/v1/demo/users/anna?fields=last_login_at,last_seen_at")).json
    assert user["last_login_at"] == hello["user"]["last_login_at"]
    assert user["last_seen_at"] is not None


async def test_a_lost_wire_keeps_the_user_online_for_the_grace(
    api: ApiClient, new_client: NewClient, token: str, services: Services, clock: Clock
) -> None:
    client = new_client()
    await client.connect({"token": token})
    await client.lose()
    await eventually(lambda: has_no_sockets(services), "the node has noticed")
    clock.advance(9)
    await services.upkeep.sweep()
    assert await shows(api, 1)
    clock.advance(9)
    await services.upkeep.sweep()
    assert await shows(api, 0)


async def test_coming_back_inside_the_grace_is_resumed_and_no_login(
    new_client: NewClient, token: str, services: Services, clock: Clock
) -> None:
    client = new_client()
    first = await client.connect({"token": token, "client_id": "tab"})
    await client.lose()
    await eventually(lambda: has_no_sockets(services), "the node has noticed")
    clock.advance(5)
    again = await new_client().connect({"token": token, "client_id": "tab"})
    assert again["resumed"]
    assert again["version"] == first["version"]
    assert again["user"]["last_login_at"] == first["user"]["last_login_at"]


async def test_the_last_of_several_devices_decides(api: ApiClient, new_client: NewClient, token: str) -> None:
    phone, desk = new_client(), new_client()
    await phone.connect({"token": token, "device": "mobile", "client_id": "p"})
    await desk.connect({"token": token, "device": "desktop", "client_id": "d"})
    assert (await api.get("/v1/demo/users/anna?fields=devices")).json == {"devices": ["desktop", "mobile"]}
    await phone.io.disconnect()

    async def only_the_desk() -> bool:
        return bool((await api.get("/v1/demo/users/anna?fields=devices")).json == {"devices": ["desktop"]})

    await eventually(only_the_desk, "the phone is gone")
    assert await shows(api, 1)
    await desk.io.disconnect()
    await eventually(lambda: shows(api, 0), "anna is offline")


async def test_a_background_session_alone_is_away_and_an_active_one_tells_it_of_the_change(
    api: ApiClient, new_client: NewClient, token: str
) -> None:
    phone = new_client()
    hello = await phone.connect({"token": token, "device": "mobile", "background": True})
    assert hello["user"]["presence_status"] == 3
    await new_client().connect({"token": token})
    diff = await phone.next("presence:diff")
    assert (diff["epoch"], diff["version"]) == (hello["epoch"], hello["version"] + 1)
    change = diff["changes"][0]
    assert (change["username"], change["presence_status"], change["devices"]) == ("anna", 1, ["mobile", "web"])
    assert change["last_seen_at"] is None
    assert await shows(api, 1)


async def test_the_same_client_again_closes_its_first_socket_as_replaced(new_client: NewClient, token: str) -> None:
    first = new_client()
    await first.connect({"token": token, "client_id": "tab"})
    hello = await new_client().connect({"token": token, "client_id": "tab"})
    assert hello["resumed"]
    assert await first.next("session:close") == {"code": 4001, "reason": "replaced", "reconnect": False}
    await first.io.wait()
    assert not first.io.connected


async def test_two_apps_with_the_same_username_never_see_each_other(
    api: ApiClient, new_client: NewClient, token: str, services: Services
) -> None:
    await services.apps.create("next-door", None)
    await services.users.create("next-door", {"username": "anna"}, SERVER)
    app = await services.apps.get("next-door")
    theirs, _ = await services.callers.mint_token(app, "anna", 600)
    neighbour = new_client()
    await neighbour.connect({"token": theirs})
    assert await shows(api, 0)
    mine = new_client()
    assert (await mine.connect({"token": token}))["version"] == 1
    await services.accounts.delete("next-door", "anna")
    await neighbour.next("session:close")
    assert await shows(api, 1)
    assert mine.events.empty()
