"""Carrying clocks and claims of presence from Redis into SQL, so that losing Redis loses none of them."""

from __future__ import annotations

import asyncio

import structlog

from chatsrv.domain.errors import Unavailable
from chatsrv.metrics import Metrics
from chatsrv.storage import clocks as rows
from chatsrv.storage.database import Database
from chatsrv.storage.keys import SHARDS, shard_of
from chatsrv.storage.presence import PresenceStore
from chatsrv.storage.presence_reads import FLUSH_BATCH

log = structlog.get_logger(__name__)


class ClockFlush:
    """Several nodes may flush the same clocks at once: SQL only ever moves them forward."""

    def __init__(self, store: PresenceStore, db: Database, metrics: Metrics) -> None:
        self._store = store
        self._db = db
        self._metrics = metrics

    async def flush(self) -> None:
        """Everything that SQL lacks. Raises Unavailable."""
        shards = range(SHARDS)
        # at once, or a Redis that takes two seconds for an answer would keep a process from ending in time
        waiting = await asyncio.gather(*(self._store.unflushed(shard) for shard in shards))
        for shard, items in zip(shards, waiting, strict=True):
            if items:
                await self._flush_shard(shard)

    async def flush_app(self, app_id: str) -> None:
        """Makes SQL's clocks of the app true; where Redis does not answer they stay as they were."""
        try:
            await self._flush_shard(shard_of(app_id))
        except Unavailable as error:
            log.warning("clocks_are_behind", app=app_id, reason=str(error))

    async def _flush_shard(self, shard: int) -> None:
        while items := await self._store.unflushed(shard):
            async with self._db.write() as tx:
                await rows.keep_presence(tx, items)
            await self._store.mark_flushed(shard, items)
            self._metrics.flushed.inc(len(items))
            if len(items) < FLUSH_BATCH:
                return
