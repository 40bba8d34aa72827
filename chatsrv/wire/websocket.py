"""A TCP connection that has become a WebSocket."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Protocol

from chatsrv.wire.frames import BINARY, PING, PONG, Code, FrameReader, Violation, encode, encode_close, read_short_text
from chatsrv.wire.joiner import Joiner
from chatsrv.wire.wheel import Wheel


class Hearer(Protocol):
    """Whoever is at our end of a WebSocket."""

    def hear_text(self, text: str) -> None: ...

    def hear_close(self, code: int) -> None:
        """The peer's close frame has come. `hear_end` follows in any case."""

    def hear_violation(self, code: Code) -> None:
        """The peer broke the protocol, or sent binary data; nothing more is read. `hear_end` follows."""

    def hear_end(self) -> None:
        """The TCP connection is gone. Comes once, and last."""

    def hear_timeout(self) -> None:
        """The time that `wait` gave is over."""

    def hear_pause(self, is_paused: bool) -> None:
        """What is written piles up, or no longer does."""

    def owe(self, frame: bytes) -> None:
        """To be written although it piles up, unless that is too much."""


class _Nobody:
    """Hears what comes to a connection that is gone: nothing."""

    def hear_text(self, text: str) -> None: ...
    def hear_close(self, code: int) -> None: ...
    def hear_violation(self, code: Code) -> None: ...
    def hear_end(self) -> None: ...
    def hear_timeout(self) -> None: ...
    def hear_pause(self, is_paused: bool) -> None: ...
    def owe(self, frame: bytes) -> None: ...


_NOBODY = _Nobody()


@dataclass(frozen=True, slots=True)
class SocketRules:
    """What all WebSockets of a server have in common."""

    max_message_bytes: int
    close_timeout_s: float
    """How long the peer may take to answer our close frame and to go."""
    wheel: Wheel
    joiner: Joiner


class WebSocket(asyncio.Protocol):
    """Reads frames and answers those of control; text goes to `hearer`, who may change."""

    __slots__ = (
        "_is_closing",
        "_is_deaf",
        "_is_held",
        "_is_paused",
        "_reader",
        "_rules",
        "hearer",
        "slot",
        "transport",
    )

    def __init__(self, transport: asyncio.Transport, hearer: Hearer, rules: SocketRules) -> None:
        self.transport = transport
        self.hearer = hearer
        self.slot = 0
        self._rules = rules
        self._reader: FrameReader | None = None  # while something is half here
        self._is_deaf = False  # whatever comes means nothing any more
        self._is_closing = False
        self._is_held = False
        self._is_paused = False

    @property
    def is_closing(self) -> bool:
        """A close frame has been sent, or the connection is going down: nothing may be written any more."""
        return self._is_closing or self.transport.is_closing()

    def write(self, frame: bytes) -> None:
        """Goes out together with what else is written in this turn of the loop."""
        if not self._is_closing:
            self._rules.joiner.write(self.transport, frame)

    def close(self, code: int) -> None:
        """Our close frame; the peer has some time to send its own and to go."""
        if self._is_closing:
            return
        self._say_last(encode_close(code))
        # we read on: who closes TCP on unread bytes makes the peer's system throw away what it has not read yet
        self.hold(False)
        self._rules.wheel.arm(self, self._rules.close_timeout_s)

    def _say_last(self, frame: bytes) -> None:
        self._rules.joiner.hasten(self.transport)
        self.transport.write(frame)
        self._is_closing = True

    def abort(self) -> None:
        """At once; what was due before it goes out if the system takes it, such as the pong of an earlier ping."""
        self._is_closing = True
        self._rules.joiner.hasten(self.transport)
        self.transport.abort()

    def wait(self, delay_s: float) -> None:
        """`hear_timeout` comes then, unless this is called again; 0: it does not come."""
        if self._is_closing:
            return
        if delay_s:
            self._rules.wheel.arm(self, delay_s)
        else:
            self._rules.wheel.disarm(self)

    def hold(self, is_held: bool) -> None:
        """Nothing is read while the hearer has enough to do."""
        if is_held is self._is_held or self.transport.is_closing():
            return
        self._is_held = is_held
        if is_held:
            self.transport.pause_reading()
        else:
            self.transport.resume_reading()

    def on_due(self, now: float) -> None:  # noqa: ARG002 - the wheel's shape
        if self._is_closing:
            self.transport.abort()
        else:
            self.hearer.hear_timeout()

    # What the loop calls

    def data_received(self, data: bytes) -> None:
        if self._reader is None and not self._is_closing:
            text = read_short_text(data) if len(data) - 6 <= self._rules.max_message_bytes else None
            if text is not None:
                self.hearer.hear_text(text)
                return
        if not self._is_deaf:
            self._read(data)

    def _read(self, data: bytes) -> None:
        reader, self._reader = self._reader or FrameReader(self._rules.max_message_bytes), None
        try:
            for event in reader.feed(data):
                self._take(*event)
                if self._is_deaf:
                    return
        except Violation as violation:
            self._fail(violation.code)
        else:
            self._reader = None if reader.is_between_messages else reader

    def _take(self, kind: int, payload: bytes | str | int) -> None:
        """After our own close frame only the peer's counts."""
        if isinstance(payload, int):
            self._take_close(payload)
        elif self._is_closing:
            return
        elif isinstance(payload, str):
            self.hearer.hear_text(payload)
        elif kind == PING:
            self._answer_ping(encode(PONG, payload))
        elif kind == BINARY:
            raise Violation(Code.UNSUPPORTED)

    def _take_close(self, code: int) -> None:
        self._is_deaf = True
        if self._is_closing:
            self.transport.close()
            return
        self._say_last(encode_close(code))
        self.transport.close()
        self._rules.wheel.arm(self, self._rules.close_timeout_s)  # a peer that does not read keeps it open
        self.hearer.hear_close(code)

    def _fail(self, code: Code) -> None:
        self._is_deaf = True
        was_closing = self._is_closing
        self.close(code)
        if not was_closing:
            self.hearer.hear_violation(code)

    def _answer_ping(self, pong: bytes) -> None:
        """A peer that reads none shall not fill our memory with them."""
        if self._is_paused:
            self.hearer.owe(pong)
        else:
            self.write(pong)

    def pause_writing(self) -> None:
        """What it sends is read all the same: it may want to leave."""
        self._is_paused = True
        self.hearer.hear_pause(True)

    def resume_writing(self) -> None:
        self._is_paused = False
        self.hearer.hear_pause(False)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's shape
        self._is_closing = self._is_deaf = True
        self._reader = None
        self._rules.wheel.disarm(self)
        self._rules.joiner.drop(self.transport)
        hearer, self.hearer = self.hearer, _NOBODY  # each knowing the other, they would wait for the collector
        hearer.hear_end()
