"""The Redis lane: one connection on which everybody's commands stand in line, for commands that do not block.

What is asked within one tick of the loop goes out in one write, and answers come back in the same order. There is no
pool to wait for and no task or timer per command.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, cast

import hiredis
from redis import exceptions
from redis.asyncio import Redis, SSLConnection

from chatsrv.storage.redis import find_refusal

Arg = str | int | bytes
Command = tuple[Arg, ...]

OUTSTANDING_MAX = 65_536
"""More than a node's sockets ask in one moment, and less than Redis answers within any sensible timeout. Whoever comes
on top is told at once that Redis does not keep up."""

INCOMPLETE = object()


@asynccontextmanager
async def open_lane(redis: Redis) -> AsyncIterator[Lane]:
    """To the server of this client, with its options; it connects when something is asked."""
    lane = Lane(redis)
    try:
        yield lane
    finally:
        await lane.close()


class _Call:
    """Commands of one caller, which stand together. The answer of one command is its own, of several a list.

    `since`: when they were asked or, once they have been, sent.
    """

    __slots__ = ("answers", "count", "future", "packed", "since")

    def __init__(self, packed: bytes, count: int, future: asyncio.Future[Any]) -> None:
        self.packed = packed
        self.count = count
        self.future = future
        self.answers: list[Any] = []
        self.since = 0.0

    def take(self, answer: Any) -> bool:
        """Whether that was the last one."""
        if self.count == 1:
            self._resolve(answer)
            return True
        self.answers.append(answer)
        if len(self.answers) < self.count:
            return False
        self._resolve(self.answers)
        return True

    def _resolve(self, answer: Any) -> None:
        if self.future.done():
            return  # cancelled: nobody wants to know
        if isinstance(answer, Exception):
            self.future.set_exception(answer)
        else:
            self.future.set_result(answer)

    def fail(self, error: Exception) -> None:
        if not self.future.done():
            self.future.set_exception(error)


class Lane:
    """A command that was sent and not answered is never sent again: scripts would do twice what they do.

    Where the server closed the connection before anything was sent, a new one is made, with the client's own back-off.
    Methods raise what redis-py raises: see `translated` in redis.py.
    """

    def __init__(self, redis: Redis) -> None:
        pool = redis.connection_pool
        self._connection_class = pool.connection_class
        # one shape of answers, whatever the client itself speaks
        self._options = pool.connection_kwargs | {"protocol": 2}
        self._timeout_s = float(self._options["socket_timeout"])
        # to speak TLS with a server that does not looks like silence
        self._how = " over TLS" if issubclass(self._connection_class, SSLConnection) else ""
        self._waiting: deque[_Call] = deque()
        self._wire: _Wire | None = None
        self._connecting: asyncio.Task[None] | None = None
        self._expiry: asyncio.TimerHandle | None = None
        self._is_due = False
        self._is_closed = False

    def call(self, *command: Arg) -> asyncio.Future[Any]:
        """The answer of one command."""
        return self._add(_packed(command), 1)

    async def calls(self, *commands: Command) -> list[Any]:
        """The answers of several that go out together; raises the first error."""
        answers = await self._add_all(commands)
        return without_errors(answers)

    async def transaction(self, *commands: Command) -> list[Any]:
        """The answers of several of which nothing happens in between; one that failed has its error for an answer."""
        *queued, answers = await self._add_all([("MULTI",), *commands, ("EXEC",)])
        if not isinstance(answers, list):
            without_errors([*queued, answers])
        return cast(list[Any], answers)

    async def close(self) -> None:
        """Nothing may be asked any more."""
        self._is_closed = True
        if self._connecting:
            self._connecting.cancel()
            await asyncio.gather(self._connecting, return_exceptions=True)
        if self._wire:
            self._wire.close()
        if self._expiry:
            self._expiry.cancel()
        self._give_up(exceptions.ConnectionError, "The lane is closed.")

    def _add_all(self, commands: Sequence[Command]) -> asyncio.Future[list[Any]]:
        return self._add(b"".join([_packed(command) for command in commands]), len(commands))

    def _add(self, packed: bytes, count: int) -> asyncio.Future[Any]:
        if self._is_closed:
            raise exceptions.ConnectionError("The lane is closed.")
        if len(self._waiting) + (len(self._wire.sent) if self._wire else 0) >= OUTSTANDING_MAX:
            raise exceptions.ConnectionError("Redis does not keep up.")
        loop = asyncio.get_running_loop()
        call = _Call(packed, count, loop.create_future())
        call.since = loop.time()
        self._waiting.append(call)
        if not self._is_due:
            self._is_due = True
            loop.call_soon(self._send)
        return call.future

    def _send(self) -> None:
        self._is_due = False
        if self._is_closed or not self._waiting:
            return
        if self._wire:
            if self._wire.is_closing():
                return  # they are sent when it has been lost
            # whoever was cancelled meanwhile is not sent
            calls = [call for call in self._waiting if not call.future.done()]
            self._waiting.clear()
            self._wire.send(calls)
        else:
            self._watch_waiting()
            if not self._connecting:
                self._connecting = asyncio.create_task(self._connect(), name="redis_lane")

    async def _connect(self) -> None:
        try:
            # what a URL may hold is found out only here
            connection: Any = self._connection_class(**self._options)
            await connection.connect()
        except Exception as error:
            self._give_up(exceptions.ConnectionError, str(error), error)
        else:
            self._wire = _Wire(_take_over(connection), self._timeout_s, self._lose)
        finally:
            self._connecting = None
        if self._is_closed and self._wire:
            self._wire.close()  # redis-py can swallow that we were cancelled
        self._send()

    def _lose(self, wire: _Wire) -> None:
        """Whoever has not been sent yet goes out on the next connection."""
        if self._wire is wire:
            self._wire = None
            self._send()

    def _give_up(self, kind: type[Exception], why: str, cause: Exception | None = None) -> None:
        while self._waiting:
            # one error each, for they collect traces
            error = kind(why)
            error.__cause__ = cause
            self._waiting.popleft().fail(error)

    def _expire(self) -> None:
        """Who has waited for a connection for as long as a command may take does so no longer; it is still made."""
        self._expiry = None
        now = asyncio.get_running_loop().time()
        while self._waiting and self._waiting[0].since + self._timeout_s <= now:
            self._waiting.popleft().fail(exceptions.TimeoutError(f"Redis does not let us in{self._how} in time."))
        self._watch_waiting()

    def _watch_waiting(self) -> None:
        if self._waiting and not self._expiry and not self._wire:
            ends_at = self._waiting[0].since + self._timeout_s
            self._expiry = asyncio.get_running_loop().call_at(ends_at, self._expire)


class _Wire(asyncio.Protocol):
    """A connection that is open. `sent` are the calls that wait for an answer, the oldest first."""

    def __init__(self, writer: asyncio.StreamWriter, timeout_s: float, on_lost: Any) -> None:
        # kept as long as its transport is used, which it would close in its end
        self._writer = writer
        self._transport = cast(asyncio.Transport, writer.transport)
        self._timeout_s = timeout_s
        self._on_lost = on_lost
        self._timer: asyncio.TimerHandle | None = None
        self._loop = asyncio.get_running_loop()
        self._reader = hiredis.Reader(
            protocolError=exceptions.InvalidResponse, replyError=_error, notEnoughData=INCOMPLETE
        )
        self.sent: deque[_Call] = deque()
        self._transport.set_protocol(self)

    def is_closing(self) -> bool:
        return self._transport.is_closing()

    def send(self, calls: Sequence[_Call]) -> None:
        now = self._loop.time()
        for call in calls:
            call.since = now
        self.sent.extend(calls)
        self._transport.write(b"".join([call.packed for call in calls]))
        if self._timer is None and self.sent:
            self._timer = self._loop.call_later(self._timeout_s, self._check_time)

    def data_received(self, data: bytes) -> None:
        try:
            self._read(data)
        except Exception as error:
            # answers that cannot be read belong to nobody in particular
            self._lose_all(exceptions.ConnectionError, f"Redis' answer cannot be read: {error}")

    def _read(self, data: bytes) -> None:
        reader, sent = self._reader, self.sent
        reader.feed(data)
        while (answer := reader.gets()) is not INCOMPLETE:
            if sent[0].take(answer):
                sent.popleft()

    def eof_received(self) -> None:
        self.connection_lost(None)

    def connection_lost(self, exc: Exception | None) -> None:
        self._lose_all(exceptions.ConnectionError, str(exc or "Redis has closed the connection."))

    def close(self) -> None:
        self._lose_all(exceptions.ConnectionError, "The lane is closed.")

    def _check_time(self) -> None:
        """One timer for all: it looks at the oldest."""
        self._timer = None
        if not self.sent:
            return
        ends_at = self.sent[0].since + self._timeout_s
        if self._loop.time() < ends_at:
            self._timer = self._loop.call_at(ends_at, self._check_time)
        else:
            self._lose_all(exceptions.TimeoutError, "Redis does not answer.")

    def _lose_all(self, kind: type[Exception], why: str) -> None:
        self._transport.abort()
        if self._timer:
            self._timer.cancel()
            self._timer = None
        while self.sent:
            # one error each, for they collect traces
            self.sent.popleft().fail(kind(why))
        self._on_lost(self)


def _error(text: str) -> Exception:
    if text.startswith("NOSCRIPT "):
        return exceptions.NoScriptError(text)
    return find_refusal(text) or exceptions.ResponseError(text)


def without_errors(answers: list[Any]) -> list[Any]:
    """Raises the first one."""
    for answer in answers:
        if isinstance(answer, Exception):
            raise answer
    return answers


def _packed(command: Command) -> bytes:
    return cast(bytes, hiredis.pack_command(cast(Any, command)))


def _take_over(connection: Any) -> asyncio.StreamWriter:
    """redis-py opens the connection and shakes hands; from then on the socket is ours, and not the stream's.

    It has no public name for what it reads and writes with.
    """
    writer: asyncio.StreamWriter = connection._writer
    # or it would warn that it was never closed
    connection._writer = connection._reader = None
    return writer
