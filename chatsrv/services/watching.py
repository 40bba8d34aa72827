"""Seeing many people at once, at one version: queries, snapshots, and what changed since a version."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from chatsrv.domain.presence import SERVER, Person, PresenceStatus, Viewer, see
from chatsrv.domain.users import User, fold_case
from chatsrv.services.memory.sight import Sight
from chatsrv.services.users import Users
from chatsrv.storage import users as rows
from chatsrv.storage.database import Database
from chatsrv.storage.records import Snapshot

NO_VERSION = ("", -1)
"""What somebody has seen who has seen nothing."""


@dataclass(frozen=True, slots=True)
class Roll:
    """People at `version` of `epoch`, as one viewer sees them.

    Not `full`: only those who changed since the version that was asked for.
    """

    epoch: str
    version: int
    full: bool
    people: tuple[Person, ...]


@dataclass(frozen=True, slots=True)
class Counts:
    """People of an app by what they show; `total` is the directory's size."""

    online: int
    away: int
    dnd: int
    total: int


class Watching:
    """Every method raises Unavailable where a store does not answer."""

    def __init__(self, sight: Sight, directory: Users, db: Database) -> None:
        self._sight = sight
        self._directory = directory
        self._db = db

    async def find(self, app_id: str, usernames: Sequence[str]) -> tuple[list[User], list[str]]:
        """The users of these names, in their order and each once, and the names that nobody has."""
        by_key = await self._directory.find_many(app_id, usernames)
        unknown = [name for name in dict.fromkeys(usernames) if fold_case(name) not in by_key]
        found = {fold_case(name): None for name in usernames}
        return [by_key[key] for key in found if key in by_key], unknown

    async def look(
        self, app_id: str, users: Sequence[User], viewer: Viewer, seen: tuple[str, int] = NO_VERSION
    ) -> Roll:
        """These users; only those who changed since `seen` (epoch, version) where all changes since are known."""
        ids = [user.id for user in users]
        if seen == NO_VERSION:
            return _roll(await self._sight.snapshot(app_id, ids, in_order=True), True, users, viewer)
        snapshot = await self._sight.snapshot_in_full(app_id, ids)
        full = not snapshot.is_complete_since(*seen)
        # of oneself there may be changes that no version counts
        wanted = [
            user
            for user in users
            if full or user.id == viewer.user_id or snapshot.changed_in.get(user.id, -1) > seen[1]
        ]
        return _roll(snapshot, full, wanted, viewer)

    async def look_since(self, app_id: str, seen: tuple[str, int], viewer: Viewer) -> Roll:
        """Everybody of the app who changed since `seen`, or, where that is not known, everybody who is here."""
        snapshot = await self._sight.changed_since(app_id, seen[1])
        users = await self._users(snapshot.changed_in)
        # one who was deleted has no name any more by which to tell of them
        if not snapshot.is_complete_since(*seen) or len(users) < len(snapshot.changed_in):
            return await self.look_at_all(app_id, viewer)
        return _roll(snapshot, False, users, viewer)

    async def look_at_all(self, app_id: str, viewer: Viewer) -> Roll:
        """Everybody who is not offline to this viewer."""
        snapshot = await self._sight.snapshot_all(app_id)
        here = [i for i, warm in snapshot.warm.items() if warm.seen_by(viewer, i).status is not PresenceStatus.OFFLINE]
        return _roll(snapshot, True, await self._users(here), viewer)

    async def count(self, app_id: str) -> Counts:
        """The same to every viewer: who is invisible counts nowhere."""
        here = await self._sight.who_is_here(app_id, SERVER)
        return Counts(
            online=len(here.get(PresenceStatus.ONLINE, ())),
            away=len(here.get(PresenceStatus.AWAY, ())),
            dnd=len(here.get(PresenceStatus.DND, ())),
            total=await self._directory.count(app_id),
        )

    async def names(self, app_id: str, user_ids: Iterable[int]) -> dict[int, str]:
        """Under which these users go now; who is gone is left out."""
        return {user.id: user.username for user in (await self._directory.find_by_ids(app_id, user_ids)).values()}

    async def _users(self, ids: Iterable[int]) -> list[User]:
        """Those who are gone from SQL are left out."""
        async with self._db.read() as tx:
            return await rows.find_by_id(tx, ids)


def _roll(snapshot: Snapshot, full: bool, users: Iterable[User], viewer: Viewer) -> Roll:
    people = tuple(Person(user, see(user, snapshot.warm.get(user.id), viewer)) for user in users)
    return Roll(snapshot.epoch, snapshot.version, full, people)
