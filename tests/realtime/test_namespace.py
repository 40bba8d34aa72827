"""Sockets drive presence: what a connection changes, for REST and for others, and what it does not."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import jwt
import pytest
from aiohttp import ClientSession

from chatsrv.domain.clock import Clock
from chatsrv.domain.instants import to_text
from chatsrv.domain.presence import SERVER
from chatsrv.domain.sessions import Device, NewSession
from chatsrv.services import Services, open_services
from chatsrv.storage import users as rows
from tests.client import ApiClient
from tests.conftest import DemoApp, MakeSettings
from tests.realtime.conftest import Client, LoseData, eventually, running_node

NewClient = Callable[..., Client]


@pytest.fixture
async def api(node: str, demo: DemoApp) -> AsyncIterator[ApiClient]:
    async with ClientSession() as session:
        yield ApiClient(session, node, {"Authorization": f"Bearer {demo.key}"})


@pytest.fixture
async def token(services: Services, demo: DemoApp) -> str:
    """Anna's."""
    await services.users.create(demo.id, {"username": "anna", "first_name": "Anna"}, SERVER)
    return await token_of(services, demo, "anna")


async def token_of(services: Services, demo: DemoApp, username: str) -> str:
    return (await services.callers.mint_token(await services.apps.get(demo.id), username, 600))[0]


async def sign(services: Services, demo: DemoApp, **claims: Any) -> str:
    return jwt.encode(claims, (await services.apps.get(demo.id)).jwt_secret, algorithm="HS256")


async def shows(api: ApiClient, status: int, username: str = "anna") -> bool:
    return bool((await api.get(f"/v1/demo/users/{username}")).json["presence_status"] == status)


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
    await eventually(lambda: _no_sockets(services), "the node has noticed")
    clock.advance(9)
    await services.upkeep.sweep()
    assert await shows(api, 1)
    clock.advance(9)
    await services.upkeep.sweep()
    assert await shows(api, 0)


async def _no_sockets(services: Services) -> bool:
    return services.metrics.registry.get_sample_value("chatsrv_sockets") == 0


async def test_coming_back_inside_the_grace_is_resumed_and_no_login(
    new_client: NewClient, token: str, services: Services, clock: Clock
) -> None:
    client = new_client()
    first = await client.connect({"token": token, "client_id": "tab"})
    await client.lose()
    await eventually(lambda: _no_sockets(services), "the node has noticed")
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


REFUSALS: list[tuple[Any, int, str]] = [
    (None, 1302, "Unauthorized"),
    ({}, 1302, "Unauthorized"),
    ({"token": ""}, 1302, "Unauthorized"),
    ({"token": "x.y.z"}, 1021, "InvalidToken"),
    ({"token": 7}, 40003, "BadParam"),
    ({"token": "T", "device": "toaster"}, 40003, "BadParam"),
    ({"token": "T", "device": []}, 40003, "BadParam"),
    ({"token": "T", "background": "yes"}, 40003, "BadParam"),
    ({"token": "T", "client_id": "x" * 129}, 40003, "BadParam"),
    ({"token": "T", "admin": True}, 40003, "BadParam"),
    ({"token": "T", "status": "offline"}, 40003, "BadParam"),
    ({"token": "T", "status": True}, 40003, "BadParam"),
]


@pytest.mark.parametrize(("auth", "code", "type_"), REFUSALS)
async def test_bad_credentials_are_refused_with_code_and_type(
    new_client: NewClient, token: str, auth: Any, code: int, type_: str
) -> None:
    if auth and auth.get("token") == "T":
        auth = {**auth, "token": token}
    assert await new_client().refused(auth) == {"code": code, "type": type_}


async def test_tokens_that_are_over_early_or_of_nobody_are_told_apart(
    new_client: NewClient, token: str, services: Services, demo: DemoApp, clock: Clock
) -> None:
    now = clock.now() // 1000
    for claims, code in (
        ({"sub": "anna", "aid": "demo", "exp": now - 60}, 1020),
        ({"sub": "anna", "aid": "demo", "exp": now + 60, "nbf": now + 30}, 40103),
        ({"sub": "nobody", "aid": "demo", "exp": now + 60}, 40015),
        ({"sub": "anna", "aid": "other", "exp": now + 60}, 1021),
        ({"sub": "anna", "aid": "demo"}, 1021),
    ):
        assert (await new_client().refused({"token": await sign(services, demo, **claims)}))["code"] == code


