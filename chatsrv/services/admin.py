"""Signing in to the dashboard: by a link that works once, or by a server key."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace

import structlog

from chatsrv.domain.apps import Operator, Scope
from chatsrv.domain.clock import Clock
from chatsrv.domain.errors import Distrust, Forbidden, Unauthenticated
from chatsrv.metrics import Metrics
from chatsrv.services.addresses import Addresses
from chatsrv.services.callers import Callers
from chatsrv.services.credentials import hash_secret, new_secret
from chatsrv.settings import Settings
from chatsrv.storage import admin as rows
from chatsrv.storage.database import Database, Transaction

log = structlog.get_logger(__name__)


class Admin:
    """Links and sessions are secrets of ours, drawn at random and kept as hashes, in SQL: whichever process made one,
    every other knows it."""

    def __init__(
        self,
        db: Database,
        callers: Callers,
        addresses: Addresses,
        settings: Settings,
        clock: Clock,
        metrics: Metrics,
    ) -> None:
        self._db = db
        self._callers = callers
        self._addresses = addresses
        self._link_ms = settings.admin_link_ttl_s * 1000
        self._session_ms = settings.admin_session_ttl_s * 1000
        self._clock = clock
        self._metrics = metrics

    async def make_link(self) -> tuple[str, int]:
        """The token of a link that signs in once, and until when (ms). Raises Unavailable."""
        token, expires_at = new_secret(), self._clock.now() + self._link_ms
        async with self._db.write() as tx:
            await rows.add_link(tx, hash_secret(token), expires_at)
        return token, expires_at

    async def sign_in_by_link(self, token: str, address: str) -> tuple[str, Operator]:
        """The secret of a new session. Raises Unauthenticated, and TooManyRequests where too many tries went wrong."""
        self._addresses.check_failures(address)
        now = self._clock.now()

        async def check(tx: Transaction) -> bool:
            return await rows.take_link(tx, hash_secret(token), now)

        opened = await self._open(check, Operator(now + self._session_ms))
        if opened is None:
            self._metrics.refused_credentials.labels(Distrust.UNKNOWN_KEY.value).inc()
            self._addresses.count_failure(address, Distrust.UNKNOWN_KEY)
            raise Unauthenticated(Distrust.UNKNOWN_KEY, "The link has been used, or is over. Make another.")
        log.info("admin_signed_in", by="link", address=address)
        return opened

    async def sign_in_by_key(self, text: str, address: str) -> tuple[str, Operator]:
        """The same with a server key, which needs the scope admin. Raises Forbidden besides."""
        caller = await self._callers.identify_key(text, address)
        self._callers.check_network(caller, address)
        if caller.key is None or not caller.has_scope(Scope.ADMIN):
            raise Forbidden("The dashboard takes a key with the scope admin.")

        async def check(_tx: Transaction) -> bool:
            return True

        now = self._clock.now()
        ends_at = min(now + self._session_ms, caller.key.expires_at or now + self._session_ms)
        opened = await self._open(check, Operator(ends_at, caller.key))
        assert opened is not None  # noqa: S101 - narrows the type
        log.info("admin_signed_in", by="key", key=caller.key.id, app=caller.app.id, address=address)
        return opened

    async def _open(
        self, check: Callable[[Transaction], Awaitable[bool]], operator: Operator
    ) -> tuple[str, Operator] | None:
        """In the transaction of the check: a link that is spent has its session, and no other."""
        session = new_secret()
        operator = replace(operator, session=hash_secret(session))
        async with self._db.write() as tx:
            if not await check(tx):
                return None
            key_id = operator.key.id if operator.key else None
            await rows.add_session(tx, operator.session, key_id, operator.expires_at)
        return session, operator
