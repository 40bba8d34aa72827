"""A server for hostile clients, with a well-behaved one beside them that must notice nothing."""

from __future__ import annotations

import json
import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from uuid import uuid4

from aiohttp.http_exceptions import BadHttpMessage

from chatsrv.realtime.server import WireLimits
from tests.realtime.raw_socket import CLOSE, Frame, RawSocket, frame
from tests.realtime.wire import Edge, serving, until

CEILING = 131_072
CUT_WITHIN_S = 1.0
"""spec: after a malformed frame the socket is closed within a second."""


class Complaints(logging.Handler):
    """What the server or the loop logs as an error: nothing that a client sends may be one."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.said: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        if record.exc_info and isinstance(record.exc_info[1], BadHttpMessage):
            return  # aiohttp's way to say that it has answered 400
        self.said.append(f"{record.name}: {self.format(record)}")

    def check(self) -> None:
        """Each is held against one test only."""
        said, self.said = self.said, []
        assert not said, said


@dataclass(slots=True)
class Arena:
    """The server and whom it serves well. Handlers note what they hear in `edge`, by session."""

    edge: Edge
    neighbour: RawSocket
    complaints: Complaints

    @asynccontextmanager
    async def client(self, *, joined: bool = True, receive_buffer: int | None = None) -> AsyncIterator[RawSocket]:
        """A hostile one to be. In the end it is gone, and its session, if it had one, must be, too."""
        raw = await RawSocket.dial(self.edge.url, receive_buffer)
        try:
            if joined:
                await raw.join()
            yield raw
        finally:
            raw.leave()
        if raw.sid:
            await self.ending(raw)

    async def ending(self, raw: RawSocket, within_s: float = CUT_WITHIN_S) -> str:
        """Why its session ended; it must end, and once."""
        await until(lambda: self._endings(raw), within_s)
        (reason,) = self._endings(raw)
        return reason

    def _endings(self, raw: RawSocket) -> list[str]:
        return [said.removeprefix("end: ") for sid, said in self.edge.heard if sid == raw.sid and said[:3] == "end"]

    def echoes(self, raw: RawSocket) -> int:
        """How many of its `echo` events have reached the handler."""
        return sum(1 for heard in self.edge.heard if heard == (raw.sid, "echo"))

    async def is_failed(self, raw: RawSocket, *codes: int | None, hangs_up: bool = True) -> None:
        """The server says one of these codes, or nothing where None is among them, ends TCP, and the session with it.

        The client does not answer; unless it `hangs_up` at the close frame, all is left to the server.
        """
        got: list[Frame] = []
        while (each := await raw.read_frame()) and each.opcode != CLOSE:
            got.append(each)
        if each and hangs_up:
            raw.finish()
        assert (each and each.code) in codes, f"{each} after {got}, where {codes} should be the code"
        assert await raw.rest() == []
        assert await self.ending(raw) == "transport error"

    async def check(self) -> None:
        """The neighbour is answered, has heard nothing else, and the server has not complained."""
        token = uuid4().hex
        await self.neighbour.send(frame(echo(token, ack=7)))
        assert await self.neighbour.read_text() == echoed(token, ack=7)
        await self.neighbour.pings(token.encode())
        assert not self._endings(self.neighbour)
        self.complaints.check()


async def running_arena() -> AsyncIterator[Arena]:
    """A fixture for a module: when its tests are over, no session is left but the neighbour's, which ends well."""
    async with open_arena() as arena:
        yield arena


@asynccontextmanager
async def open_arena(limits: WireLimits | None = None) -> AsyncIterator[Arena]:
    async with AsyncExitStack() as stack:
        complaints = stack.enter_context(_listening())
        edge = await stack.enter_async_context(
            serving(limits or WireLimits(ping_interval_s=600, auth_deadline_s=2, max_message_bytes=CEILING))
        )
        neighbour = await RawSocket.dial(edge.url)
        stack.callback(neighbour.leave)
        await neighbour.join()
        arena = Arena(edge, neighbour, complaints)
        yield arena
        await arena.check()
        await neighbour.send(frame("41"))
        assert await arena.ending(neighbour) == "client disconnect"
        neighbour.leave()
        await until(lambda: edge.is_empty, within_s=8)  # who never said who they are have their deadline
        # one ending for each session that began
        began = [sid for sid, said in edge.heard if said == "connect"]
        ended = [sid for sid, said in edge.heard if said.startswith("end: ")]
        assert sorted(began) == sorted(ended)
        complaints.check()


async def unharmed(arena: Arena) -> AsyncIterator[None]:
    """A fixture for every test: it was started, and its server has lost nothing by it."""
    yield
    await arena.check()


@contextmanager
def _listening() -> Iterator[Complaints]:
    """To every logger, for as long as the block lasts."""
    complaints = Complaints()
    logging.getLogger().addHandler(complaints)
    try:
        yield complaints
    finally:
        logging.getLogger().removeHandler(complaints)


def echo(text: str = "", ack: int = 1) -> str:
    """The event that the server answers with an ack of the same words."""
    return f"42{ack}" + json.dumps(["echo", text], ensure_ascii=False, separators=(",", ":"))


def echoed(text: str = "", ack: int = 1) -> str:
    return f"43{ack}" + json.dumps([text], ensure_ascii=False, separators=(",", ":"))


def echo_of(size: int) -> tuple[bytes, bytes]:
    """An event whose packet has so many bytes, and the answer to it."""
    fill = "x" * (size - len(echo()))
    event = echo(fill).encode()
    assert len(event) == size
    return event, echoed(fill).encode()
