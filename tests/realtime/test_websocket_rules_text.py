"""RFC 6455, sections 5.4 and 8.1: messages in fragments, and text that is UTF-8. Autobahn's cases 5 and 6."""

from __future__ import annotations

import json

import pytest

from tests.realtime.arena import CEILING, Arena, echo, echo_of, echoed, running_arena, unharmed
from tests.realtime.raw_socket import BINARY, CONTINUATION, PING, PONG, TEXT, Frame, closing, fragments, frame

arena = pytest.fixture(scope="module")(running_arena)
nobody_else_is_harmed = pytest.fixture(autouse=True)(unharmed)

EVENT = echo("Hello-µ@ßöäüàá-UTF-8!! 👋").encode()
ANSWER = echoed("Hello-µ@ßöäüàá-UTF-8!! 👋").encode()
BEFORE, BEHIND = echo("\x7f").encode().split(b"\x7f")
"""An event, but for the text in it."""

VALID = [
    "$",
    "¢",
    "€",
    "𤭢",
    "κόσμε",
    "\x7f",
    "\x80",
    "߿",
    "ࠀ",
    "\ud7ff",
    "\ue000",
    "�",
    "\uffff",
    "\ufffe",
    "\ufff9",
    "𐀀",
    "\U0001ffff",
    "\U0010fffe",
    "\U0010ffff",
    "\ufeff",
]

INVALID = {
    "a continuation byte alone": b"\x80",
    "the last continuation byte alone": b"\xbf",
    "continuation bytes": bytes(range(0x80, 0xC0)),
    "a first byte of two alone": b"\xc2 ",
    "a first byte of three alone": b"\xe0 ",
    "a first byte of four alone": b"\xf0 ",
    "two bytes of three": b"\xe2\x82 ",
    "three bytes of four": b"\xf0\x9f\x91 ",
    "two unfinished ones": b"\xe2\x82\xe2\x82\xac",
    "one continuation byte too many": b"\xe2\x82\xac\xac",
    "an overlong slash in two": b"\xc0\xaf",
    "an overlong slash in three": b"\xe0\x80\xaf",
    "an overlong slash in four": b"\xf0\x80\x80\xaf",
    "the longest overlong in two": b"\xc1\xbf",
    "the longest overlong in three": b"\xe0\x9f\xbf",
    "the longest overlong in four": b"\xf0\x8f\xbf\xbf",
    "an overlong NUL": b"\xc0\x80",
    "the first surrogate": b"\xed\xa0\x80",
    "the last surrogate": b"\xed\xbf\xbf",
    "a pair of surrogates": b"\xed\xa0\xbd\xed\xb1\x8b",
    "above U+10FFFF": b"\xf4\x90\x80\x80",
    "far above U+10FFFF": b"\xf7\xbf\xbf\xbf",
    "five bytes": b"\xf8\x88\x80\x80\x80",
    "six bytes": b"\xfc\x84\x80\x80\x80\x80",
    "0xFE": b"\xfe",
    "0xFF": b"\xff",
    "UTF-16": b"\xff\xfe4\x002\x00",
    "ISO 8859-1": "grüße".encode("latin-1"),
}


def bytewise(data: bytes) -> list[bytes]:
    return [data[at : at + 1] for at in range(len(data))]


async def fails(arena: Arena, *segments: bytes, codes: tuple[int, ...] = (1002,)) -> None:
    """The offence, and behind it a ping that is not answered; none of it reaches a handler."""
    async with arena.client() as raw:
        await raw.send(*segments, frame(b"late", PING))
        await arena.is_failed(raw, *codes)
        assert arena.echoes(raw) == 0


