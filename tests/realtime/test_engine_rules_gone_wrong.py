"""Engine.IO 4: upgrades out of order, twice, of nobody, or cut short, after which a session is where it was."""

from __future__ import annotations

import asyncio
import json

import pytest

from tests.realtime.arena import CEILING, Arena, echo, echoed, running_arena, unharmed
from tests.realtime.going_over import PROBE, UPGRADE, Session, is_given_up, polling
from tests.realtime.raw_socket import BINARY, CLOSE, PATH, RawSocket, closing, frame, head_of

arena = pytest.fixture(scope="module")(running_arena)
nobody_else_is_harmed = pytest.fixture(autouse=True)(unharmed)


async def test_after_the_change_polling_is_over_and_does_no_harm(arena: Arena) -> None:
    async with polling(arena) as session:
        raw = await session.upgrade()
        await raw.send(frame(echo("over")))
        assert await session.hear() == echoed("over")
        assert (await session.poller.get())[0] == 400
        assert await session.poller.post(echo("posted")) == 400
        await raw.send(frame(echo("sent")))
        assert await session.hear() == echoed("sent")
        assert arena.echoes(raw) == 2


@pytest.mark.parametrize("first", ["first", "second"], ids=["the first goes over", "the second goes over"])
async def test_of_two_probes_at_once_one_goes_over_and_the_other_is_given_up(arena: Arena, first: str) -> None:
    """A server may also refuse the second at its handshake or its probe, but then the first must be able to go over."""
    async with polling(arena) as session:
        one = await session.probe()
        other = await RawSocket.dial(arena.edge.url)
        await other.send(head_of(session.path))
        status = (await other.read_head()).status
        assert status in {101, 400}
        await other.send(frame(PROBE)) if status == 101 else None
        answer = await other.read_frame() if status == 101 else None
        is_probed = answer is not None and answer.opcode != CLOSE
        winner, loser = (one, other) if first == "first" or not is_probed else (other, one)
        session.raw = winner
        await winner.send(frame(UPGRADE), frame(echo("over")))
        assert await session.hear() == echoed("over")
        await loser.send(frame(UPGRADE), frame(echo("me too")))
        if status == 101 or loser is one:
            await is_given_up(loser)
        await winner.pings()
        winner.sid = session.sid
        assert arena.echoes(winner) == 1
        loser.leave()


async def test_two_upgrades_in_one_moment_leave_one_session_on_one_websocket(arena: Arena) -> None:
    async with polling(arena) as session:
        raws = [await RawSocket.dial(arena.edge.url) for _ in range(2)]
        data = head_of(session.path) + frame(PROBE) + frame(UPGRADE) + frame(echo("over"))
        await asyncio.gather(*(raw.send(data) for raw in raws))
        heads = [await raw.read_head() for raw in raws]
        assert {head.status for head in heads} <= {101, 400}
        answers: list[list[str]] = []
        for raw, head in zip(raws, heads, strict=True):
            texts: list[str] = []
            while head.status == 101 and (got := await raw.read_frame()) and got.opcode != CLOSE:
                texts += [got.text]
                if texts[-1] == echoed("over"):
                    session.raw, raw.sid = raw, session.sid
                    break
            answers.append(texts)
        assert sum(echoed("over") in texts for texts in answers) == 1, answers
        assert session.raw is not None
        assert arena.echoes(session.raw) == 1
        await session.raw.pings()
        for raw in raws:
            if raw is not session.raw:
                raw.leave()


