"""Callers of REST who never rest, and what came of each of their requests: a whole answer, nothing, or half of one."""

from __future__ import annotations

import asyncio
import itertools
import json
import time
from asyncio import StreamReader, StreamWriter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from enum import Enum
from urllib.parse import urlsplit
from uuid import uuid4

from tests.faults.cluster import FaultApp
from tests.faults.timings import TIMINGS

REST_S = 0.05
"""Between two attempts to connect to who refuses."""


class Came(Enum):
    """What came back. NOTHING: the connection ended before the first byte, so that the request may be sent again."""

    WHOLE = "whole"
    NOTHING = "nothing"
    HALF = "half"


@dataclass(frozen=True, slots=True)
class Request:
    """`names`: the users whom a 2xx says to be stored."""

    head: str
    body: bytes = b""
    names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Outcome:
    """Instants of the monotonic clock; `sent_at` when the last byte had gone to the kernel."""

    request: Request
    sent_at: float
    done_at: float
    came: Came
    status: int = 0
    retry_after: bool = False


Draw = Callable[[], Request]


@dataclass(slots=True)
class Callers:
    """`outcomes` of all, in the order of their ends; `refusals`: connections that nobody accepted."""

    app: FaultApp
    port: int
    outcomes: list[Outcome] = field(default_factory=list)
    refusals: int = 0
    pause_s: float = 0.0
    is_over: bool = False

    @property
    def acknowledged(self) -> set[str]:
        """Everybody of whom a 2xx said that they are stored."""
        return {
            name for one in self.outcomes if one.came is Came.WHOLE and one.status < 300 for name in one.request.names
        }

    def statuses(self) -> set[int]:
        return {one.status for one in self.outcomes if one.came is Came.WHOLE}

    def assert_no_half_answer(self) -> None:
        halves = [one.request.head for one in self.outcomes if one.came is Came.HALF]
        assert not halves, halves

    def assert_answered_who_asked_before(self, moment: float) -> None:
        """Of the monotonic clock. It must have been a busy one."""
        under_way = [one for one in self.outcomes if one.sent_at < moment < one.done_at]
        assert under_way, "nobody was being answered at that moment"
        lost = [one for one in self.outcomes if one.sent_at < moment and one.came is not Came.WHOLE]
        assert not lost, f"{len(lost)} of {len(under_way)} requests under way were dropped: {lost[:3]}"

    # Requests

    def make_one(self) -> Request:
        """A user."""
        name = f"one-{uuid4().hex[:12]}"
        return self._post("users", {"username": name}, (name,))

    def make_many(self) -> Request:
        """Fifty users at once, all or none."""
        names = tuple(f"many-{uuid4().hex[:12]}" for _ in range(50))
        return self._post("bulk/users", {"users": [{"username": name} for name in names]}, names)

    def read_page(self) -> Request:
        return Request(f"GET /v1/{self.app.id}/users?presence=true&limit=200")

    def _post(self, path: str, body: object, names: tuple[str, ...]) -> Request:
        return Request(f"POST /v1/{self.app.id}/{path}", json.dumps(body).encode(), names)

    # How they are sent

    async def begin(self) -> Callable[[], Awaitable[Outcome]]:
        """A user's making of which the server has half the body; call what is returned for the other half."""
        wire = await self._connect()
        assert wire
        request = self.make_one()
        text = self._bytes(request, keep_alive=True)
        wire[1].write(text[:-5])
        await wire[1].drain()

        async def finish() -> Outcome:
            outcome, _ = await self._exchange(wire, request, text[-5:])
            wire[1].close()
            self.outcomes.append(outcome)
            return outcome

        return finish

    async def call(self, draw: Draw, keep_alive: bool) -> None:
        """Over and over, until `is_over`. Whoever is refused tries again."""
        wire: tuple[StreamReader, StreamWriter] | None = None
        try:
            while not self.is_over:
                if wire is None and (wire := await self._connect()) is None:
                    await asyncio.sleep(REST_S)
                    continue
                request = draw()
                outcome, may_stay = await self._exchange(wire, request, self._bytes(request, keep_alive))
                self.outcomes.append(outcome)
                if not (keep_alive and may_stay):
                    wire[1].close()
                    wire = None
                await asyncio.sleep(self.pause_s)
        finally:
            if wire:
                wire[1].close()

    async def _connect(self) -> tuple[StreamReader, StreamWriter] | None:
        try:
            return await asyncio.open_connection("127.0.0.1", self.port)
        except OSError:
            self.refusals += 1
            return None

    async def _exchange(
        self, wire: tuple[StreamReader, StreamWriter], request: Request, text: bytes
    ) -> tuple[Outcome, bool]:
        """And whether the server keeps the connection."""
        reader, writer = wire
        writer.write(text)
        sent_at = time.monotonic()
        came, status, head = Came.WHOLE, 0, b""
        async with asyncio.timeout(TIMINGS.patience_s):  # a request that hangs is a failure of its own
            try:
                head = await reader.readuntil(b"\r\n\r\n")
                status = int(head.split(None, 2)[1])
                await reader.readexactly(_length(head))
            except asyncio.IncompleteReadError as error:
                came = Came.HALF if head or error.partial else Came.NOTHING
            except OSError:  # reset
                came = Came.HALF if head else Came.NOTHING
        stays = came is Came.WHOLE and b"connection: close" not in head.lower()
        outcome = Outcome(request, sent_at, time.monotonic(), came, status, b"\r\nretry-after:" in head.lower())
        return outcome, stays

    def _bytes(self, request: Request, keep_alive: bool) -> bytes:
        lines = [f"{request.head} HTTP/1.1", "Host: x", f"X-Api-Key: {self.app.key}"]
        lines += ["Content-Type: application/json", f"Content-Length: {len(request.body)}"] if request.body else []
        lines += [] if keep_alive else ["Connection: close"]
        return "\r\n".join((*lines, "", "")).encode() + request.body


def _length(head: bytes) -> int:
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            return int(line.partition(b":")[2])
    return 0


@asynccontextmanager
async def calling(app: FaultApp, url: str, count: int, pause_s: float = 0.0) -> AsyncIterator[Callers]:
    """`count` callers of each kind of request, on connections that they keep and on new ones in turns.

    Who was being answered at the end of the block is waited for.
    """
    callers = Callers(app, urlsplit(url).port or 0, pause_s=pause_s)
    kinds: Iterator[Draw] = itertools.cycle((callers.make_one, callers.make_many, callers.read_page))
    tasks = [asyncio.create_task(callers.call(next(kinds), not number % 2)) for number in range(3 * count)]
    try:
        yield callers
    finally:
        callers.is_over = True
        with suppress(asyncio.CancelledError):
            await asyncio.gather(*tasks)
