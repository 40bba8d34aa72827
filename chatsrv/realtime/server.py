"""The hardened Socket.IO server: python-socketio on our own Engine.IO sessions.

It is the edge of the protocol and knows nothing of apps, tokens or presence: those belong to the handlers that are
registered on it. Handlers are called as python-socketio calls them: `connect(sid, environ, auth)` with the aiohttp
request of the handshake in `environ["aiohttp.request"]`, `disconnect(sid, reason)` with a `Reason`, and one per event.
The handlers of one client run one after the other, and `disconnect` runs last, exactly once for every `connect` that
was let in, also when the client left while `connect` still ran.
"""

import logging
from collections.abc import Awaitable, Callable, Collection
from typing import Any

import socketio
from socketio import packet as wire
from socketio.exceptions import ConnectionRefusedError as Refused

from chatsrv.realtime.engine import EngineServer
from chatsrv.realtime.packets import Packet, Violation
from chatsrv.realtime.reasons import Reason
from chatsrv.realtime.session import EngineSession, WireLimits

__all__ = ["Reason", "SocketServer", "WireLimits", "build_server"]

_NO_SUCH_NAMESPACE = {"code": 40400, "type": "ItemNotFound"}
_INTERNAL_ERROR = {"code": 50001, "type": "InternalError"}


class Rooms(socketio.AsyncManager):
    """Knows the rooms of each client, so that a client's end does not look through everybody's."""

    def __init__(self) -> None:
        super().__init__()
        self._rooms_of: dict[str, set[str | None]] = {}

    def basic_enter_room(self, sid: str, namespace: str, room: str | None, eio_sid: str | None = None) -> None:
        super().basic_enter_room(sid, namespace, room, eio_sid)
        self._rooms_of.setdefault(sid, set()).add(room)

    def basic_leave_room(self, sid: str, namespace: str, room: str | None) -> None:
        super().basic_leave_room(sid, namespace, room)
        self._rooms_of.get(sid, set()).discard(room)

    def basic_disconnect(self, sid: str, namespace: str, **_options: Any) -> None:
        for room in self._rooms_of.pop(sid, ()):
            super().basic_leave_room(sid, namespace, room)
        self.callbacks.pop(sid, None)
        for pending in (self.pending_connect, self.pending_disconnect):
            if sid in pending.get(namespace, ()):
                pending[namespace].remove(sid)


