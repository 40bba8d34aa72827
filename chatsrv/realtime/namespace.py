"""The Socket.IO namespace `/`: who connects, and what their coming and going means for presence."""

from __future__ import annotations

import asyncio
import logging
import sys
from functools import cache
from math import ceil
from typing import Any

import structlog
from socketio import exceptions
from uuid_utils import uuid7

from chatsrv.domain import wire
from chatsrv.domain.apps import App, Caller
from chatsrv.domain.errors import ChatError, Forbidden, TooManyRequests
from chatsrv.domain.instants import to_text
from chatsrv.domain.presence import Claim, Person, Source, Viewer, see
from chatsrv.domain.sessions import CloseCode, Departure, NewSession
from chatsrv.domain.tokens import TokenClaims
from chatsrv.logs import bind_contextvars
from chatsrv.realtime.answering import Answering
from chatsrv.realtime.commands import Seat
from chatsrv.realtime.conduct import Conduct
from chatsrv.realtime.connections import Arrival, Connection, Connections
from chatsrv.realtime.credentials import Credentials, read_auth
from chatsrv.realtime.expiries import Expiries
from chatsrv.realtime.fanout import Fanout
from chatsrv.realtime.handshake import Handshake
from chatsrv.realtime.observers import Observers
from chatsrv.realtime.observing import Stand, identify
from chatsrv.realtime.places import Places
from chatsrv.realtime.reasons import Reason
from chatsrv.realtime.server import SocketServer
from chatsrv.services import Services

log = structlog.get_logger(__name__)
_is_heard = logging.getLogger(__name__).isEnabledFor
"""A line that nobody wants costs a lookup: there is one for each coming and going."""

FAREWELL_S = 0.1

LIMITS = {CloseCode.EVICTED: "sessions_per_user", CloseCode.BAD_PACKETS: "bad_packets_max"}
"""The setting that a socket has come up against which is closed with such a code."""

DEPARTURES = {
    Reason.CLIENT_DISCONNECT: Departure.LOGOUT,
    Reason.SERVER_DISCONNECT: Departure.SIGNED_OUT,
    Reason.DRAINED: Departure.HANDOFF,
}
"""Everything else is a connection that was lost."""


