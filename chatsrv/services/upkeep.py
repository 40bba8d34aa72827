"""What keeps presence true without anybody asking: leases, sweeps, and comparing sockets with what Redis holds.

Every node does all of it; there is no election to lose. Leases are the truth, events only make it quick.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import replace
from typing import TypeVar

import structlog

from chatsrv.domain.changes import Position
from chatsrv.domain.errors import DATABASE, Unavailable
from chatsrv.domain.sessions import CloseCode
from chatsrv.domain.users import AccountStatus, KeptClaims, Standing
from chatsrv.metrics import Metrics
from chatsrv.services.sessions import LocalSessions
from chatsrv.settings import Settings
from chatsrv.storage import clocks as clock_rows
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
    """`close_socket`, `follow_anew` and `recovered` are set by the edge: what closes a session's socket here, what
    makes the reader of the change log begin anew in a shard whose log did, and what tells watchers of such a shard
    when every node has had the time to put its sockets back. `heard_of` is told with each beat how far the log goes.
    `report`: what this node says of itself in a shard, with each beat.
    """

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
        self._postponed: set[int] = set()
        self._recovering: set[int] = set()
        self._beating = asyncio.Lock()
        self.close_socket: Callable[[str, CloseCode], Awaitable[None]] | None = None
        self.follow_anew: Callable[[int], None] | None = None
        self.recovered: Callable[[int], Awaitable[None]] | None = None
        self.heard_of: Callable[[int, Position], None] | None = None
        self.report: Callable[[int], bytes] = lambda _shard: b"{}"

    def epoch_of(self, app_id: str) -> str:
        """Of the app's keyspace as this node last saw it; empty before the first beat."""
        return self._epochs.get(shard_of(app_id), "")

    @staticmethod
    def is_in_shard(app_id: str, shard: int) -> bool:
        return shard_of(app_id) == shard

    def is_recovering(self, app_id: str, epoch: str) -> bool:
        """Whether Redis lost its data, and not every node has had the time to put its sockets back.

        `epoch` is that of whatever was just read: this node may not have noticed yet.
        """
        shard = shard_of(app_id)
        return shard in self._recovering or epoch != self._epochs.get(shard, epoch)

    async def beat(self) -> None:
        """Renews this node's leases. Raises Unavailable."""
        async with self._beating:
            try:
                await _in_every_shard(self._beat_shard)
            except Unavailable:
                # a beat that was given up may be done later, and hide from the next one that others swept us before it
                self._settled.clear()
                raise

    async def _beat_shard(self, shard: int) -> None:
        beat = await self._store.beat(shard, self._local.node, self.report(shard))
        if not beat.was_good or self._settled.get(shard) != beat.epoch:
            await self._settle_or_postpone(shard, beat.epoch)
        if self.heard_of:
            # of a log that began anew only now that whoever follows it knows
            self.heard_of(shard, beat.position)
        if shard in self._recovering and not await self._store.is_held(shard):
            self._recovering.discard(shard)
            if self.recovered:
                await self.recovered(shard)

    async def _settle_or_postpone(self, shard: int, epoch: str) -> None:
        """Whom to put in only the database can say. Without it leases and the log go on; the next beat tries again."""
        try:
            await self._settle(shard, epoch)
        except Unavailable as error:
            if error.what != DATABASE:
                raise
            self._postponed.add(shard)
        else:
            self._postponed.discard(shard)

    async def _settle(self, shard: int, epoch: str) -> None:
        """Puts this node's sockets (back) in."""
        self._settled.pop(shard, None)
        # a loss from now on is one that other nodes share: see held_until in base.lua
        self._store.hold_ms = int(self._settings.node_dead_s * 1000)
        was, self._epochs[shard] = self._epochs.get(shard, epoch), epoch
        if was != epoch:
            self._recovering.add(shard)
            if self.follow_anew:
                self.follow_anew(shard)
        sessions = self._local.open_in(shard)
        if sessions:
            await self._register(shard, sessions)
            log.warning("presence_registered_again", shard=shard, sessions=len(sessions), data_lost=was != epoch)
        # only now: a failure on the way is tried again at the next beat
        self._settled[shard] = epoch

    async def sweep(self) -> None:
        """Ends what is over: graces, and the sessions of dead nodes. Raises Unavailable."""
        await _in_every_shard(self._sweep_shard)

    async def _sweep_shard(self, shard: int) -> None:
        # our own sockets come first: somebody's other device may be one of them
        while shard not in self._postponed:
            swept = await self._store.sweep(shard, self._local.node)
            if not swept.may_sweep:
                # asleep past our own lease: others may have swept us, so our sockets come first
                await self._beat_shard(shard)
                continue
            self._metrics.swept.labels("grace").inc(swept.ended)
            self._metrics.swept.labels("node_died").inc(swept.orphaned)
            self._metrics.claims_due.inc(swept.due)
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
            missing = self._local.open_in(shard, besides=ids)
            if missing:
                self._metrics.mended.labels("registered").inc(len(missing))
                await self._register(shard, missing)

    async def _register(self, shard: int, sessions: Sequence[Registration]) -> None:
        await self.check_users()
        alive = [item for item in sessions if self._local.is_open(item.session_id)]
        for part in _batches(await self._with_claims(alive), REGISTER_BATCH):
            refused = await self._store.register(shard, self._local.node, part)
            for session_id in refused:
                await self._close(session_id, CloseCode.DELETED)
            for item in part:
                # it went while we registered it, and its own close may have come first
                if item.session_id not in self._local:
                    await self._store.close(item.app_id, item.user_id, item.session_id, 0)

    async def _with_claims(self, sessions: Sequence[Registration]) -> list[Registration]:
        """As SQL keeps them: what this node has read of a user when they connected is old by now."""
        claims: dict[int, KeptClaims] = {}
        for part in _batches(sessions, STATUS_BATCH):
            async with self._db.read() as tx:
                claims |= await clock_rows.find_claims(tx, {item.user_id for item in part})
        return [replace(item, claims=claims.get(item.user_id, KeptClaims())) for item in sessions]

    async def check_users(self) -> None:
        """Closes sockets that by SQL may not be open: Redis may have lost the order to close them."""
        by_user = self._local.open_by_user()
        for part in _batches(list(by_user), STATUS_BATCH):
            async with self._db.read() as tx:
                standings = await rows.find_standings(tx, [user_id for _, user_id in part])
            for key in part:
                for session_id in by_user[key]:
                    code = self._why_not(session_id, standings.get(key[1]))
                    if code:
                        await self._close(session_id, code)

    def _why_not(self, session_id: str, standing: Standing | None) -> CloseCode | None:
        """What a session must close for, if anything."""
        if standing is None:
            return CloseCode.DELETED
        if standing.status is not AccountStatus.ACTIVE:
            return CloseCode.DEACTIVATED
        if self._local.token_issued_at(session_id) < standing.tokens_since:
            return CloseCode.TOKEN_REVOKED
        return None

    async def expel(self, session_id: str) -> None:
        """Its token no longer counts."""
        await self._close(session_id, CloseCode.TOKEN_REVOKED)

    async def _close(self, session_id: str, code: CloseCode) -> None:
        self._metrics.mended.labels("expelled").inc()
        if self.close_socket:
            await self.close_socket(session_id, code)


async def _in_every_shard(work: Callable[[int], Awaitable[None]]) -> None:
    """At once: one after the other, a Redis that takes two seconds for an answer would outlast any lease.

    All have ended when it returns; raises the first error.
    """
    outcomes = await asyncio.gather(*(work(shard) for shard in range(SHARDS)), return_exceptions=True)
    for outcome in outcomes:
        if outcome is not None:
            raise outcome


def _batches(items: Sequence[T], size: int) -> Iterable[Sequence[T]]:
    return (items[start : start + size] for start in range(0, len(items), size))
