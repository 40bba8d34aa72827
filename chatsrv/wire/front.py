"""What stands in front of aiohttp on every TCP connection.

A request whose answer is remembered is answered here; a WebSocket on the sockets' path is taken over; everything else
is aiohttp's, bytes read so far included. aiohttp has the connection for good as soon as there is any doubt where a
request ends: two readers that disagree about that are how requests are smuggled.
"""

from __future__ import annotations

import asyncio
from enum import Enum, auto
from typing import cast

from aiohttp import web

from chatsrv.wire.asked import ASKED, Asked
from chatsrv.wire.handler import Handler
from chatsrv.wire.heads import END, accept_key, read_body_length, read_head
from chatsrv.wire.place import Place
from chatsrv.wire.websocket import WebSocket

_LINES = 8
"""A head of more than so many lines of the greatest length is aiohttp's to refuse, or not."""
_FIRST = frozenset(b"\r\nABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz")
"""What a request may begin with. Half of anything else, such as of a greeting of TLS, is not waited for to be whole."""
SOCKETS = (b"GET /socket.io/?", b"POST /socket.io/?")
_SWITCHING = (
    b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n\r\n"
)


class Turn(Enum):
    OURS = auto()
    """No request is being answered: the next byte begins one."""
    ONE = auto()
    """aiohttp has exactly one request, whose end we know."""
    THEIRS = auto()
    """Whatever comes is aiohttp's, for good."""


