"""Tidying: deleting what is over and of no use to anybody."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from chatsrv.domain.clock import Clock
from chatsrv.storage import bearers, identities, invitations
from chatsrv.storage.database import Database, Transaction

BATCH = 1000


class Tidying:
    """Any process may do it; several at once do no harm."""

    def __init__(self, db: Database, clock: Clock) -> None:
        self._db = db
        self._clock = clock

    async def tidy(self) -> None:
        """Bearers and invitations that have expired, and identities without any user. Raises Unavailable."""
        now = self._clock.now()
        await self._delete_all(lambda tx: bearers.delete_expired(tx, now, BATCH))
        await self._delete_all(lambda tx: invitations.delete_expired(tx, now, BATCH))
        await self._delete_all(lambda tx: identities.delete_unused(tx, BATCH))

    async def _delete_all(self, delete: Callable[[Transaction], Awaitable[int]]) -> None:
        """A batch at a time: others write in between."""
        deleted = BATCH
        while deleted == BATCH:
            async with self._db.write() as tx:
                deleted = await delete(tx)
