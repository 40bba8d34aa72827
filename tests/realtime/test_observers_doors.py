"""Who may watch a whole app, how many of them, what else they may, and when it is over."""

from __future__ import annotations

import asyncio

import pytest

from chatsrv.app import REALTIME, create_app
from chatsrv.domain.apps import ALL_SCOPES, Scope
from chatsrv.domain.clock import Clock
from chatsrv.realtime.commands import COMMANDS
from chatsrv.realtime.observing import OBSERVER_COMMANDS
from chatsrv.services import Services, open_services
from tests.client import ApiClient
from tests.conftest import DemoApp, MakeSettings
from tests.listening import served
from tests.realtime.conftest import Client, Connect, NewClient, Observe, eventually, gauge, running_node
from tests.realtime.raw_socket import RawSocket, frame

pytestmark = [
    pytest.mark.parametrize("database_source", ["sqlite_template"], indirect=True),
    pytest.mark.usefixtures("in_a_hurry"),
]

OFFLINE, ONLINE, INVISIBLE, AWAY, DND = range(5)


async def test_without_the_scope_or_from_elsewhere_it_is_refused(
    new_client: NewClient, services: Services, demo: DemoApp
) -> None:
    _, blind = await services.apps.create_key("demo", "x", ALL_SCOPES - {Scope.PRESENCE_READ}, (), None)
    _, elsewhere = await services.apps.create_key("demo", "x", ALL_SCOPES, ("10.0.0.0/8",), None)
    for key, code in ((blind, 40105), (elsewhere, 40105), (demo.key + "x", 1302), ("op_" + "a" * 43, 1302)):
        assert (await new_client().refused({"token": key}))["code"] == code
    _, sighted = await services.apps.create_key("demo", "x", frozenset((Scope.PRESENCE_READ,)), (), None)
    assert (await new_client().connect({"token": sighted}))["observer"]
    assert gauge(services, "chatsrv_observers") == 1


async def test_it_is_nobody_and_no_socket_of_the_app(
    observe: Observe, connect: Connect, services: Services, api: ApiClient
) -> None:
    await services.apps.change_setting("demo", "sockets_per_app", "1")
    onlookers = [await observe() for _ in range(2)]
    assert (gauge(services, "chatsrv_sockets"), gauge(services, "chatsrv_observers")) == (0, 2)
    assert (await api.get("/v1/demo/presence")).json["users"] == []
    assert list(services.presence._local.ids()) == []
    anna = await connect("anna")
    await onlookers[0].sees(anna=ONLINE)
    for onlooker in onlookers:
        await onlooker.client.io.disconnect()
    await anna.io.call("presence:query", {"usernames": ["anna"]})

    async def is_gone() -> bool:
        return gauge(services, "chatsrv_observers") == 0

    await eventually(is_gone, "they are counted no more")
    assert gauge(services, "chatsrv_sockets") == 1
    assert (await api.get("/v1/demo/users/anna")).json["presence_status"] == ONLINE


async def test_it_may_ask_what_an_observer_may_and_nothing_else(observe: Observe, connect: Connect) -> None:
    anna = await connect("anna")
    onlooker = await observe(watch=False)
    for event in COMMANDS.keys() - OBSERVER_COMMANDS.keys():
        assert (await onlooker.call(event, {"status": "dnd"}))["error"]["code"] == 40105, event
    for event in OBSERVER_COMMANDS.keys() - COMMANDS.keys():
        assert (await anna.io.call(event, {}))["error"]["code"] == 40105, event
    assert (await onlooker.call("app:destroy"))["error"]["code"] == 40400
    assert (await onlooker.call("app:watch", {"app": "other"}))["error"]["code"] == 40003
    (told,) = (await onlooker.call("presence:query", {"usernames": ["anna"]}))["users"]
    assert told["presence_status"] == ONLINE


async def operator_token(services: Services) -> tuple[str, str]:
    """A session and its token."""
    session, _ = await services.admin.sign_in_by_link((await services.admin.make_link())[0], "127.0.0.1")
    return session, await services.operators.open_app(session, "demo")


