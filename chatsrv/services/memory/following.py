"""Following the change log: every node reads all of it, remembers who is there, and hands it on.

Here, and nowhere else, it is decided what an entry ends of what this node remembers.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress

from chatsrv.domain.changes import Changed, Entry, Forgotten, Position, Renamed, Stored
from chatsrv.domain.errors import Unavailable
from chatsrv.services.memory.freshness import Freshness
from chatsrv.services.memory.mirror import Mirror
from chatsrv.services.memory.row_cache import RowCache
from chatsrv.storage.changelog import ChangeLog
from chatsrv.storage.keys import SHARDS, shard_of
from chatsrv.storage.presence import PresenceStore
from chatsrv.storage.touched import Touched

SLACK_S = 0.5
"""How much later than a read of the log should end it may end before what is remembered is not used any more."""

GATHER_S = 0.002
"""Where something new came so soon after the last, a read costs more than it brings: the next one waits so long."""

LATE_MS = 10_000
"""Entries that are read so much later than they were written come from a node that hardly keeps up."""


class Following:
    """Every method that awaits raises Unavailable where Redis does not answer."""

    def __init__(
        self, log: ChangeLog, store: PresenceStore, mirror: Mirror, rows: RowCache, freshness: Freshness
    ) -> None:
        self._log = log
        self._store = store
        self._mirror = mirror
        self._rows = rows
        self._freshness = freshness
        self._is_storm = self._is_cut_off = False
        self.rejoin: Callable[[], Awaitable[None]] | None = None
        """What finds out, after an outage, whether logs began anew."""
        self._read_at = float("-inf")
        self._is_behind = False
        self._quiet: asyncio.Future[None] | None = None
        self.epoch_of: Callable[[str], str] | None = None
        """The epoch of an app's keyspace as this node last saw it; empty where it has not yet."""
        self.on_lapse: Callable[[], None] = lambda: None
        """Called where something may have been missed, whoever asks for what."""
        self.app_changed: Callable[[str], None] | None = None
        """Told of each app that may have changed itself, or any of its keys."""

    async def begin(self) -> dict[str, int]:
        """From where the log ends now: what came before is in the states. Returns each app's version there."""
        versions = await self._log.seek_end()
        for app_id in versions:
            await self._load(app_id)
        self._note_positions()
        for shard in range(SHARDS):
            self._freshness.loaded(shard)
        return versions

    def begin_anew(self, shard: int) -> None:
        """The log of this shard began anew, where Redis lost its data."""
        self._log.rewind(shard)
        self._mirror.begin_anew(lambda app_id: shard_of(app_id) == shard)
        self._freshness.begin_anew(shard)
        self._rows.clear()

    def end_recovery(self, shard: int) -> None:
        """Every node has had the time to put its sockets back."""
        self._mirror.forget_before(lambda app_id: shard_of(app_id) == shard)
        # the log has no word about those who were shown as before and whom nobody has put back
        self._freshness.spoil_all()

    async def read(self, block_ms: int) -> list[Entry]:
        """Waits up to `block_ms` for what is new."""
        if self._is_storm:
            await asyncio.sleep(GATHER_S)
        if self._is_cut_off and self.rejoin:
            # Redis may have come back empty: nothing of a new log is to be told under the old one's epoch
            await self.rejoin()
            self._is_cut_off = False
        began = self._freshness.now()
        try:
            entries = await self._log.read(1 if self._is_behind else block_ms)
        except Unavailable:
            self._is_cut_off = True
            self.lapse()
            raise
        before, self._read_at = self._read_at, time.monotonic()
        self._is_storm = bool(entries) and self._read_at - before < GATHER_S
        if any(self._is_late(entry) for entry in entries):
            # so far behind, some may have been trimmed before they were read, and nothing would tell
            self.lapse()
        self.take(entries)
        self._note_positions()
        patience_s = block_ms / 1000 + SLACK_S
        # who slept over an answer does not know how old it is, and who got as much as fits in one that it was all
        self._is_behind = self._log.has_more or not self._freshness.now() - began <= patience_s
        if not self._is_behind:
            self._freshness.renew(patience_s)
        return entries

    def _is_late(self, entry: Entry) -> bool:
        """By the clock of Redis, in which positions are dated."""
        return self._freshness.shard(entry.app_id).wanted[0] - entry.position[0] > LATE_MS

    def lapse(self) -> None:
        """Whatever the log says next, something before it may have been missed."""
        self._freshness.lapse()
        self._mirror.distrust(lambda _: True)
        self._rows.clear()
        self.on_lapse()

    def _note_positions(self) -> None:
        for shard in range(SHARDS):
            self._freshness.see(shard, self._log.position(shard))
        self.note_answer()

    def quiet(self) -> asyncio.Future[None] | None:
        """Done when nothing that this node changes is under way to the log or from it; None where that is so now."""
        if self._is_quiet():
            return None
        if self._quiet is None:
            self._quiet = asyncio.get_running_loop().create_future()
        return self._quiet

    def _is_quiet(self) -> bool:
        return not self._store.under_way and self._freshness.has_read_all

    def note_answer(self) -> None:
        """Something that was under way has arrived."""
        if self._quiet is not None and self._is_quiet():
            self._quiet.set_result(None)
            self._quiet = None

    def take(self, entries: Iterable[Entry]) -> None:
        for entry in entries:
            match entry:
                case Changed():
                    if self._mirror.take(entry):
                        self._freshness.spoil(entry.app_id, entry.user_id)
                    else:
                        self._drop(entry.app_id, None)
                case Forgotten():
                    self._mirror.forget(entry)
                    # its clocks are in SQL alone from now on
                    self._drop(entry.app_id, entry.user_id)
                case Stored() | Renamed():
                    self._drop(entry.app_id, entry.user_id)

    def drop(self, touched: Touched) -> None:
        """This process has changed these rows in SQL."""
        for app_id, user_ids in touched.items():
            for user_id in (None,) if user_ids is None else user_ids:
                self._drop(app_id, user_id)

    def _drop(self, app_id: str, user_id: int | None) -> None:
        if user_id is None and self.app_changed:
            self.app_changed(app_id)
        self._rows.drop(app_id, user_id)
        self._freshness.spoil(app_id, user_id, is_row=True)

    def note_write(self, shard: int, position: Position, app_id: str | None, user_id: int | None) -> None:
        """This process has changed the presence of this user, of anybody in the app, or of anybody in the shard."""
        if app_id is None:
            self._freshness.want(shard, position)
        else:
            self._freshness.write(app_id, user_id, position)

    def want(self, shard: int, position: Position) -> None:
        """The log goes up to there: so says Redis, mostly because this process wrote that."""
        self._freshness.want(shard, position)

    async def load_forever(self, period_s: float) -> None:
        """Loads what is missing, at once and again after the period, until cancelled. Raises Unavailable."""
        while True:
            self._mirror.stirred.clear()
            await self.load_missing()
            with suppress(TimeoutError):
                async with asyncio.timeout(period_s):
                    await self._mirror.stirred.wait()

    async def load_missing(self) -> None:
        """Apps of which the mirror missed something, and all after an outage."""
        for app_id in self._mirror.missing:
            await self._load(app_id)
        if self._freshness.is_alive:
            for shard in range(SHARDS):
                self._freshness.loaded(shard)

    async def _load(self, app_id: str) -> None:
        with self._mirror.listening(app_id) as heard:
            snapshot = await self._store.snapshot_all(app_id)
            known = self.epoch_of(app_id) if self.epoch_of else ""
            if known and snapshot.epoch != known:
                return  # Redis lost its data: once this node has noticed, it is loaded, and who was there is not lost
            self._mirror.load(app_id, snapshot, heard)
        self._freshness.spoil(app_id, None)
