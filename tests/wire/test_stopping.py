"""A listener that stops while a request is only half here."""

from __future__ import annotations

import asyncio

import pytest

from chatsrv.wire import ListenLimits
from tests.wire.place import Wire, post, running_place

CHUNKED = b"POST /p HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n6\r\nabc"


@pytest.mark.parametrize("start", [post("abcdef")[:-3], CHUNKED], ids=["with a length", "in chunks"])
async def test_a_body_of_which_half_is_here_is_heard_to_its_end_and_answered(start: bytes) -> None:
    rest = b"def" if b"chunked" not in start else b"def\r\n0\r\n\r\n"
    async with running_place(ListenLimits(shutdown_timeout_s=5)) as place:
        wire, idle = [Wire(*await asyncio.open_connection(*place.address)) for _ in range(2)]
        await wire.send(start)
        while not place.heads:
            await asyncio.sleep(0.005)

        async def go_on() -> None:
            assert await idle.is_over()
            await wire.send(rest[:1], rest[1:])
            assert await wire.answer() == (200, "<POST /p abcdef>")
            assert await wire.is_over()

        going_on = asyncio.create_task(go_on())
    await going_on
    for one in (wire, idle):
        one.close()


async def test_what_comes_behind_the_last_answer_is_not_begun() -> None:
    async with running_place(ListenLimits(shutdown_timeout_s=5)) as place:
        wire, idle = [Wire(*await asyncio.open_connection(*place.address)) for _ in range(2)]
        await wire.send(post("abcdef")[:-3])
        while not place.heads:
            await asyncio.sleep(0.005)

        async def go_on() -> None:
            assert await idle.is_over()
            await wire.send(b"def" + post("late"))
            assert await wire.answer() == (200, "<POST /p abcdef>")
            assert await wire.is_over()

        going_on = asyncio.create_task(go_on())
    await going_on
    assert len(place.heads) == 1
    for one in (wire, idle):
        one.close()
