"""An app that sockets of this node watch as a whole, and what is about to be told of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from chatsrv.domain.changes import Changed, Entry, Forgotten, Renamed, Stored
from chatsrv.realtime.watchers import order_of
from chatsrv.services.watching import Counts


@dataclass(slots=True, eq=False)
class Observed:
    """`stir` is called when there is something to tell. `observers`: all of it; `watchers`: those of them who asked to
    be told, and have not been told to ask anew.

    `waiting`: of each user the last change. `doubtful`: users who may have been deleted. Once it `is_broken`, nothing
    is told but that all must ask anew. `told`: the counts that every watcher has; instants by the clock of the loop.
    """

    id: str
    stir: Callable[[], None]
    observers: set[str] = field(default_factory=set)
    watchers: set[str] = field(default_factory=set)
    waiting: dict[int, Changed] = field(default_factory=dict)
    doubtful: set[int] = field(default_factory=set)
    is_broken: bool = False
    may_reset_at: float = 0.0
    has_new_counts: bool = False
    may_count_at: float = 0.0
    told: Counts | None = None

    def take(self, entry: Entry) -> None:
        """What the log says of the app."""
        if not self.watchers or self.is_broken:
            return
        match entry:
            case Changed(shows=True):
                self.waiting.pop(entry.user_id, None)
                self.waiting[entry.user_id] = entry
            case Renamed() | Forgotten(user_id=None):
                self.break_off()
            case Forgotten(user_id=int(user_id)):
                # deleted, or nothing is warm of them any more
                self.doubtful.add(user_id)
            case Stored():
                pass  # the size of the directory may have changed
            case _:
                return
        self.has_new_counts = True
        self.stir()

    def break_off(self) -> None:
        """Something was missed, or cannot be told as a change."""
        self._clear()
        if self.watchers:
            self.is_broken = True
            self.stir()

    def welcome(self, sid: str) -> None:
        """From now on it is told whatever happens; the counts, too, that it has may be a moment old."""
        self.watchers.add(sid)
        self.has_new_counts, self.told = True, None
        self.stir()

    def part(self, sid: str) -> None:
        self.watchers.discard(sid)
        if not self.watchers:
            self._clear()

    def part_all(self) -> list[str]:
        """Who watched, and is to ask anew."""
        parted = list(self.watchers)
        self.watchers.clear()
        self._clear()
        return parted

    def _clear(self) -> None:
        self.waiting.clear()
        self.doubtful.clear()
        self.is_broken = self.has_new_counts = False

    def take_waiting(self) -> tuple[list[Changed], set[int]]:
        """All that waits, by version, and who may be gone."""
        changes, doubtful = sorted(self.waiting.values(), key=order_of), self.doubtful
        self.waiting, self.doubtful = {}, set()
        return changes, doubtful

    def put_back(self, changes: Iterable[Changed], doubtful: set[int]) -> None:
        """It could not be told; what has come since is newer."""
        if self.watchers and not self.is_broken:
            self.waiting = {change.user_id: change for change in changes} | self.waiting
            self.doubtful |= doubtful

    @property
    def is_restless(self) -> bool:
        """Whether there is something yet to be told."""
        return bool(self.waiting or self.doubtful or self.is_broken or self.has_new_counts)
