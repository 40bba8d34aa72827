"""How far this node has followed the change log, and what has changed since something was remembered.

Whatever is remembered (rows, pages, whole answers) holds a Mark of what it was made of, taken before that was read. One
rule ends all of it: an entry of the change log about a user or an app spoils their marks. Nothing that is remembered is
used while the node is behind: when the log does not answer, or this node has written something that it has not read
back from the log yet.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Collection, Iterable

from chatsrv.domain.changes import FIRST_POSITION, Position
from chatsrv.storage.keys import SHARDS, shard_of

MARKS_MAX = 100_000
"""Users of an app for whom somebody holds a mark, or did: with more of them, all of these marks are spoiled."""

RECENT_MAX = 1000
"""Changes of an app that are remembered one by one."""


class Mark:
    """Good until something changes that it stands for."""

    __slots__ = ("is_good",)

    def __init__(self) -> None:
        self.is_good = True


class PageMark:
    """Good until a row of the app changes, or the presence of one of these users: what others do is nothing to it."""

    __slots__ = ("_app", "_marks", "_seen")

    def __init__(self, app: _App, marks: tuple[Mark, ...]) -> None:
        self._app = app
        self._marks = marks
        self._seen = app.changed_at

    @property
    def is_good(self) -> bool:
        if self._seen != self._app.changed_at:
            for mark in self._marks:
                if not mark.is_good:
                    return False
            self._seen = self._app.changed_at
        return True


class Shard:
    """`seen`: up to there the log has been followed. `wanted`: up to there it has to be before memory is trusted."""

    __slots__ = ("is_loaded", "seen", "wanted")

    def __init__(self) -> None:
        self.seen: Position = FIRST_POSITION
        self.wanted: Position = FIRST_POSITION
        self.is_loaded = False

    @property
    def is_level(self) -> bool:
        return self.is_loaded and self.seen >= self.wanted


class _App:
    """`written`: users whom this node has changed in Redis, and where in the log that will be read. `recent`: who has
    changed of late, and when; None is anybody."""

    __slots__ = ("changed_at", "mark", "recent", "rows", "rows_changed_at", "users", "written")

    def __init__(self) -> None:
        self.mark = Mark()
        self.rows = Mark()
        self.recent: deque[tuple[int, int | None]] = deque(maxlen=RECENT_MAX)
        self.written: dict[int | None, Position] = {}
        self.users: dict[int, Mark] = {}
        self.changed_at = 0
        self.rows_changed_at = 0

    def spoil_users(self) -> None:
        for mark in self.users.values():
            mark.is_good = False
        self.users.clear()


class Freshness:
    """`now`: a clock that never goes back, in seconds. In a process that does not follow the log nothing is fresh."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._apps: dict[str, _App] = {}
        self._shards = [Shard() for _ in range(SHARDS)]
        self._written: list[deque[tuple[Position, str, int | None]]] = [deque() for _ in range(SHARDS)]
        self._alive_until = float("-inf")
        self._all_changed_at = 0
        self.changes = 0
        """How many changes there have been, in all apps."""

    # Whether the log is followed

    def shard(self, app_id: str) -> Shard:
        return self._shards[shard_of(app_id)]

    @property
    def is_alive(self) -> bool:
        """Whether the log has answered just now."""
        return self._now() < self._alive_until

    def is_followed(self, app_id: str) -> bool:
        """Whether nothing that others write about the app is missed, and is told within moments."""
        return self.is_alive and self.shard(app_id).is_loaded

    def is_level(self, app_id: str, user_ids: Iterable[int] | None = None) -> bool:
        """Whether what is remembered of the presence of these users (None: of all the app) is what Redis would say."""
        if not (self.is_alive and self.shard(app_id).is_level):
            return False
        app = self._apps.get(app_id)
        if app is None or not app.written:
            return True
        return user_ids is not None and None not in app.written and app.written.keys().isdisjoint(user_ids)

    @property
    def has_read_all(self) -> bool:
        """Whether the log has been followed to whatever this node knows to be in it."""
        return not any(self._written) and all(shard.seen >= shard.wanted for shard in self._shards)

    def now(self) -> float:
        """In seconds, never going back."""
        return self._now()

    def renew(self, for_s: float) -> None:
        """The log has answered; if it does not within that time, nothing is fresh any more."""
        self._alive_until = self._now() + for_s

    def lapse(self) -> None:
        """The log did not answer: what it says next may lack what was trimmed meanwhile, so all has to be loaded."""
        self._alive_until = float("-inf")
        for shard in self._shards:
            shard.is_loaded = False
        self.spoil_all()

    def begin_anew(self, shard: int) -> None:
        """The log of this shard began anew, with smaller positions."""
        self._shards[shard] = Shard()
        for _, app_id, _user in self._written[shard]:
            self._app(app_id).written.clear()
        self._written[shard].clear()
        self.spoil_all()

    def loaded(self, shard: int) -> None:
        """What was missed has been read anew."""
        self._shards[shard].is_loaded = True

    def see(self, shard: int, position: Position) -> None:
        """The log has been followed to there."""
        self._shards[shard].seen = max(self._shards[shard].seen, position)
        written = self._written[shard]
        while written and written[0][0] <= position:
            at, app_id, user_id = written.popleft()
            app = self._app(app_id)
            if app.written.get(user_id) == at:
                del app.written[user_id]

    def write(self, app_id: str, user_id: int | None, position: Position) -> None:
        """This node has changed the user, or (None) anybody of the app, in Redis: the log will tell there."""
        shard = shard_of(app_id)
        self.spoil(app_id, user_id)
        if not self.is_alive:
            self.want(shard, position)  # nobody reads it for now: to keep each write until then would have no end
        elif position > self._shards[shard].seen:
            self._app(app_id).written[user_id] = position
            self._written[shard].append((position, app_id, user_id))

    def want(self, shard: int, position: Position) -> None:
        """The log goes up to there, as this node knows in another way."""
        self._shards[shard].wanted = max(self._shards[shard].wanted, position)

    # What has changed

    def mark(self, app_id: str, user_id: int | None) -> Mark:
        """Good until this user's row or presence changes, or (None) anything of the app."""
        app = self._app(app_id)
        if user_id is None:
            return app.mark
        if len(app.users) >= MARKS_MAX and user_id not in app.users:
            app.spoil_users()
        return app.users.setdefault(user_id, Mark())

    def page_mark(self, app_id: str, user_ids: Iterable[int]) -> PageMark:
        """For a list of these users whose order and members SQL alone decides."""
        app = self._app(app_id)
        return PageMark(app, (app.rows, *(self.mark(app_id, user_id) for user_id in user_ids)))

    def has_changed_since(self, app_id: str, changes: int, user_ids: Collection[int] | None = None) -> bool:
        """Whether any of these users (None: anything of the app) has since there were so many `changes`."""
        app = self._apps.get(app_id)
        if max(app.changed_at if app else 0, self._all_changed_at) <= changes:
            return False
        if app is None or user_ids is None or self._all_changed_at > changes:
            return True
        for number, user_id in reversed(app.recent):
            if number <= changes:
                return False
            if user_id is None or user_id in user_ids:
                return True
        return len(app.recent) == RECENT_MAX  # what came before that, nobody knows

    def rows_have_changed_since(self, app_id: str, changes: int) -> bool:
        """The same of what SQL keeps of the app."""
        app = self._apps.get(app_id)
        return max(app.rows_changed_at if app else 0, self._all_changed_at) > changes

    def spoil(self, app_id: str, user_id: int | None, *, is_row: bool = False) -> None:
        """The user has changed, or (None) nobody knows who has."""
        self.changes += 1
        app = self._app(app_id)
        app.changed_at = self.changes
        app.recent.append((self.changes, user_id))
        if is_row:
            app.rows_changed_at = self.changes
        if is_row or user_id is None:
            app.rows.is_good = False
            app.rows = Mark()
        app.mark.is_good = False
        app.mark = Mark()
        if user_id is None:
            app.spoil_users()
        elif user_id in app.users:
            app.users.pop(user_id).is_good = False

    def spoil_all(self) -> None:
        for app_id in self._apps:
            self.spoil(app_id, None)
        self.changes += 1
        self._all_changed_at = self.changes

    def _app(self, app_id: str) -> _App:
        return self._apps.setdefault(app_id, _App())