class Front(asyncio.Protocol):
    """One TCP connection, until it becomes a WebSocket."""

    __slots__ = (
        "_asked",
        "_body_left",
        "_handler",
        "_head",
        "_idle_until",
        "_peer",
        "_place",
        "_transport",
        "_turn",
        "_unsent",
        "slot",
    )

    def __init__(self, place: Place) -> None:
        self._place = place
        self._handler: Handler | None = None
        self._asked: Asked | None = None
        self._head = b""  # the start of one
        self._turn = Turn.OURS
        self._body_left = 0
        self._idle_until = 0.0
        self._unsent = 0  # bytes that waited when they were last counted, while they are too many
        self._peer = ""
        self.slot = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The listener has seen to TCP_NODELAY."""
        transport = cast("asyncio.Transport", transport)  # of uvloop's it is no subclass
        self._transport = transport
        name = transport.get_extra_info("peername")
        self._peer = str(name[0]) if isinstance(name, tuple) else ""
        self._place.fronts.add(self)
        self._await_request()

    def data_received(self, data: bytes) -> None:
        if self._turn is Turn.OURS:
            self._begin(data)
        elif self._handler is not None:
            self._body_left -= len(data)
            if self._body_left < 0:  # the next request came before the answer
                self._give_away()
            self._handler.data_received(data)

    # A request begins

    def _begin(self, data: bytes) -> None:
        if self._head:
            data, self._head = self._head + data, b""
        end = data.find(END)
        if end < 0:
            self._gather(data)
        elif end + 4 != len(data) or not data.startswith(b"GET ") or not self._recall(data):
            self._ask(data, end + 4)

    def _gather(self, data: bytes) -> None:
        """Half a head. Its deadline is that of the idle connection: whoever trickles gains nothing."""
        if len(data) <= self._place.line_max_bytes * _LINES and data[0] in _FIRST:
            self._head = data
        else:
            self._hand_over(data)

    def _recall(self, head: bytes) -> bool:
        place = self._place
        answer = place.recall(head, self._peer) if place.recall else None
        if answer is None or self._transport.is_closing():
            return False
        self._transport.write(answer)
        self._idle_until = place.wheel.now + place.keepalive_s
        if self._handler is not None:
            self._handler.keep_alive(False)  # its own timer would end a connection that is not idle
        return True

    def _ask(self, data: bytes, end: int) -> None:
        head = data[:end]
        if head.startswith(SOCKETS) and (self._pass_on(head, data) or self._become_socket(head, data[end:])):
            return
        length = read_body_length(head)
        if length is None or len(data) - end > length:
            self._hand_over(data)
            return
        self._turn, self._body_left = Turn.ONE, end + length
        handler, asked = self._wake_handler()
        asked.head = head if not length else None
        self._body_left -= len(data)
        handler.begin(data)

    def _hand_over(self, data: bytes) -> None:
        """To a new handler, which waits for the rest of a head no longer than for a first."""
        self._dismiss_handler()
        handler, _ = self._wake_handler()
        self._give_away()
        handler.begin(data)

    def _give_away(self) -> None:
        self._turn = Turn.THEIRS
        if self._asked:
            self._asked.head = None

    def _wake_handler(self) -> tuple[Handler, Asked]:
        if not self._unsent:
            self._place.wheel.disarm(self)
        if self._handler is not None and self._asked is not None:
            return self._handler, self._asked
        self._handler, self._asked = self._place.make_handler(), Asked()
        self._asked.answered = self._answered
        token = ASKED.set(self._asked)  # the handler's task begins with a copy of this context
        try:
            self._handler.connection_made(self._transport)
        finally:
            ASKED.reset(token)
        return self._handler, self._asked

    def _answered(self, request: web.BaseRequest, answer: web.StreamResponse) -> None:
        """aiohttp has written a whole answer: if it read just what we gave it, the next request is ours to look at."""
        if self._turn is Turn.ONE and self._asked:
            self._asked.head = None
            if not self._body_left and request.content.is_eof() and answer.keep_alive and not self._place.is_closing:
                self._turn = Turn.OURS
                self._await_request()
                if self._handler and self._handler.writing_paused:
                    self.pause_reading()
            else:
                self._give_away()

    # Idle connections

    def _await_request(self) -> None:
        place = self._place
        self._idle_until = place.wheel.time() + place.keepalive_s
        place.wheel.arm(self, place.keepalive_s)

    def on_due(self, now: float) -> None:
        place, transport = self._place, self._transport
        if self._unsent:
            self._insist(transport.get_write_buffer_size())
        elif transport.is_closing():
            transport.abort()
        elif self._turn is not Turn.OURS:
            return
        elif now < self._idle_until and not self._head:
            place.wheel.arm_at(self, self._idle_until)
        else:
            if self._head and place.on_slow:
                place.on_slow()
            transport.close()
            place.wheel.arm(self, place.keepalive_s)  # unless it takes what is still on its way

    def _insist(self, left: int) -> None:
        """Who reads slowly is waited for, who reads next to nothing is not, whoever has the request."""
        place = self._place
        if left <= self._unsent - place.slowest_bytes_per_s * place.keepalive_s:
            self._unsent = left
            place.wheel.arm(self, place.keepalive_s)
        else:
            if place.on_slow:
                place.on_slow()
            self._transport.abort()

    def close_idle(self) -> None:
        """As aiohttp does with its own when it begins to stop: what is being answered is finished."""
        if self._turn is Turn.OURS:
            self._transport.close()

    # It becomes another process's

    def _pass_on(self, head: bytes, data: bytes) -> bool:
        """The connection lives on there: what ends here is our part in it, and the client sees nothing."""
        place = self._place
        if place.passing is None or place.is_closing or not place.passing.pass_on(head, data, self._transport):
            return False
        self._leave()
        self._dismiss_handler()
        self._transport.abort()
        return True

    # It becomes a WebSocket

    def _become_socket(self, head: bytes, rest: bytes) -> bool:
        if head.startswith(b"POST "):
            return False
        sockets, parsed = self._place.sockets, read_head(head, self._place.line_max_bytes)
        if sockets is None or parsed is None:
            return False
        proof = accept_key(parsed)
        hearer = sockets.admit(parsed, self._peer) if proof else None
        if proof is None or hearer is None:
            return False
        self._leave()
        self._dismiss_handler()
        socket = WebSocket(self._transport, hearer, sockets.rules)
        self._transport.set_protocol(socket)
        socket.write(_SWITCHING % proof)
        sockets.take_over(hearer, socket)
        if rest:
            socket.data_received(rest)
        return True

    def _dismiss_handler(self) -> None:
        """It waits for a next request, and would close the transport if it had it."""
        if self._handler is not None:
            handler, self._handler = self._handler, None
            handler.transport = None
            handler.connection_lost(None)

    def _leave(self) -> None:
        self._place.wheel.disarm(self)
        self._place.fronts.discard(self)

    # What else the loop calls

    def eof_received(self) -> None:
        if self._handler is not None:
            self._handler.eof_received()

    def pause_writing(self) -> None:
        """Who does not read its answers is not read from."""
        self._unsent = self._transport.get_write_buffer_size()
        self._place.wheel.arm(self, self._place.keepalive_s)
        if self._handler is not None:
            self._handler.pause_writing()
        if self._turn is Turn.OURS:
            self.pause_reading()

    def pause_reading(self) -> None:
        if not self._transport.is_closing():
            self._transport.pause_reading()

    def resume_writing(self) -> None:
        self._unsent = 0
        if self._handler is not None:
            self._handler.resume_writing()
        if self._turn is not Turn.OURS:
            self._place.wheel.disarm(self)
        elif not self._transport.is_closing():
            self._transport.resume_reading()
            self._await_request()

    def connection_lost(self, exc: Exception | None) -> None:
        self._leave()
        if self._handler is not None:
            self._handler.connection_lost(exc)
        if self._asked is not None:
            self._asked.answered = None
            self._asked.head = None
        self._handler = self._asked = None
