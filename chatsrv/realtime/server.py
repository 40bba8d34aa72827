"""The hardened Socket.IO server: python-socketio's handlers and packets on our own sessions.

It is the edge of the protocol and knows nothing of apps, tokens or presence: those belong to the handlers that are
registered on it. Handlers are called as python-socketio calls them: `connect(sid, handshake, auth)` with the Handshake
in the place of its environ, `disconnect(sid, reason)` with a `Reason`, and one per event. The handlers of one client
run one after the other, and `disconnect` runs last, exactly once for every `connect` that was let in, also when the
client left while `connect` still ran.
"""

from __future__ import annotations

import asyncio
import inspect
import logging
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

import msgspec
import socketio
from aiohttp import web
from socketio import packet as wire
from socketio.exceptions import ConnectionRefusedError as Refused

from chatsrv.realtime.clients import Clients
from chatsrv.realtime.engine import EngineServer
from chatsrv.realtime.handshake import Doors, Handshake
from chatsrv.realtime.home import Stage
from chatsrv.realtime.limits import WireLimits
from chatsrv.realtime.packets import Packet, Violation
from chatsrv.realtime.reasons import Reason
from chatsrv.realtime.session import Session
from chatsrv.wire.frames import TEXT, encode

__all__ = ["Doors", "Handshake", "Reason", "SocketServer", "WireLimits", "build_server"]

_NO_SUCH_NAMESPACE = {"code": 40400, "type": "ItemNotFound"}
_INTERNAL_ERROR = {"code": 50001, "type": "InternalError"}