async def test_an_app_may_have_its_users_created_as_they_come(
    api: ApiClient, new_client: NewClient, services: Services, demo: DemoApp, clock: Clock
) -> None:
    await services.apps.change_setting(demo.id, "auto_create_users", "true")
    clock.advance(2)
    new = await sign(services, demo, sub="Newcomer", aid="demo", exp=clock.now() // 1000 + 60)
    hellos = await asyncio.gather(new_client().connect({"token": new}), new_client().connect({"token": new}))
    assert {hello["user"]["username"] for hello in hellos} == {"Newcomer"}
    assert await shows(api, 1, "newcomer")


@pytest.mark.parametrize(
    ("act", "code", "reason", "reconnect"),
    [
        ("delete", 4004, "deleted", False),
        ("deactivate", 4005, "deactivated", False),
        ("rename", 4009, "renamed", True),
        ("revoke_tokens", 4007, "token_revoked", False),
    ],
)
async def test_what_ends_an_account_closes_its_sockets_on_every_node(
    new_client: NewClient,
    token: str,
    services: Services,
    make_settings: MakeSettings,
    clock: Clock,
    act: str,
    code: int,
    reason: str,
    reconnect: bool,
) -> None:
    client = new_client()
    await client.connect({"token": token})
    async with open_services(make_settings(), clock) as other_node:
        if act == "rename":
            await other_node.users.rename("demo", "anna", "annette", SERVER)
        else:
            who = ("demo", "anna", SERVER) if act == "deactivate" else ("demo", "anna")
            await getattr(other_node.users, act)(*who)
    assert await client.next("session:close") == {"code": code, "reason": reason, "reconnect": reconnect}
    await client.io.wait()
    await eventually(lambda: _no_sockets(services), "the socket is closed")


@pytest.mark.parametrize("every", [True, False])
async def test_signing_out_closes_the_socket_at_once(
    api: ApiClient, new_client: NewClient, token: str, every: bool
) -> None:
    client = new_client()
    hello = await client.connect({"token": token})
    one = "" if every else f"/{hello['session_id']}"
    assert (await api.delete(f"/v1/demo/users/anna/sessions{one}")).status == 204
    assert await client.next("session:close") == {"code": 4003, "reason": "signed_out", "reconnect": False}
    assert await shows(api, 0)


async def test_a_sign_out_that_meets_a_connect_half_way_leaves_no_socket_without_a_session(
    api: ApiClient, new_client: NewClient, token: str, services: Services
) -> None:
    """Whichever comes first, in the end a socket is open exactly where a session is."""
    user = await services.users.find("demo", "anna")
    clients = [new_client() for _ in range(20)]

    async def sign_out_all_the_while() -> None:
        for _ in range(60):
            await services.presence.sign_out(user, None)

    await asyncio.gather(sign_out_all_the_while(), *(client.connect({"token": token}) for client in clients))

    async def agree() -> bool:
        sessions = {session.id for session in await services.presence.sessions(user)}
        return sessions == {client.io.get_sid() for client in clients if client.io.connected}

    await eventually(agree, "sockets and sessions are the same")


async def test_who_is_deactivated_is_refused_until_reactivated(
    api: ApiClient, new_client: NewClient, token: str
) -> None:
    await api.post("/v1/demo/users/anna/deactivate")
    assert await new_client().refused({"token": token}) == {"code": 40301, "type": "InactiveUser"}
    await api.post("/v1/demo/users/anna/reactivate")
    assert (await new_client().connect({"token": token}))["user"]["presence_status"] == 1


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
    await services.users.delete("next-door", "anna")
    await neighbour.next("session:close")
    assert await shows(api, 1)
    assert mine.events.empty()


async def test_stopping_a_node_hands_its_users_over_without_a_change(
    services: Services, demo: DemoApp, token: str, make_settings: MakeSettings, clock: Clock
) -> None:
    async with open_services(make_settings(), clock) as stopping, running_node(stopping) as url:
        client = Client(url)
        await client.connect({"token": token, "client_id": "tab"})
    await client.io.disconnect()
    clock.advance(50)
    await services.upkeep.beat()
    await services.upkeep.sweep()
    person = await services.users.get(demo.id, "anna", SERVER)
    assert int(person.presence.status) == 1
    clock.advance(15)
    await services.upkeep.sweep()
    person = await services.users.get(demo.id, "anna", SERVER)
    assert int(person.presence.status) == 0


async def test_sessions_that_redis_lost_are_registered_again_under_a_new_epoch(
    api: ApiClient, new_client: NewClient, token: str, services: Services, lose_data: LoseData
) -> None:
    client = new_client()
    hello = await client.connect({"token": token})
    await lose_data()
    assert await shows(api, 1), "as this node remembers it"
    await services.upkeep.beat()
    assert await shows(api, 1)
    login_at = (await api.get("/v1/demo/users/anna")).json["last_login_at"]
    assert login_at == hello["user"]["last_login_at"], "a login that SQL did not have yet"
    diff = await client.next("presence:diff")
    assert diff["epoch"] != hello["epoch"]


async def test_a_session_whose_socket_is_gone_is_found_and_ended(
    api: ApiClient, token: str, services: Services, clock: Clock
) -> None:
    app, user = await services.apps.get("demo"), await services.users.find("demo", "anna")
    await services.presence.open(app, user, NewSession("gone", "gone", False, Device.WEB, False, "websocket", ""))
    services.presence._local.remove("gone")
    assert await shows(api, 1)
    await services.upkeep.reconcile()
    clock.advance(16)
    await services.upkeep.sweep()
    assert await shows(api, 0)


async def test_a_user_whom_sql_lost_behind_our_back_is_closed(
    new_client: NewClient, token: str, services: Services
) -> None:
    client = new_client()
    await client.connect({"token": token})
    async with services.db.write() as tx:
        await rows.remove(tx, "demo", "anna")
    await services.upkeep.reconcile()
    assert (await client.next("session:close"))["code"] == 4004


async def test_logins_reach_sql_so_that_losing_redis_loses_none(
    new_client: NewClient, token: str, services: Services
) -> None:
    hello = await new_client().connect({"token": token})
    await services.clocks.flush()
    user = await services.users.find("demo", "anna")
    assert to_text(user.clocks.last_login_at) == hello["user"]["last_login_at"]