@pytest.mark.parametrize(
    "parts",
    [
        pytest.param([EVENT[:7], EVENT[7:]], id="two"),
        pytest.param([EVENT[:1], EVENT[1:2], EVENT[2:]], id="three"),
        pytest.param([b"", EVENT], id="an empty one first"),
        pytest.param([EVENT, b""], id="an empty one last"),
        pytest.param([b"", b"", EVENT, b"", b""], id="empty ones around"),
        pytest.param([EVENT[:7], b"", b"", EVENT[7:]], id="empty ones within"),
        pytest.param(bytewise(EVENT), id="each byte one"),
    ],
)
@pytest.mark.parametrize("joined", ["one segment", "frame by frame", "byte by byte"])
async def test_a_message_in_fragments_is_one_message(arena: Arena, parts: list[bytes], joined: str) -> None:
    frames = fragments(*parts)
    async with arena.client() as raw:
        match joined:
            case "one segment":
                await raw.send(b"".join(frames))
            case "frame by frame":
                await raw.send(*frames)
            case _:
                await raw.send_in_pieces(b"".join(frames))
        assert await raw.read() == Frame(TEXT, ANSWER)
        assert arena.echoes(raw) == 1


async def test_a_message_of_ten_thousand_fragments_is_one_message(arena: Arena) -> None:
    event, answer = echo_of(10_000)
    async with arena.client() as raw:
        await raw.send(b"".join(fragments(*bytewise(event))))
        assert (await raw.read()).payload == answer