class SocketServer(socketio.AsyncServer):
    """Use `build_server`. `disconnect(sid)` ends a client's session for good; `drain` and `cut` end its transport."""

    reason = Reason
    manager: Clients
    eio: EngineServer

    after_connect: Callable[[str], Awaitable[None]] | None = None
    is_flood: Callable[[str], bool] | None = None
    """Whether one more packet of this Engine.IO session is too many, whoever it is for; who connects the first time is
    no packet."""
    forget_packets: Callable[[str], None] | None = None
    """Called with the sid when the client has been told that it is in: what is emitted here comes first."""

    def _engineio_server_class(self) -> type[EngineServer]:
        return EngineServer

    def attach(self, app: web.Application, socketio_path: str = "socket.io") -> None:
        self.eio.attach(app, socketio_path)

    # What goes out

    def send_event(self, sids: Iterable[str], event: str, payload: Any = None) -> None:
        """Encoded once, whoever many they are; those who are gone are passed over."""
        self._send_packet_to(sids, b"42" + msgspec.json.encode([event, *_arguments(payload)]))

    def _send_packet_to(self, sids: Iterable[str], packet: bytes) -> None:
        frame, sessions = encode(TEXT, packet), self.manager.by_sid
        quick: list[asyncio.Transport] = []
        others: list[Session] = []
        for sid in sids:
            session = sessions.get(sid)
            if session is not None:
                if session.transport is not None:
                    quick.append(session.transport)
                else:
                    others.append(session)
        if quick:
            self.eio.joiner.write_to_all(quick, frame)
        for session in others:
            if session.upgraded:
                session.send_frame(frame)
            else:
                session.send(packet.decode())

    async def emit(
        self, event: str, data: Any = None, to: str | Iterable[str] | None = None, room: str | None = None
    ) -> None:
        """To these sids and rooms, or to everybody; gives way to the loop, so that who emits a lot starves nobody."""
        self.send_event(self.manager.named(to if room is None else room), event, data)
        await asyncio.sleep(0)

    async def enter_room(self, sid: str, room: str, namespace: str | None = None) -> None:  # noqa: ARG002
        self.manager.enter(sid, room)

    async def leave_room(self, sid: str, room: str, namespace: str | None = None) -> None:  # noqa: ARG002
        self.manager.leave(sid, room)

    def is_polling(self, sid: str) -> bool:
        """Whether the client has not come over to WebSocket yet."""
        session = self.manager.by_sid.get(sid)
        return session is not None and not session.upgraded

    # How it ends

    async def drain(self, spread_s: float, draw: Callable[[], float]) -> None:
        """Hand every client off to another server, or to the next one here, and return when all are gone.

        New sessions are refused with 503 from now on. Each transport is closed after `draw() * spread_s` seconds
        (`draw` gives 0 to 1, such as `random.random`), in a way after which stock clients reconnect by themselves,
        and its `disconnect` handler has run when this returns: with a handler that hangs, so does this.
        """
        await self.eio.drain(spread_s, draw)

    async def cut(self, sid: str) -> None:
        """Abort one client's transport without a DISCONNECT packet; its `disconnect` handler runs soon after."""
        if session := self.manager.by_sid.get(sid):
            session.cut()

    async def disconnect(self, sid: str, namespace: str | None = None, ignore_queue: bool = False) -> None:  # noqa: ARG002
        session = self.manager.by_sid.get(sid)
        if session is not None and session.stage is Stage.IN:
            _send(session, self.packet_class(wire.DISCONNECT))
            await self._leave(session, Reason.SERVER_DISCONNECT)

    async def _leave(self, session: Session, reason: Reason) -> None:
        """The first who comes here tells the application; nothing is told of a client that was never let in."""
        if session.stage is not Stage.IN:
            return
        session.stage = Stage.LEAVING
        try:
            await self._trigger_event("disconnect", "/", session.client, reason)
        except Exception:
            self.logger.exception("disconnect handler failed")
        finally:
            self.manager.forget(session)
        session.await_auth()

    # What sessions call

    async def _handle_eio_message(self, session: Session, data: str) -> None:
        try:
            packet = self.packet_class.read(data)
        except Violation:
            session.cut()
            return
        opens = packet.packet_type == wire.CONNECT and packet.namespace in (None, "/")
        if not opens and self.is_flood and self.is_flood(session.sid):
            session.cut(limit="socket_events_burst")
            return
        match packet.packet_type:
            case wire.CONNECT:
                await self._handle_connect(session, packet.namespace, packet.data)
            case wire.DISCONNECT if packet.namespace in (None, "/"):
                await self._leave(session, Reason.CLIENT_DISCONNECT)
            case wire.EVENT if packet.namespace in (None, "/"):
                await self._handle_event(session, packet.id, packet.data)
        # an acknowledgement is of nothing: we ask for none

    async def _handle_eio_disconnect(self, session: Session, reason: Reason) -> None:
        await self._leave(session, reason)
        if self.forget_packets:
            self.forget_packets(session.sid)

    async def _handle_connect(self, session: Session, namespace: str | None, auth: dict[str, Any] | None) -> None:
        if namespace not in (None, "/"):
            _refuse(session, Refused("ItemNotFound", _NO_SUCH_NAMESPACE), namespace)
        elif session.client is not None:  # it is connected already
            session.cut()
        else:
            await self._admit(session, self.eio.make_id(), auth)

    async def _admit(self, session: Session, sid: str, auth: dict[str, Any] | None) -> None:
        self.manager.add(session, sid)
        session.stop_awaiting_auth()
        try:
            await self._ask(sid, session.handshake, auth)
        except Refused as refusal:
            _refuse(session, refusal)
            self.manager.forget(session)
            session.await_auth()
        else:
            _send(session, self.packet_class(wire.CONNECT, {"sid": sid}))
            session.stage = Stage.IN
            if self.after_connect:
                await self.after_connect(sid)

    async def _ask(self, sid: str, handshake: Handshake, auth: dict[str, Any] | None) -> None:
        """Raises Refused unless the application lets the client in. Without an answer a stock client waits for ever."""
        try:
            answer = await self._trigger_event("connect", "/", sid, handshake, auth)
        except Refused:
            raise
        except Exception as error:
            self.logger.exception("connect handler failed")
            raise Refused("InternalError", _INTERNAL_ERROR) from error
        if answer is False:
            raise Refused

    async def _handle_event(self, session: Session, ack_id: int | None, words: list[Any]) -> None:
        if session.stage is not Stage.IN:
            return
        answer = await self._trigger_event(words[0], "/", session.client, *words[1:])
        if ack_id is not None and answer is not self.not_handled:
            _send(session, self.packet_class(wire.ACK, _arguments(answer), id=ack_id))

    async def _trigger_event(self, event: str, namespace: str, *args: Any) -> Any:
        """Whatever the handler of this event answers; python-socketio's own would call it again after a TypeError."""
        handler, args = self._get_event_handler(event, namespace, args)
        if handler is None:
            return self.not_handled
        answer = handler(*args)
        return await answer if inspect.isawaitable(answer) else answer


def _arguments(data: Any) -> list[Any]:
    """As python-socketio has it: a tuple is several arguments, None is none."""
    if data is None:
        return []
    return list(data) if isinstance(data, tuple) else [data]


def _send(session: Session, packet: Packet) -> None:
    session.send("4" + packet.encode())


def _refuse(session: Session, refusal: Refused, namespace: str | None = "/") -> None:
    _send(session, Packet(wire.CONNECT_ERROR, refusal.error_args, namespace=namespace))


def build_server(limits: WireLimits, doors: Doors) -> SocketServer:
    for name in ("socketio.server", "engineio.server"):
        # With a level of their own they add no handler to print to; below ERROR they would print what clients send.
        logging.getLogger(name).setLevel(logging.ERROR)
    return SocketServer(
        client_manager=Clients(),
        serializer=Packet,
        async_handlers=False,
        namespaces=["/"],
        limits=limits,
        doors=doors,
    )
