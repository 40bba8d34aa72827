"""Which apps have the opening and closing of sessions told in the change log: those whose webhooks want it."""

from __future__ import annotations

import asyncio

import structlog

from chatsrv.domain.errors import Unavailable
from chatsrv.domain.webhooks import SESSION_EVENTS, wanted_by
from chatsrv.storage import webhooks as rows
from chatsrv.storage.database import Database
from chatsrv.storage.keys import SHARDS, shard_of
from chatsrv.storage.presence import PresenceStore

log = structlog.get_logger(__name__)


class Telling:
    """SQL says which they are; Redis is told, and told anew where it has lost its data."""

    def __init__(self, db: Database, store: PresenceStore) -> None:
        self._db = db
        self._store = store

    async def keep(self, app_id: str) -> None:
        """The app's webhooks may have changed. Where Redis does not answer, the worker tells it later."""
        try:
            await self._tell(shard_of(app_id), await self._wanted())
        except Unavailable as error:
            log.info("telling_postponed", app=app_id, reason=str(error))

    async def keep_all(self) -> None:
        """Raises Unavailable."""
        wanted = await self._wanted()
        await asyncio.gather(*(self._tell(shard, wanted) for shard in range(SHARDS)))

    async def _wanted(self) -> set[str]:
        async with self._db.read() as tx:
            active = await rows.find_active(tx)
        return {one.app_id for one in active if not SESSION_EVENTS.isdisjoint(wanted_by([one]))}

    async def _tell(self, shard: int, wanted: set[str]) -> None:
        await self._store.tell_sessions_of(shard, sorted(app_id for app_id in wanted if shard_of(app_id) == shard))
