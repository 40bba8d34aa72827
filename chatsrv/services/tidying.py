"""Tidying: deleting what is over and of no use to anybody."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from chatsrv.domain.clock import Clock
from chatsrv.settings import Settings
from chatsrv.storage import admin, apps, audit, bearers, chronicle, deliveries, history, identities, invitations
from chatsrv.storage.database import Database, Transaction

BATCH = 1000
DAY_MS = 24 * 60 * 60 * 1000


class Tidying:
    """Any process may do it; several at once do no harm."""

    def __init__(self, db: Database, settings: Settings, clock: Clock) -> None:
        self._db = db
        self._kept_ms = int(settings.audit_kept_days * DAY_MS)
        self._events_ms = int(settings.webhook_log_days * DAY_MS)
        self._history_days = settings.history_days
        self._clock = clock

    async def tidy(self) -> None:
        """Bearers, invitations and whatever opens the dashboard, where they have expired, identities without any user,
        and what the audit trail, the log of webhooks and presence history keep no longer. Raises Unavailable.
        """
        now = self._clock.now()
        await self._delete_all(lambda tx: bearers.delete_expired(tx, now, BATCH))
        await self._delete_all(lambda tx: invitations.delete_expired(tx, now, BATCH))
        await self._delete_all(lambda tx: identities.delete_unused(tx, BATCH))
        await self._delete_all(lambda tx: admin.delete_expired_links(tx, now, BATCH))
        await self._delete_all(lambda tx: admin.delete_expired_sessions(tx, now, BATCH))
        await self._delete_all(lambda tx: deliveries.forget_before(tx, now - self._events_ms, BATCH))
        if self._kept_ms:
            await self._delete_all(lambda tx: audit.forget_before(tx, now - self._kept_ms, BATCH))
        for app_id, before in await self._find_stale_history(now):
            await self._forget_history(app_id, before, now)

    async def _find_stale_history(self, now: int) -> list[tuple[str, int]]:
        """Apps with history older than they keep it, and where that begins."""
        async with self._db.read() as tx:
            own = {app.id: app.settings for app in await apps.list_changed(tx)}
            days = {id_: own.get(id_, {}).get("history_days", self._history_days) for id_ in await apps.list_ids(tx)}
            befores = [(app_id, _begin(int(kept), now)) for app_id, kept in days.items()]  # type: ignore[arg-type]
            return [one for one in befores if await history.is_stale(tx, *one, now)]

    async def _forget_history(self, app_id: str, before: int, now: int) -> None:
        await self._delete_all(lambda tx: history.forget_spans(tx, app_id, before, BATCH))
        async with self._db.write() as tx:
            await history.forget_counts(tx, app_id, before, now)
            if before > now:
                await chronicle.forget_tallies(tx, [app_id])

    async def _delete_all(self, delete: Callable[[Transaction], Awaitable[int]]) -> None:
        """A batch at a time: others write in between."""
        deleted = BATCH
        while deleted == BATCH:
            async with self._db.write() as tx:
                deleted = await delete(tx)


def _begin(days: int, now: int) -> int:
    """Of the history that is kept so long; behind everything where none is kept."""
    return now - days * DAY_MS if days else now + DAY_MS
