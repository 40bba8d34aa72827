"""The Socket.IO namespace `/`: who connects, and what their coming and going means for presence."""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

import structlog
from aiohttp import web
from socketio import exceptions

from chatsrv.domain import wire
from chatsrv.domain.errors import ChatError, Distrust, Invalid, NotFound, Problem, Unauthenticated, Unavailable
from chatsrv.domain.instants import to_text
from chatsrv.domain.presence import CloseCode, Departure, Device, NewSession, Opened, Person, see
from chatsrv.logs import bind_contextvars
from chatsrv.realtime.commands import COMMANDS, Command, Seat
from chatsrv.realtime.expiries import Expiries
from chatsrv.realtime.fanout import Fanout
from chatsrv.realtime.reasons import Reason
from chatsrv.realtime.server import SocketServer
from chatsrv.services import Services

log = structlog.get_logger(__name__)

CLIENT_ID_MAX = 128
AUTH_FIELDS = ("token", "client_id", "device", "background", "status")

DEPARTURES = {
    Reason.CLIENT_DISCONNECT: Departure.LOGOUT,
    Reason.SERVER_DISCONNECT: Departure.SIGNED_OUT,
    Reason.DRAINED: Departure.HANDOFF,
}
"""Everything else is a connection that was lost."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a client connects with."""

    token: str
    client_id: str | None
    device: Device
    background: bool


def read_auth(auth: Any) -> Credentials:
    """Raises Unauthenticated without a token, and Invalid naming the field that is wrong."""
    if auth is None or (isinstance(auth, Mapping) and not auth.get("token")):
        raise Unauthenticated(Distrust.MISSING, "Connect with auth: {token}.")
    if not isinstance(auth, Mapping):
        raise Invalid(Problem("auth", "must be an object"))
    checks = {
        ("token", "must be a string"): isinstance(auth["token"], str),
        ("client_id", f"must be a string of 1 to {CLIENT_ID_MAX} characters"): _is_client_id(auth.get("client_id")),
        ("device", f"must be one of {', '.join(Device)}"): auth.get("device", Device.WEB) in tuple(Device),
        ("background", "must be true or false"): isinstance(auth.get("background", False), bool),
        ("status", "can only be online so far"): auth.get("status") in (None, "online", 1),
    }
    problems = [Problem(name, sentence) for (name, sentence), is_good in checks.items() if not is_good]
    problems += [Problem(name, "is not known here") for name in auth if name not in AUTH_FIELDS]
    if problems:
        raise Invalid(*problems)
    device = Device(auth.get("device", Device.WEB))
    return Credentials(auth["token"], auth.get("client_id"), device, auth.get("background", False))


def _is_client_id(value: Any) -> bool:
    return value is None or (isinstance(value, str) and 0 < len(value) <= CLIENT_ID_MAX)


