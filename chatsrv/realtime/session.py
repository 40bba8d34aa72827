"""One Engine.IO session: a client on long-polling, on WebSocket, or on the one and then the other.

What holds for every session, whatever the client does: what it sends is handled one after the other, `disconnect` runs
last, once; what it may send and what may wait for it is bounded; whoever breaks the protocol is cut off at once.

A session that is idle is this object and its connection: no task, no queue, no timer. A task runs only while there is
something to handle.
"""

from __future__ import annotations

import asyncio
from collections import deque
from contextlib import suppress

from chatsrv.logs import bind_contextvars
from chatsrv.realtime.handshake import Handshake
from chatsrv.realtime.home import Home, Stage, Upgrade
from chatsrv.realtime.outbox import Outbox, Overflow
from chatsrv.realtime.packets import Violation
from chatsrv.realtime.reasons import Reason
from chatsrv.wire import WebSocket
from chatsrv.wire.frames import Code, encode_text

_INBOX_FULL = 32
"""So many messages wait for their handlers; then nothing more is read from the client's WebSocket."""
_PING, _PING_FRAME = "2", encode_text("2")


class Session:
    """One client. `closing` once it has ended, `closed` once the application has been told."""

    __slots__ = (
        "_auth_at",
        "_awaits_pong",
        "_behind",
        "_end",
        "_inbox",
        "_pulse_at",
        "_worker",
        "client",
        "closed",
        "handshake",
        "home",
        "outbox",
        "sid",
        "slot",
        "socket",
        "stage",
        "transport",
        "upgrade",
    )

    def __init__(self, home: Home, sid: str, handshake: Handshake) -> None:
        self.home = home
        self.sid = sid
        self.handshake = handshake
        self.client: str | None = None  # its Socket.IO id
        self.stage = Stage.AWAY
        self.socket: WebSocket | None = None
        self.transport: asyncio.Transport | None = None  # of a WebSocket that keeps up: what is written needs no check
        self.outbox: Outbox | None = None  # of a client that polls
        self.upgrade: Upgrade | None = None  # while it is agreed on and not done: polls get nothing
        self.closed = False
        self.slot = 0
        self._behind = 0
        self._end: Reason | None = None
        self._inbox: deque[str | Reason] | None = None
        self._worker: asyncio.Task[None] | None = None
        self._awaits_pong = False
        now, limits = home.wheel.time(), home.limits
        self._pulse_at = now + limits.ping_interval_s
        self._auth_at = now + limits.auth_deadline_s

    @property
    def closing(self) -> bool:
        return self._end is not None

    @property
    def ended_in_error(self) -> bool:
        return self._end is Reason.TRANSPORT_ERROR

    @property
    def upgraded(self) -> bool:
        return self.socket is not None

    def begin_polling(self) -> None:
        self.outbox = Outbox(self.home.limits.queue_max_packets, self.home.limits.queue_max_bytes)
        self._schedule()

    def begin_socket(self, socket: WebSocket) -> None:
        """From now on on this WebSocket; what waited for a poll goes out first."""
        self.socket, socket.hearer = socket, self
        self.transport = socket.transport
        if self.outbox is not None:
            for packet in self.outbox.take_now():
                socket.write(encode_text(packet))
            self.outbox.close()
            self.outbox = None
        self._schedule()

    # What goes out

    def send(self, packet: str) -> None:
        """Never waits: a client that does not keep up is cut off."""
        if self.socket is not None:
            self.send_frame(encode_text(packet))
        elif self.outbox is not None:
            try:
                self.outbox.put(packet)
            except Overflow:
                self.cut(limit="socket_queue_max_bytes")

    def send_frame(self, frame: bytes) -> None:
        """A packet as a WebSocket frame, to a session that is on WebSocket."""
        if self.transport is not None:
            self.home.joiner.write(self.transport, frame)
        elif self.socket is not None and not self.closing and not self.socket.is_closing:
            self._send_behind(self.socket, frame)

    def _send_behind(self, socket: WebSocket, frame: bytes) -> None:
        limits = self.home.limits
        self._behind += 1
        waiting = socket.transport.get_write_buffer_size() + len(frame)
        if self._behind > limits.queue_max_packets or waiting > limits.queue_max_bytes:
            self.cut(limit="socket_queue_max_bytes")
        else:
            socket.write(frame)

    def hear_pause(self, is_paused: bool) -> None:
        self._behind = 0
        socket = self.socket
        if socket is None or self.closing or socket.is_closing:
            return
        self.transport = None if is_paused else socket.transport
        if is_paused and socket.transport.get_write_buffer_size() > self.home.limits.queue_max_bytes:
            self.cut(limit="socket_queue_max_bytes")

    owe = send_frame

    # Deadlines

    def _schedule(self) -> None:
        if not self.closing:
            self.home.wheel.arm_at(self, min(self._auth_at, self._pulse_at) if self._auth_at else self._pulse_at)

    def on_due(self, now: float) -> None:
        if self._auth_at and now >= self._auth_at:
            self.cut(limit="auth_deadline_s")
        elif now < self._pulse_at:
            self._schedule()
        elif self._awaits_pong:
            self.cut(Reason.PING_TIMEOUT)
        else:
            self._ping(now)

    def _ping(self, now: float) -> None:
        self._awaits_pong = True
        self._pulse_at = now + self.home.limits.ping_timeout_s
        if self.socket is not None:
            self.socket.write(_PING_FRAME)
        elif self.outbox is not None:
            with suppress(Overflow):  # then the missing answer ends the session
                self.outbox.put(_PING)
        self._schedule()

    def _take_pong(self) -> None:
        self._awaits_pong = False
        self._pulse_at = self.home.wheel.now + self.home.limits.ping_interval_s
        self._schedule()

    def await_auth(self) -> None:
        """The client has no Socket.IO session (any more): it gets the deadline once more."""
        self._auth_at = self.home.wheel.time() + self.home.limits.auth_deadline_s
        self._schedule()

    def stop_awaiting_auth(self) -> None:
        self._auth_at = 0.0
        self._schedule()

    # What comes in

    def hear_text(self, text: str) -> None:
        if text == "3" and not self.closing:
            self._take_pong()
        else:
            self.take_in(text)

    def hear_close(self, code: int) -> None:
        self.transport = None
        self.take_in(Reason.CLIENT_DISCONNECT if code == Code.NORMAL else Reason.TRANSPORT_CLOSE)

    def hear_violation(self, code: Code) -> None:
        if code is Code.TOO_BIG:
            self.home.note_limit("socket_message_max_bytes")
        self.transport = None
        self.take_in(Reason.TRANSPORT_ERROR)

    def hear_end(self) -> None:
        self.transport = None
        self.take_in(Reason.TRANSPORT_CLOSE)
        self.home.note_gone(self)

    def hear_timeout(self) -> None:
        """Its deadlines are in `on_due`."""

    def take_in(self, item: str | Reason) -> None:
        """An Engine.IO packet, or what ends the session when all that came before has been handled."""
        if self.closing:
            return
        if self._inbox is None:
            self._inbox = deque()
        self._inbox.append(item)
        if self._worker is None:
            self._worker = self.home.spawn(self._work())
        elif len(self._inbox) >= _INBOX_FULL and self.socket is not None:
            self.socket.hold(True)

    async def wait_until_handled(self) -> None:
        """Returns when all that has been taken in has been handled; the application may not know of an end yet."""
        if self._worker is not None:
            await asyncio.wait([self._worker])

    async def _work(self) -> None:
        if self.handshake.request_id is not None:
            bind_contextvars(request_id=self.handshake.request_id)
        if self.client is not None:
            bind_contextvars(session_id=self.client)
        while self._inbox and not self.closing:
            item = self._inbox.popleft()
            if not self._inbox and self.socket is not None:
                self.socket.hold(False)
            await self._handle(item)
        self._inbox = self._worker = None
        if self._end is not None:
            self.home.spawn(self._tell(self._end))

    async def _handle(self, item: str | Reason) -> None:
        if isinstance(item, Reason):
            self.end(item)
            return
        try:
            await self._receive(item)
        except Violation:
            self.cut()

    async def _receive(self, packet: str) -> None:
        """Raises Violation unless it is one that a client may send."""
        match packet[:1]:
            case "4":
                await self.home.handle(self, packet[1:])
            case "3":
                self._take_pong()
            case "1":
                self.end(Reason.TRANSPORT_CLOSE)
                if self.socket is not None:
                    self.socket.close(Code.NORMAL)
            case _:
                raise Violation("unexpected engine packet")

    # How it ends

    def cut(self, reason: Reason = Reason.TRANSPORT_ERROR, limit: str | None = None) -> None:
        """At once and without a word, so that a client that reads nothing cannot hold us up. `limit`: the setting that
        it came up against."""
        if limit and not self.closing:
            self.home.note_limit(limit)
        self.end(reason)
        if self.socket is not None:
            self.socket.abort()

    def end(self, reason: Reason) -> None:
        """The first reason counts. The application is told when the handler that still runs is done."""
        if self.closing:
            return
        self._end = reason
        self.transport = None
        self.home.wheel.disarm(self)
        if reason is not Reason.DRAINED:
            self._let_go()
        if self._worker is None:
            self.home.spawn(self._tell(reason))

    def _let_go(self) -> None:
        if self.outbox is not None:
            self.outbox.close()
        if self.upgrade is not None:
            self.upgrade.abandon()

    async def _tell(self, reason: Reason) -> None:
        await self.home.handle_end(self, reason)
        self.closed = True
        if reason is Reason.DRAINED:
            self._let_go()
            if self.socket is not None:
                self.socket.close(Code.SERVICE_RESTART)

    def hand_off(self) -> None:
        """End in a way after which stock clients come back: code 1012, or an error answer to their next poll.

        After a Socket.IO DISCONNECT a JavaScript client stays away, after an Engine.IO CLOSE a Python client. The
        application is told first: who came back before it knew would be taken for another device beside the old one.
        """
        self.end(Reason.DRAINED)
