"""Places: how many sockets an address and an app may have, and that each is given back, however its socket ends."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from aiohttp import ClientSession

from chatsrv.domain.errors import TooManyRequests, Unavailable
from chatsrv.domain.presence import SERVER
from chatsrv.realtime.places import Places
from chatsrv.services import Services, open_services
from tests.conftest import DemoApp, MakeSettings
from tests.realtime.conftest import Client, eventually, has_no_sockets, running_node, token_of
from tests.realtime.raw_socket import RawSocket, frame

pytestmark = pytest.mark.parametrize("database_source", ["sqlite_template"], indirect=True)

BUG = {"code": 50001, "type": "InternalError"}
REFUSED = {"code": 42900, "type": "TooManyRequests", "retry_after_s": 5}


@dataclass
class House:
    """A node with settings of a test's own, and anna in it."""

    services: Services
    url: str
    token: str
    clients: list[Client]

    def client(self) -> Client:
        client = Client(self.url)
        self.clients.append(client)
        return client

    async def come(self, token: str | None = None, **auth: Any) -> Client:
        client = self.client()
        await client.connect({"token": token or self.token, **auth})
        return client

    async def refusal(self, token: str | None = None) -> dict[str, Any]:
        return await self.client().refused({"token": token or self.token})

    async def is_let_in(self) -> bool:
        """Whether there is a place; it is given back at once."""
        client = self.client()
        try:
            await client.connect({"token": self.token})
        except Exception:
            return False
        await client.io.disconnect()
        return True

    async def has_seen_both_off(self) -> bool:
        find = self.services.metrics.registry.get_sample_value
        return find("chatsrv_socket_connects_total", {"outcome": "ok"}) == 2 and await has_no_sockets(self.services)

    def reached(self, limit: str) -> float:
        metrics = self.services.metrics.registry
        return metrics.get_sample_value("chatsrv_limits_reached_total", {"limit": limit}) or 0


@asynccontextmanager
async def house(make_settings: MakeSettings, **settings: Any) -> AsyncIterator[House]:
    async with open_services(make_settings(**settings)) as services:
        app, _ = await services.apps.create("demo", None)
        await services.users.create("demo", {"username": "anna"}, SERVER)
        token = await token_of(services, DemoApp(app.id, ""), "anna")
        async with running_node(services) as url:
            house = House(services, url, token, [])
            yield house
            for client in house.clients:
                await client.io.disconnect()


async def opened(url: str) -> RawSocket:
    """An Engine.IO session on WebSocket."""
    raw = await RawSocket.dial(url)
    await raw.open()
    return raw


LIMITS = [("sockets_per_address", {"sockets_per_address": 2}), ("sockets_per_app", {"sockets_per_app": 2})]
BOTH = {"sockets_per_address": 2, "sockets_per_app": 2}
EACH = pytest.mark.parametrize(("limit", "settings"), LIMITS, ids=[name for name, _ in LIMITS])


@EACH
async def test_so_many_sockets_come_in_and_no_more_and_the_next_one_is_told_when_to_try(
    make_settings: MakeSettings, limit: str, settings: dict[str, Any]
) -> None:
    async with house(make_settings, **settings) as at:
        first, _ = await at.come(), await at.come()
        assert await at.refusal() == REFUSED
        assert at.reached(limit) == 1
        await first.io.disconnect()
        await eventually(at.is_let_in, "the place of the one that left is free")


@EACH
async def test_of_a_crowd_that_comes_at_once_no_more_come_in_than_may(
    make_settings: MakeSettings, limit: str, settings: dict[str, Any]
) -> None:
    async with house(make_settings, **settings) as at:
        outcomes = await asyncio.gather(*(at.come() for _ in range(12)), return_exceptions=True)
        assert sum(isinstance(outcome, Client) for outcome in outcomes) == 2
        assert at.services.metrics.registry.get_sample_value("chatsrv_sockets") == 2
        assert at.reached(limit) == 10


