"""RFC 6455, sections 5.2 to 5.5: frames, their lengths, pings, and what no frame may be.

These rules are tested from outside, on bytes; the cases follow Autobahn's list (1 to 4), put in words of Engine.IO.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.realtime.arena import CEILING, Arena, echo, echo_of, echoed, running_arena, unharmed
from tests.realtime.raw_socket import (
    BINARY,
    CLOSE,
    CONTINUATION,
    PING,
    PONG,
    TEXT,
    Frame,
    RawSocket,
    frame,
    length_of,
)

arena = pytest.fixture(scope="module")(running_arena)
nobody_else_is_harmed = pytest.fixture(autouse=True)(unharmed)

SEGMENTS = pytest.mark.parametrize("size", [1, 997, None], ids=["byte by byte", "by 997 bytes", "in one segment"])
HEARD = frame(echo("first"))
"""Before the offence; the server may answer it or not, for it may find the offence first."""
NOT_HEARD = frame(echo("late")) + frame(b"late", PING)
"""After the offence: neither handled nor answered."""


async def fails(arena: Arena, *segments: bytes, codes: tuple[int | None, ...] = (1002,)) -> None:
    """A joined client sends these, and is cut off with one of the codes; what comes behind them goes unheard."""
    async with arena.client() as raw:
        await raw.send(*segments, NOT_HEARD)
        await arena.is_failed(raw, *codes)
        assert arena.echoes(raw) <= sum(segment == HEARD for segment in segments)


@pytest.mark.parametrize("size", [14, 125, 126, 127, 128, 65_535, 65_536, CEILING])
async def test_a_message_of_any_length_is_answered(arena: Arena, size: int) -> None:
    event, answer = echo_of(size)
    async with arena.client() as raw:
        await raw.send(frame(event))
        assert (await raw.read()) == Frame(TEXT, answer)
        await raw.pings()


@pytest.mark.parametrize("size", [125, 126, 127, 65_535, 65_536])
async def test_an_answer_of_any_length_has_the_shortest_length_field(arena: Arena, size: int) -> None:
    event, answer = echo_of(size + len(echo()) - len(echoed()))
    assert len(answer) == size
    async with arena.client() as raw:
        await raw.send(frame(event))
        assert (await raw.read()).payload == answer  # `read` fails where the field is longer than need be


async def test_a_message_above_the_ceiling_is_too_big(arena: Arena) -> None:
    event, _ = echo_of(CEILING + 1)
    async with arena.client() as raw:
        await raw.send(frame(event))
        await arena.is_failed(raw, 1009)
        assert arena.echoes(raw) == 0


@pytest.mark.parametrize("size", [CEILING + 1, 2**31, 2**32, 2**62])
async def test_a_length_above_the_ceiling_is_refused_before_its_payload_comes(arena: Arena, size: int) -> None:
    async with arena.client() as raw:
        await raw.send(b"\x81" + length_of(size, 9) + b"mask")
        await arena.is_failed(raw, 1009)


@pytest.mark.parametrize("size", [2**63, 2**63 + 5, 2**64 - 1])
async def test_a_length_with_the_highest_bit_set_is_refused(arena: Arena, size: int) -> None:
    async with arena.client() as raw:
        await raw.send(b"\x81" + length_of(size, 9) + b"mask")
        await arena.is_failed(raw, 1002, 1009)


@pytest.mark.parametrize(("size", "width"), [(0, 3), (14, 3), (125, 3), (14, 9), (126, 9), (65_535, 9)])
async def test_a_length_that_could_be_written_shorter_is_refused(arena: Arena, size: int, width: int) -> None:
    payload = echo_of(size)[0] if size else b""
    await fails(arena, frame(payload, width=width))


async def test_a_longer_length_field_on_a_ping_is_refused(arena: Arena) -> None:
    await fails(arena, frame(b"short", PING, width=3))


@SEGMENTS
@pytest.mark.parametrize("length", [14, 126, 65_536])
async def test_how_tcp_cuts_a_message_does_not_matter(arena: Arena, length: int, size: int | None) -> None:
    event, answer = echo_of(length)
    async with arena.client() as raw:
        data = frame(event)
        if size == 1 and length > 1000:  # a segment for each byte near the ends, where the server has to decide
            await raw.send_in_pieces(data[:40])
            await raw.send(data[40:-40])
            data = data[-40:]
        await raw.send_in_pieces(data, size or len(data))
        assert (await raw.read()).payload == answer


async def test_many_messages_in_one_segment_are_answered_in_order(arena: Arena) -> None:
    async with arena.client() as raw:
        await raw.send(b"".join(frame(echo(str(number), ack=number)) for number in range(300)))
        assert [await raw.read_text() for _ in range(300)] == [echoed(str(number), ack=number) for number in range(300)]


async def test_a_message_may_end_in_the_segment_in_which_the_next_begins(arena: Arena) -> None:
    data = b"".join(frame(echo(str(number) * 50, ack=number)) for number in range(40))
    async with arena.client() as raw:
        await raw.send_in_pieces(data, 61)
        assert [await raw.read_text() for _ in range(40)] == [echoed(str(n) * 50, ack=n) for n in range(40)]


@pytest.mark.parametrize("mask", [b"\0\0\0\0", b"\xff\xff\xff\xff", b"\x00\x00\x00\x01", b"\x80\x00\x00\x00"])
@pytest.mark.parametrize("size", [14, 15, 16, 17, 1000, 1001])
async def test_any_mask_will_do(arena: Arena, mask: bytes, size: int) -> None:
    event, answer = echo_of(size)
    async with arena.client() as raw:
        await raw.send(frame(event, mask=mask))
        assert (await raw.read()).payload == answer


@pytest.mark.parametrize("opcode", [TEXT, BINARY, PING, PONG, CLOSE, CONTINUATION])
async def test_an_unmasked_frame_is_refused(arena: Arena, opcode: int) -> None:
    payload = {TEXT: echo().encode(), CLOSE: b"\x03\xe8"}.get(opcode, b"x")
    await fails(arena, HEARD, frame(payload, opcode, mask=None))


@pytest.mark.parametrize("rsv", range(1, 8))
@pytest.mark.parametrize(
    ("opcode", "payload"), [(TEXT, echo().encode()), (PING, b"x"), (CLOSE, b"\x03\xe8"), (BINARY, b"x")]
)
async def test_reserved_bits_are_refused(arena: Arena, rsv: int, opcode: int, payload: bytes) -> None:
    await fails(arena, HEARD, frame(payload, opcode, rsv=rsv))


async def test_reserved_bits_on_a_continuation_are_refused(arena: Arena) -> None:
    event = echo("in two").encode()
    await fails(arena, frame(event[:5], fin=False), frame(event[5:], CONTINUATION, rsv=4))


@pytest.mark.parametrize("opcode", [3, 4, 5, 6, 7, 11, 12, 13, 14, 15])
@pytest.mark.parametrize("payload", [b"", b"payload"], ids=["empty", "with a payload"])
async def test_reserved_opcodes_are_refused(arena: Arena, opcode: int, payload: bytes) -> None:
    await fails(arena, HEARD, frame(payload, opcode))


@pytest.mark.parametrize("first", [frame(b"x", 3), frame(b"x", PING, rsv=2), frame(b"x", CONTINUATION)])
async def test_an_offence_is_found_in_single_bytes_too(arena: Arena, first: bytes) -> None:
    async with arena.client() as raw:
        await raw.send(HEARD)
        assert await raw.read_text() == echoed("first")
        await raw.send_in_pieces(first + NOT_HEARD)
        await arena.is_failed(raw, 1002)
        assert arena.echoes(raw) == 1


@pytest.mark.parametrize("offence", [frame(b"x", 3), frame(b"\xff"), b"\x81" + length_of(2**40, 9)])
async def test_a_client_that_is_cut_off_and_does_not_answer_is_not_waited_for(arena: Arena, offence: bytes) -> None:
    async with arena.client() as raw:
        await raw.send(offence)
        await arena.is_failed(raw, 1002, 1007, 1009, hangs_up=False)


@pytest.mark.parametrize("parts", [1, 3])
async def test_binary_messages_are_refused(arena: Arena, parts: int) -> None:
    """Socket.IO attachments: this server uses none."""
    first = frame(b"\x00\x01", BINARY, fin=parts == 1)
    rest = [frame(b"\x02", CONTINUATION, fin=False), frame(b"\xff", CONTINUATION)] if parts > 1 else []
    await fails(arena, first, *rest, codes=(1002, 1003, 1007, 1008, None))


@pytest.mark.parametrize("payload", [b"", b"hello", b"\x00\xff\xfe\xfd\xfc\xfb\x00\xff", b"\xfe" * 125])
@SEGMENTS
async def test_a_ping_is_answered_with_its_payload(arena: Arena, payload: bytes, size: int | None) -> None:
    async with arena.client() as raw:
        data = frame(payload, PING)
        await raw.send_in_pieces(data, size or len(data))
        assert await raw.read() == Frame(PONG, payload)


@SEGMENTS
async def test_ten_pings_are_answered_in_their_order(arena: Arena, size: int | None) -> None:
    data = b"".join(frame(b"payload-%d" % number, PING) for number in range(10))
    async with arena.client() as raw:
        await raw.send_in_pieces(data, size or len(data))
        assert [await raw.read() for _ in range(10)] == [Frame(PONG, b"payload-%d" % number) for number in range(10)]


async def test_a_thousand_pings_in_one_segment_are_all_answered(arena: Arena) -> None:
    async with arena.client() as raw:
        await raw.send(b"".join(frame(b"%d" % number, PING) for number in range(1000)))
        assert [(await raw.read()).payload for _ in range(1000)] == [b"%d" % number for number in range(1000)]


@pytest.mark.parametrize("opcode", [PING, PONG, CLOSE])
@pytest.mark.parametrize(("size", "width"), [(126, 3), (65_535, 3), (65_536, 9)])
async def test_a_control_frame_above_125_bytes_is_refused(arena: Arena, opcode: int, size: int, width: int) -> None:
    payload = b"\x03\xe8" + b"x" * (size - 2)
    await fails(arena, frame(payload, opcode, width=width))


@pytest.mark.parametrize("opcode", [PING, PONG, CLOSE])
async def test_a_fragmented_control_frame_is_refused(arena: Arena, opcode: int) -> None:
    await fails(arena, frame(b"\x03\xe8", opcode, fin=False), frame(b"", CONTINUATION))


@pytest.mark.parametrize("payload", [b"", b"nobody asked", b"\xff" * 125])
async def test_a_pong_that_nobody_asked_for_is_ignored(arena: Arena, payload: bytes) -> None:
    async with arena.client() as raw:
        await raw.send(frame(payload, PONG) * 3 + frame(b"asked", PING))
        assert await raw.read() == Frame(PONG, b"asked")


async def test_pings_are_answered_before_the_session_has_said_who_it_is(arena: Arena) -> None:
    async with arena.client(joined=False) as raw:
        await raw.open()
        await raw.pings()
        await raw.send(frame("40"))
        await raw.read_joined()


async def test_pings_are_answered_while_a_handler_runs(arena: Arena) -> None:
    """A slow store must not look like a dead server."""
    async with arena.client(joined=False) as raw:
        arena.edge.gate.clear()
        try:
            await raw.open(frame("40"))
            await raw.pings()
        finally:
            arena.edge.gate.set()
        await raw.read_joined()


@pytest.mark.parametrize("end", [RawSocket.finish, RawSocket.reset], ids=["FIN", "RST"])
@pytest.mark.parametrize("at", [0, 1, 2, 5, 6, 7, 20])
async def test_a_session_ends_with_its_tcp_connection_wherever_in_a_frame_that_is(
    arena: Arena, at: int, end: Callable[[RawSocket], None]
) -> None:
    async with arena.client() as raw:
        await raw.send(frame(echo("half a message"))[:at])
        end(raw)
        assert await arena.ending(raw) in {"transport close", "transport error"}
        assert arena.echoes(raw) == 0