@pytest.mark.parametrize("how", ["key", "session", "app", "time"])
async def test_it_is_closed_when_its_key_or_session_is_over(
    observe: Observe, new_client: NewClient, services: Services, demo: DemoApp, clock: Clock, how: str
) -> None:
    session, token = await operator_token(services)
    key, text = await services.apps.create_key("demo", "x", ALL_SCOPES, (), None)
    by_key, _ = await services.admin.sign_in_by_key(text, "127.0.0.1")
    of_key = await services.operators.open_app(by_key, "demo")
    tokens = {demo.key, text, token, of_key}
    over = {"key": {text, of_key}, "session": {token}, "time": {token, of_key}, "app": tokens}
    onlookers = {one: await observe(one) for one in sorted(tokens)}
    match how:
        case "session":
            await services.operators.sign_out(session)
        case "app":
            await services.apps.delete("demo")
        case "time":
            clock.advance(services.settings.admin_session_ttl_s + 1)
        case _:
            await services.apps.revoke_key("demo", key.id)
    for one in over[how]:
        close = await onlookers[one].hear_until("session:close")
        assert close == {"code": 4007, "reason": "token_revoked", "reconnect": False}
        await onlookers[one].client.io.wait()
    assert (await new_client().refused({"token": one}))["code"] == 1302
    for one in tokens - over[how]:
        await onlookers[one].watch()


async def test_another_token_of_the_app_keeps_it_alive(
    observe: Observe, services: Services, demo: DemoApp, new_client: NewClient
) -> None:
    session, token = await operator_token(services)
    onlooker = await observe(token)
    _, theirs = await services.apps.create("other", None)
    _, blind = await services.apps.create_key("demo", "x", ALL_SCOPES - {Scope.PRESENCE_READ}, (), None)
    for wrong, code in ((theirs, 40005), (blind, 40105), ("cs_none", 1302), (1, 40003)):
        assert (await onlooker.call("auth:refresh", {"token": wrong}))["error"]["code"] == code
    assert (await onlooker.call("auth:refresh", {"token": token}))["expires_at"]
    assert await onlooker.call("auth:refresh", {"token": demo.key}) == {"expires_at": None}
    witness = await observe(token)
    await services.operators.sign_out(session)
    await witness.hear_until("session:close")
    await onlooker.watch()


async def test_so_many_at_once_and_no_more(make_settings: MakeSettings, clock: Clock) -> None:
    async with open_services(make_settings(observers_per_app=2), clock) as services, running_node(services) as url:
        _, key = await services.apps.create("demo", None)
        clients = [Client(url) for _ in range(4)]
        for client in clients[:2]:
            await client.connect({"token": key})
        refusal = await clients[2].refused({"token": key})
        assert (refusal["code"], refusal["retry_after_s"]) == (42900, 5)
        await clients[0].io.disconnect()

        async def has_left() -> bool:
            return gauge(services, "chatsrv_observers") == 1

        await eventually(has_left, "there is room again")
        await clients[3].connect({"token": key})
        for client in clients:
            await client.io.disconnect()


async def test_it_counts_among_the_sockets_of_its_address(make_settings: MakeSettings, clock: Clock) -> None:
    async with open_services(make_settings(sockets_per_address=2), clock) as services, running_node(services) as url:
        _, key = await services.apps.create("demo", None)
        clients = [Client(url) for _ in range(3)]
        for client in clients[:2]:
            await client.connect({"token": key})
        assert (await clients[2].refused({"token": key}))["code"] == 42900
        for client in clients:
            await client.io.disconnect()


async def test_a_server_that_stops_hands_it_over_without_a_word_so_that_a_stock_client_comes_back(
    make_settings: MakeSettings, clock: Clock, demo: DemoApp
) -> None:
    said: list[str] = []

    async def end(reason: str) -> None:
        said.append(reason)

    async with open_services(make_settings(), clock) as stopping, running_node(stopping) as url:
        client = Client(url)
        client.io.on("disconnect", end)
        await client.connect({"token": demo.key})
    await client.io.wait()
    assert said == [client.io.reason.TRANSPORT_ERROR]
    assert client.events.empty()


async def test_one_that_does_not_read_is_cut_as_any_other_socket(make_settings: MakeSettings, clock: Clock) -> None:
    settings = make_settings(socket_queue_max_bytes=65_536)
    async with open_services(settings, clock) as services:
        _, key = await services.apps.create("demo", None)
        web_app = create_app(services)
        async with served(web_app, settings) as url:
            raw = await RawSocket.dial(url, receive_buffer=4096)
            await raw.open()
            await raw.send(frame(f'40{{"token":"{key}"}}'))
            await raw.read_joined()
            observers = web_app[REALTIME].observers
            async with asyncio.timeout(10):
                while gauge(services, "chatsrv_observers"):
                    observers._send([raw.sid], "presence:diff", "x" * 50_000)
                    await asyncio.sleep(0.002)
            raw.leave()
        limits = services.metrics.registry
        assert limits.get_sample_value("chatsrv_limits_reached_total", {"limit": "socket_queue_max_bytes"}) == 1