class SocketServer(socketio.AsyncServer):
    """Use `build_server`. `disconnect(sid)` ends a client's session for good; `drain` and `cut` end its transport."""

    reason = Reason

    after_connect: Callable[[str], Awaitable[None]] | None = None
    """Called with the sid when the client has been told that it is in: what is emitted here comes first."""

    def _engineio_server_class(self) -> type[EngineServer]:
        return EngineServer

    async def drain(self, spread_s: float, draw: Callable[[], float]) -> None:
        """Hand every client off to another server, or to the next one here, and return when all are gone.

        New sessions are refused with 503 from now on. Each transport is closed after `draw() * spread_s` seconds
        (`draw` gives 0 to 1, such as `random.random`), in a way after which stock clients reconnect by themselves,
        and its `disconnect` handler has run when this returns: with a handler that hangs, so does this.
        """
        await self.eio.drain(spread_s, draw)

    async def cut(self, sid: str) -> None:
        """Abort one client's transport without a DISCONNECT packet; its `disconnect` handler runs soon after."""
        self._cut_session(self.manager.eio_sid_from_sid(sid, "/"))

    def _session(self, eio_sid: str | None) -> EngineSession | None:
        session: EngineSession | None = self.eio.sockets.get(eio_sid)
        return session

    def _cut_session(self, eio_sid: str | None) -> None:
        if session := self._session(eio_sid):
            session.cut()

    def _await_auth(self, eio_sid: str | None) -> None:
        if session := self._session(eio_sid):
            session.await_auth()

    # What python-socketio calls

    async def _handle_eio_message(self, eio_sid: str, data: str) -> None:
        try:
            packet = self.packet_class.read(data)
        except Violation:
            self._cut_session(eio_sid)
            return
        match packet.packet_type:
            case wire.CONNECT:
                await self._handle_connect(eio_sid, packet.namespace, packet.data)
            case wire.DISCONNECT:
                await self._handle_disconnect(eio_sid, packet.namespace)
            case wire.EVENT:
                await self._handle_event(eio_sid, packet.namespace, packet.id, packet.data)
            case wire.ACK:
                await self._handle_ack(eio_sid, packet.namespace, packet.id, packet.data)

    async def _handle_connect(self, eio_sid: str, namespace: str | None, data: dict[str, Any] | None) -> None:
        if namespace not in (None, "/"):
            await self._send_refusal(eio_sid, namespace, Refused("ItemNotFound", _NO_SUCH_NAMESPACE))
            return
        sid = await self.manager.pre_connect(eio_sid, "/")
        if sid is None:  # it is connected already
            self._cut_session(eio_sid)
            return
        await self._admit(eio_sid, sid, data)

    async def _admit(self, eio_sid: str, sid: str, auth: dict[str, Any] | None) -> None:
        if session := self._session(eio_sid):
            session.stop_awaiting_auth()
        try:
            await self._ask(sid, self.environ[eio_sid], auth)
        except Refused as refusal:
            await self._send_refusal(eio_sid, "/", refusal)
            await self.manager.disconnect(sid, "/")
            self._await_auth(eio_sid)
        else:
            await self._send_packet(eio_sid, self.packet_class(wire.CONNECT, {"sid": sid}))
            await self.manager.connect(sid, "/")
            if self.after_connect:
                await self.after_connect(sid)

    async def _ask(self, sid: str, environ: dict[str, Any], auth: dict[str, Any] | None) -> None:
        """Raises Refused unless the application lets the client in. Without an answer a stock client waits for ever."""
        try:
            answer = await self._trigger_event("connect", "/", sid, environ, auth)
        except Refused:
            raise
        except Exception as error:
            self.logger.exception("connect handler failed")
            raise Refused("InternalError", _INTERNAL_ERROR) from error
        if answer is False:
            raise Refused

    async def _send_refusal(self, eio_sid: str, namespace: str | None, refusal: Refused) -> None:
        words = refusal.error_args
        await self._send_packet(eio_sid, self.packet_class(wire.CONNECT_ERROR, words, namespace=namespace))

    async def _handle_disconnect(
        self, eio_sid: str, namespace: str | None, reason: Reason = Reason.CLIENT_DISCONNECT
    ) -> None:
        await super()._handle_disconnect(eio_sid, namespace, reason)
        self._await_auth(eio_sid)

    async def disconnect(self, sid: str, namespace: str | None = None, ignore_queue: bool = False) -> None:
        eio_sid = self.manager.eio_sid_from_sid(sid, "/")
        await super().disconnect(sid, namespace, ignore_queue)
        self._await_auth(eio_sid)

    async def _trigger_event(self, event: str, namespace: str, *args: Any) -> Any:
        """A `disconnect` handler that fails must not keep the client in its rooms."""
        try:
            return await super()._trigger_event(event, namespace, *args)
        except Exception:
            if event != "disconnect":
                raise
            self.logger.exception("disconnect handler failed")


def build_server(limits: WireLimits, allowed_origins: Collection[str] = ()) -> SocketServer:
    """`allowed_origins` are accepted beside the server's own origin, as browsers write them; `*` accepts all."""
    for name in ("socketio.server", "engineio.server"):
        # With a level of their own they add no handler to print to; below ERROR they would print what clients send.
        logging.getLogger(name).setLevel(logging.ERROR)
    return SocketServer(
        client_manager=Rooms(),
        serializer=Packet,
        async_handlers=False,
        namespaces=["/"],
        limits=limits,
        allowed_origins=allowed_origins,
    )
