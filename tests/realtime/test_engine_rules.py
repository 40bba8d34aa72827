"""Engine.IO 4: how a session opens, and how one that polls goes over to a WebSocket and loses nothing on the way."""

from __future__ import annotations

import asyncio
import json

import pytest

from tests.realtime.arena import CEILING, Arena, echo, echoed, running_arena, unharmed
from tests.realtime.going_over import NOOP, PROBE, PROBED, UPGRADE, polling
from tests.realtime.raw_socket import CLOSE, PING, RawSocket, fragments, frame, head_of

arena = pytest.fixture(scope="module")(running_arena)
nobody_else_is_harmed = pytest.fixture(autouse=True)(unharmed)


async def test_a_session_on_polling_is_told_what_it_may_become(arena: Arena) -> None:
    async with polling(arena) as session:
        opened = session.poller.opened
        assert sorted(opened) == ["maxPayload", "pingInterval", "pingTimeout", "sid", "upgrades"]
        assert opened["upgrades"] == ["websocket"]
        assert opened["maxPayload"] == CEILING
        assert (opened["pingInterval"], opened["pingTimeout"]) == (600_000, 20_000)


async def test_a_session_on_websocket_is_told_that_it_is_there(arena: Arena) -> None:
    async with arena.client(joined=False) as raw:
        await raw.send(head_of())
        await raw.read_head()
        opened = json.loads((await raw.read_text())[1:])
        assert sorted(opened) == ["maxPayload", "pingInterval", "pingTimeout", "sid", "upgrades"]
        assert opened["upgrades"] == []


async def test_a_session_goes_over_and_is_the_same(arena: Arena) -> None:
    async with polling(arena) as session:
        raw = await session.upgrade()
        await raw.send(frame(echo("over")))
        assert await session.hear() == echoed("over")
        await raw.pings()
        await arena.edge.server.emit("news", 1, to=session.sid)
        assert await session.hear() == '42["news",1]'
    assert session.reason in {"transport close", "transport error"}


@pytest.mark.parametrize("cut", [1, 5, 1000])
async def test_probe_and_upgrade_may_come_in_any_segments(arena: Arena, cut: int) -> None:
    async with polling(arena) as session:
        raw = session.raw = await RawSocket.dial(arena.edge.url)
        await raw.send_in_pieces(head_of(session.path) + frame(PROBE) + frame(UPGRADE) + frame(echo("all")), cut)
        assert (await raw.read_head()).status == 101
        assert await session.hear() == PROBED
        assert await session.hear() == echoed("all")


async def test_the_words_of_an_upgrade_may_come_in_fragments_and_between_pings(arena: Arena) -> None:
    async with polling(arena) as session:
        raw = session.raw = await session.dial()
        await raw.pings()
        await raw.send(*fragments(b"2pr", b"obe"))
        assert await raw.read_text() == PROBED
        await raw.pings()
        await raw.send(*fragments(b"", b"5", b""), frame(echo("over")))
        assert await session.hear() == echoed("over")


async def test_a_waiting_poll_is_let_go_when_the_probe_comes(arena: Arena) -> None:
    """Stock clients wait for it before they say that they go over."""
    async with polling(arena) as session:
        waiting = asyncio.create_task(session.poll())
        raw = session.raw = await session.probe()
        assert await waiting == [NOOP]
        await raw.send(frame(UPGRADE), frame(echo("over")))
        assert await session.hear() == echoed("over")


async def test_what_is_sent_during_an_upgrade_comes_by_the_poll_or_by_the_websocket_once(arena: Arena) -> None:
    async with polling(arena) as session:
        raw = session.raw = await session.probe()
        await arena.edge.server.emit("news", 1, to=session.sid)
        waiting = asyncio.create_task(session.poller.get())
        await arena.edge.server.emit("news", 2, to=session.sid)
        await raw.send(frame(UPGRADE), frame(echo("over")))
        got = await session.polled_at_last(waiting)
        while echoed("over") not in got:
            got.append(await session.hear())
        assert got == ['42["news",1]', '42["news",2]', echoed("over")]


async def test_what_is_sent_during_an_upgrade_that_goes_wrong_comes_by_polling(arena: Arena) -> None:
    async with polling(arena) as session:
        raw = await session.probe()
        await arena.edge.server.emit("news", 1, to=session.sid)
        waiting = asyncio.create_task(session.poller.get())
        await arena.edge.server.emit("news", 2, to=session.sid)
        raw.reset()
        got = await session.polled_at_last(waiting)
        while '42["news",2]' not in got:
            got += await session.poll()
        assert [each for each in got if each != NOOP] == ['42["news",1]', '42["news",2]']
        await session.polls_well()


async def test_an_event_posted_during_an_upgrade_is_handled_once_and_answered_on_either_way(arena: Arena) -> None:
    async with polling(arena) as session:
        raw = session.raw = await session.probe()
        assert await session.poller.post(echo("posted", ack=5)) == 200
        await raw.send(frame(UPGRADE), frame(echo("sent", ack=6)))
        raw.sid = session.sid
        assert await session.hear() == echoed("posted", ack=5)
        assert await session.hear() == echoed("sent", ack=6)
        assert arena.echoes(raw) == 2


@pytest.mark.parametrize("polls", [True, False], ids=["with polls all the while", "without a poll"])
async def test_nothing_that_is_sent_during_an_upgrade_is_lost_doubled_or_out_of_order(
    arena: Arena, polls: bool
) -> None:
    """Numbers from before the probe until after the change; what polls bring comes before what the WebSocket brings."""
    async with polling(arena) as session:
        going_over, sent = asyncio.Event(), 0

        async def send() -> None:
            nonlocal sent
            while sent < 40 or not going_over.is_set():
                await arena.edge.server.emit("n", sent, to=session.sid)
                sent += 1
                await asyncio.sleep(0)
            for _ in range(40):
                await arena.edge.server.emit("n", sent, to=session.sid)
                sent += 1
                await asyncio.sleep(0)

        sending = asyncio.create_task(send())
        got: list[str] = await session.poll()
        raw = session.raw = await session.dial()
        polled = asyncio.create_task(session.poll()) if polls else None
        await raw.send(frame(PROBE))
        assert await raw.read_text() == PROBED
        if polled:
            got += await polled
        late = asyncio.create_task(session.poller.get()) if polls else None
        await raw.send(frame(UPGRADE))
        going_over.set()
        if late:
            got += await session.polled_at_last(late)
        await sending
        numbers = [json.loads(each[2:])[1] for each in got if each != NOOP]
        while len(numbers) < sent:
            numbers.append(json.loads((await session.hear())[2:])[1])
        assert numbers == list(range(sent))
        await raw.pings()


async def test_a_close_packet_ends_a_websocket_session_and_is_no_logout(arena: Arena) -> None:
    async with arena.client() as raw:
        await raw.send(frame("1"))
        assert await arena.ending(raw) == "transport close"
        assert [each for each in await raw.rest() if each.opcode != CLOSE] == []


async def test_a_pong_that_was_not_asked_for_does_no_harm(arena: Arena) -> None:
    async with arena.client() as raw:
        await raw.send(frame("3") * 5 + frame(b"x", PING) + frame(echo("3")))
        assert {(await raw.read()).payload for _ in range(2)} == {b"x", echoed("3").encode()}


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "HEAD"])
async def test_other_methods_are_refused(arena: Arena, method: str) -> None:
    url = f"{arena.edge.url}/socket.io/?EIO=4&transport=polling"
    async with arena.edge.http.request(method, url) as answer:
        assert answer.status in {400, 404, 405}
