"""What keeps presence true without anybody asking: leases, sweeps, and comparing sockets with what Redis holds.

Every node does all of it; there is no election to lose. Leases are the truth, events only make it quick.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import TypeVar

import structlog

from chatsrv.domain.presence import CloseCode
from chatsrv.domain.users import AccountStatus
from chatsrv.metrics import Metrics
from chatsrv.services.sessions import LocalSessions
from chatsrv.settings import Settings
from chatsrv.storage import users as rows
from chatsrv.storage.database import Database
from chatsrv.storage.keys import SHARDS, shard_of
from chatsrv.storage.presence import PresenceStore
from chatsrv.storage.records import Registration

log = structlog.get_logger(__name__)

T = TypeVar("T")

REGISTER_BATCH = 500
STATUS_BATCH = 1000


class Upkeep:
    """`close_socket` and `follow_anew` are set by the edge: what closes a session's socket here, and what
    makes the reader of the change log begin anew in a shard whose log did."""

    def __init__(
        self, store: PresenceStore, local: LocalSessions, db: Database, settings: Settings, metrics: Metrics
    ) -> None:
        self._store = store
        self._local = local
        self._db = db
        self._settings = settings
        self._metrics = metrics
        self._epochs: dict[int, str] = {}
        self._settled: dict[int, str] = {}
        self.close_socket: Callable[[str, CloseCode], Awaitable[None]] | None = None
        self.follow_anew: Callable[[int], None] | None = None

    def epoch_of(self, app_id: str) -> str:
        """Of the app's keyspace as this node last saw it; empty before the first beat."""
        return self._epochs.get(shard_of(app_id), "")

    @staticmethod
    def is_in_shard(app_id: str, shard: int) -> bool:
        return shard_of(app_id) == shard

    async def beat(self) -> None:
        """Renews this node's leases. Raises Unavailable."""
        for shard in range(SHARDS):
            await self._beat_shard(shard)

    async def _beat_shard(self, shard: int) -> None:
        epoch, was_good = await self._store.beat(shard, self._local.node)
        if not was_good:
            self._settled.pop(shard, None)
        if self._settled.get(shard) == epoch:
            return
        # a loss from now on is one that other nodes share: see held_until in fold.lua
        self._store.hold_ms = int(self._settings.node_dead_s * 1000)
        was, self._epochs[shard] = self._epochs.get(shard, epoch), epoch
        if was != epoch and self.follow_anew:
            self.follow_anew(shard)
        sessions = self._local.open_in(shard)
        if sessions:
            log.warning("presence_registered_again", shard=shard, sessions=len(sessions), data_lost=was != epoch)
            await self._register(shard, sessions)
        # only now: a failure on the way is tried again at the next beat
        self._settled[shard] = epoch

    async def sweep(self) -> None:
        """Ends what is over: graces, and the sessions of dead nodes. Raises Unavailable."""
        for shard in range(SHARDS):
            await self._sweep_shard(shard)

    async def _sweep_shard(self, shard: int) -> None:
        while True:
            swept = await self._store.sweep(shard, self._local.node)
            if not swept.may_sweep:
                # asleep past our own lease: others may have swept us, so our sockets come first
                await self._beat_shard(shard)
                continue
            self._metrics.swept.labels("grace").inc(swept.ended)
            self._metrics.swept.labels("node_died").inc(swept.orphaned)
            if not swept.has_more:
                return

    async def reconcile(self) -> None:
        """Compares live sockets with stored sessions and mends both ways. Raises Unavailable."""
        await self.check_users()
        for shard in range(SHARDS):
            stored = await self._store.stored_sessions(shard, self._local.node)
            for app_id, user_id, session_id in stored:
                if session_id not in self._local:
                    self._metrics.mended.labels("closed").inc()
                    await self._store.close(app_id, user_id, session_id, int(self._settings.grace_s * 1000))
            ids = {session_id for _, _, session_id in stored}
            missing = [item for item in self._local.open_in(shard) if item.session_id not in ids]
            if missing:
                self._metrics.mended.labels("registered").inc(len(missing))
                await self._register(shard, missing)

    async def _register(self, shard: int, sessions: Sequence[Registration]) -> None:
        await self.check_users()
        alive = [item for item in sessions if self._local.is_open(item.session_id)]
        for part in _batches(alive, REGISTER_BATCH):
            refused = await self._store.register(shard, self._local.node, part)
            for session_id in refused:
                await self._close(session_id, CloseCode.DELETED)
            for item in part:
                # it went while we registered it, and its own close may have come first
                if item.session_id not in self._local:
                    await self._store.close(item.app_id, item.user_id, item.session_id, 0)

    async def check_users(self) -> None:
        """Closes the sockets of users who are gone or inactive in SQL: Redis may have lost that they are."""
        by_user = self._local.open_by_user()
        for part in _batches(list(by_user), STATUS_BATCH):
            async with self._db.read() as tx:
                statuses = await rows.find_statuses(tx, [user_id for _, user_id in part])
            for key in part:
                status = statuses.get(key[1])
                if status is not AccountStatus.ACTIVE:
                    code = CloseCode.DELETED if status is None else CloseCode.DEACTIVATED
                    for session_id in by_user[key]:
                        await self._close(session_id, code)

    async def _close(self, session_id: str, code: CloseCode) -> None:
        self._metrics.mended.labels("expelled").inc()
        if self.close_socket:
            await self.close_socket(session_id, code)


def _batches(items: Sequence[T], size: int) -> Iterable[Sequence[T]]:
    return (items[start : start + size] for start in range(0, len(items), size))
