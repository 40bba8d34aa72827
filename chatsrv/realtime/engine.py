"""The HTTP side of Engine.IO: who may open a session, and which request belongs to which."""

from __future__ import annotations

import asyncio
import logging
import secrets
from base64 import urlsafe_b64encode
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Mapping
from contextlib import suppress
from math import ceil
from typing import Any

import msgspec
from aiohttp import web

from chatsrv.domain.errors import TooManyRequests
from chatsrv.domain.origins import Get
from chatsrv.realtime.handshake import Doors, Handshake, read_query
from chatsrv.realtime.limits import WireLimits
from chatsrv.realtime.polling import Refusal, accept_post, poll
from chatsrv.realtime.probe import Probe
from chatsrv.realtime.reasons import Reason
from chatsrv.realtime.session import Session
from chatsrv.wire import Head, Hearer, Joiner, SocketRules, WebSocket, Wheel

log = logging.getLogger("socketio.server")

_TRANSPORTS = ("polling", "websocket")
_AT_ONCE = 100
_REFUSED_MAX = 1000
"""Sessions handed over before others get their turn."""


def _draw_ids() -> Iterator[str]:
    """20 characters each, by the hundred: in a storm of connects it is the kernel's answer that is dear."""
    while True:
        drawn = urlsafe_b64encode(secrets.token_bytes(15 * 128)).decode()
        for start in range(0, len(drawn), 20):
            yield drawn[start : start + 20]


