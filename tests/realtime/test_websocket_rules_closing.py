"""RFC 6455, section 7: the closing handshake, either side first, and clients that take no part. Autobahn's 7."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Callable

import pytest

from chatsrv.realtime.server import WireLimits
from tests.realtime.arena import Arena, echo, echoed, running_arena, unharmed
from tests.realtime.raw_socket import CLOSE, PING, TEXT, Frame, RawSocket, closing, frame
from tests.realtime.wire import serving, until

arena = pytest.fixture(scope="module")(running_arena)
nobody_else_is_harmed = pytest.fixture(autouse=True)(unharmed)

GOOD_CODES = [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 3999, 4000, 4999]
BAD_CODES = [0, 1, 999, 1004, 1005, 1006, 1015, 1016, 1100, 1999, 2000, 2999, 5000, 9999, 65_535]
LATE = frame(echo("late")) + frame(b"late", PING)


@pytest.mark.parametrize("code", GOOD_CODES)
@pytest.mark.parametrize(
    "reason", [b"", "Auf Wiedersehen, 世界 👋".encode(), b"x" * 123], ids=["none", "words", "long"]
)
async def test_a_close_is_answered_with_its_code_and_the_server_ends_tcp(
    arena: Arena, code: int, reason: bytes
) -> None:
    """1000 is the Python client's own disconnect; every other code is a page or a wire that has gone."""
    async with arena.client() as raw:
        await raw.send(closing(code, reason))
        assert [each.code for each in await raw.rest()] == [code]
        assert await arena.ending(raw) == ("client disconnect" if code == 1000 else "transport close")


async def test_a_close_without_a_code_is_answered_and_no_logout(arena: Arena) -> None:
    async with arena.client() as raw:
        await raw.send(closing(None))
        (answer,) = await raw.rest()
        assert answer.code in {None, 1000}
        assert await arena.ending(raw) == "transport close"


async def test_a_close_byte_by_byte_is_a_close(arena: Arena) -> None:
    async with arena.client() as raw:
        await raw.send_in_pieces(closing(4321, b"in pieces"))
        assert [each.code for each in await raw.rest()] == [4321]


@pytest.mark.parametrize("code", BAD_CODES)
async def test_a_code_that_may_not_be_sent_is_refused(arena: Arena, code: int) -> None:
    async with arena.client() as raw:
        await raw.send(closing(code) + LATE)
        await arena.is_failed(raw, 1002)


@pytest.mark.parametrize("payload", [b"\x03", b"\x00"])
async def test_a_close_with_half_a_code_is_refused(arena: Arena, payload: bytes) -> None:
    async with arena.client() as raw:
        await raw.send(frame(payload, CLOSE) + LATE)
        await arena.is_failed(raw, 1002)


@pytest.mark.parametrize("reason", [b"\xff", b"\xe2\x82", b"\xed\xa0\x80", b"x" * 122 + b"\xc3"])
async def test_a_reason_that_is_not_utf_8_is_refused(arena: Arena, reason: bytes) -> None:
    async with arena.client() as raw:
        await raw.send(closing(1000, reason) + LATE)
        await arena.is_failed(raw, 1002, 1007)