@pytest.mark.parametrize(
    "word",
    [
        pytest.param(frame("no probe"), id="anything"),
        pytest.param(frame("5"), id="an upgrade without a probe"),
        pytest.param(frame("2"), id="a ping without a word"),
        pytest.param(frame(""), id="an empty text"),
        pytest.param(frame("40"), id="a connect"),
        pytest.param(frame(echo("early")), id="an event"),
        pytest.param(frame(b"2probe", BINARY), id="the probe in binary"),
        pytest.param(frame(b"2pr\xff"), id="what is not UTF-8"),
        pytest.param(frame("2probe", mask=None), id="an unmasked probe"),
        pytest.param(frame("2probe", rsv=4), id="a compressed probe"),
        pytest.param(closing(1000), id="a close with 1000"),
        pytest.param(closing(1001), id="a close"),
        pytest.param(frame("2" * (CEILING + 1)), id="too long a word"),
    ],
)
@pytest.mark.parametrize("probed", [False, True], ids=["at first", "after the probe"])
async def test_an_upgrade_that_goes_wrong_is_given_up_and_polling_goes_on(
    arena: Arena, word: bytes, probed: bool
) -> None:
    if probed and word == frame("5"):
        return  # that is the good order
    async with polling(arena) as session:
        raw = await (session.probe() if probed else session.dial())
        await raw.send(word)
        await is_given_up(raw)
        await session.polls_well()


@pytest.mark.parametrize("end", ["FIN", "RST"])
@pytest.mark.parametrize("probed", [False, True], ids=["at first", "after the probe"])
async def test_an_upgrade_whose_wire_breaks_leaves_polling_alive(arena: Arena, end: str, probed: bool) -> None:
    async with polling(arena) as session:
        raw = await (session.probe() if probed else session.dial())
        if end == "FIN":
            raw.finish()
            await is_given_up(raw)
        else:
            raw.reset()
        await session.polls_well()


async def test_after_an_upgrade_that_went_wrong_the_next_may_go_well(arena: Arena) -> None:
    async with polling(arena) as session:
        for _ in range(3):
            raw = await session.probe()
            await raw.send(closing(1001))
            await is_given_up(raw)
        raw = await session.upgrade()
        await raw.send(frame(echo("at last")))
        assert await session.hear() == echoed("at last")


@pytest.mark.parametrize("word", ["41", "1"], ids=["logs out", "closes"])
async def test_a_session_that_ends_while_it_goes_over_takes_the_websocket_along(arena: Arena, word: str) -> None:
    async with polling(arena) as session:
        raw = await session.probe()
        await session.poller.post(word)
        if word == "41":
            await session.poller.post("1")
        await is_given_up(raw)
    assert session.reason == ("client disconnect" if word == "41" else "transport close")


@pytest.mark.parametrize("sid", ["nobody", "", "%00", "a" * 5000])
async def test_a_session_that_does_not_exist_cannot_go_over(arena: Arena, sid: str) -> None:
    async with arena.client(joined=False) as raw:
        await raw.send(head_of(f"{PATH}&sid={sid}"))
        assert (await raw.read_head()).status == 400


async def test_a_session_that_is_over_cannot_go_over(arena: Arena) -> None:
    async with polling(arena) as session:
        await session.poller.post("1")
    async with arena.client(joined=False) as raw:
        await raw.send(head_of(session.path))
        assert (await raw.read_head()).status == 400


@pytest.mark.parametrize("began_with", ["polling", "websocket"])
async def test_a_session_that_is_on_websocket_cannot_go_over_again(arena: Arena, began_with: str) -> None:
    async with arena.client(joined=False) as raw, arena.client(joined=False) as again:
        if began_with == "polling":
            session = Session(arena, await arena.edge.polling())
            await session.join()
            path, raw = session.path, await session.upgrade()
            await raw.send(frame(echo("over")))
            assert await session.hear() == echoed("over")
        else:
            await raw.send(head_of() + frame("40"))
            await raw.read_head()
            path = f"{PATH}&sid={json.loads((await raw.read_text())[1:])['sid']}"
            await raw.read_joined()
        await raw.pings()
        await again.send(head_of(path))
        assert (await again.read_head()).status == 400
        await raw.send(frame(echo("still here")))
        assert await raw.read_text() == echoed("still here")
        raw.leave()
        await arena.ending(raw)
