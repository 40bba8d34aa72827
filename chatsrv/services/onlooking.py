"""Looking on: who of one app is here, kept up to date by a process that is no node and remembers nothing else."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field

from chatsrv.domain.changes import Changed, Entry, Forgotten, Renamed, Stored
from chatsrv.domain.presence import OFFLINE, SERVER, Person, PresenceStatus, see
from chatsrv.domain.users import User
from chatsrv.services.memory.mirror import Mirror
from chatsrv.services.nodes import Nodes
from chatsrv.services.users import Users
from chatsrv.storage import users as rows
from chatsrv.storage.changelog import ChangeLog
from chatsrv.storage.database import Database
from chatsrv.storage.keys import shard_of
from chatsrv.storage.lane import Lane
from chatsrv.storage.presence_reads import PresenceReads

CHECK_S = 3.0
"""How often it is asked whether Redis still is what it was, and whether any node lives."""


@dataclass(slots=True)
class Crowd:
    """Who is not offline. `total`: users in the directory, here or not.

    `nodes`: servers that live. Without one nobody ends what is over, and who is here is who was here last.
    """

    by_id: dict[int, Person] = field(default_factory=dict)
    total: int = 0
    nodes: int = 0

    @property
    def people(self) -> Iterable[Person]:
        return self.by_id.values()

    def count(self) -> Mapping[PresenceStatus, int]:
        counts = dict.fromkeys(PresenceStatus, 0)
        for person in self.people:
            counts[person.presence.status] += 1
        return counts


class Onlookers:
    """Makes them. `feed`: a lane for reads that block."""

    def __init__(
        self, feed: Lane, prefix: str, store: PresenceReads, db: Database, directory: Users, nodes: Nodes
    ) -> None:
        self._feed = feed
        self._prefix = prefix
        self._given = (store, db, directory, nodes)

    def of(self, app_id: str, now: Callable[[], float] = time.monotonic) -> Onlooker:
        """`now`: a clock that never goes back, in seconds."""
        return Onlooker(app_id, ChangeLog(self._feed, self._prefix, (shard_of(app_id),)), *self._given, now)


class Onlooker:
    """Sees everybody in truth. `begin` comes first; every method raises Unavailable, and then it has to begin anew."""

    def __init__(
        self,
        app_id: str,
        log: ChangeLog,
        store: PresenceReads,
        db: Database,
        directory: Users,
        nodes: Nodes,
        now: Callable[[], float],
    ) -> None:
        self._app_id = app_id
        self._log = log
        self._store = store
        self._db = db
        self._directory = directory
        self._nodes = nodes
        self._now = now
        self._mirror = Mirror()
        self._epoch = ""
        self._checked_at = float("-inf")
        self._total_is_old = True
        self.crowd = Crowd()

    async def begin(self) -> None:
        """Everybody as they are now."""
        await self._log.seek_end()
        await self._load()
        await self._check()

    async def follow(self, block_ms: int) -> list[Person]:
        """Waits up to `block_ms` for somebody to change, and returns who has: also those who are offline now."""
        entries = await self._log.read(block_ms)
        while self._log.has_more:
            entries += await self._log.read(None)
        changed = await self._take([entry for entry in entries if entry.app_id == self._app_id])
        if self._now() - self._checked_at >= CHECK_S:
            changed += await self._check()
        return changed

    async def _check(self) -> list[Person]:
        self._checked_at = self._now()
        self.crowd.nodes = sum(node.is_alive for node in await self._nodes.list_all(self._app_id))
        if self._total_is_old:
            self.crowd.total, self._total_is_old = await self._directory.count(self._app_id), False
        if (await self._store.snapshot(self._app_id, ())).epoch == self._epoch:
            return []
        # Redis lost its data: its log began anew, perhaps with smaller ids
        await self._log.seek_end()
        return await self._load()

    async def _load(self) -> list[Person]:
        snapshot = await self._store.snapshot_all(self._app_id)
        self._epoch = snapshot.epoch
        self._mirror.load(self._app_id, snapshot)
        return await self._see(self.crowd.by_id.keys() | snapshot.warm.keys(), again=set(self.crowd.by_id))

    async def _take(self, entries: Iterable[Entry]) -> list[Person]:
        seen: set[int] = set()
        again: set[int] = set()
        for entry in entries:
            match entry:
                case Changed():
                    if not self._mirror.take(entry):
                        return await self._load()
                    seen.add(entry.user_id)
                case Forgotten():
                    self._mirror.forget(entry)
                    self._total_is_old = True
                    seen |= self._meant(entry.user_id)
                case Stored() | Renamed():
                    self._total_is_old = True
                    again |= self._meant(entry.user_id)
        return await self._see(seen | again, again=again)

    def _meant(self, user_id: int | None) -> AbstractSet[int]:
        return set(self.crowd.by_id) if user_id is None else {user_id}

    async def _see(self, user_ids: AbstractSet[int], *, again: AbstractSet[int]) -> list[Person]:
        """Looks at them anew (at the rows of some `again`); returns those who show otherwise than before."""
        warm = self._mirror.read(self._app_id, user_ids)
        here = {user_id for user_id, state in warm.items() if state.truth.status is not OFFLINE}
        before = {user_id: self.crowd.by_id[user_id] for user_id in user_ids & self.crowd.by_id.keys()}
        users = {user_id: person.user for user_id, person in before.items() if user_id not in again}
        users |= await self._find(here - users.keys())
        after = {i: Person(users[i], see(users[i], warm[i], SERVER)) for i in here & users.keys()}
        gone = {i: one.user for i, one in before.items() if i not in after}
        for user_id in gone:
            del self.crowd.by_id[user_id]
        self.crowd.by_id |= after
        left = [Person(user, see(user, None if i in here else warm.get(i), SERVER)) for i, user in gone.items()]
        return left + [one for i, one in after.items() if i not in before or _shows(one) != _shows(before[i])]

    async def _find(self, user_ids: AbstractSet[int]) -> dict[int, User]:
        """Who was deleted is left out."""
        if not user_ids:
            return {}
        async with self._db.read() as tx:
            return {user.id: user for user in await rows.find_by_id(tx, user_ids)}


def _shows(person: Person) -> tuple[object, ...]:
    """All but that a clock moved."""
    user = person.user
    return user.username, user.display_name, person.presence.display, person.presence.devices