async def test_messages_in_fragments_may_follow_one_another(arena: Arena) -> None:
    async with arena.client() as raw:
        events = [echo(str(number), ack=number).encode() for number in range(50)]
        await raw.send(b"".join(b"".join(fragments(event[:4], event[4:])) + frame(event) for event in events))
        assert [await raw.read_text() for _ in range(100)] == [echoed(str(n // 2), ack=n // 2) for n in range(100)]


@pytest.mark.parametrize("sent_as", ["one segment", "frame by frame"])
async def test_pings_between_fragments_are_answered_at_once(arena: Arena, sent_as: str) -> None:
    frames: list[bytes] = []
    for at, fragment in enumerate(fragments(*bytewise(EVENT))):
        frames += [fragment, frame(b"%d" % at, PING)]
    async with arena.client() as raw:
        await raw.send(*frames[:-2]) if sent_as == "frame by frame" else await raw.send(b"".join(frames[:-2]))
        for at in range(len(EVENT) - 1):
            assert await raw.read() == Frame(PONG, b"%d" % at)
        assert arena.echoes(raw) == 0
        await raw.send(frames[-2])
        assert (await raw.read()).payload == ANSWER


@pytest.mark.parametrize(
    "frames",
    [
        pytest.param([frame(EVENT, CONTINUATION)], id="a last one"),
        pytest.param([frame(EVENT, CONTINUATION, fin=False)], id="one that goes on"),
        pytest.param([frame(b"", CONTINUATION)], id="an empty one"),
        pytest.param([frame(b"x", PING), frame(EVENT, CONTINUATION)], id="one after a ping"),
        pytest.param([frame(b"x", PONG), frame(EVENT, CONTINUATION, fin=False)], id="one after a pong"),
    ],
)
async def test_a_continuation_of_nothing_is_refused(arena: Arena, frames: list[bytes]) -> None:
    async with arena.client() as raw:
        await raw.send(b"".join(frames) + frame(EVENT))
        if frames[0] == frame(b"x", PING):
            assert await raw.read() == Frame(PONG, b"x")
        await arena.is_failed(raw, 1002)
        assert arena.echoes(raw) == 0


async def test_a_continuation_after_a_whole_message_is_refused(arena: Arena) -> None:
    async with arena.client() as raw:
        await raw.send(b"".join(fragments(EVENT[:5], EVENT[5:])))
        assert (await raw.read()).payload == ANSWER
        await raw.send(frame(EVENT, CONTINUATION))
        await arena.is_failed(raw, 1002)
        assert arena.echoes(raw) == 1


@pytest.mark.parametrize("opcode", [TEXT, BINARY])
@pytest.mark.parametrize("fin", [True, False])
@pytest.mark.parametrize("begun", [b"", EVENT[:5]], ids=["after an empty fragment", "after a fragment"])
async def test_a_new_message_within_a_message_is_refused(arena: Arena, opcode: int, fin: bool, begun: bytes) -> None:
    await fails(arena, frame(begun, fin=False), frame(EVENT, opcode, fin=fin), codes=(1002, 1003))


@pytest.mark.parametrize("size", [1, 1000, 60_000])
async def test_fragments_that_do_not_end_are_too_big_in_the_end(arena: Arena, size: int) -> None:
    """The ceiling is that of the message, not of the frame, and holds before the last fragment comes."""
    async with arena.client() as raw:
        await raw.send(frame(b"4", fin=False))
        for _ in range(0, CEILING, 100 * size):
            await raw.send(frame(b"2" * size, CONTINUATION, fin=False) * min(100, CEILING // size + 1))
        await arena.is_failed(raw, 1009)


async def test_a_fragment_that_would_go_over_the_ceiling_is_refused_by_its_length(arena: Arena) -> None:
    async with arena.client() as raw:
        await raw.send(frame(b"4" * 1000, fin=False) + frame(b"2" * (CEILING - 999), CONTINUATION)[:14])
        await arena.is_failed(raw, 1009)


async def test_fragments_up_to_the_ceiling_are_a_message(arena: Arena) -> None:
    event, answer = echo_of(CEILING)
    async with arena.client() as raw:
        await raw.send(b"".join(fragments(*(event[at : at + 1000] for at in range(0, CEILING, 1000)))))
        assert (await raw.read()).payload == answer


@pytest.mark.parametrize("text", VALID)
@pytest.mark.parametrize("ways", [1, 2, 0], ids=["whole", "in two", "in single bytes"])
async def test_every_character_comes_through(arena: Arena, text: str, ways: int) -> None:
    event = echo(text).encode()
    middle = len(BEFORE) + 1
    async with arena.client() as raw:
        match ways:
            case 1:
                await raw.send(frame(event))
            case 2:
                await raw.send(*fragments(event[:middle], event[middle:]))
            case _:
                await raw.send(b"".join(fragments(*bytewise(event))))
        answer = await raw.read_text()
        assert json.loads(answer.removeprefix("431")) == [text]


@pytest.mark.parametrize("sequence", INVALID.values(), ids=INVALID)
@pytest.mark.parametrize("ways", ["whole", "in two frames", "in single bytes"])
async def test_what_is_not_utf_8_is_refused(arena: Arena, sequence: bytes, ways: str) -> None:
    event = BEFORE + sequence + BEHIND
    middle = len(BEFORE) + 1
    match ways:
        case "whole":
            frames = [frame(event)]
        case "in two frames":
            frames = fragments(event[:middle], event[middle:])
        case _:
            frames = fragments(*bytewise(event))
    await fails(arena, *frames, codes=(1007,))


@pytest.mark.parametrize("cut", [b"\xc3", b"\xe2\x82", b"\xf0\x9f\x91"])
@pytest.mark.parametrize("empty_end", [False, True])
async def test_a_message_that_ends_within_a_character_is_refused(arena: Arena, cut: bytes, empty_end: bool) -> None:
    parts = [b'4["' + cut, b""] if empty_end else [b'4["' + cut]
    await fails(arena, *fragments(*parts), codes=(1007,))


async def test_half_a_character_does_not_go_over_into_the_next_message(arena: Arena) -> None:
    whole = EVENT.index("ß".encode()) + 1
    await fails(arena, frame(EVENT[:whole]), frame(EVENT[whole:]), codes=(1007,))


async def test_what_is_not_utf_8_is_refused_at_the_latest_with_the_last_fragment(arena: Arena) -> None:
    async with arena.client() as raw:
        await raw.send(frame(BEFORE, fin=False), frame(b"\xce\xba\xf4\x90\x80\x80", CONTINUATION, fin=False))
        await raw.send(frame(BEHIND, CONTINUATION))
        await arena.is_failed(raw, 1007)


async def test_a_close_within_a_message_is_a_good_close(arena: Arena) -> None:
    async with arena.client() as raw:
        await raw.send(frame(EVENT[:9], fin=False) + closing(1000) + frame(EVENT[9:], CONTINUATION))
        assert [each.code for each in await raw.rest()] == [1000]
        assert await arena.ending(raw) == "client disconnect"
        assert arena.echoes(raw) == 0


@pytest.mark.parametrize("payload", [b"\xff", b"\xed\xa0\x80", b"\xe2\x82"])
async def test_a_ping_need_not_be_text(arena: Arena, payload: bytes) -> None:
    async with arena.client() as raw:
        await raw.pings(payload)
