"""Seeing: the presence of users as one viewer sees it.

From this node's mirror while it is level with the change log, else from Redis, and as it was last known while Redis is
away.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import Protocol

from chatsrv.domain.clock import Clock
from chatsrv.domain.errors import Unavailable
from chatsrv.domain.presence import OFFLINE, Person, Presence, PresenceStatus, Viewer, see
from chatsrv.domain.users import User
from chatsrv.services.memory.freshness import Freshness
from chatsrv.services.memory.mirror import Mirror
from chatsrv.storage.presence_reads import PresenceReads
from chatsrv.storage.records import Snapshot

ASK_AGAIN_MS = 1000
"""While Redis is away, only so often does a reader wait for it."""


class Recovery(Protocol):
    """What the upkeep knows of the keyspaces."""

    def epoch_of(self, app_id: str) -> str: ...

    def is_recovering(self, app_id: str, epoch: str) -> bool: ...


class Sight:
    """`mirror` is what Following remembers; in a process that follows nothing it is empty."""

    def __init__(
        self, store: PresenceReads, mirror: Mirror, freshness: Freshness, recovery: Recovery, clock: Clock
    ) -> None:
        self._store = store
        self._mirror = mirror
        self._freshness = freshness
        self._recovery = recovery
        self._clock = clock
        self._answered_at = clock.now()
        self._failed_at: int | None = None

    @property
    def stale_s(self) -> float | None:
        """For how long Redis has not answered, None while it does: presences are then those that were last known."""
        return None if self._failed_at is None else (self._clock.now() - self._answered_at) / 1000

    async def see(self, user: User, viewer: Viewer) -> Presence:
        return (await self.see_all(user.app_id, [user], viewer))[0].presence

    async def see_all(self, app_id: str, users: Sequence[User], viewer: Viewer) -> list[Person]:
        """One round trip at most. While Redis is away, of whom nothing is remembered shows as SQL last knew them."""
        try:
            warm = (await self.snapshot(app_id, [user.id for user in users])).warm
        except Unavailable:
            warm = {}
        return [Person(user, see(user, warm.get(user.id), viewer)) for user in users]

    async def who_is_here(self, app_id: str, viewer: Viewer) -> dict[PresenceStatus, list[int]]:
        """The ids of those who are not offline to this viewer, by status. Raises Unavailable."""
        snapshot = await self.snapshot_all(app_id)
        here: dict[PresenceStatus, list[int]] = {}
        for user_id, warm in snapshot.warm.items():
            status = warm.seen_by(viewer, user_id).status
            if status is not OFFLINE:
                here.setdefault(status, []).append(user_id)
        return here

    async def snapshot(self, app_id: str, user_ids: Sequence[int], *, in_order: bool = False) -> Snapshot:
        """These users at one version. Raises Unavailable where nothing is remembered either.

        `in_order`: no older one than of anything that this node has changed, for whoever is told versions.
        """
        if self._may_remember(app_id, None if in_order else user_ids):
            return self._completed(app_id, user_ids, self._remembered(app_id, user_ids))
        return await self.snapshot_in_full(app_id, user_ids)

    async def snapshot_in_full(self, app_id: str, user_ids: Sequence[int]) -> Snapshot:
        """With when each changed, which Redis alone knows. Raises Unavailable where nothing is remembered either."""
        return await self._ask(app_id, user_ids, lambda: self._store.snapshot(app_id, user_ids))

    async def snapshot_all(self, app_id: str) -> Snapshot:
        """Everybody of whom anything is warm. Raises Unavailable where nothing is remembered either."""
        if self._may_remember(app_id, None):
            return self._completed(app_id, None, self._remembered(app_id, None))
        return await self._ask(app_id, None, lambda: self._store.snapshot_all(app_id))

    async def changed_since(self, app_id: str, version: int) -> Snapshot:
        """Those who changed after `version`. Raises Unavailable where nothing is remembered either."""
        return await self._ask(app_id, (), lambda: self._store.changed_since(app_id, version))

    def _may_remember(self, app_id: str, user_ids: Sequence[int] | None) -> bool:
        """Whether the mirror is as good as Redis."""
        if self._failed_at is not None or not self._freshness.is_level(app_id, user_ids):
            return False
        if not self._mirror.knows(app_id):
            self._mirror.want(app_id)
            return False
        self._answered_at = self._clock.now()
        return True

    async def _ask(
        self, app_id: str, user_ids: Sequence[int] | None, ask: Callable[[], Awaitable[Snapshot]]
    ) -> Snapshot:
        if self._failed_at is not None and self._clock.now() < self._failed_at + ASK_AGAIN_MS:
            return self._remembered(app_id, user_ids)
        if self._failed_at is not None:
            # whoever comes while this one finds out does not wait with it
            self._failed_at = self._clock.now()
        try:
            snapshot = await ask()
        except Unavailable:
            self._failed_at = self._clock.now()
            return self._remembered(app_id, user_ids)
        self._failed_at, self._answered_at = None, self._clock.now()
        return self._completed(app_id, user_ids, snapshot)

    def _remembered(self, app_id: str, user_ids: Sequence[int] | None) -> Snapshot:
        return self._mirror.snapshot(app_id, self._recovery.epoch_of(app_id), user_ids)

    def _completed(self, app_id: str, user_ids: Sequence[int] | None, snapshot: Snapshot) -> Snapshot:
        """While Redis recovers, those whom no node has put back yet are as they were."""
        if not self._recovery.is_recovering(app_id, snapshot.epoch):
            return snapshot
        before = self._mirror.before(app_id)
        wanted = before.keys() if user_ids is None else before.keys() & set(user_ids)
        # offline is what a claim finds that comes before the socket is put back
        put_back = {user_id for user_id, warm in snapshot.warm.items() if warm.truth.status is not OFFLINE}
        as_before = {user_id: before[user_id] for user_id in wanted - put_back}
        return replace(snapshot, warm={**snapshot.warm, **as_before})
