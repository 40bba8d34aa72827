"""Clients that are faster or slower than we are: how much is kept for them, and what of it is lost."""

from __future__ import annotations

import asyncio
import json
from typing import Any, cast

from chatsrv.realtime.server import WireLimits
from tests.realtime.wire import Edge, serving, until


def transport_of(ws: Any) -> asyncio.Transport:
    return cast("asyncio.Transport", ws._response.connection.transport)


async def test_a_burst_of_more_events_than_may_wait_reaches_a_client_that_reads() -> None:
    async with serving(WireLimits(queue_max_packets=100)) as edge:
        ws = await edge.joined_websocket()
        for number in range(1000):
            edge.server.send_event([edge.heard[0][0]], "n", number)
            if not number % 50:
                await asyncio.sleep(0)
        async with asyncio.timeout(10):
            assert [json.loads((await ws.receive_str())[2:])[1] for _ in range(1000)] == list(range(1000))
        assert edge.reasons == []
        await ws.close()


async def test_a_slow_reader_gets_everything_in_order_as_long_as_it_stays_within_the_ceilings() -> None:
    async with serving() as edge:
        ws = await edge.joined_websocket()
        transport_of(ws).pause_reading()
        for number in range(30):  # more than the kernel holds, less than what may wait
            edge.server.send_event([edge.heard[0][0]], "n", [number, "x" * 100_000])
            await asyncio.sleep(0)
        transport_of(ws).resume_reading()
        async with asyncio.timeout(10):
            assert [json.loads((await ws.receive_str())[2:])[1][0] for _ in range(30)] == list(range(30))
        assert edge.reasons == []
        await ws.close()


async def test_while_handlers_are_slow_no_more_is_read_than_a_segment_and_nothing_is_lost() -> None:
    async with serving() as edge:
        gate, heard = asyncio.Event(), list[int]()

        async def slow(sid: str, number: int, _filling: str) -> None:
            await gate.wait()
            heard.append(number)

        edge.server.on("slow", slow)
        ws = await edge.joined_websocket()
        sending = asyncio.create_task(_send_many(ws, 300))
        await until(lambda: _session(edge).socket._is_held)
        assert len(_session(edge)._inbox or ()) < 300
        gate.set()
        await sending
        await until(lambda: heard == list(range(300)))
        assert not _session(edge).socket._is_held
        await ws.close()
        await until(lambda: edge.reasons == ["client disconnect"])


async def _send_many(ws: Any, count: int) -> None:
    for number in range(count):
        await ws.send_str("42" + json.dumps(["slow", number, "x" * 30_000]))


def _session(edge: Edge) -> Any:
    [session] = edge.server.eio.sockets.values()
    return session


async def test_what_a_client_said_before_it_closed_is_handled_before_its_end() -> None:
    async with serving() as edge:
        edge.gate.clear()
        ws = await edge.websocket()
        await ws.send_str("40")
        for _ in range(3):
            await ws.send_str('42["echo"]')
        await ws.close()
        edge.gate.set()
        await until(lambda: edge.is_empty)
        said = [what for _, what in edge.heard]
        assert said == ["connect", "connected", "echo", "echo", "echo", "end: client disconnect"]


async def test_an_idle_session_keeps_no_task() -> None:
    async with serving(WireLimits(ping_interval_s=0.2)) as edge:
        ws, poller = await edge.joined_websocket(), await edge.joined_poller()
        await until(lambda: not edge.server.eio._tasks)
        async with asyncio.timeout(5):
            assert await ws.receive_str() == "2"
            assert (await poller.get())[1] == "2"
        assert not edge.server.eio._tasks
        await ws.close()


async def test_events_to_many_come_to_those_who_poll_and_those_on_websocket_and_pass_over_who_is_gone() -> None:
    async with serving() as edge:
        ws, poller, gone = await edge.joined_websocket(), await edge.joined_poller(), await edge.joined_websocket()
        sids = [sid for sid, said in edge.heard if said == "connect"]
        await gone.close()
        await until(lambda: len(edge.reasons) == 1)
        edge.server.send_event([*sids, "nobody"], "news", {"a": ["ü", None]})
        assert await ws.receive_str() == '42["news",{"a":["ü",null]}]'
        assert await poller.get() == (200, '42["news",{"a":["ü",null]}]')
        edge.server.send_event(sids, "bare")
        edge.server.send_event(sids, "two", (1, 2))
        assert [await ws.receive_str() for _ in range(2)] == ['42["bare"]', '42["two",1,2]']
        assert await poller.get() == (200, '42["bare"]\x1e42["two",1,2]')
        await ws.close()
