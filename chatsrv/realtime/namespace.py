"""The Socket.IO namespace `/`: who connects, and what their coming and going means for presence."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import structlog
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
from chatsrv.realtime.handshake import Handshake
from chatsrv.realtime.reasons import Reason
from chatsrv.realtime.server import SocketServer
from chatsrv.realtime.watchers import Watcher
from chatsrv.services import Services
from chatsrv.services.rates import Rate, RateLimiter

log = structlog.get_logger(__name__)
_is_heard = logging.getLogger(__name__).isEnabledFor
"""A line that nobody wants costs a lookup: there is one for each coming and going."""

FAREWELL_S = 0.1

DEPARTURES = {
    Reason.CLIENT_DISCONNECT: Departure.LOGOUT,
    Reason.SERVER_DISCONNECT: Departure.SIGNED_OUT,
    Reason.DRAINED: Departure.HANDOFF,
}
"""Everything else is a connection that was lost."""


@dataclass(slots=True, eq=False)
class Arrival:
    """What waits until a socket is in: its `hello`, and an order to close it that came too early."""

    hello: tuple[Person, Opened] | None = None
    condemned: CloseCode | None = None


@dataclass(slots=True, eq=False)
class Connection:
    """A socket that is coming or here. `bad`: when it sent something wrong of late."""

    watcher: Watcher
    arrival: Arrival | None
    bad: deque[int] | None = None


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
            server.send_event,
            self.close_for_good,
            services.following.quiet,
            services.metrics,
            services.settings.fanout_window_ms,
        )
        self.expiries = Expiries(
            self._warn_of_expiry,
            self._end_expired,
            warning_s=services.settings.token_warning_s,
            close_s=services.settings.token_close_s,
        )
        self._let_in = services.metrics.connects.labels("ok")
        self._ended = cache(services.metrics.disconnects.labels)
        services.upkeep.close_socket = self.close_for_good
        services.upkeep.follow_anew = self._follow_anew
        services.upkeep.recovered = self._end_recovery
        server.on("connect", self.connect)
        server.on("disconnect", self.disconnect)
        server.on("*", self._unknown_event)
        for event, command in COMMANDS.items():
            server.on(event, self._handler(command))
        server.after_connect = self.greet

    async def connect(self, sid: str, handshake: Handshake, auth: Any) -> None:
        """A refusal reaches the client as connect_error with `data: {code, type}`."""
        bind_contextvars(session_id=sid)
        try:
            await self._open(sid, handshake, read_auth(auth))
        except ChatError as error:
            described = wire.describe(error)
            self._services.metrics.connects.labels(described["type"]).inc()
            log.info("connect_refused", type=described["type"], reason=str(error))
            data = {"code": described["code"], "type": described["type"]}
            raise exceptions.ConnectionRefusedError(described["message"], data) from error
        self._let_in.inc()
        self._services.metrics.sockets.inc()
        if _is_heard(logging.INFO):
            log.info("socket_connected")

    async def _open(self, sid: str, handshake: Handshake, credentials: Credentials) -> None:
        caller, claims = await self._services.callers.identify_user(credentials.token)
        user = caller.user
        assert user is not None  # noqa: S101 - identify_user gives one
        session = NewSession(
            id=sid,
            client_id=credentials.client_id or sid,
            has_own_client_id=credentials.client_id is not None,
            device=credentials.device,
            background=credentials.background,
            transport=handshake.query.get("transport", "polling"),
            address=self._services.callers.address_of(handshake.peer, list(handshake.forwarded_for)),
        )
        # watching begins before the session does, so that no change falls between the two
        arrival = Arrival()
        watcher = self.fanout.join(sid, user.app_id, user.id, user.username)
        self._connections[sid] = Connection(watcher, arrival)
        try:
            claim = self._first_claim(credentials)
            opened = await self._services.presence.open(caller.app, user, session, claims.issued_at, claim)
        except BaseException:
            del self._connections[sid]
            self.fanout.leave(watcher)
            raise
        arrival.hello = (Person(user, see(user, opened.warm, Viewer(user.id))), opened)
        self.expiries.keep(sid, claims.expires_at)

    def _first_claim(self, credentials: Credentials) -> Claim | None:
        if credentials.status is None:
            return None
        return Claim(uuid7().hex, Source.MANUAL, credentials.status, set_at=self._services.clock.now())

    async def greet(self, sid: str) -> None:
        """`hello`, right after the connect: stock clients recover a connection only after a first event."""
        connection = self._connections.get(sid)
        arrival = connection.arrival if connection else None
        if connection is None or arrival is None or arrival.hello is None:
            return
        person, opened = arrival.hello
        connection.arrival = None
        hello = {
            "user": wire.render(person),
            "session_id": sid,
            "resumed": opened.resumed,
            "epoch": opened.epoch,
            "version": opened.version,
            "server_time": to_text(self._services.clock.now()),
        }
        self._server.send_event([sid], "hello", hello)
        self.fanout.greet(connection.watcher, opened.epoch, opened.version)
        if arrival.condemned:
            # not along with `hello`: a stock client misses a DISCONNECT that comes before it knows that it is in
            await asyncio.sleep(FAREWELL_S)
            await self.close_for_good(sid, arrival.condemned)

    async def disconnect(self, sid: str, reason: Reason) -> None:
        """Comes last and once for every connect that was let in."""
        connection = self._connections.pop(sid, None)
        if connection:
            self.fanout.leave(connection.watcher)
        self.expiries.forget(sid)
        self._events.forget(sid)
        self._services.metrics.sockets.dec()
        self._ended(reason.value).inc()
        if _is_heard(logging.INFO):
            log.info("socket_disconnected", session_id=sid, reason=reason.value)
        departure = DEPARTURES.get(reason, Departure.LOST)
        if departure is Departure.LOGOUT and (connection is None or connection.arrival):
            # a stock client that runs out of patience while it connects says the same as one that logs out
            departure = Departure.LOST
        await self._services.presence.close(sid, departure)

    async def close_for_good(self, sid: str, code: CloseCode) -> None:
        """`session:close`, then a Socket.IO DISCONNECT, after which a stock client stays away."""
        connection = self._connections.get(sid)
        if connection and connection.arrival:
            connection.arrival.condemned = code  # it is not in yet; greet comes back to it
            return
        payload = {"code": int(code), "reason": code.name.lower(), "reconnect": code.may_reconnect}
        self._server.send_event([sid], "session:close", payload)
        await self._server.disconnect(sid)

    async def _warn_of_expiry(self, sid: str, expires_at: int) -> None:
        self._server.send_event([sid], "token:expiring", {"expires_at": to_text(expires_at)})

    async def _end_expired(self, sid: str) -> None:
        await self.close_for_good(sid, CloseCode.TOKEN_EXPIRED)

    async def check_tokens(self) -> None:
        await self.expiries.check(self._services.clock.now())

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
            if connection is None or connection.arrival:
                raise NotFound(f"The socket {sid!r} is not connected yet.")
            return await act(Seat(connection.watcher, self._services, self.fanout, self.expiries))
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
        if connection.bad is None:
            connection.bad = deque()
        bad = connection.bad
        bad.append(now)
        while now - bad[0] >= settings.bad_packets_window_s * 1000:
            bad.popleft()
        if len(bad) >= settings.bad_packets_max:
            await self.close_for_good(sid, CloseCode.BAD_PACKETS)

    async def _count_event(self, sid: str) -> None:
        """Raises TooManyRequests for a flood, and ends its socket."""
        allowance = self._events.take(sid, self._events_rate, self._services.clock.now())
        if allowance.is_spent:
            self._services.metrics.refused_by_rate.labels("socket").inc()
            await self.close_for_good(sid, CloseCode.FLOODING)
            raise TooManyRequests("Too many events; slow down.", allowance.retry_after_s)