@pytest.mark.parametrize(
    "late",
    [
        pytest.param(frame(echo("late")), id="an event"),
        pytest.param(frame(b"late", PING), id="a ping"),
        pytest.param(closing(1001), id="another close"),
        pytest.param(frame(b"late", 3, rsv=7), id="nonsense"),
        pytest.param(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", id="a request"),
        pytest.param(b"\0" * 100_000, id="a lot"),
    ],
)
@pytest.mark.parametrize("apart", [False, True], ids=["in its segment", "behind it"])
async def test_what_comes_after_a_close_is_ignored(arena: Arena, late: bytes, apart: bool) -> None:
    async with arena.client() as raw:
        await raw.send(closing(1000), late) if apart else await raw.send(closing(1000) + late)
        assert [each.code for each in await raw.rest()] == [1000]
        assert await arena.ending(raw) == "client disconnect"
        assert arena.echoes(raw) == 0


async def test_an_event_before_the_close_is_heard(arena: Arena) -> None:
    """Its answer may come or not, but before the close."""
    async with arena.client() as raw:
        await raw.send(frame(echo("last words")) + closing(1001))
        *answers, close = await raw.rest()
        assert close == Frame(CLOSE, struct.pack("!H", 1001))
        assert answers in ([], [Frame(TEXT, echoed("last words").encode())])
        assert await arena.ending(raw) == "transport close"
        assert arena.echoes(raw) == 1


@pytest.mark.parametrize("code", [None, 1000, 1001])
async def test_a_disconnect_packet_before_the_close_is_a_logout_whatever_the_code(
    arena: Arena, code: int | None
) -> None:
    async with arena.client() as raw:
        await raw.send(frame("41") + closing(code))
        assert [each.opcode for each in await raw.rest()] == [CLOSE]
        assert await arena.ending(raw) == "client disconnect"


@pytest.mark.parametrize("end", [RawSocket.finish, RawSocket.reset], ids=["FIN", "RST"])
async def test_a_wire_that_ends_without_a_close_is_no_logout(arena: Arena, end: Callable[[RawSocket], None]) -> None:
    async with arena.client() as raw:
        end(raw)
        assert await arena.ending(raw) in {"transport close", "transport error"}
        if end is RawSocket.finish:
            assert [each for each in await raw.rest() if each.opcode != CLOSE] == []


async def test_events_before_the_end_of_the_wire_are_heard(arena: Arena) -> None:
    async with arena.client() as raw:
        await raw.send(frame(echo("1")) + frame(echo("2")))
        raw.finish()
        await arena.ending(raw)
        assert arena.echoes(raw) == 2


async def test_a_disconnect_packet_and_then_the_end_of_the_wire_is_a_logout(arena: Arena) -> None:
    async with arena.client() as raw:
        await raw.send(frame("41"))
        raw.finish()
        assert await arena.ending(raw) == "client disconnect"


@pytest.mark.parametrize("code", [1000, 1001])
async def test_a_client_that_closes_and_then_leaves_tcp_open_is_not_waited_for(arena: Arena, code: int) -> None:
    """`rest` reads to the end of TCP, and this client never ends it itself."""
    async with arena.client() as raw:
        await raw.send(closing(code))
        assert len(await raw.rest()) == 1


async def test_a_client_may_close_before_it_has_said_who_it_is(arena: Arena) -> None:
    async with arena.client(joined=False) as raw:
        await raw.open()
        await raw.send(closing(1000))
        assert [each.code for each in await raw.rest()] == [1000]


async def test_a_close_while_connect_runs_is_answered_and_ends_the_session_when_it_has_run(arena: Arena) -> None:
    async with arena.client(joined=False) as raw:
        arena.edge.gate.clear()
        try:
            await raw.open(frame("40"))
            await until(lambda: arena.edge.heard[-1][1] == "connect")
            raw.sid = arena.edge.heard[-1][0]
            await raw.send(closing(1001))
            raw.finish()
        finally:
            arena.edge.gate.set()
        assert await arena.ending(raw) in {"transport close", "transport error"}


@pytest.mark.parametrize(
    ("answer", "talks_on"),
    [
        pytest.param(closing(1012), False, id="answers"),
        pytest.param(b"", False, id="does not answer"),
        pytest.param(closing(1000), False, id="answers with another code"),
        pytest.param(b"", True, id="talks on"),
        pytest.param(frame(b"", 3), False, id="answers with nonsense"),
    ],
)
async def test_a_server_that_closes_ends_tcp_whatever_the_client_does(answer: bytes, talks_on: bool) -> None:
    """A drain: 1012, after which stock clients come back."""
    async with serving(WireLimits(close_timeout_s=0.2)) as edge:
        raw = await RawSocket.dial(edge.url)
        await raw.join()
        draining = asyncio.create_task(edge.server.drain(0, lambda: 0))
        assert await raw.read() == Frame(CLOSE, struct.pack("!H", 1012))
        await raw.send(answer)
        if talks_on:
            await raw.send(*[frame(echo("late")) + frame(b"late", PING)] * 20)
        assert await raw.rest() == []
        await draining
        assert edge.reasons == ["server drain"]
        assert edge.told("echo") == 0
        raw.leave()
        await until(lambda: edge.is_empty)


async def test_a_client_that_reads_nothing_cannot_hold_up_a_drain() -> None:
    async with serving(WireLimits(close_timeout_s=0.2, queue_max_packets=10_000)) as edge:
        raw = await RawSocket.dial(edge.url, receive_buffer=4096)
        await raw.join()
        for _ in range(30):
            await edge.server.emit("news", "x" * 100_000, to=raw.sid)
        async with asyncio.timeout(5):
            await edge.server.drain(0, lambda: 0)
        assert len(edge.reasons) == 1
        raw.leave()


async def test_a_client_that_misses_its_pings_is_cut_and_its_tcp_ended() -> None:
    async with serving(WireLimits(ping_interval_s=0.1, ping_timeout_s=0.1, close_timeout_s=0.2)) as edge:
        raw = await RawSocket.dial(edge.url)
        await raw.join()
        assert await raw.read_text() == "2"
        assert [each for each in await raw.rest() if each.opcode != CLOSE] == []
        await until(lambda: edge.reasons == ["ping timeout"])
        raw.leave()


async def test_websocket_pings_are_no_answer_to_a_ping_of_engine_io() -> None:
    """A proxy may answer the one for a client that is long gone."""
    async with serving(WireLimits(ping_interval_s=0.1, ping_timeout_s=0.2, close_timeout_s=0.2)) as edge:
        raw = await RawSocket.dial(edge.url)
        await raw.join()
        while not edge.reasons:
            await raw.send(frame(b"alive", PING))
            await asyncio.sleep(0.02)
        assert edge.reasons == ["ping timeout"]
        raw.leave()


async def test_a_client_that_answers_its_pings_stays() -> None:
    async with serving(WireLimits(ping_interval_s=0.05, ping_timeout_s=0.3)) as edge:
        raw = await RawSocket.dial(edge.url)
        await raw.join()
        for _ in range(10):
            assert await raw.read_text() == "2"
            await raw.send(frame("3"))
        raw.leave()
        await until(lambda: edge.is_empty)
        assert edge.reasons[0] in {"transport close", "transport error"}
