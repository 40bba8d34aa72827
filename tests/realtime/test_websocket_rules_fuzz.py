"""Clients that send almost the right thing: CHATSRV_TEST_STREAMS says how many, CHATSRV_TEST_SEED which."""

from __future__ import annotations

import asyncio
import os
import random

import pytest

from tests.realtime.arena import CEILING, Arena, running_arena
from tests.realtime.frame_judge import EVENTS, LOST, NO_CODE, Verdict, judge
from tests.realtime.fuzz_frames import Stream, draw_stream
from tests.realtime.raw_socket import CLOSE, PING, PONG, TEXT, Frame, RawSocket, closing, frame, head_of
from tests.realtime.wire import until

STREAMS = int(os.environ.get("CHATSRV_TEST_STREAMS", "200"))
SEED = int(os.environ.get("CHATSRV_TEST_SEED", "1"))
PARTS = 4

arena = pytest.fixture(scope="module")(running_arena)


def describe(stream: Stream) -> str:
    """What to send again."""
    end = "RST" if stream.breaks_off else "FIN"
    return f"segments {[segment.hex() for segment in stream.segments]}, then {end}"


async def talk(raw: RawSocket, stream: Stream) -> list[Frame]:
    """Everything that the server says to it, up to the end of TCP; nothing, where the client breaks off."""
    listening = asyncio.create_task(raw.rest())
    await raw.send(*stream.segments)
    if stream.breaks_off:
        listening.cancel()
        await asyncio.wait([listening])
        raw.reset()
        return []
    raw.finish()
    return await listening


def check(got: list[Frame], verdict: Verdict) -> None:
    pongs = [each.payload for each in got if each.opcode == PONG]
    closes = [each.code or NO_CODE for each in got if each.opcode == CLOSE]
    assert len(pongs) >= verdict.sure_pongs, f"{len(pongs)} pongs, where {verdict.sure_pongs} were due"
    assert pongs == verdict.pongs[: len(pongs)], "a pong that nobody asked for, or out of order"
    assert len(closes) <= 1, "closed twice"
    assert not closes or got[-1].opcode == CLOSE, "a frame behind the close"
    answers = sum(each.opcode == TEXT and each.text.startswith("43") for each in got)
    assert answers <= verdict.messages
    said = closes[0] if closes else LOST
    # where the client hangs up first, a server may say a last word or not
    allowed = (
        verdict.codes if verdict.codes is None or LOST not in verdict.codes else verdict.codes | {1000, 1001, 1006}
    )
    assert allowed is None or said in allowed, f"closed with {said}, where {sorted(map(str, allowed))} are good"


@pytest.mark.parametrize("part", range(PARTS))
async def test_whatever_a_client_sends_the_server_does_as_the_rfc_says_and_nothing_is_left(
    arena: Arena, part: int
) -> None:
    for number in range(part, STREAMS, PARTS):
        stream = draw_stream(SEED, number)
        verdict = judge(stream.data, CEILING)
        raw = await RawSocket.dial(arena.edge.url)
        try:
            await raw.join()
            got = await talk(raw, stream)
            if not stream.breaks_off:
                check(got, verdict)
            await arena.ending(raw)
            assert arena.echoes(raw) <= verdict.messages
            assert stream.breaks_off or not verdict.is_clean or arena.echoes(raw) == verdict.events
            await arena.check()
        except (AssertionError, TimeoutError) as error:
            raise AssertionError(f"stream {SEED}/{number}: {error!r}; {describe(stream)}; {verdict}") from error
        finally:
            raw.leave()


async def test_whatever_a_client_sends_for_a_handshake_ends_and_leaves_nothing(arena: Arena) -> None:
    for number in range(STREAMS // 4):
        draw = random.Random(f"handshake {SEED}/{number}")
        data = bytearray(head_of() + frame("40") + frame(b"hi", PING))
        for _ in range(draw.choice((1, 1, 2, 5))):
            at = draw.randrange(len(data))
            data[at : at + draw.choice((0, 1, 1, 4))] = draw.randbytes(draw.choice((0, 1, 1, 3)))
        cut = draw.randrange(len(data))
        raw = await RawSocket.dial(arena.edge.url)
        try:
            await raw.send(bytes(data[:cut]), bytes(data[cut:]))
            raw.finish()
            async with asyncio.timeout(5):
                await raw.skip(10_000_000)
            await arena.check()
        except (AssertionError, TimeoutError) as error:
            raise AssertionError(
                f"handshake {SEED}/{number}: {error!r}; {data[:cut].hex()} {data[cut:].hex()}"
            ) from error
        finally:
            raw.leave()
    await until(lambda: arena.edge.told("connect") == len(arena.edge.reasons) + 1)


def test_the_judge_knows_a_good_stream_from_a_bad_one() -> None:
    """A judge that let everything pass would find nothing."""
    event = frame(EVENTS[1])
    good = judge(event + frame(b"a", PING) + event + closing(1001), CEILING)
    assert (good.pongs, good.sure_pongs, good.events, good.codes) == ([b"a"], 1, 2, frozenset((1001,)))
    assert good.is_clean
    assert judge(event, CEILING).codes == frozenset((LOST,))
    for bad, code in [
        (frame(b"x", rsv=1), 1002),
        (frame(b"x", 3), 1002),
        (frame(b"x", mask=None), 1002),
        (frame(b"x", width=3), 1002),
        (frame(b"x", PING, fin=False), 1002),
        (frame(b"x", 0), 1002),
        (frame(b"x", fin=False) + frame(b"x"), 1002),
        (frame(b"\xff"), 1007),
        (frame(b"x" * (CEILING + 1)), 1009),
        (closing(1005), 1002),
    ]:
        verdict = judge(event + bad + frame(b"late", PING), CEILING)
        assert verdict.codes == frozenset((code,))
        assert (verdict.pongs, verdict.events, verdict.is_clean) == (list[bytes](), 1, False)
