"""Tidying: deleting what is over and of no use to anybody."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from chatsrv.domain.clock import Clock
from chatsrv.settings import Settings
from chatsrv.storage import admin, audit, bearers, identities, invitations
from chatsrv.storage.database import Database, Transaction

BATCH = 1000
DAY_MS = 24 * 60 * 60 * 1000


class Tidying:
    """Any process may do it; several at once do no harm."""

    def __init__(self, db: Database, settings: Settings, clock: Clock) -> None:
        self._db = db
        self._kept_ms = int(settings.audit_kept_days * DAY_MS)
        self._clock = clock

    async def tidy(self) -> None:
        """Bearers, invitations and whatever opens the dashboard, where they have expired, identities without any user,
        and what the audit trail keeps no longer. Raises Unavailable.
        """
        now = self._clock.now()
        await self._delete_all(lambda tx: bearers.delete_expired(tx, now, BATCH))
        await self._delete_all(lambda tx: invitations.delete_expired(tx, now, BATCH))
        await self._delete_all(lambda tx: identities.delete_unused(tx, BATCH))
        await self._delete_all(lambda tx: admin.delete_expired_links(tx, now, BATCH))
        await self._delete_all(lambda tx: admin.delete_expired_sessions(tx, now, BATCH))
        if self._kept_ms:
            await self._delete_all(lambda tx: audit.forget_before(tx, now - self._kept_ms, BATCH))

    async def _delete_all(self, delete: Callable[[Transaction], Awaitable[int]]) -> None:
        """A batch at a time: others write in between."""
        deleted = BATCH
        while deleted == BATCH:
            async with self._db.write() as tx:
                deleted = await delete(tx)
