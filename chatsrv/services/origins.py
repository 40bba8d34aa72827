"""Which web pages of other origins may talk to us: those of the server's list, and of each app's own."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from contextlib import suppress

import structlog

from chatsrv.domain.apps import App
from chatsrv.domain.clock import Clock
from chatsrv.domain.errors import Unavailable
from chatsrv.domain.origins import ANY
from chatsrv.settings import Settings
from chatsrv.storage import apps as rows
from chatsrv.storage.database import Database

log = structlog.get_logger(__name__)

PATIENCE_S = 1.0
AGAIN_MS = 1000
"""So long after it did not answer, the database is not asked again."""


class Origins:
    """Nobody ever waits for the database here: what it says is read beside, once for however many ask."""

    def __init__(self, db: Database, settings: Settings, clock: Clock) -> None:
        self._db = db
        self._clock = clock
        self._max_age_ms = settings.credential_cache_s * 1000
        self._of_server = frozenset(settings.allowed_origins)
        self._of_anybody = self._of_server
        self._is_wanted = False
        self._read_at: int | None = None
        """None: something has changed since."""
        self._reading: asyncio.Task[None] | None = None
        self._failed_at: int | None = None
        self._changes = 0

    async def begin(self) -> None:
        """At the start of a node, which waits a moment for it: until the database answers, the server's list alone
        is let in."""
        self._is_wanted = True
        self._read_soon()
        if self._reading:
            await asyncio.wait({self._reading}, timeout=PATIENCE_S)

    async def load(self) -> None:
        """Reads the lists of all apps. Raises Unavailable."""
        changes, now = self._changes, self._clock.now()
        async with self._db.read() as tx:
            found = await rows.list_changed(tx)
        self._of_anybody = self._of_server.union(*(app.allowed_origins for app in found))
        # what changed meanwhile may be missing
        self._read_at = now if changes == self._changes else None

    def of_anybody(self) -> Collection[str]:
        """The server's list and those of all apps, for whoever has not said to which app they want; as of
        `credential_cache_s` ago, and of the change log's last word, where the database answers."""
        self._is_wanted = True
        if self._read_at is None or not 0 <= self._clock.now() - self._read_at < self._max_age_ms:
            self._read_soon()
        return self._of_anybody

    def admits(self, origin: str) -> bool:
        """Whether the server or any app allows it."""
        return _is_listed(origin, self.of_anybody())

    def admits_to(self, app: App, origin: str) -> bool:
        """Whether the server or this app allows it."""
        return _is_listed(origin, self._of_server) or _is_listed(origin, app.allowed_origins)

    def forget(self) -> None:
        """Some app has changed."""
        self._changes += 1
        self._read_at = None
        if self._is_wanted:
            self._read_soon()

    async def finish(self) -> None:
        """At the end of a process."""
        if self._reading:
            self._reading.cancel()
            with suppress(asyncio.CancelledError):
                await self._reading

    def _read_soon(self) -> None:
        failed_at, now = self._failed_at, self._clock.now()
        if self._reading is None and not (failed_at is not None and 0 <= now - failed_at < AGAIN_MS):
            self._reading = asyncio.get_running_loop().create_task(self._read())

    async def _read(self) -> None:
        """Until nothing changed meanwhile, or the database does not answer."""
        try:
            await self.load()
            while self._read_at is None:
                await self.load()
            self._failed_at = None
        except Unavailable as error:
            # once for each outage: whoever asks later tries again
            (log.warning if self._failed_at is None else log.debug)("origins_not_read", reason=str(error))
            self._failed_at = self._clock.now()
        except Exception:
            self._failed_at = self._clock.now()
            log.exception("origins_not_read")
        finally:
            self._reading = None


def _is_listed(origin: str, allowed: Collection[str]) -> bool:
    return ANY in allowed or origin in allowed
