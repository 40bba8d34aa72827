"""A Socket.IO client on the bare wire that costs next to nothing: thousands of them fit into a test's process.

It speaks WebSocket without aiohttp, answers pings, keeps order, and never comes back by itself.
"""

from __future__ import annotations

import asyncio
import json
from asyncio import Future
from collections.abc import Callable
from typing import Any, cast
from urllib.parse import urlsplit

from tests.faults.timings import TIMINGS

_UPGRADE = (
    "GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)
_TEXT, _CLOSE, _FINAL, _MASKED = 0x1, 0x8, 0x80, 0x80

Hear = Callable[[str, Any], None]
Take = Callable[[Any], object]


class Turned(Exception):
    """The server let nobody in: connect_error's data, or the HTTP status. `retry_after_s` where it said one."""

    def __init__(self, status: int, data: dict[str, Any], retry_after_s: float | None) -> None:
        super().__init__(f"{status or 'connect_error'} {data}")
        self.status = status
        self.data = data
        self.retry_after_s = retry_after_s


class Light(asyncio.Protocol):
    """`hear(event, payload)` is called for everything but `hello`, in the order of arrival.

    `ended` is done when the connection is, whoever ended it.
    """

    def __init__(self, auth: dict[str, Any], hear: Hear | None = None) -> None:
        loop = asyncio.get_running_loop()
        self._auth = auth
        self._hear = hear
        self._read = bytearray()
        self._is_switched = False
        self._greeted: Future[dict[str, Any]] = loop.create_future()
        self._acks: dict[int, tuple[Future[Any], Take]] = {}
        self._last_ack = 0
        self.hello: dict[str, Any] = {}
        self.ended: Future[None] = loop.create_future()

    @classmethod
    async def connect(
        cls, url: str, auth: dict[str, Any], hear: Hear | None = None, within_s: float = TIMINGS.patience_s
    ) -> Light:
        """Returns when it has been greeted. Raises Turned, or OSError where nobody accepts or the wire breaks."""
        parts = urlsplit(url)
        loop = asyncio.get_running_loop()
        _, client = await loop.create_connection(lambda: cls(auth, hear), str(parts.hostname), parts.port or 80)
        try:
            client.hello = await asyncio.wait_for(client._greeted, within_s)
        except BaseException:
            client.cut()
            raise
        return client

    @property
    def is_over(self) -> bool:
        return self.ended.done()

    async def ask(
        self, event: str, payload: Any, take: Take = lambda _: None, within_s: float = TIMINGS.patience_s
    ) -> Any:
        """The ack. `take` sees it in its place among the events; whoever awaits comes later.

        Raises ConnectionError where the wire ends before it.
        """
        if self.is_over:
            raise ConnectionResetError
        self._last_ack += 1
        number = self._last_ack
        answered = asyncio.get_running_loop().create_future()
        self._acks[number] = answered, take
        self._say(f"42{number}" + json.dumps([event, payload]))
        try:
            return await asyncio.wait_for(answered, within_s)
        finally:
            self._acks.pop(number, None)

    # How it leaves

    async def log_out(self) -> None:
        """The user's own disconnect: no grace."""
        if not self.is_over:
            self._say("41")
            self._transport.close()
            await self.ended

    def cut(self) -> None:
        """The wire breaks."""
        self._transport.abort()

    def freeze(self) -> None:
        """Half open: it reads nothing more, so that pings stay unanswered; the connection stays, until it is cut."""
        if not self._transport.is_closing():
            self._transport.pause_reading()

    # What the loop calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._transport.write(_UPGRADE.encode())

    def data_received(self, data: bytes) -> None:
        self._read += data
        if not self._is_switched and not self._switch():
            return
        while (frame := self._next_frame()) is not None:
            opcode, payload = frame
            if opcode == _TEXT:
                self._take(payload.decode())
            elif opcode == _CLOSE:
                self._transport.close()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        self.ended.set_result(None)
        self._fail(ConnectionResetError("the wire ended"))
        for answered, _ in self._acks.values():
            if not answered.done():
                answered.set_exception(ConnectionResetError("the wire ended"))

    # Inside

    def _fail(self, error: Exception) -> None:
        if not self._greeted.done():
            self._greeted.set_exception(error)

    def _switch(self) -> bool:
        head, end, rest = bytes(self._read).partition(b"\r\n\r\n")
        if not end:
            return False
        status = int(head.split(None, 2)[1])
        if status != 101:
            self._fail(Turned(status, {}, _retry_after(head)))
            self._transport.abort()
            return False
        self._is_switched, self._read = True, bytearray(rest)
        return True

    def _next_frame(self) -> tuple[int, bytes] | None:
        """Servers mask nothing and this one sends no fragments."""
        read = self._read
        if len(read) < 2:
            return None
        size, start = read[1], 2
        if size == 126:
            size, start = int.from_bytes(read[2:4], "big"), 4
        elif size == 127:
            size, start = int.from_bytes(read[2:10], "big"), 10
        if len(read) < start or len(read) < start + size:
            return None
        frame = read[0] & 0x0F, bytes(read[start : start + size])
        del read[: start + size]
        return frame

    def _take(self, text: str) -> None:
        if text == "2":
            self._say("3")
        elif text.startswith("0"):
            self._say("40" + json.dumps(self._auth))
        elif text.startswith("43"):
            self._take_ack(text)
        elif text.startswith("42"):
            event, *payload = json.loads(text[2:])
            self._take_event(event, payload[0] if payload else None)
        elif text.startswith("44"):
            data = json.loads(text[2:]).get("data") or {}
            self._fail(Turned(0, data, data.get("retry_after_s")))
        elif text == "41":
            self._transport.close()

    def _take_ack(self, text: str) -> None:
        number, _, words = text[2:].partition("[")
        answer = next(iter(json.loads("[" + words)), None)
        if found := self._acks.get(int(number)):
            answered, take = found
            take(answer)
            if not answered.done():
                answered.set_result(answer)

    def _take_event(self, event: str, payload: Any) -> None:
        if event == "hello":
            if not self._greeted.done():
                self._greeted.set_result(payload)
        elif self._hear:
            self._hear(event, payload)

    def _say(self, text: str) -> None:
        payload = text.encode()
        size = len(payload)
        if size < 126:
            head = bytes((_FINAL | _TEXT, _MASKED | size))
        else:
            head = bytes((_FINAL | _TEXT, _MASKED | 126)) + size.to_bytes(2, "big")
        self._transport.write(head + bytes(4) + payload)  # a mask of zeros leaves the payload as it is


def _retry_after(head: bytes) -> float | None:
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"retry-after:"):
            return float(line.partition(b":")[2])
    return None
