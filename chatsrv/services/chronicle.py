"""The chronicle: what the change log says, carried into SQL once and for good.

Each shard of the log has a cursor in SQL. It moves in the very transaction that writes what was read, and only where
nobody else has moved it: so any number of workers may write, and die at any moment, and nothing is doubled or lost.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import structlog

from chatsrv.domain.changes import Changed, Entry, Forgotten, SessionTold
from chatsrv.domain.clock import Clock
from chatsrv.domain.errors import Unavailable
from chatsrv.domain.history import Missed, Move, Shown, Step, catch_up, leave, take
from chatsrv.metrics import Metrics
from chatsrv.services.ledger import Draft, Ledger, Listener, Told
from chatsrv.settings import Settings
from chatsrv.storage import apps as app_rows
from chatsrv.storage import chronicle as rows
from chatsrv.storage.chronicle import Cursor
from chatsrv.storage.database import Database, Transaction
from chatsrv.storage.keys import shard_of
from chatsrv.storage.log_reading import Census, Head, LogReading

log = structlog.get_logger(__name__)

BATCH = 200
"""Entries in one transaction: with SQLite everybody else who writes waits for it."""

KNOWN_EVERY_MS = 60_000
"""How often a quiet shard is noted as known, so that after a loss of everything no more than that is in doubt."""

LED_ROUNDS = 5
"""So many rounds are left to another worker who is at it; then it has to have gone on, or we do."""

ASK_BATCH = 5000


class Chronicle:
    """`listeners` are told what happened, in the transaction that writes it; see `Listener`."""

    def __init__(self, db: Database, reading: LogReading, settings: Settings, clock: Clock, metrics: Metrics) -> None:
        self._db = db
        self._reading = reading
        self._settings = settings
        self._clock = clock
        self._metrics = metrics
        self._ledger = Ledger(settings, metrics)
        self._cursors: dict[int, Cursor] = {}
        self._noted_at = 0
        self._noticed: dict[int, tuple[str, int]] = {}
        self._led_until: dict[int, int] = {}

    @property
    def listeners(self) -> list[Listener]:
        return self._ledger.listeners

    async def run(self) -> None:
        """Everything that the log has said since. Raises Unavailable."""
        heads, now = await self._reading.heads(), self._clock.now()
        news = [shard for shard, head in heads.items() if head.epoch and not self._is_read(shard, head)]
        news = [shard for shard in news if now >= self._led_until.get(shard, 0)]
        if news:
            async with self._db.read() as tx:
                cursors = await rows.find_cursors(tx, news)
            await self._follow_all([cursors[shard] for shard in news if not self._is_led(cursors[shard])])
        await self._note_known()

    async def _follow_all(self, cursors: Sequence[Cursor]) -> None:
        """What is wrong with one shard keeps nobody from the others."""
        errors: list[Exception] = []
        for cursor in cursors:
            try:
                await self._follow(self._further(cursor))
            except Unavailable:
                raise
            except Exception as error:
                errors.append(error)
        if errors:
            raise errors[0]

    def _is_led(self, stored: Cursor) -> bool:
        """Whether another worker has written since we looked: then it goes on doing so, and we spare the trouble."""
        ours = self._cursors.get(stored.shard)
        if ours is None or ours.turn >= stored.turn:
            return False
        self._cursors[stored.shard] = stored
        self._let_lead(stored.shard)
        return True

    def _let_lead(self, shard: int) -> None:
        self._led_until[shard] = self._clock.now() + int(LED_ROUNDS * self._settings.history_every_s * 1000)

    def _is_read(self, shard: int, head: Head) -> bool:
        cursor = self._cursors.get(shard)
        if cursor is None or (cursor.epoch, cursor.position) != (head.epoch, head.end):
            return False
        self._cursors[shard] = replace(cursor, known_at=self._now(head))
        return True

    def _further(self, stored: Cursor) -> Cursor:
        """What was read and not worth a transaction is remembered here alone."""
        ours = self._cursors.get(stored.shard)
        return ours if ours and (ours.turn, ours.epoch) == (stored.turn, stored.epoch) else stored

    def _now(self, head: Head) -> int:
        return head.now + self._clock.offset_ms

    async def _note_known(self) -> None:
        now = self._clock.now()
        if 0 <= now - self._noted_at < KNOWN_EVERY_MS:
            return
        if self._cursors:
            async with self._db.write() as tx:
                await rows.note_known(tx, self._cursors.values())
        self._noted_at = now

    async def _follow(self, cursor: Cursor) -> None:
        is_last = False
        while not is_last:
            piece = await self._reading.read(cursor.shard, cursor.position, BATCH)
            if not self._is_complete(cursor, piece.head):
                await self._begin_anew(cursor, piece.head)
                return
            known_at = self._now(piece.head) if piece.is_last else piece.reached[0] + self._clock.offset_ms
            to = replace(cursor, position=piece.reached, known_at=max(known_at, cursor.known_at))
            entries = [entry for entry in piece.entries if isinstance(entry, Changed | Forgotten | SessionTold)]
            moved = await self._write_entries(cursor, to, entries) if entries else to
            if moved is None:
                return  # another worker was quicker, and goes on from there
            cursor = self._cursors[cursor.shard] = moved
            is_last = piece.is_last

    def _is_complete(self, cursor: Cursor, head: Head) -> bool:
        """Whether everything behind the cursor is still in the log, and somebody was there to write it."""
        if cursor.epoch != head.epoch or self._is_long(cursor, head):
            return False
        if head.end == cursor.position or (head.first and head.first <= cursor.position):
            return True
        # the place itself has gone, as it does from a quiet log; what came later is not old enough for that
        return head.length < self._settings.feed_max

    def _is_long(self, cursor: Cursor, head: Head) -> bool:
        """Whether nobody has read for as long as the log is kept: perhaps there was no node to notice who left."""
        return self._now(head) - cursor.known_at >= self._settings.changelog_s * 1000

    async def _write_entries(self, old: Cursor, to: Cursor, entries: Sequence[Entry]) -> Cursor | None:
        async with self._db.read() as tx:
            if not await self._is_latest(tx, old):
                return None
            draft = await self._ledger.draft(tx, await self._fold(tx, entries))
        return await self._write(old, to, draft) if draft.told else to

    async def _is_latest(self, tx: Transaction, cursor: Cursor) -> bool:
        return (await rows.find_cursors(tx, [cursor.shard]))[cursor.shard].turn == cursor.turn

    async def _write(self, old: Cursor, to: Cursor, draft: Draft) -> Cursor | None:
        """Where the cursor stands now; None where another worker was quicker, and nothing was written."""
        new = replace(to, turn=old.turn + 1)
        async with self._db.write() as tx:
            if not await rows.move_cursor(tx, old, new):
                self._let_lead(old.shard)
                return None
            if draft.told:
                await self._ledger.write(tx, draft)
        return new

    async def _fold(self, tx: Transaction, entries: Sequence[Entry]) -> list[Told]:
        users = {entry.user_id for entry in entries if isinstance(entry, Changed | Forgotten) and entry.user_id}
        people = await rows.find_shown(tx, users)
        told: list[Told] = []
        for entry in entries:
            if isinstance(entry, SessionTold):
                told.append(entry)
            elif isinstance(entry, Changed):
                changed_at = entry.warm.truth.clocks.presence_changed_at
                told += _taken(people, Move(entry.app_id, entry.user_id, changed_at, entry.warm))
            elif isinstance(entry, Forgotten):
                told += await self._forget(tx, people, entry)
        return told

    async def _forget(self, tx: Transaction, people: dict[int, Shown], entry: Forgotten) -> list[Told]:
        """Whoever is forgotten has left before; where the log did not say so, they leave now."""
        if entry.user_id is None:
            people |= await rows.find_everybody(tx, entry.app_id)
        gone = list(people) if entry.user_id is None else [entry.user_id]
        at = entry.position[0] + self._clock.offset_ms
        return [
            step
            for user_id in gone
            if user_id in people and people[user_id].app_id == entry.app_id
            for step in _taken(people, leave(entry.app_id, user_id, at))
        ]

    async def _begin_anew(self, cursor: Cursor, head: Head) -> None:
        """Where the log does not go on from the cursor, the present tells what came of it."""
        if not self._has_settled(cursor, head):
            return
        async with self._db.read() as tx:
            if not await self._is_latest(tx, cursor):
                return  # another worker is at it
            people = await self._find_people(tx, cursor.shard)
        census = await self._reading.census(cursor.shard, sorted(people))
        if census.head.epoch != head.epoch:
            return
        missed = Missed(cursor.known_at, self._now(census.head), self._is_long(cursor, census.head))
        steps = await self._find_steps(people, census, missed)
        if cursor.epoch:
            self._metrics.history_gaps.inc()
            log.warning("history_gap", shard=cursor.shard, known_ms_ago=missed.now - missed.known_at, steps=len(steps))
        end = Cursor(cursor.shard, 0, census.head.epoch, census.head.end, missed.now)
        await self._write_steps(cursor, end, steps)

    def _has_settled(self, cursor: Cursor, head: Head) -> bool:
        """After a loss nodes put their sockets back, and those of dead nodes are swept: until then the present is not
        what it seems. Where nothing was read before there is nothing to lose.
        """
        now, settings = self._now(head), self._settings
        seen, noticed_at = self._noticed.get(cursor.shard, ("", 0))
        if seen != head.epoch or noticed_at > now:
            self._noticed[cursor.shard] = head.epoch, now
            noticed_at = now
        settled_s = settings.node_dead_s + settings.orphan_grace_s + 2 * settings.sweep_every_s
        is_over = now >= max(noticed_at + settled_s * 1000, head.held_until)
        if is_over or not cursor.epoch:
            del self._noticed[cursor.shard]
            return True
        return False

    async def _find_people(self, tx: Transaction, shard: int) -> dict[str, dict[int, Shown]]:
        """Who was here when last we knew, in every app of the shard, also in those that are gone."""
        apps = set(await app_rows.list_ids(tx)) | await rows.find_apps_with_people(tx)
        return {app_id: await rows.find_everybody(tx, app_id) for app_id in apps if shard_of(app_id) == shard}

    async def _find_steps(self, people: Mapping[str, dict[int, Shown]], census: Census, missed: Missed) -> list[Step]:
        steps: list[Step] = []
        for app_id, known in people.items():
            warm = census.warm[app_id]
            seen_at = await self._find_last_seen(sorted(known.keys() - warm.keys()))
            steps += catch_up(known, app_id, warm, seen_at, missed)
        return steps

    async def _find_last_seen(self, user_ids: Sequence[int]) -> dict[int, int]:
        found: dict[int, int] = {}
        for start in range(0, len(user_ids), ASK_BATCH):
            async with self._db.read() as tx:
                found |= await rows.find_last_seen(tx, user_ids[start : start + ASK_BATCH])
        return found

    async def _write_steps(self, cursor: Cursor, end: Cursor, steps: Sequence[Step]) -> None:
        """The cursor comes to its end with the last batch: whoever dies before leaves the rest to others."""
        for start in range(0, max(len(steps), 1), BATCH):
            async with self._db.read() as tx:
                draft = await self._ledger.draft(tx, steps[start : start + BATCH])
            is_last = start + BATCH >= len(steps)
            moved = await self._write(cursor, end if is_last else cursor, draft)
            if moved is None:
                return
            cursor = self._cursors[cursor.shard] = moved


def _taken(people: dict[int, Shown], move: Move) -> list[Step]:
    step = take(people, move)
    return [step] if step else []
