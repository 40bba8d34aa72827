"""A socket that sends more than anybody can mean is closed, and nobody else notices."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest
import socketio

from chatsrv.domain.clock import Clock
from chatsrv.services import Services, open_services
from tests.conftest import MakeSettings
from tests.realtime.conftest import Connect

pytestmark = pytest.mark.parametrize("database_source", ["sqlite_template"], indirect=True)


@pytest.fixture
async def services(make_settings: MakeSettings, clock: Clock) -> AsyncIterator[Services]:
    settings = make_settings(socket_events_per_minute=60, socket_events_burst=10)
    async with open_services(settings, clock) as opened:
        yield opened


async def test_a_flood_ends_its_socket_for_good_and_no_other(connect: Connect) -> None:
    anna, bert = await connect("anna"), await connect("bert")
    for _ in range(8):
        assert await bert.io.call("presence:unsubscribe", {"usernames": []}) == {"count": 0}
    with contextlib.suppress(socketio.exceptions.SocketIOError):
        for _ in range(30):
            await anna.io.emit("presence:unsubscribe", {"usernames": []})
    assert await anna.next("session:close") == {"code": 4011, "reason": "flooding", "reconnect": False}
    await anna.io.wait()
    assert "users" in await bert.io.call("presence:query", {"usernames": ["anna"]})


async def test_what_comes_at_the_pace_that_is_allowed_goes_on_for_ever(connect: Connect, clock: Clock) -> None:
    anna = await connect("anna")
    for _ in range(40):
        assert await anna.io.call("presence:unsubscribe", {"usernames": []}) == {"count": 0}
        clock.advance(1)
    await asyncio.sleep(0)
    assert anna.io.connected