class Namespace:
    """Its methods are the handlers that `attach` registers."""

    def __init__(self, services: Services, server: SocketServer) -> None:
        self._services = services
        self._server = server
        self._connections = Connections(services.nodes.count)
        self._places = Places(services.settings.sockets_per_address)
        self._conduct = Conduct(services.settings, services.clock, services.metrics)
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
        self.observers = Observers(services, self.fanout, server.send_event, self.close_for_good)
        self._arrived = services.metrics.connects.labels("ok")
        self._ended = cache(services.metrics.disconnects.labels)
        services.upkeep.close_socket = self.close_for_good
        services.upkeep.follow_anew = self._follow_anew
        services.upkeep.recovered = self._end_recovery
        server.on("connect", self.connect)
        server.on("disconnect", self.disconnect)
        answering = Answering(self._seat_of, self._conduct, self._note_limit, self.close_for_good)
        server.on("*", answering.answer)
        services.following.on_lapse = self.observers.distrust
        server.after_connect = self.greet
        server.is_flood, server.forget_packets = self._conduct.is_flood, self._conduct.forget_packets
        server.eio.count_opening = self._count_opening
        server.eio.note_limit = self._note_limit
        server.eio.on_upgrade = self._connections.note_upgrade

    def _note_limit(self, limit: str) -> None:
        self._services.metrics.limits_reached.labels(limit).inc()

    def _address_of(self, handshake: Handshake) -> str:
        return self._services.addresses.of_client(handshake.peer, handshake.forwarded_for)

    def _count_opening(self, handshake: Handshake) -> None:
        """Before a session is opened for whoever it may be. Raises TooManyRequests."""
        self._services.addresses.count_request(self._address_of(handshake))

    async def connect(self, sid: str, handshake: Handshake, auth: Any) -> None:
        """A refusal reaches the client as connect_error with `data: {code, type, retry_after_s?}`."""
        bind_contextvars(session_id=sid)
        address = self._address_of(handshake)
        try:
            with self._places.at_address(address):
                await self._open(sid, handshake, address, read_auth(auth))
        except ChatError as error:
            described = wire.describe(error)
            self._services.metrics.connects.labels(described["type"]).inc()
            log.info("connect_refused", type=described["type"], reason=str(error), address=address)
            await self._count_refusal(sid, address, error)
            raise exceptions.ConnectionRefusedError(described["message"], _hint(described, error)) from error
        if _is_heard(logging.INFO):
            log.info("socket_connected")

    async def _count_refusal(self, sid: str, address: str, error: ChatError) -> None:
        """Its session may try again, and is cut off where it never stops trying."""
        if error.limit:
            self._note_limit(error.limit)
        try:
            self._services.addresses.count_request(address)
        except TooManyRequests as flood:
            self._note_limit(flood.limit or "")
            await self._server.cut(sid)

    async def _open(self, sid: str, handshake: Handshake, address: str, credentials: Credentials) -> None:
        if self._services.callers.may_be_key(credentials.token):
            await self._let_observe(sid, handshake, address, credentials.token)
            return
        caller, claims = await self._services.callers.identify_user(credentials.token, address)
        self._check_origin(caller.app, handshake)
        most = int(self._services.apps.setting(caller.app, "sockets_per_app"))
        with self._places.in_app(caller.app.id, most):
            await self._let_in(sid, handshake, address, credentials, caller, claims)
        self._services.metrics.sockets.inc()
        self._arrived.inc()

    async def _let_observe(self, sid: str, handshake: Handshake, address: str, token: str) -> None:
        caller = await identify(self._services, token, address)
        self._check_origin(caller.app, handshake)
        with self._places.observing(caller.app.id, self._services.settings.observers_per_app):
            self.observers.join(sid, caller, address)
        self._services.nodes.count(caller.app.id, observers=1)
        self._services.metrics.observers.inc()
        self._services.metrics.connects.labels("observer").inc()

    async def _let_in(
        self,
        sid: str,
        handshake: Handshake,
        address: str,
        credentials: Credentials,
        caller: Caller,
        claims: TokenClaims,
    ) -> None:
        user = caller.user
        assert user is not None  # noqa: S101 - identify_user gives one
        session = NewSession(
            id=sid,
            client_id=credentials.client_id or sid,
            has_own_client_id=credentials.client_id is not None,
            device=credentials.device,
            background=credentials.background,
            transport=handshake.query.get("transport", "polling"),
            address=address,
        )
        # watching begins before the session does, so that no change falls between the two
        arrival = Arrival()
        watcher = self.fanout.join(sid, user.app_id, user.id, user.username)
        self._connections.add(Connection(watcher, sys.intern(address), arrival, self._server.is_polling(sid)))
        try:
            claim = self._first_claim(credentials)
            opened = await self._services.presence.open(
                caller.app, user, session, claims.issued_at, claim, claims.signed_by
            )
        except BaseException:
            self._connections.remove(sid)
            self.fanout.leave(watcher)
            raise
        arrival.hello = (Person(user, see(user, opened.warm, Viewer(user.id))), opened)
        self.expiries.keep(sid, claims.expires_at)

    def _check_origin(self, app: App, handshake: Handshake) -> None:
        """The door let in what any app allows; now it is known which app this is about."""
        if handshake.origin is not None and not self._services.origins.admits_to(app, handshake.origin):
            raise Forbidden("Web pages of this origin may not connect to this app.")

    def _first_claim(self, credentials: Credentials) -> Claim | None:
        if credentials.status is None:
            return None
        return Claim(uuid7().hex, Source.MANUAL, credentials.status, set_at=self._services.clock.now())

    async def greet(self, sid: str) -> None:
        """`hello`, right after the connect: stock clients recover a connection only after a first event."""
        if observer := self.observers.find(sid):
            self.observers.greet(observer)
            return
        connection = self._connections.find(sid)
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
        self._conduct.forget(sid)
        self._ended(reason.value).inc()
        if _is_heard(logging.INFO):
            log.info("socket_disconnected", session_id=sid, reason=reason.value)
        if observer := self.observers.leave(sid):
            self._places.leave(observer.address, observer.app.id, was_observing=True)
            self._services.nodes.count(observer.app.id, observers=-1)
            self._services.metrics.observers.dec()
        else:
            await self._end_session(sid, reason)

    async def _end_session(self, sid: str, reason: Reason) -> None:
        connection = self._connections.remove(sid)
        if connection:
            self.fanout.leave(connection.watcher)
            self._places.leave(connection.address, connection.watcher.own.app.id)
        self.expiries.forget(sid)
        self._services.metrics.sockets.dec()
        departure = DEPARTURES.get(reason, Departure.LOST)
        if departure is Departure.LOGOUT and (connection is None or connection.arrival):
            # a stock client that runs out of patience while it connects says the same as one that logs out
            departure = Departure.LOST
        await self._services.presence.close(sid, departure)

    async def close_for_good(self, sid: str, code: CloseCode) -> None:
        """`session:close`, then a Socket.IO DISCONNECT, after which a stock client stays away."""
        connection = self._connections.find(sid)
        if connection and connection.arrival:
            connection.arrival.condemned = code  # it is not in yet; greet comes back to it
            return
        if code in LIMITS:
            self._note_limit(LIMITS[code])
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

    def _seat_of(self, sid: str) -> Seat | Stand | None:
        """From which it asks; None where it is not in, or not any more."""
        if observer := self.observers.find(sid):
            return Stand(observer, self.observers, self._services)
        connection = self._connections.find(sid)
        if connection is None or connection.arrival:
            return None
        return Seat(connection.watcher, connection.address, self._services, self.fanout, self.expiries)


def _hint(described: dict[str, Any], error: ChatError) -> dict[str, Any]:
    """What a client can act upon: when to come back, in whole seconds, where that is of any use."""
    data = {"code": described["code"], "type": described["type"]}
    retry_after_s = getattr(error, "retry_after_s", None)
    return data if retry_after_s is None else {**data, "retry_after_s": max(1, ceil(retry_after_s))}
