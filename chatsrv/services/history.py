"""Presence history as it is asked for: when somebody was here, and how many were."""

from __future__ import annotations

from collections.abc import AsyncIterator

from chatsrv.domain.apps import App
from chatsrv.domain.clock import Clock
from chatsrv.domain.history import After, Interval, IntervalPage
from chatsrv.domain.tallies import DAY_MS, Point, Width, points
from chatsrv.domain.users import User
from chatsrv.services.apps import Apps
from chatsrv.services.user_changes import find_user
from chatsrv.storage import history as rows
from chatsrv.storage import users as user_rows
from chatsrv.storage.database import Database

EXPORT_USERS = 50
"""Of so many users the intervals are held in memory at once."""


class History:
    """It is as old as the chronicle's last round."""

    def __init__(self, db: Database, apps: Apps, clock: Clock) -> None:
        self._db = db
        self._apps = apps
        self._clock = clock

    def kept_since(self, app: App) -> int | None:
        """What ended before it (ms) is not told any more; None where no history is kept."""
        days = self._apps.setting(app, "history_days")
        return self._clock.now() - int(days * DAY_MS) if days else None

    async def page(
        self, app: App, username: str, from_at: int, to_at: int, limit: int, after: After | None
    ) -> IntervalPage:
        """When they were here, in truth, within from_at <= t < to_at, oldest first. Raises UserNotFound."""
        since = self.kept_since(app)
        async with self._db.read() as tx:
            user = await find_user(tx, app.id, username)
            if since is None:
                return IntervalPage((), None)
            # first what goes on: whatever ends before the next statement is found by that
            present = (await rows.find_present(tx, [user.id])).get(user.id)
            found = await rows.find_intervals(tx, user.id, max(from_at, since), to_at, after, limit + 1)
        intervals = [interval for _, interval in found[:limit]]
        if len(found) > limit:
            return IntervalPage(tuple(intervals), found[limit - 1][0])
        return IntervalPage((*intervals, *_still(present, intervals, to_at)), None)

    async def stats(self, app: App, width: Width, from_at: int, to_at: int) -> list[Point]:
        """How many were online to others; see `points`."""
        since, now = self.kept_since(app), self._clock.now()
        if since is None:
            return []
        from_at = max(from_at, since, now - rows.MINUTES_KEPT_MS if width is Width.MINUTE else 0)
        async with self._db.read() as tx:
            tally = await rows.find_tally(tx, app.id, now)
            kept, following = await rows.find_buckets(tx, app.id, width, width.begin(from_at), to_at)
        return points(tally, width, kept, following, from_at, to_at, now)

    async def export(self, app: App, from_at: int, to_at: int) -> AsyncIterator[list[tuple[str, Interval]]]:
        """Everybody's intervals with their usernames, user by user, in constant memory."""
        since, after = self.kept_since(app), 0
        while since is not None:
            async with self._db.read() as tx:
                users = await user_rows.batch_after(tx, app.id, after, EXPORT_USERS)
                if not users:
                    return
                ids = [user.id for user in users]
                present = await rows.find_present(tx, ids)
                found = await rows.find_intervals_of(tx, ids, max(from_at, since), to_at)
            yield _by_user(users, found, present, to_at)
            after = ids[-1]


def _still(present: Interval | None, intervals: list[Interval], to_at: int) -> list[Interval]:
    """What goes on, unless it ended between two statements."""
    if present is None or present.from_at >= to_at:
        return []
    return [] if intervals and intervals[-1].from_at >= present.from_at else [present]


def _by_user(
    users: list[User], found: list[tuple[int, Interval]], present: dict[int, Interval], to_at: int
) -> list[tuple[str, Interval]]:
    ended: dict[int, list[Interval]] = {user.id: [] for user in users}
    for user_id, interval in found:
        ended[user_id].append(interval)
    return [
        (user.username, interval)
        for user in users
        for interval in (*ended[user.id], *_still(present.get(user.id), ended[user.id], to_at))
    ]
