"""The Socket.IO namespace `/`: who connects, and what their coming and going means for presence."""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import structlog
from aiohttp import web
from socketio import exceptions
from uuid_utils import uuid7

from chatsrv.domain import wire
from chatsrv.domain.changes import Opened
from chatsrv.domain.errors import (
    ChatError,
    NotFound,
    TooManyRequests,
    Unavailable,
)
from chatsrv.domain.instants import to_text
from chatsrv.domain.presence import Claim, Person, Source, Viewer, see
from chatsrv.domain.sessions import CloseCode, Departure, NewSession
from chatsrv.logs import bind_contextvars
from chatsrv.realtime.commands import COMMANDS, Command, Seat
from chatsrv.realtime.credentials import Credentials, read_auth
from chatsrv.realtime.expiries import Expiries
from chatsrv.realtime.fanout import Fanout
from chatsrv.realtime.reasons import Reason
from chatsrv.realtime.server import SocketServer
from chatsrv.services import Services
from chatsrv.services.rates import Rate, RateLimiter

log = structlog.get_logger(__name__)

DEPARTURES = {
    Reason.CLIENT_DISCONNECT: Departure.LOGOUT,
    Reason.SERVER_DISCONNECT: Departure.SIGNED_OUT,
    Reason.DRAINED: Departure.HANDOFF,
}
"""Everything else is a connection that was lost."""


@dataclass(slots=True)
class Connection:
    """A socket that is coming or here. `hello` waits until it is in; an order to close that comes earlier, too."""

    seat: Seat | None = None
    hello: tuple[Person, Opened] | None = None
    is_arriving: bool = True
    condemned: CloseCode | None = None
    bad: deque[int] = field(default_factory=deque)


class Namespace:
    """Its methods are the handlers that `attach` registers."""

    def __init__(self, services: Services, server: SocketServer) -> None:
        self._services = services
        self._server = server
        self._connections: dict[str, Connection] = {}
        self._events = RateLimiter()
        self._events_rate = Rate(services.settings.socket_events_per_minute, services.settings.socket_events_burst)
        self.fanout = Fanout(
            services.following.read,
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
        services.upkeep.recovered = self._end_recovery
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
        connection = self._connections[sid] = Connection()
        self.fanout.join(sid, (user.app_id, user.id), user.username)
        try:
            claim = self._first_claim(credentials)
            opened = await self._services.presence.open(caller.app, user, session, claims.issued_at, claim)
        except BaseException:
            del self._connections[sid]
            self.fanout.leave(sid)
            raise
        connection.hello = (Person(user, see(user, opened.warm, Viewer(user.id))), opened)
        connection.seat = Seat(sid, caller.app, user, self._services, self.fanout, self.expiries)
        self.expiries.keep(sid, claims.expires_at)

    def _first_claim(self, credentials: Credentials) -> Claim | None:
        if credentials.status is None:
            return None
        return Claim(uuid7().hex, Source.MANUAL, credentials.status, set_at=self._services.clock.now())

    async def greet(self, sid: str) -> None:
        """`hello`, right after the connect: stock clients recover a connection only after a first event."""
        connection = self._connections.get(sid)
        if connection is None or connection.hello is None:
            return
        person, opened = connection.hello
        connection.hello, connection.is_arriving = None, False
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
        if connection.condemned:
            await self.close_for_good(sid, connection.condemned)

    async def disconnect(self, sid: str, reason: Reason) -> None:
        """Comes last and once for every connect that was let in."""
        connection = self._connections.pop(sid, None)
        self.fanout.leave(sid)
        self.expiries.forget(sid)
        self._services.metrics.sockets.dec()
        self._services.metrics.disconnects.labels(reason.value).inc()
        log.info("socket_disconnected", session_id=sid, reason=reason.value)
        departure = DEPARTURES.get(reason, Departure.LOST)
        if departure is Departure.LOGOUT and (connection is None or connection.is_arriving):
            # a stock client that runs out of patience while it connects says the same as one that logs out
            departure = Departure.LOST
        await self._services.presence.close(sid, departure)

    async def close_for_good(self, sid: str, code: CloseCode) -> None:
        """`session:close`, then a Socket.IO DISCONNECT, after which a stock client stays away."""
        connection = self._connections.get(sid)
        if connection and connection.is_arriving:
            connection.condemned = code  # it is not in yet; greet comes back to it
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
        self._services.following.begin_anew(shard)
        self.fanout.begin_anew(lambda app_id: self._services.upkeep.is_in_shard(app_id, shard))

    async def _end_recovery(self, shard: int) -> None:
        """Of those whom no node has put back nothing will be told: watchers must look again."""
        self._services.following.end_recovery(shard)
        await self.fanout.reset(lambda app_id: self._services.upkeep.is_in_shard(app_id, shard))

    def _handler(self, command: Command) -> Callable[..., Awaitable[dict[str, Any]]]:
        async def handle(sid: str, *data: Any) -> dict[str, Any]:
            return await self._answer(sid, lambda seat: command(seat, data[0] if data else None))

        return handle

    async def _answer(self, sid: str, act: Callable[[Seat], Awaitable[dict[str, Any]]]) -> dict[str, Any]:
        """What is acked: the command's answer, or its error in words. The connection lives on."""
        connection = self._connections.get(sid)
        try:
            await self._count_event(sid)
            return await act((connection and connection.seat) or _not_in(sid))
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
        connection = self._connections.get(sid)
        if connection is None:
            return
        settings, now = self._services.settings, self._services.clock.now()
        connection.bad.append(now)
        while now - connection.bad[0] >= settings.bad_packets_window_s * 1000:
            connection.bad.popleft()
        if len(connection.bad) >= settings.bad_packets_max:
            await self.close_for_good(sid, CloseCode.BAD_PACKETS)

    async def _count_event(self, sid: str) -> None:
        """Raises TooManyRequests for a flood, and ends its socket."""
        allowance = self._events.take(sid, self._events_rate, self._services.clock.now())
        if allowance.is_spent:
            self._services.metrics.refused_by_rate.labels("socket").inc()
            await self.close_for_good(sid, CloseCode.FLOODING)
            raise TooManyRequests("Too many events; slow down.", allowance.retry_after_s)


def _not_in(sid: str) -> Seat:
    raise NotFound(f"The socket {sid!r} is not connected yet.")