class EngineServer:
    """Has the routes and the sessions of one Socket.IO server."""

    async_mode = "aiohttp"

    def __init__(self, limits: WireLimits, doors: Doors, **_options: Any) -> None:
        self.limits = limits
        self._ids = _draw_ids()
        self.wheel = Wheel()
        self.joiner = Joiner()
        self.rules = SocketRules(limits.max_message_bytes, limits.close_timeout_s, self.wheel, self.joiner)
        self.mark = ""
        """Before the id of every session, where its process must be found by it."""
        self.sockets: dict[str, Session] = {}
        self.posting: set[str] = set()
        self._doors = doors
        self.count_opening: Callable[[Handshake], None] | None = None
        """Raises TooManyRequests where whoever asks may not open a session now."""
        self.note_limit: Callable[[str], None] = lambda _limit: None
        self.on_upgrade: Callable[[str], None] = lambda _client: None
        """Told the Socket.IO id of a client that is on WebSocket now."""
        self._handlers: dict[str, Callable[..., Awaitable[None]]] = {}
        self._draining = False
        self._tasks: set[asyncio.Task[None]] = set()
        self._probes: set[Probe] = set()
        self._refused: dict[str, Refusal] = {}
        self._leaving: set[Hearer] = set()
        self._stirred = asyncio.Event()

    def on(self, event: str, handler: Callable[..., Awaitable[None]]) -> None:
        """python-socketio registers `connect`, `message` and `disconnect`."""
        self._handlers[event] = handler

    def attach(self, app: web.Application, path: str) -> None:
        for method in ("GET", "HEAD", "POST", "OPTIONS"):
            app.router.add_route(method, f"/{path.strip('/')}/", self.handle_request)

    # What sessions call

    def spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """asyncio itself keeps no strong reference to a task."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def handle(self, session: Session, message: str) -> None:
        """A handler that fails harms nobody but itself."""
        try:
            await self._handlers["message"](session, message)
        except Exception:
            log.exception("event handler failed")

    async def handle_end(self, session: Session, reason: Reason) -> None:
        try:
            await self._handlers["disconnect"](session, reason)
        finally:
            self.sockets.pop(session.sid, None)
            self._stirred.set()

    def note_upgrade(self, session: Session) -> None:
        if session.client is not None:
            self.on_upgrade(session.client)

    def note_gone(self, hearer: Session | Probe) -> None:
        if isinstance(hearer, Probe):
            self._probes.discard(hearer)
        self._leaving.discard(hearer)
        self._stirred.set()

    # Going down

    async def drain(self, spread_s: float, draw: Callable[[], float]) -> None:
        self._draining = True
        while self.sockets:  # a session that was being opened as we began is found by the next round
            await self._hand_off([(draw() * spread_s, session) for session in self.sockets.values()])
            while self._tasks:
                await asyncio.wait(self._tasks)
        self._leaving |= self._probes
        for probe in list(self._probes):
            probe.abandon()
        await self._until(lambda: not self._leaving)  # each for as long as a close may take

    async def _until(self, claim: Callable[[], bool]) -> None:
        """Asks whenever a session has ended or a connection is gone."""
        while not claim():
            self._stirred.clear()
            await self._stirred.wait()

    async def _hand_off(self, plan: list[tuple[float, Session]]) -> None:
        """Each when its time has come; nobody waits for that of a session which has ended meanwhile."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        for number, (delay_s, session) in enumerate(sorted(plan, key=lambda entry: entry[0])):
            if not number % _AT_ONCE:
                await asyncio.sleep(0)
            if began + delay_s > loop.time():
                await self._outlast(session, began + delay_s)
            if session.socket is not None and not session.socket.is_closing:
                self._leaving.add(session)
            session.hand_off()

    async def _outlast(self, session: Session, turn_at: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout_at(turn_at):
                await self._until(lambda: session.closing)

    def make_id(self) -> str:
        """One that nobody can guess."""
        return next(self._ids)

    # What the wire calls

    def admit(self, head: Head, peer: str) -> Hearer | None:
        query = read_query(head.query_string)
        if query.get("transport") != "websocket":
            return None
        try:
            self._check(query, head.get)
            if "sid" in query:
                return Probe(self._find(query["sid"]))
            handshake = Handshake.of_head(head, peer, self._doors.foreign_origin(head.get))
            self._check_new(query, handshake)
        except Refusal as refusal:
            self._note_refused(head.get("sec-websocket-key"), refusal)
            return None
        return Session(self, self.mark + self.make_id(), handshake)

    def _note_refused(self, key: str | None, refusal: Refusal) -> None:
        """For the same request, when it comes by aiohttp to be answered: it is counted once."""
        if key and refusal.retry_after_s is not None:
            if len(self._refused) >= _REFUSED_MAX:
                self._refused.clear()
            self._refused[key] = refusal

    def take_over(self, hearer: Hearer, socket: WebSocket) -> None:
        if isinstance(hearer, Probe):
            self._probes.add(hearer)
            hearer.begin(socket)
        elif isinstance(hearer, Session):
            self.sockets[hearer.sid] = hearer
            hearer.begin_socket(socket)
            hearer.send(self._greeting(hearer, []))

    # What aiohttp calls

    async def handle_request(self, request: web.Request) -> web.StreamResponse:
        try:
            answer = await self._answer(request)
        except Refusal as refusal:
            answer = web.Response(text=refusal.text, status=refusal.status)
            if refusal.limit:
                self.note_limit(refusal.limit)
            if refusal.retry_after_s is not None:
                answer.headers["Retry-After"] = str(max(1, ceil(refusal.retry_after_s)))
            if "Sec-WebSocket-Version" in request.headers or "Upgrade" in request.headers:
                # who expected something else than HTTP shall not go on with whatever it has sent behind
                answer.headers["Sec-WebSocket-Version"] = "13"
                answer.force_close()
        answer.headers.update(self._doors.headers(request))
        return answer

    async def _answer(self, request: web.Request) -> web.Response:
        query = read_query(request.rel_url.raw_query_string)
        self._check(query, request.headers.get)
        match request.method, "sid" in query:
            case "OPTIONS", _:
                return web.Response()
            case "GET", False:
                return await self._open(request, query)
            case "GET", True:
                session = self._find(query["sid"])
                _check_polls(query)
                return await poll(session, request)
            case "POST", True:
                await accept_post(self._find(query["sid"]), request, self.posting)
                return web.Response(text="ok")
        raise Refusal("Bad request")

    def _check(self, query: Mapping[str, str], get: Get) -> None:
        if not self._doors.is_welcome(get):
            raise Refusal("Origin not accepted")
        if "j" in query:  # JSONP would echo what a stranger sends as a script of ours
            raise Refusal("JSONP not accepted")
        if query.get("transport", "polling") not in _TRANSPORTS:
            raise Refusal("Unknown transport")

    def _check_new(self, query: Mapping[str, str], handshake: Handshake) -> None:
        if self._draining:
            raise Refusal("Going down", 503)
        if query.get("EIO") != "4":
            raise Refusal("Engine.IO 4 only")
        try:
            if self.count_opening:
                self.count_opening(handshake)
        except TooManyRequests as error:
            raise Refusal(str(error), 429, error.limit, error.retry_after_s) from error

    def _find(self, sid: str) -> Session:
        session = self.sockets.get(sid)
        if session is None or session.closing:
            raise Refusal("Unknown session")
        if session.upgraded:
            raise Refusal("Session is on WebSocket")
        return session

    async def _open(self, request: web.Request, query: Mapping[str, str]) -> web.Response:
        if refusal := self._refused.pop(request.headers.get("Sec-WebSocket-Key", ""), None):
            raise refusal
        handshake = Handshake.of_request(request, self._doors.foreign_origin(request.headers.get))
        self._check_new(query, handshake)
        _check_polls(query)
        session = Session(self, self.mark + self.make_id(), handshake)
        self.sockets[session.sid] = session
        session.begin_polling()
        session.send(self._greeting(session, ["websocket"]))
        return await poll(session, request)

    def _greeting(self, session: Session, upgrades: list[str]) -> str:
        greeting = {
            "sid": session.sid,
            "upgrades": upgrades,
            "pingInterval": int(self.limits.ping_interval_s * 1000),
            "pingTimeout": int(self.limits.ping_timeout_s * 1000),
            "maxPayload": self.limits.max_message_bytes,
        }
        return "0" + msgspec.json.encode(greeting).decode()


def _check_polls(query: Mapping[str, str]) -> None:
    """A good WebSocket handshake does not come here."""
    if query.get("transport") == "websocket":
        raise Refusal("Not a WebSocket handshake of version 13")
