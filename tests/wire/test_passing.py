"""Connections that go from process to process: here two listeners of one process, which share nothing but the lines."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from aiohttp import web

from chatsrv.cli.lines import Line, opened_lines
from chatsrv.wire import ListenLimits, Passing, listening
from tests.listening import bound
from tests.wire.place import Wire, get, post

LIMITS = ListenLimits(shutdown_timeout_s=1)


@dataclass
class Pair:
    """Two workers, each with an address of its own; what each answers begins with its number."""

    addresses: list[tuple[str, int]]
    lines: Sequence[Line]

    async def connect(self, number: int = 0) -> Wire:
        return Wire(*await asyncio.open_connection(*self.addresses[number]))


@pytest.fixture
async def pair() -> AsyncIterator[Pair]:
    async with AsyncExitStack() as stack:
        lines = stack.enter_context(opened_lines(2))
        yield Pair([await stack.enter_async_context(worker(number, lines)) for number in range(2)], lines)


@asynccontextmanager
async def worker(number: int, lines: Sequence[Line]) -> AsyncIterator[tuple[str, int]]:
    async def answer(request: web.Request) -> web.Response:
        body = await request.read()
        return web.Response(text=f"{number} {request.method} {request.remote} {body.decode()}")

    app, taken = web.Application(client_max_size=1 << 20), bound()
    address = taken.getsockname()
    app.router.add_route("*", "/{tail:.*}", answer)
    passing = Passing(number, lines[number].inbox, [line.outbox for line in lines])
    async with listening(app, [taken], LIMITS, passing=passing):
        yield address


def sockets(sid: str) -> str:
    return f"/socket.io/?EIO=4&transport=polling&sid={sid}"


async def test_a_connection_goes_to_the_worker_of_each_session_that_it_asks_for(pair: Pair) -> None:
    wire = await pair.connect()
    own = wire.writer.get_extra_info("sockname")
    for number in (0, 1, 1, 0, 1, 0):
        await wire.send(get(sockets(f"{number}.abc")))
        assert await wire.answer() == (200, f"{number} GET 127.0.0.1 ")
        await wire.send(post("body", target=sockets(f"{number}.abc")))
        assert await wire.answer() == (200, f"{number} POST 127.0.0.1 body")
        await wire.send(get("/anything?sid=1.abc"))  # stays where it is
        assert await wire.answer() == (200, f"{number} GET 127.0.0.1 ")
    assert wire.writer.get_extra_info("sockname") == own
    wire.close()


async def test_what_has_been_read_goes_along_and_what_comes_later_follows(pair: Pair) -> None:
    wire = await pair.connect()
    whole = post("a body in pieces", target=sockets("1.abc"))
    await wire.send(whole[:30], whole[30:-9], whole[-9:])
    assert await wire.answer() == (200, "1 POST 127.0.0.1 a body in pieces")
    await wire.send(post("x" * 300_000, target=sockets("0.abc")))
    assert await wire.answer() == (200, f"0 POST 127.0.0.1 {'x' * 300_000}")
    wire.close()


async def test_pipelined_requests_are_answered_in_their_order_by_whoever_has_the_connection_then(pair: Pair) -> None:
    """A connection on which the next request came before the answer is aiohttp's for good."""
    wire = await pair.connect()
    await wire.send(get(sockets("1.abc")) + get(sockets("0.abc")) + get("/last"))
    assert [(await wire.answer())[1][0] for _ in range(3)] == ["1", "1", "1"]
    wire.close()


@pytest.mark.parametrize("sid", ["2.abc", "9999.abc", "99999.abc", "-1.abc", ".abc", "abc", "1", "1%2Eabc", ""])
async def test_what_names_no_worker_stays_where_it_is(pair: Pair, sid: str) -> None:
    wire = await pair.connect()
    await wire.send(get(sockets(sid)))
    assert (await wire.answer())[1].startswith("0 GET")
    wire.close()


async def test_many_at_once_arrive_each_with_its_own_bytes(pair: Pair) -> None:
    wires = [await pair.connect(number % 2) for number in range(100)]
    for number, wire in enumerate(wires):
        wire.writer.write(post(str(number) * 5000, target=sockets(f"{1 - number % 2}.abc")))
    for number, wire in enumerate(wires):
        assert (await wire.answer())[1] == f"{1 - number % 2} POST 127.0.0.1 {str(number) * 5000}"
        wire.close()


async def test_a_worker_that_is_away_for_a_while_finds_what_waited_for_it() -> None:
    """More than the system keeps for it; the rest waits where it came from."""
    async with AsyncExitStack() as stack:
        lines = stack.enter_context(opened_lines(2))
        address = await stack.enter_async_context(worker(0, lines))
        wires = [Wire(*await asyncio.open_connection(*address)) for _ in range(60)]
        for wire in wires:
            await wire.send(post("x" * 100_000, target=sockets("1.abc")))
        await _has_filled(lines[1])
        await stack.enter_async_context(worker(1, lines))
        for wire in wires:
            assert (await wire.answer())[1].startswith("1 POST 127.0.0.1 xxx")
            wire.close()


async def _has_filled(line: Line) -> None:
    async with asyncio.timeout(5):
        while True:
            try:
                line.outbox.send(b"")  # no connection comes with it: nobody minds
            except BlockingIOError:
                return
            await asyncio.sleep(0.005)


async def test_a_client_that_leaves_on_the_way_and_messages_without_a_connection_harm_nobody(pair: Pair) -> None:
    pair.lines[1].outbox.send(b"GET / HTTP/1.1\r\n\r\n")
    for _ in range(10):
        wire = await pair.connect()
        wire.writer.write(get(sockets("1.abc")))
        wire.writer.transport.abort()
    wire = await pair.connect()
    await wire.send(get(sockets("1.abc")))
    assert (await wire.answer())[1].startswith("1 GET")
    wire.close()


async def test_no_descriptor_is_left_behind(pair: Pair) -> None:
    async def ask_all() -> None:
        for number in range(20):
            wire = await pair.connect()
            await wire.send(get(sockets(f"{number % 2}.abc")))
            await wire.answer()
            wire.close()
            await wire.writer.wait_closed()

    await ask_all()
    before = _open_descriptors()
    await ask_all()
    async with asyncio.timeout(5):
        while _open_descriptors() > before:
            await asyncio.sleep(0.01)


def _open_descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))