async def test_a_connect_that_fails_on_its_way_gives_its_place_back(
    make_settings: MakeSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with house(make_settings, **BOTH) as at:
        for token in ("x.y.z", at.token[:-6] + "AAAAAA", "", at.token[:-6] + "AAAAAA"):
            await at.refusal(token or "a.b.c")

        async def fail(*_: Any) -> Any:
            raise Unavailable("presence store")

        async def crash(*_: Any) -> Any:
            raise RuntimeError("a bug")

        for failing, came in ((fail, {"code": 50300, "type": "Unavailable", "retry_after_s": 1}), (crash, BUG)):
            with monkeypatch.context() as patched:
                patched.setattr(type(at.services.presence), "open", failing)
                for _ in range(3):
                    assert await at.refusal() == came
        await at.come()
        await at.come()
        assert await at.refusal() == REFUSED
        assert at.reached("sockets_per_address") == 1


async def test_whoever_leaves_while_they_come_in_gives_their_place_back(
    make_settings: MakeSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with house(make_settings, **BOTH) as at:
        came, gate = asyncio.Event(), asyncio.Event()
        open_ = at.services.presence.open

        async def slowly(*args: Any) -> Any:
            came.set()
            await gate.wait()
            return await open_(*args)

        monkeypatch.setattr(at.services.presence.__class__, "open", lambda _self, *args: slowly(*args))
        for _ in range(2):
            came.clear()
            raw = await opened(at.url)
            await raw.send(frame(f'40{{"token":"{at.token}"}}'))
            await came.wait()
            raw.leave()
        gate.set()
        await eventually(at.has_seen_both_off, "both have come and left")
        await at.come()
        await at.come()
        assert await at.refusal() == REFUSED


async def test_a_wire_that_breaks_and_a_socket_that_is_closed_give_their_places_back(
    make_settings: MakeSettings,
) -> None:
    async with house(make_settings, **BOTH) as at:
        lost, replaced = await at.come(client_id="one"), await at.come(client_id="two")
        await lost.lose()
        await eventually(at.is_let_in, "the wire's end is noticed")
        again = await at.come(client_id="two")
        await replaced.next("session:close")
        await replaced.io.wait()
        await eventually(at.is_let_in, "the one that was replaced is gone")
        await at.come()
        assert again.io.connected
        assert await at.refusal() == REFUSED


async def test_an_app_may_have_a_number_of_its_own(make_settings: MakeSettings) -> None:
    async with house(make_settings) as at:
        await at.services.apps.change_setting("demo", "sockets_per_app", "1")
        at.services.apps.forget("demo")
        app, _ = await at.services.apps.create("next-door", None)
        await at.services.users.create("next-door", {"username": "ben"}, SERVER)
        await at.come()
        assert await at.refusal() == REFUSED
        theirs = await token_of(at.services, DemoApp(app.id, ""), "ben")
        for _ in range(3):
            await at.come(theirs)


def test_who_is_behind_a_proxy_of_nobodys_is_told_which_setting_that_is(database_source: object) -> None:
    places = Places(1)
    for address, is_told in (("10.0.0.7", True), ("127.0.0.1", True), ("8.8.8.8", False)):
        with places.at_address(address), pytest.raises(TooManyRequests) as caught, places.at_address(address):
            pass
        assert ("trusted_proxies" in str(caught.value)) is is_told
        assert address in str(caught.value)


def test_no_name_is_kept_of_who_is_not_here(database_source: object) -> None:
    places = Places(0)
    for number in range(3):
        with places.at_address(f"10.0.0.{number}"), places.in_app("demo", 0):
            pass
    for number in range(3):
        places.leave(f"10.0.0.{number}", "demo")
    assert not places._at
    assert not places._in


SLOW = {"address_rate_per_minute": 60, "address_rate_burst": 3}


async def test_sessions_are_opened_at_the_rate_of_their_address(make_settings: MakeSettings) -> None:
    """By polling and by WebSocket; polls of a session that is open do not count."""
    async with house(make_settings, **SLOW) as at, ClientSession() as http:
        url = f"{at.url}/socket.io/?EIO=4&transport=polling"
        for _ in range(2):
            async with http.get(url) as answer:
                assert answer.status == 200
                sid = (await answer.text()).partition('"sid":"')[2].partition('"')[0]
        async with http.post(f"{url}&sid={sid}", data="3") as answer:
            assert answer.status == 200
        (await opened(at.url)).leave()
        async with http.get(url) as answer:
            assert (answer.status, int(answer.headers["Retry-After"])) == (429, 1)
        async with http.get(url.replace("polling", "websocket"), headers=UPGRADE) as answer:
            assert answer.status == 429
        assert at.reached("address_rate_per_minute") == 2


UPGRADE = {
    "Upgrade": "websocket",
    "Connection": "Upgrade",
    "Sec-WebSocket-Key": "AAECAwQFBgcICQoLDA0ODw==",
    "Sec-WebSocket-Version": "13",
}


async def test_a_session_that_never_stops_trying_to_connect_is_cut(make_settings: MakeSettings) -> None:
    async with house(make_settings, **SLOW) as at:
        raw = await opened(at.url)
        for _ in range(2):
            await raw.send(frame('40{"token":"a.b.c"}'))
            assert '"code":1021' in await raw.read_text()
        await raw.send(frame('40{"token":"a.b.c"}'))
        assert await raw.rest() == []
        raw.leave()
        assert at.reached("address_rate_per_minute") == 1


async def test_wrong_tokens_of_sockets_count_as_those_of_requests_do(make_settings: MakeSettings) -> None:
    async with house(make_settings, failed_credentials_per_minute=3) as at:
        client = await at.come()
        for _ in range(2):
            assert await at.refusal("a.b.c") == {"code": 1021, "type": "InvalidToken"}
        assert "error" in await client.io.call("auth:refresh", {"token": "a.b.c"})
        refused = await at.refusal(OF_NO_APP)
        assert (refused["code"], 55 < refused["retry_after_s"] <= 60) == (42900, True)
        assert at.reached("failed_credentials_per_minute") == 1
        await at.come()


OF_NO_APP = "eyJhbGciOiJIUzI1NiJ9.eyJhaWQiOiJub2JvZHlzIn0.AAAA"
