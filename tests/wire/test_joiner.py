"""Writes of one turn of the loop: joined, in order, and none to who is gone."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import cast

import pytest

from chatsrv.wire import Joiner
from tests.listening import bound


@dataclass
class Ends:
    """Our transports, and what their peers have read, a piece for each time that something came."""

    transports: list[asyncio.Transport] = field(default_factory=list)
    pieces: list[list[bytes]] = field(default_factory=list)

    async def have(self, claim: Callable[[list[bytes]], bool]) -> None:
        async with asyncio.timeout(5):
            while not all(claim(pieces) for pieces in self.pieces):
                await asyncio.sleep(0.005)


class Peer(asyncio.Protocol):
    def __init__(self, pieces: list[bytes]) -> None:
        self.pieces = pieces

    def data_received(self, data: bytes) -> None:
        self.pieces.append(data)


class Ours(asyncio.Protocol):
    def __init__(self, ends: Ends) -> None:
        self.ends = ends

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.ends.transports.append(cast("asyncio.Transport", transport))  # of uvloop's it is no subclass


@asynccontextmanager
async def connections(count: int) -> AsyncIterator[Ends]:
    ends, loop, taken = Ends(), asyncio.get_running_loop(), bound()
    server = await loop.create_server(lambda: Ours(ends), sock=taken)
    peers = []
    for number in range(count):
        ends.pieces.append([])
        transport, _ = await loop.create_connection(lambda: Peer(ends.pieces[-1]), *taken.getsockname())
        peers.append(transport)
        async with asyncio.timeout(5):
            while len(ends.transports) <= number:
                await asyncio.sleep(0)
    try:
        yield ends
    finally:
        for one in (*peers, *ends.transports):
            one.abort()
        server.close()
        await server.wait_closed()


@pytest.mark.parametrize("count", [1, 2, 3, 50])
async def test_what_is_written_in_one_turn_comes_in_order_and_in_one_piece(count: int) -> None:
    joiner = Joiner()
    async with connections(3) as ends:
        for number in range(count):
            joiner.write_to_all(ends.transports, b"%d," % number)
        joiner.write_to_all([], b"nobody")
        await ends.have(bool)
        assert ends.pieces == [[b"".join(b"%d," % number for number in range(count))]] * 3


async def test_the_same_bytes_twice_are_sent_twice() -> None:
    joiner = Joiner()
    async with connections(1) as ends:
        joiner.write_to_all(ends.transports * 2, b"x")
        await ends.have(bool)
        assert ends.pieces == [[b"xx"]]


async def test_what_is_hastened_goes_before_what_is_written_past_it() -> None:
    joiner = Joiner()
    async with connections(1) as ends:
        [transport] = ends.transports
        joiner.write(transport, b"first ")
        joiner.hasten(transport)
        transport.write(b"second")
        joiner.hasten(transport)
        await ends.have(lambda pieces: b"".join(pieces) == b"first second")


async def test_what_is_dropped_is_not_sent_and_holds_up_nobody() -> None:
    joiner = Joiner()
    async with connections(3) as ends:
        joiner.write_to_all(ends.transports, b"x")
        joiner.drop(ends.transports[0])
        ends.transports[1].abort()
        async with asyncio.timeout(5):
            while not ends.pieces[2]:
                await asyncio.sleep(0.005)
        assert ends.pieces == [[], [], [b"x"]]


async def test_after_a_turn_the_next_is_sent_too() -> None:
    joiner = Joiner()
    async with connections(1) as ends:
        for word in (b"a", b"b", b"c"):
            joiner.write(ends.transports[0], word)
            await asyncio.sleep(0)
            await asyncio.sleep(0)
        await ends.have(lambda pieces: b"".join(pieces) == b"abc")