class Namespace:
    """Its methods are the handlers that `attach` registers."""

    def __init__(self, services: Services, server: SocketServer) -> None:
        self._services = services
        self._server = server
        self._hellos: dict[str, tuple[Person, Opened]] = {}
        self._seats: dict[str, Seat] = {}
        self._bad: dict[str, deque[int]] = {}
        self._arriving: set[str] = set()
        self._condemned: dict[str, CloseCode] = {}
        self.fanout = Fanout(
            services.changelog.read,
            services.upkeep.epoch_of,
            self._send,
            self.close_for_good,
            services.metrics,
            services.settings.fanout_window_ms,
        )
        self.expiries = Expiries(
            self._warn_of_expiry,
            self._end_expired,
            warning_s=services.settings.token_warning_s,
            close_s=services.settings.token_close_s,
        )
        services.upkeep.close_socket = self.close_for_good
        services.upkeep.follow_anew = self._follow_anew
        server.on("connect", self.connect)
        server.on("disconnect", self.disconnect)
        server.on("*", self._unknown_event)
        for event, command in COMMANDS.items():
            server.on(event, self._handler(command))
        server.after_connect = self.greet

    async def connect(self, sid: str, environ: Mapping[str, Any], auth: Any) -> None:
        """A refusal reaches the client as connect_error with `data: {code, type}`."""
        bind_contextvars(session_id=sid)
        try:
            await self._open(sid, environ["aiohttp.request"], read_auth(auth))
        except ChatError as error:
            described = wire.describe(error)
            self._services.metrics.connects.labels(described["type"]).inc()
            log.info("connect_refused", type=described["type"], reason=str(error))
            data = {"code": described["code"], "type": described["type"]}
            raise exceptions.ConnectionRefusedError(described["message"], data) from error
        self._services.metrics.connects.labels("ok").inc()
        log.info("socket_connected")
        self._services.metrics.sockets.inc()

    async def _open(self, sid: str, request: web.Request, credentials: Credentials) -> None:
        caller, claims = await self._services.callers.identify_user(credentials.token)
        user = caller.user
        assert user is not None  # noqa: S101 - identify_user gives one
        session = NewSession(
            id=sid,
            client_id=credentials.client_id or sid,
            has_own_client_id=credentials.client_id is not None,
            device=credentials.device,
            background=credentials.background,
            transport=request.query.get("transport", "polling"),
            address=self._services.callers.address_of(request.remote, request.headers.getall("X-Forwarded-For", [])),
        )
        # watching begins before the session does, so that no change falls between the two
        self._arriving.add(sid)
        self.fanout.join(sid, (user.app_id, user.id), user.username)
        try:
            opened = await self._services.presence.open(caller.app, user, session)
        except BaseException:
            self._arriving.discard(sid)
            self._condemned.pop(sid, None)
            self.fanout.leave(sid)
            raise
        self._hellos[sid] = (Person(user, see(user, opened.warm)), opened)
        self._seats[sid] = Seat(sid, caller.app, user, self._services, self.fanout, self.expiries)
        self.expiries.keep(sid, claims.expires_at)

    async def greet(self, sid: str) -> None:
        """`hello`, right after the connect: stock clients recover a connection only after a first event."""
        if sid not in self._hellos:
            return
        person, opened = self._hellos.pop(sid)
        self._arriving.discard(sid)
        hello = {
            "user": wire.render(person),
            "session_id": sid,
            "resumed": opened.resumed,
            "epoch": opened.epoch,
            "version": opened.version,
            "server_time": to_text(self._services.clock.now()),
        }
        await self._send([sid], "hello", hello)
        own = (person.user.app_id, person.user.id)
        await self.fanout.show(sid, [own], opened.epoch, opened.version)
        await self.fanout.release(sid)
        if sid in self._condemned:
            await self.close_for_good(sid, self._condemned.pop(sid))

    async def disconnect(self, sid: str, reason: Reason) -> None:
        """Comes last and once for every connect that was let in."""
        for kept in (self._hellos, self._seats, self._bad, self._condemned):
            kept.pop(sid, None)
        self._arriving.discard(sid)
        self.fanout.leave(sid)
        self.expiries.forget(sid)
        self._services.metrics.sockets.dec()
        self._services.metrics.disconnects.labels(reason.value).inc()
        log.info("socket_disconnected", session_id=sid, reason=reason.value)
        await self._services.presence.close(sid, DEPARTURES.get(reason, Departure.LOST))

    async def close_for_good(self, sid: str, code: CloseCode) -> None:
        """`session:close`, then a Socket.IO DISCONNECT, after which a stock client stays away."""
        if sid in self._arriving:
            self._condemned[sid] = code  # it is not in yet; greet comes back to it
            return
        payload = {"code": int(code), "reason": code.name.lower(), "reconnect": code.may_reconnect}
        await self._send([sid], "session:close", payload)
        await self._server.disconnect(sid)

    async def _warn_of_expiry(self, sid: str, expires_at: int) -> None:
        await self._send([sid], "token:expiring", {"expires_at": to_text(expires_at)})

    async def _end_expired(self, sid: str) -> None:
        await self.close_for_good(sid, CloseCode.TOKEN_EXPIRED)

    async def check_tokens(self) -> None:
        await self.expiries.check(self._services.clock.now())

    async def _send(self, sids: list[str], event: str, payload: Any) -> None:
        """Encoded once for all of them."""
        await self._server.emit(event, payload, to=sids)

    def _follow_anew(self, shard: int) -> None:
        self._services.changelog.rewind(shard)
        self.fanout.begin_anew(lambda app_id: self._services.upkeep.is_in_shard(app_id, shard))

    def _handler(self, command: Command) -> Callable[..., Awaitable[dict[str, Any]]]:
        async def handle(sid: str, *data: Any) -> dict[str, Any]:
            return await self._answer(sid, lambda seat: command(seat, data[0] if data else None))

        return handle

    async def _answer(self, sid: str, act: Callable[[Seat], Awaitable[dict[str, Any]]]) -> dict[str, Any]:
        """What is acked: the command's answer, or its error in words. The connection lives on."""
        try:
            return await act(self._seats[sid])
        except ChatError as error:
            if not isinstance(error, Unavailable):
                await self._count_bad(sid)
            return {"error": wire.describe(error)}
        except Exception:
            log.exception("command_failed", session_id=sid)
            _, code, type_ = wire.INTERNAL
            return {"error": {"code": code, "type": type_, "message": "Something went wrong on our side."}}

    async def _unknown_event(self, event: str, sid: str, *_data: Any) -> dict[str, Any]:
        async def refuse(_seat: Seat) -> dict[str, Any]:
            raise NotFound(f"There is no event {event[:40]!r}.")

        return await self._answer(sid, refuse)

    async def _count_bad(self, sid: str) -> None:
        """Twenty within ten seconds are no accident."""
        settings, now = self._services.settings, self._services.clock.now()
        bad = self._bad.setdefault(sid, deque(maxlen=settings.bad_packets_max))
        bad.append(now)
        if len(bad) == bad.maxlen and now - bad[0] < settings.bad_packets_window_s * 1000:
            await self.close_for_good(sid, CloseCode.BAD_PACKETS)
