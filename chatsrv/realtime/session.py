"""One Engine.IO session: a client on long-polling, on WebSocket, or on the one and then the other.

It takes the place of python-engineio's socket class. What holds for every session, whatever the client does: its
handlers run one after the other and `disconnect` runs last, once; what it may send and what may wait for it is bounded;
whoever breaks the protocol is cut off at once.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from aiohttp import WSCloseCode, WSMsgType, web
from engineio import base_socket, packet
from engineio.payload import Payload

from chatsrv.realtime.outbox import Outbox, Overflow
from chatsrv.realtime.packets import Violation
from chatsrv.realtime.reasons import Reason

if TYPE_CHECKING:
    from chatsrv.realtime.engine import EngineServer


@dataclass(frozen=True, slots=True)
class WireLimits:
    """How long we wait for a client and how much we keep for it.

    `max_message_bytes` bounds a WebSocket message and the body of a polling POST; the two `queue_` figures what
    waits for a client that reads slowly.
    """

    ping_interval_s: float = 25.0
    ping_timeout_s: float = 20.0
    max_message_bytes: int = 128 * 1024
    queue_max_packets: int = 1000
    queue_max_bytes: int = 4 * 1024 * 1024
    auth_deadline_s: float = 10.0
    upgrade_timeout_s: float = 10.0
    body_timeout_s: float = 20.0
    close_timeout_s: float = 0.5


class Refusal(Exception):
    """An HTTP answer other than success. Its text is for people; stock clients read the status alone."""

    def __init__(self, text: str, status: int = 400) -> None:
        super().__init__(text)
        self.text = text
        self.status = status


class EngineSession(base_socket.BaseSocket):
    """One client. `closing` once it has ended, `closed` once the application has been told."""

    # The Python client refuses a polling answer of more packets.
    _packets_per_poll = Payload.max_decode_packets

    sid: str
    queue: Outbox
    closing: bool
    upgrading: bool
    upgraded: bool

    def __init__(self, server: "EngineServer", sid: str) -> None:
        super().__init__(server, sid)
        self._limits = server.limits
        self._turn = asyncio.Lock()  # the handlers of one session never overlap
        self._posting = False
        self._ws: web.WebSocketResponse | None = None
        self._transport: asyncio.Transport | None = None
        loop = asyncio.get_running_loop()
        self._pulse = loop.call_later(self._limits.ping_interval_s, self._ping)
        self._auth_deadline = loop.call_later(self._limits.auth_deadline_s, self.cut)

    # What goes out

    async def send(self, pkt: Any) -> None:
        """The name and shape are python-engineio's. Never waits: a client that does not keep up is cut off."""
        try:
            self.queue.put(pkt)
        except Overflow:
            self.cut()

    def _ping(self) -> None:
        with suppress(Overflow):  # then the missing answer ends the session
            self.queue.put(packet.Packet(packet.PING))
        self._rearm(self._limits.ping_timeout_s, lambda: self.cut(Reason.PING_TIMEOUT))

    def _rearm(self, delay_s: float, then: Callable[[], None]) -> None:
        self._pulse.cancel()
        if not self.closing:
            self._pulse = asyncio.get_running_loop().call_later(delay_s, then)

    # What comes in

    async def receive(self, text: str) -> None:
        """One Engine.IO packet; raises Violation unless it is one that a client may send."""
        match text[:1]:
            case "4":
                await self._in_turn(lambda: self.server._trigger_event("message", self.sid, text[1:]))
            case "3":
                self._rearm(self._limits.ping_interval_s, self._ping)
            case "1":
                self.end(Reason.TRANSPORT_CLOSE)
            case _:
                raise Violation("unexpected engine packet")

    async def _in_turn(self, handle: Callable[[], Awaitable[None]]) -> None:
        async with self._turn:
            if not self.closing:
                await handle()

    # How it ends

    def await_auth(self) -> None:
        """The client has no Socket.IO session (any more): it gets the deadline once more."""
        self.stop_awaiting_auth()
        if not self.closing:
            loop = asyncio.get_running_loop()
            self._auth_deadline = loop.call_later(self._limits.auth_deadline_s, self.cut)

    def stop_awaiting_auth(self) -> None:
        self._auth_deadline.cancel()

    def cut(self, reason: Reason = Reason.TRANSPORT_ERROR) -> None:
        """At once and without a word, so that a client that reads nothing cannot hold us up."""
        self.end(reason)
        if self._transport is not None:
            self._transport.abort()

    def end(self, reason: Reason) -> None:
        """The first reason counts. The application is told when the handlers that still run are done."""
        if self.closing:
            return
        self.closing = True
        self._pulse.cancel()
        self.stop_awaiting_auth()
        self.queue.close()
        self.server.spawn(self._tell(reason))

    async def _tell(self, reason: Reason) -> None:
        async with self._turn:
            await self.server._trigger_event("disconnect", self.sid, reason)
        self.closed = True
        self.server.sockets.pop(self.sid, None)

    async def hand_off(self, delay_s: float) -> None:
        """End in a way after which stock clients come back: code 1012, or an error answer to their next poll.

        After a Socket.IO DISCONNECT a JavaScript client stays away, after an Engine.IO CLOSE a Python client.
        """
        await asyncio.sleep(delay_s)
        self.end(Reason.DRAINED)
        await self._hang_up(WSCloseCode.SERVICE_RESTART)

    async def _hang_up(self, code: int) -> None:
        if self._ws is None or self._ws.closed:
            return
        with suppress(TimeoutError):
            async with asyncio.timeout(self._limits.close_timeout_s):
                await self._ws.close(code=code)
        if self._transport is not None:
            self._transport.abort()

    # Long-polling

    async def poll(self, request: web.Request) -> list[Any]:
        if self.upgrading:
            return [packet.Packet(packet.NOOP)]
        with self._ended_by_cancelling():
            packets: list[Any] = await self.queue.take(self._packets_per_poll)
        if request.transport is None:  # the client left while it waited: these packets have no way to it
            self.cut(Reason.TRANSPORT_CLOSE)
        if not packets or self.closing:
            raise Refusal("Session ended")
        return packets

    @contextmanager
    def _ended_by_cancelling(self) -> Iterator[None]:
        """aiohttp cancels what still runs when it stops, and, if told so, when the client leaves."""
        try:
            yield
        except asyncio.CancelledError:
            self.cut(Reason.TRANSPORT_CLOSE)
            raise

    async def accept_post(self, request: web.Request) -> None:
        """A client sends one POST at a time; a second one beside it would lose their order."""
        overlaps, self._posting = self._posting, True
        try:
            if overlaps:
                raise Refusal("Overlapping POST")
            with self._ended_by_cancelling():
                for text in (await self._read_body(request)).split("\x1e"):
                    await self.receive(text)
        except (Refusal, Violation, ValueError, OSError) as error:
            self.cut()
            raise error if isinstance(error, Refusal) else Refusal("Bad request") from error
        finally:
            self._posting = overlaps

    async def _read_body(self, request: web.Request) -> str:
        """In as many segments as it comes, but no larger and no longer than the limits say."""
        ceiling = self._limits.max_message_bytes
        if (request.content_length or 0) > ceiling:
            raise Refusal("Too large", 413)
        body = bytearray()
        async with asyncio.timeout(self._limits.body_timeout_s):
            async for chunk in request.content.iter_any():
                body += chunk
                if len(body) > ceiling:
                    raise Refusal("Too large", 413)
        return body.decode()

    # WebSocket

    async def serve(self, ws: web.WebSocketResponse, transport: asyncio.Transport | None) -> None:
        """Runs for as long as the connection lives."""
        self._ws, self._transport = ws, transport
        self.connected = self.upgraded = True
        writer = asyncio.create_task(self._write(ws))
        reason = Reason.TRANSPORT_CLOSE
        try:
            reason = await self._read(ws)
        except Violation:
            self.cut()
        finally:
            self.end(reason)
            writer.cancel()
            await self._hang_up(WSCloseCode.OK)

    async def _write(self, ws: web.WebSocketResponse) -> None:
        try:
            while packets := await self.queue.take(self._packets_per_poll):
                for pkt in packets:
                    await ws.send_str(pkt.encode())
        except OSError:
            self.cut(Reason.TRANSPORT_CLOSE)

    async def _read(self, ws: web.WebSocketResponse) -> Reason:
        while not self.closing:
            message = await ws.receive()
            if message.type is WSMsgType.TEXT:
                await self.receive(message.data)
            elif message.type is WSMsgType.CLOSE and message.data == WSCloseCode.OK:
                return Reason.CLIENT_DISCONNECT
            elif message.type in (WSMsgType.CLOSE, WSMsgType.CLOSING, WSMsgType.CLOSED):
                return Reason.TRANSPORT_CLOSE
            else:
                raise Violation("not a text message")
        return Reason.TRANSPORT_CLOSE

    async def upgrade(self, ws: web.WebSocketResponse, transport: asyncio.Transport | None) -> None:
        """Long-polling carries on until the first packet has come through, so that a proxy that opens WebSockets
        and then swallows what they carry costs nothing."""
        agreed = False
        with suppress(TimeoutError, TypeError, OSError):
            async with asyncio.timeout(self._limits.upgrade_timeout_s):
                agreed = await ws.receive_str() == "2probe" and await self._agree(ws)
        if agreed:
            await self.serve(ws, transport)

    async def _agree(self, ws: web.WebSocketResponse) -> bool:
        """While `upgrading`, polls get nothing but an end, and what is to be sent waits for the WebSocket."""
        if self.upgrading or self.upgraded or self.closing:
            return False
        self.upgrading = True
        try:
            await ws.send_str("3probe")
            await self.send(packet.Packet(packet.NOOP))  # ends the poll that waits
            self.upgraded = await ws.receive_str() == "5" and not self.closing
        finally:
            self.upgrading = False
        return self.upgraded
