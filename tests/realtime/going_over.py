"""Engine.IO sessions that begin with polling and go over to a WebSocket, step by step."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tests.realtime.arena import Arena, echo, echoed
from tests.realtime.raw_socket import CLOSE, PATH, PATIENCE_S, RawSocket, frame, head_of
from tests.realtime.wire import Poller, until

PROBE, PROBED, UPGRADE, NOOP = "2probe", "3probe", "5", "6"


class Session:
    """One that began with polling. `raw` is its WebSocket, once it has one."""

    def __init__(self, arena: Arena, poller: Poller) -> None:
        self.arena = arena
        self.poller = poller
        self.path = f"{PATH}&sid={poller.opened['sid']}"
        self.raw: RawSocket | None = None
        self.sid = ""

    async def join(self) -> None:
        assert await self.poller.post("40") == 200
        self.sid = (await self.poll())[0].split('"')[3]

    async def poll(self) -> list[str]:
        async with asyncio.timeout(PATIENCE_S):
            status, text = await self.poller.get()
        assert status == 200, text
        return text.split("\x1e")

    async def dial(self) -> RawSocket:
        """The handshake of a WebSocket for this session."""
        raw = await RawSocket.dial(self.arena.edge.url)
        await raw.send(head_of(self.path))
        assert (await raw.read_head()).status == 101
        return raw

    async def probe(self) -> RawSocket:
        raw = await self.dial()
        await raw.send(frame(PROBE))
        assert await raw.read_text() == PROBED
        return raw

    async def upgrade(self) -> RawSocket:
        """In the order in which stock clients do it."""
        raw = self.raw = await self.probe()
        await raw.send(frame(UPGRADE))
        raw.sid = self.sid
        return raw

    async def hear(self) -> str:
        """The next on its WebSocket; a packet that says nothing may come at any time."""
        assert self.raw is not None
        while (text := await self.raw.read_text()) == NOOP:
            pass
        return text

    async def polled_at_last(self, waiting: asyncio.Task[tuple[int, str]]) -> list[str]:
        """What a poll brought that was under way when the session went over; it may be refused, but must end."""
        async with asyncio.timeout(PATIENCE_S):
            status, text = await waiting
        assert status in {200, 400}
        return [each for each in text.split("\x1e") if each != NOOP] if status == 200 else []

    async def polls_well(self) -> None:
        """It is alive on polling."""
        assert await self.poller.post(echo("polled", ack=3)) == 200
        got: list[str] = []
        while echoed("polled", ack=3) not in got:
            got += await self.poll()
        assert [each for each in got if each != NOOP] == [echoed("polled", ack=3)]

    async def end(self) -> None:
        if self.raw:
            self.raw.leave()
        elif not self._endings():
            await self.poller.post("41")
        await until(lambda: self._endings())
        assert len(self._endings()) == 1
        await self.poller.post("1")  # or it would wait for another connect packet

    def _endings(self) -> list[str]:
        return [said for sid, said in self.arena.edge.heard if sid == self.sid and said.startswith("end: ")]

    @property
    def reason(self) -> str:
        return self._endings()[0].removeprefix("end: ")


@asynccontextmanager
async def polling(arena: Arena) -> AsyncIterator[Session]:
    session = Session(arena, await arena.edge.polling())
    await session.join()
    try:
        yield session
    finally:
        await session.end()


async def is_given_up(raw: RawSocket) -> None:
    """The server ends this WebSocket, with nothing but a close frame on it."""
    last = await raw.read_frame()
    assert last is None or last.opcode == CLOSE, last
    raw.finish()
    assert await raw.rest() == []
    raw.leave()
