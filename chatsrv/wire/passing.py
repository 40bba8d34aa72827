"""TCP connections that go from process to process: several serve one port, and a session lives in one of them.

A session's id begins with the number of its process. A request that names a session of another one is passed on, with
its connection: the other process gets the file descriptor and the bytes that have been read, and goes on as if it had
accepted the connection itself. It may pass it on again.

The lines between them are pairs of datagram sockets (a message comes whole or not at all), inherited from whoever
started the processes: they have no name that anybody else could open.
"""

from __future__ import annotations

import array
import asyncio
import errno
import os
import re
import socket
from collections import deque
from collections.abc import Sequence
from contextlib import suppress

from chatsrv.wire.front import Front
from chatsrv.wire.place import Place

MESSAGE_MAX_BYTES = 1 << 20
"""More than a loop reads at once, together with the start of a head."""
_AT_ONCE = 64
"""Connections taken in before others get their turn."""
_AGAIN_S = 0.002
_PATIENCE_S = 10.0
"""A process that has died is back by then; without it, the client's connection ends."""
_SESSION = re.compile(rb"[A-Z]+ [^ ?]*\?(?:[^ ]*?&)?sid=([0-9]{1,4})\.")


class Passing:
    """What process `number` does with connections of the others: `outboxes` has one for each, its own among them."""

    def __init__(self, number: int, inbox: socket.socket, outboxes: Sequence[socket.socket]) -> None:
        self.mark = f"{number}."
        """What the ids of its sessions begin with."""
        self._number = number
        self._inbox = inbox
        self._outboxes = [_Outbox(one) for one in outboxes]
        self._space = bytearray(MESSAGE_MAX_BYTES)
        self._tasks: set[asyncio.Task[None]] = set()
        self._place: Place | None = None

    # To others

    def pass_on(self, head: bytes, data: bytes, transport: asyncio.Transport) -> bool:
        """True: the connection is on its way with these bytes, and the transport is to be given up at once."""
        found = _SESSION.match(head)
        number = int(found[1]) if found else self._number
        if number == self._number or number >= len(self._outboxes) or transport.get_write_buffer_size():
            return False
        try:
            fd = os.dup(transport.get_extra_info("socket").fileno())
        except OSError:  # we have as many as we may have
            return False
        return self._outboxes[number].put(data, fd)

    # From others

    def begin(self, place: Place) -> None:
        self._place = place
        asyncio.get_running_loop().add_reader(self._inbox.fileno(), self._take)

    def end(self) -> None:
        asyncio.get_running_loop().remove_reader(self._inbox.fileno())
        self._place = None
        for outbox in self._outboxes:
            outbox.close()

    def _take(self) -> None:
        for _ in range(_AT_ONCE):
            try:
                size, ancillary, _flags, _address = self._inbox.recvmsg_into([self._space], socket.CMSG_SPACE(4))
            except (BlockingIOError, InterruptedError):
                return
            for level, kind, packed in ancillary:
                if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
                    self._adopt(array.array("i", packed[:4])[0], bytes(self._space[:size]))

    def _adopt(self, fd: int, begun: bytes) -> None:
        place = self._place
        try:
            connection = socket.socket(fileno=fd)
        except OSError:
            os.close(fd)
            return
        if place is None:
            connection.close()
            return
        task = asyncio.create_task(_go_on(place, connection, begun))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


async def _go_on(place: Place, connection: socket.socket, begun: bytes) -> None:
    """A client that has left meanwhile is no error."""
    connection.setblocking(False)
    with suppress(OSError):
        await asyncio.get_running_loop().connect_accepted_socket(lambda: _Adopted(place, begun), connection)


class _Adopted(Front):
    """A connection of which another process has read the first bytes of a request."""

    __slots__ = ("_begun",)

    def __init__(self, place: Place, begun: bytes) -> None:
        super().__init__(place)
        self._begun = begun

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Before the loop reads more."""
        super().connection_made(transport)
        begun, self._begun = self._begun, b""
        self.data_received(begun)


class _Outbox:
    """To one process. What it does not take at once waits here: it is busy, or is being started anew."""

    def __init__(self, end: socket.socket) -> None:
        self._end = end
        self._waiting: deque[tuple[bytes, int, float]] = deque()
        self._timer: asyncio.TimerHandle | None = None

    def put(self, data: bytes, fd: int) -> bool:
        """The descriptor is ours from now on. False: this can never be sent."""
        try:
            is_sent = not self._waiting and self._send(data, fd)
        except OSError:
            os.close(fd)
            return False
        if is_sent:
            os.close(fd)
        else:
            loop = asyncio.get_running_loop()
            self._waiting.append((data, fd, loop.time() + _PATIENCE_S))
            self._timer = self._timer or loop.call_later(_AGAIN_S, self._flush)
        return True

    def _send(self, data: bytes, fd: int) -> bool:
        """False: not now. Raises OSError."""
        try:
            self._end.sendmsg([data], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [fd]))])
        except (BlockingIOError, InterruptedError):
            return False
        except OSError as error:
            if error.errno in (errno.ENOBUFS, errno.ETOOMANYREFS):
                return False
            raise
        return True

    def _flush(self) -> None:
        """In their order. Whoever has waited too long, or cannot be sent after all, is cut off."""
        loop = asyncio.get_running_loop()
        self._timer = None
        while self._waiting:
            data, fd, until = self._waiting[0]
            with suppress(OSError):
                if not self._send(data, fd) and loop.time() < until:
                    self._timer = loop.call_later(_AGAIN_S, self._flush)
                    return
            self._waiting.popleft()
            os.close(fd)

    def close(self) -> None:
        """Whoever still waits is cut off."""
        if self._timer:
            self._timer.cancel()
        while self._waiting:
            os.close(self._waiting.popleft()[1])
