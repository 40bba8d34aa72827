"""What stands before aiohttp: which bytes it answers, which it passes on, and that no request is read as another."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import suppress

import pytest

from chatsrv.wire import ListenLimits
from tests.wire.place import Place, Wire, connected, get, post, running_place

HIT = b"HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nrecalled"


@pytest.fixture
async def place() -> AsyncIterator[Place]:
    async with running_place() as place:
        place.remembered[get("/hit")] = HIT
        yield place


@pytest.fixture
async def wire(place: Place) -> AsyncIterator[Wire]:
    async with connected(place) as wire:
        yield wire


async def has_read() -> None:
    """What has been sent has been read: on one machine it is there at once, and the loop looks in every turn."""
    for _ in range(5):
        await asyncio.sleep(0)


async def test_a_remembered_answer_is_written_as_it_is(place: Place, wire: Wire) -> None:
    for _ in range(3):
        await wire.send(get("/hit"))
        assert await wire.answer() == (200, "recalled")
    assert place.heads == []


async def test_on_one_connection_remembered_and_other_answers_take_turns(place: Place, wire: Wire) -> None:
    for number in range(5):
        await wire.send(get("/hit"))
        assert await wire.answer() == (200, "recalled")
        await wire.send(get(f"/{number}"))
        assert await wire.answer() == (200, f"<GET /{number} >")
        await wire.send(post("body"))
        assert await wire.answer() == (200, "<POST /p body>")
        await wire.send(b"DELETE /d HTTP/1.1\r\nHost: x\r\n\r\n")
        assert await wire.answer() == (200, "<DELETE /d >")
    assert place.asked.count(get("/hit")) == 5
    assert len(place.heads) == 15


async def test_a_handler_knows_the_head_that_came_alone_as_long_as_it_answers(place: Place, wire: Wire) -> None:
    await wire.send(get("/a?b=c", "X: y"))
    await wire.answer()
    await wire.send(post("body"))
    await wire.answer()
    await wire.send(get("/b")[:10], get("/b")[10:])
    await wire.answer()
    assert place.heads == [get("/a?b=c", "X: y"), None, get("/b")]


async def test_a_head_in_pieces_is_asked_for_when_it_is_whole(place: Place, wire: Wire) -> None:
    await wire.send(*(bytes([byte]) for byte in get("/hit")))
    assert await wire.answer() == (200, "recalled")


async def test_pipelined_requests_are_answered_in_their_order(place: Place, wire: Wire) -> None:
    await wire.send(get("/1") + get("/hit") + post("x") + get("/2"))
    said = [(await wire.answer())[1] for _ in range(4)]
    assert said == ["<GET /1 >", "<GET /hit >", "<POST /p x>", "<GET /2 >"]
    assert set(place.heads) == {None}


async def test_a_request_that_comes_before_the_answer_waits_for_it_and_is_not_recalled(
    place: Place, wire: Wire
) -> None:
    place.gate.clear()
    await wire.send(get("/slow"), get("/hit"))
    await has_read()
    place.gate.set()
    assert [(await wire.answer())[1] for _ in range(2)] == ["<GET /slow >", "<GET /hit >"]
    await wire.send(get("/hit"))  # from now on aiohttp has the connection
    assert await wire.answer() == (200, "<GET /hit >")


async def test_a_head_whose_request_was_overtaken_is_not_known_any_more(place: Place, wire: Wire) -> None:
    place.gate.clear()
    await wire.send(get("/slow"), get("/hit"))
    await has_read()
    place.gate.set()
    await wire.answer()
    await wire.answer()
    assert place.heads == [None, None]


@pytest.mark.parametrize("pieces", [1, 2, 7, 50])
async def test_a_body_may_come_in_any_number_of_segments(place: Place, wire: Wire, pieces: int) -> None:
    body = "0123456789" * 50
    whole = post(body)
    size = -(-len(whole) // pieces)
    await wire.send(*(whole[at : at + size] for at in range(0, len(whole), size)))
    assert await wire.answer() == (200, f"<POST /p {body}>")
    await wire.send(get("/hit"))
    assert await wire.answer() == (200, "recalled")


SMUGGLED = get("/hit").decode()


@pytest.mark.parametrize(
    "hidden",
    [
        pytest.param(f"POST /p HTTP/1.1\r\nHost: x\r\nContent-Length: {len(SMUGGLED)}\r\n\r\n", id="in a body"),
        pytest.param(
            f"POST /p HTTP/1.1\r\nHost: x\r\ncontent-length:{len(SMUGGLED)}\r\nConnection: keep-alive\r\n\r\n",
            id="in a body of another spelling",
        ),
        pytest.param(
            f"POST /p HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n{len(SMUGGLED):x}\r\n", id="in a chunk"
        ),
        pytest.param(
            f"POST /p HTTP/1.1\r\nHost: x\r\nContent-Length: {len(SMUGGLED)}\r\nExpect: 100-continue\r\n\r\n",
            id="in a body that was asked for",
        ),
    ],
)
@pytest.mark.parametrize("is_apart", [False, True])
async def test_a_request_within_a_body_is_a_body(place: Place, wire: Wire, hidden: str, is_apart: bool) -> None:
    end = "\r\n0\r\n\r\n" if "chunked" in hidden else ""
    parts = [hidden.encode(), SMUGGLED.encode(), end.encode()]
    await wire.send(*([part for part in parts if part] if is_apart else [b"".join(parts)]))
    async with asyncio.timeout(5):
        said = b""
        while not said.endswith(b">"):
            said += await wire.reader.read(1000)
    assert said.endswith(f"<POST /p {SMUGGLED}>".encode())
    assert place.asked == []


@pytest.mark.parametrize(
    "head",
    [
        pytest.param(b"Content-Length: 5\r\nContent-Length: 0\r\n", id="two lengths"),
        pytest.param(b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", id="a length and chunks"),
        pytest.param(b"Content-Length: +5\r\n", id="a signed length"),
        pytest.param(b"Content-Length: 5, 5\r\n", id="a list of lengths"),
        pytest.param(b"Content-Length: 0x5\r\n", id="a length that is no number"),
        pytest.param(b"Content-Length : 5\r\n", id="a space before the colon"),
        pytest.param(b"X: y\r\n Content-Length: 5\r\n", id="a folded line"),
        pytest.param(b"X: y\nContent-Length: 5\r\n", id="a bare line feed"),
        pytest.param(b"X: y\rContent-Length: 5\r\n", id="a bare carriage return"),
        pytest.param(b"Transfer-Encoding: xchunked\r\n", id="an unknown coding"),
        pytest.param(b"Transfer-Encoding: chunked, identity\r\n", id="chunked not last"),
        pytest.param(b"Transfer_Encoding: chunked\r\nContent-Length\x00: 5\r\n", id="a NUL"),
    ],
)
async def test_where_the_end_of_a_request_is_in_doubt_nothing_behind_it_is_recalled(
    place: Place, wire: Wire, head: bytes
) -> None:
    await wire.send(b"POST /p HTTP/1.1\r\nHost: x\r\n" + head + b"\r\n")
    await wire.send(get("/hit"))
    wire.writer.write_eof()
    async with asyncio.timeout(5):
        said = await wire.reader.read()
    assert b"recalled" not in said
    assert place.asked == []


async def test_a_remembered_head_behind_a_bare_line_feed_is_another_head(place: Place, wire: Wire) -> None:
    await wire.send(b"GET /x HTTP/1.1\nHost: x\n\n" + get("/hit"))
    wire.writer.write_eof()
    async with asyncio.timeout(5):
        said = await wire.reader.read()
    assert b"recalled" not in said


@pytest.mark.parametrize("head", [get("/a", "Content-Length: 2"), get("/a", "Transfer-Encoding: chunked")])
async def test_a_get_with_a_body_is_not_offered_to_be_remembered(place: Place, wire: Wire, head: bytes) -> None:
    await wire.send(head, b"0\r\n\r\n" if b"chunked" in head else b"ab")
    assert (await wire.answer())[0] == 200
    assert place.heads == [None]


async def test_a_body_that_is_asked_for_comes(place: Place, wire: Wire) -> None:
    await wire.send(b"POST /p HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n")
    async with asyncio.timeout(5):
        assert await wire.reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
    await wire.send(b"ab")
    assert await wire.answer() == (200, "<POST /p ab>")


@pytest.mark.parametrize(
    "head", [get("/a", "Connection: close"), b"GET /a HTTP/1.0\r\nHost: x\r\n\r\n"], ids=["close", "HTTP/1.0"]
)
async def test_a_connection_that_is_to_end_after_the_answer_ends(wire: Wire, head: bytes) -> None:
    await wire.send(head)
    assert await wire.answer() == (200, "<GET /a >")
    assert await wire.is_over()


async def test_head_and_options_leave_the_connection_open(place: Place, wire: Wire) -> None:
    await wire.send(b"HEAD /a HTTP/1.1\r\nHost: x\r\n\r\n")
    async with asyncio.timeout(5):
        assert b" 200 " in await wire.reader.readuntil(b"\r\n\r\n")
    await wire.send(b"OPTIONS /a HTTP/1.1\r\nHost: x\r\n\r\n")
    assert await wire.answer() == (200, "<OPTIONS /a >")
    await wire.send(get("/hit"))
    assert await wire.answer() == (200, "recalled")


@pytest.mark.parametrize(
    "what", [b"\x16\x03\x01\x02\x00\x01\x00\r\n\r\n", b"nonsense\r\n\r\n", b"GET  / HTTP/1.1\r\n\r\n"]
)
async def test_what_is_no_http_is_refused_by_aiohttp(wire: Wire, what: bytes) -> None:
    await wire.send(what)
    assert (await wire.answer())[0] == 400
    assert await wire.is_over()


@pytest.mark.parametrize("size", [9_000, 200_000])
async def test_a_head_that_is_too_long_is_refused_whether_it_ends_or_not(wire: Wire, size: int) -> None:
    await wire.send(b"GET /a HTTP/1.1\r\nX: " + b"x" * size)
    if size < 70_000:
        await wire.send(b"\r\n\r\n")
    assert (await wire.answer())[0] == 400


@pytest.mark.parametrize(
    "start", [b"", b"GET /a HT", b"POST /p HTTP/1.1\r\nContent-"], ids=["nothing", "a line", "half"]
)
async def test_a_connection_that_does_not_finish_a_head_is_closed(start: bytes) -> None:
    async with running_place(ListenLimits(keepalive_s=0.3, shutdown_timeout_s=1)) as place, connected(place) as wire:
        await wire.send(start)
        assert await wire.is_over()


async def test_a_head_that_trickles_does_not_outlive_its_time() -> None:
    async with running_place(ListenLimits(keepalive_s=0.3, shutdown_timeout_s=1)) as place, connected(place) as wire:

        async def trickle() -> None:
            while True:
                wire.writer.write(b"x")
                await asyncio.sleep(0.02)

        await wire.send(b"GET /")
        trickling = asyncio.create_task(trickle())
        try:
            async with asyncio.timeout(5):
                assert await wire.reader.read() == b""
        except ConnectionResetError:
            pass  # it was told in the middle of a byte
        finally:
            trickling.cancel()


async def test_a_long_head_that_never_ends_is_closed_also_behind_a_remembered_answer() -> None:
    async with running_place(ListenLimits(keepalive_s=0.3, shutdown_timeout_s=1)) as place, connected(place) as wire:
        place.remembered[get("/hit")] = HIT
        await wire.send(get("/a"))
        await wire.answer()
        await wire.send(get("/hit"))
        await wire.answer()
        await wire.send(b"GET /a HTTP/1.1\r\n" + b"".join(b"X%d: %b\r\n" % (i, b"x" * 8000) for i in range(9)))
        assert await wire.is_over()


@pytest.mark.parametrize("is_after_another", [False, True])
async def test_a_busy_connection_outlives_the_time_of_an_idle_one_and_then_ends_like_it(is_after_another: bool) -> None:
    async with running_place(ListenLimits(keepalive_s=0.4, shutdown_timeout_s=1)) as place, connected(place) as wire:
        place.remembered[get("/hit")] = HIT
        if is_after_another:
            await wire.send(get("/a"))
            await wire.answer()
        for _ in range(12):
            await wire.send(get("/hit"))
            assert await wire.answer() == (200, "recalled")
            await asyncio.sleep(0.1)
        assert await wire.is_over()


async def test_stopping_finishes_what_is_being_answered_and_closes_what_is_idle() -> None:
    limits = ListenLimits(shutdown_timeout_s=5)
    async with running_place(limits) as place:
        place.gate.clear()
        idle = Wire(*await asyncio.open_connection(*place.address))
        half = Wire(*await asyncio.open_connection(*place.address))
        busy = Wire(*await asyncio.open_connection(*place.address))
        await half.send(b"GET /")
        await busy.send(get("/slow"))
        while not place.heads:
            await asyncio.sleep(0.005)

        async def watch() -> None:
            assert await idle.is_over()
            assert await half.is_over()
            place.gate.set()
            assert await busy.answer() == (200, "<GET /slow >")

        watching = asyncio.create_task(watch())
    await watching
    assert await busy.is_over()
    for wire in (idle, half, busy):
        wire.close()


async def test_a_client_that_does_not_read_its_answers_is_not_read_from(place: Place) -> None:
    place.remembered[get("/hit")] = b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n" + b"x" * 1_000_000
    async with connected(place) as wire:
        wire.writer.transport.pause_reading()  # type: ignore[attr-defined]
        for _ in range(200):
            wire.writer.write(get("/hit"))
            await asyncio.sleep(0)
        await asyncio.sleep(0.2)
        assert len(place.asked) < 50
        wire.writer.transport.abort()


@pytest.mark.parametrize("is_recalled", [True, False])
async def test_a_client_that_reads_none_of_its_answers_is_cut_and_one_that_reads_slowly_is_not(
    is_recalled: bool,
) -> None:
    """Whoever answered: neither we nor aiohttp wait for ever for somebody to read."""
    limits = ListenLimits(keepalive_s=0.3, shutdown_timeout_s=1)
    async with running_place(limits) as place, connected(place) as stuck, connected(place) as slow:
        size = 16_000_000
        if is_recalled:
            place.remembered[get("/a")] = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size + b"x" * size
        else:
            place.text = "x" * size
        stuck.writer.transport.pause_reading()  # type: ignore[attr-defined]
        await stuck.send(get("/a"))
        await slow.send(get("/a"))
        async with asyncio.timeout(20):
            head = await slow.reader.readuntil(b"\r\n\r\n")
            assert b" 200 " in head
            left = size
            while left > 0:
                left -= len(await slow.reader.read(200_000))
                await asyncio.sleep(0.015)
            stuck.writer.transport.resume_reading()  # type: ignore[attr-defined]
            with suppress(ConnectionResetError):
                assert len(await stuck.reader.read(-1)) < size


async def test_a_client_that_reads_next_to_nothing_is_cut_like_one_that_reads_nothing() -> None:
    """However long its answer would take it: a little now and then keeps nobody's memory."""
    told: list[str] = []
    limits = ListenLimits(keepalive_s=0.4, slowest_bytes_per_s=100_000_000, shutdown_timeout_s=1)
    async with running_place(limits, on_slow=lambda: told.append("slow")) as place:
        place.text = "x" * 40_000_000
        loop = asyncio.get_running_loop()
        with socket.socket() as wire:
            wire.setblocking(False)
            await loop.sock_connect(wire, place.address)
            await loop.sock_sendall(wire, get("/a"))
            async with asyncio.timeout(4):
                while not told:
                    await loop.sock_recv(wire, 50_000)
                    await asyncio.sleep(0.01)
        assert told == ["slow"]


@pytest.mark.parametrize(
    "start",
    [b"\x16\x03\x01\x02\x00\x01\x00", b"\0", b"\x80\x2e\x01", b"(GET /"],
    ids=["TLS", "NUL", "SSL", "a bracket"],
)
async def test_what_cannot_become_a_request_is_not_waited_for_to_be_whole(wire: Wire, start: bytes) -> None:
    await wire.send(start)
    assert (await wire.answer())[0] == 400
    assert await wire.is_over()


async def test_a_slow_head_is_told_of_and_an_idle_connection_is_not() -> None:
    told: list[str] = []
    limits = ListenLimits(keepalive_s=0.3, shutdown_timeout_s=1)
    async with running_place(limits, on_slow=lambda: told.append("slow")) as place:
        async with connected(place) as wire:
            assert await wire.is_over()
            assert told == []
        async with connected(place) as wire:
            await wire.send(b"GET /a")
            assert await wire.is_over()
            assert told == ["slow"]
