"""The HTTP side of Engine.IO: who may open a session, and which request belongs to which."""

import asyncio
from collections.abc import Callable, Collection, Coroutine
from typing import Any

import engineio
from aiohttp import web
from engineio import packet
from engineio.async_drivers.aiohttp import translate_request
from engineio.payload import Payload

from chatsrv.realtime.outbox import Outbox
from chatsrv.realtime.session import EngineSession, Refusal, WireLimits


class EngineServer(engineio.AsyncServer):
    """Has the routes and the sessions of one Socket.IO server."""

    def __init__(self, limits: WireLimits, allowed_origins: Collection[str], **options: Any) -> None:
        super().__init__(async_mode="aiohttp", **options)
        self.limits = limits
        self._allowed_origins = allowed_origins
        self._draining = False
        self._tasks: set[asyncio.Task[None]] = set()

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """asyncio itself keeps no strong reference to a task."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def create_queue(self) -> Outbox:
        """What python-engineio's socket class makes its queue with."""
        return Outbox(self.limits.queue_max_packets, self.limits.queue_max_bytes)

    async def drain(self, spread_s: float, draw: Callable[[], float]) -> None:
        self._draining = True
        while self.sockets:  # a session that was being opened as we began is found by the next round
            sessions = list(self.sockets.values())
            await asyncio.gather(*(session.hand_off(draw() * spread_s) for session in sessions))
            while self._tasks:
                await asyncio.wait(self._tasks)

    async def handle_request(self, request: web.Request) -> web.StreamResponse:
        environ = translate_request(request)
        try:
            answer = await self._answer(request, environ)
        except Refusal as refusal:
            answer = web.Response(text=refusal.text, status=refusal.status)
        if not answer.prepared:
            answer.headers.update(self._cors_headers(environ))
        return answer

    async def _answer(self, request: web.Request, environ: dict[str, Any]) -> web.StreamResponse:
        self._check(request, environ)
        match request.method, "sid" in request.query:
            case "OPTIONS", _:
                return web.Response()
            case "GET", False:
                return await self._open(request, environ)
            case "GET", True:
                return await self._carry_on(self._find(request), request)
            case "POST", True:
                await self._find(request).accept_post(request)
                return web.Response(text="ok")
        raise Refusal("Bad request")

    def _check(self, request: web.Request, environ: dict[str, Any]) -> None:
        origin = request.headers.get("Origin")
        allowed = self._cors_allowed_origins(environ)
        if origin and allowed is not None and origin not in allowed:
            raise Refusal("Origin not accepted")
        if "j" in request.query:  # JSONP would echo what a stranger sends as a script of ours
            raise Refusal("JSONP not accepted")
        if request.query.get("transport", "polling") not in self.transports:
            raise Refusal("Unknown transport")

    def _cors_allowed_origins(self, environ: dict[str, Any]) -> list[str] | None:
        """Our own origin and those of the list; None stands for all."""
        if "*" in self._allowed_origins:
            return None
        return [*super()._cors_allowed_origins(environ), *self._allowed_origins]

    def _find(self, request: web.Request) -> EngineSession:
        session: EngineSession | None = self.sockets.get(request.query["sid"])
        if session is None or session.closing:
            raise Refusal("Unknown session")
        if session.upgraded:
            raise Refusal("Session is on WebSocket")
        return session

    async def _open(self, request: web.Request, environ: dict[str, Any]) -> web.StreamResponse:
        if self._draining:
            raise Refusal("Going down", 503)
        if request.query.get("EIO") != "4":
            raise Refusal("Engine.IO 4 only")
        if not _wants_websocket(request):
            return _payload(await (await self._new_session(environ, ["websocket"])).poll(request))
        ws = await self._accept(request)
        await (await self._new_session(environ, [])).serve(ws, request.transport)
        return ws

    async def _new_session(self, environ: dict[str, Any], upgrades: list[str]) -> EngineSession:
        session = EngineSession(self, self.generate_id())
        self.sockets[session.sid] = session
        greeting = {
            "sid": session.sid,
            "upgrades": upgrades,
            "pingInterval": int(self.limits.ping_interval_s * 1000),
            "pingTimeout": int(self.limits.ping_timeout_s * 1000),
            "maxPayload": self.limits.max_message_bytes,
        }
        await session.send(packet.Packet(packet.OPEN, greeting))
        await self._trigger_event("connect", session.sid, environ)
        return session

    async def _carry_on(self, session: EngineSession, request: web.Request) -> web.StreamResponse:
        if not _wants_websocket(request):
            return _payload(await session.poll(request))
        ws = await self._accept(request)
        await session.upgrade(ws, request.transport)
        return ws

    async def _accept(self, request: web.Request) -> web.WebSocketResponse:
        """permessage-deflate would cost 100 KiB a connection and two thirds of the speed."""
        ws = web.WebSocketResponse(
            compress=False, max_msg_size=self.limits.max_message_bytes, timeout=self.limits.close_timeout_s
        )
        await ws.prepare(request)
        return ws


def _wants_websocket(request: web.Request) -> bool:
    return request.query.get("transport") == "websocket"


def _payload(packets: list[Any]) -> web.Response:
    return web.Response(text=Payload(packets=packets).encode(), content_type="text/plain")
