"""Clients that do not read, read slowly, or read in bursts: what is owed to them is bounded, and others do not wait."""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress

import pytest

from chatsrv.realtime.server import WireLimits
from tests.realtime.arena import CEILING, Arena, echo, open_arena
from tests.realtime.raw_socket import CLOSE, PING, RawSocket, frame

SMALL_QUEUE = WireLimits(
    ping_interval_s=600, max_message_bytes=CEILING, queue_max_bytes=200_000, queue_max_packets=1000, close_timeout_s=0.2
)
LARGE_QUEUE = WireLimits(ping_interval_s=600, max_message_bytes=CEILING)
BLOCKED_S = 0.5
SYSTEM_HOLDS = 16_000_000
"""What the buffers of the system may take on both ways, in bytes, whatever the server does."""


async def pour(raw: RawSocket, data: bytes, most: int) -> int:
    """How many bytes the server took before it took no more, hung up, or had taken `most`."""
    taken = 0
    with suppress(TimeoutError, ConnectionError):
        while taken < most:
            async with asyncio.timeout(BLOCKED_S):
                await asyncio.get_running_loop().sock_sendall(raw.wire, data)
            taken += len(data)
            await asyncio.sleep(0)
    return taken


async def flood(arena: Arena, sid: str, size: int) -> None:
    """Events for that session until it has ended."""
    async with asyncio.timeout(10):
        while all(heard[0] != sid or not heard[1].startswith("end: ") for heard in arena.edge.heard):
            await arena.edge.server.emit("flood", "x" * size, to=sid)
            await asyncio.sleep(0)


@pytest.mark.parametrize("size", [100, 100_000])
async def test_a_client_that_never_reads_is_cut_while_others_hear_everything(size: int) -> None:
    async with open_arena(SMALL_QUEUE) as arena, arena.client(receive_buffer=4096) as raw:
        flooding = asyncio.create_task(flood(arena, raw.sid, size))
        for number in range(50):
            await arena.edge.server.emit("news", number, to=arena.neighbour.sid)
            assert await arena.neighbour.read_text() == f'42["news",{number}]'
        await flooding
        assert await arena.ending(raw) == "transport error"
        await arena.check()


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(frame(b"x" * 125, PING) * 400, id="pings"),
        pytest.param(frame(echo("x" * 1000)) * 50, id="events with answers"),
        pytest.param(frame(echo("x" * 100_000)), id="large events with answers"),
    ],
)
async def test_a_client_that_asks_and_never_reads_is_held_back_or_cut(data: bytes) -> None:
    async with open_arena(SMALL_QUEUE) as arena:
        async with arena.client(receive_buffer=4096) as raw:
            most = SYSTEM_HOLDS * 4
            taken = await pour(raw, data, most)
            assert taken < SYSTEM_HOLDS + 4 * SMALL_QUEUE.queue_max_bytes, "it piles up in the server's memory"
            await arena.check()
        await arena.check()


async def test_a_client_that_reads_slowly_but_steadily_is_not_cut() -> None:
    async with open_arena(LARGE_QUEUE) as arena, arena.client(receive_buffer=4096) as raw:
        for number in range(60):
            await arena.edge.server.emit("news", [number, "x" * 20_000], to=raw.sid)
            assert json.loads((await raw.read_text())[2:])[1][0] == number
        await raw.pings()


@pytest.mark.parametrize(("number", "size"), [(200, 1000), (20, 100_000), (1, 1_500_000)])
async def test_a_burst_below_the_ceilings_is_heard_whole_and_in_order(number: int, size: int) -> None:
    """All of it within one turn of the loop, to a client that reads only afterwards."""
    async with open_arena(LARGE_QUEUE) as arena, arena.client(receive_buffer=65_536) as raw:
        for at in range(number):
            await arena.edge.server.emit("news", [at, "x" * size], to=raw.sid)
        for at in range(number):
            assert json.loads((await raw.read_text())[2:])[1] == [at, "x" * size]
        await raw.pings()


async def test_a_client_that_stops_reading_can_still_be_closed() -> None:
    """Its own close is read although what it is owed cannot be written."""
    async with open_arena(LARGE_QUEUE) as arena, arena.client(receive_buffer=4096) as raw:
        for _ in range(8):
            await arena.edge.server.emit("news", "x" * 400_000, to=raw.sid)
        await raw.send(frame("41") + frame(b"\x03\xe9", CLOSE))
        assert await arena.ending(raw) == "client disconnect"
        await arena.check()


async def test_a_client_that_does_not_read_and_breaks_is_gone_at_once() -> None:
    async with open_arena(LARGE_QUEUE) as arena, arena.client(receive_buffer=4096) as raw:
        for _ in range(8):
            await arena.edge.server.emit("news", "x" * 400_000, to=raw.sid)
        raw.reset()
        assert await arena.ending(raw) in {"transport close", "transport error"}


async def test_a_frame_that_never_comes_to_its_end_holds_nobody_up() -> None:
    async with open_arena(LARGE_QUEUE) as arena:
        async with arena.client() as raw:
            data = frame(echo("x" * 100_000))
            for at in range(0, 90_000, 10_000):
                await raw.send(data[at : at + 10_000])
                await arena.check()
        await arena.check()
