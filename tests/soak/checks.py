"""What is wrong, in words, and the rules that find it: functions of numbers that were measured elsewhere."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median

FLAT = 0.05
"""By so much memory may be more in the last fifth than it was in the first."""
FEW = 3
"""Descriptors and tasks that may be there at one rest and not at another: a request just then, a pool of a store."""
VALKEY_SLACK_BYTES = 1_000_000
"""What the allocator of a Valkey may take more for the same keys."""


@dataclass(frozen=True, slots=True)
class Rest:
    """The server when nobody is there. `keys`: how many Redis keys of each kind; `entries`: what is in those that are
    empty where nobody has a session."""

    rss_bytes: int
    descriptors: int
    tasks: int
    sockets: int
    valkey_bytes: int
    keys: Counter[str] = field(default_factory=Counter)
    entries: Counter[str] = field(default_factory=Counter)


class Findings:
    """Every kind of thing that is wrong, how often, and the first of each in full."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()
        self._first: dict[str, str] = {}
        self._untold: list[str] = []

    def note(self, kind: str, what: str) -> None:
        self._counts[kind] += 1
        if kind not in self._first:
            self._first[kind] = what
            self._untold.append(f"{kind}: {what}")

    def note_all(self, kind: str, whats: Iterable[str]) -> None:
        for what in whats:
            self.note(kind, what)

    def __len__(self) -> int:
        return self._counts.total()

    def take_news(self) -> list[str]:
        """The first of each kind, where it has not been taken yet."""
        news, self._untold = self._untold, []
        return news

    def lines(self) -> list[str]:
        return [f"{kind} ({times}x), first: {self._first[kind]}" for kind, times in self._counts.most_common()]


def growth(samples: Sequence[float]) -> float:
    """From the median of the first fifth to that of the last: 0.05 is 5 % more."""
    fifth = max(len(samples) // 5, 1)
    first, last = median(samples[:fifth]), median(samples[-fifth:])
    return last / first - 1


def find_growth(samples: Sequence[float], name: str = "memory") -> list[str]:
    if len(samples) < 5:
        return [f"only {len(samples)} samples of {name}"]
    grown = growth(samples)
    return [f"{name} grew by {grown:.1%} from the first fifth to the last"] if grown > FLAT else []


def find_leaks(before: Rest, after: Rest) -> list[str]:
    """What is left of everybody who has gone."""
    found = []
    if after.descriptors > before.descriptors + FEW:
        found.append(f"descriptors: {before.descriptors} before, {after.descriptors} after")
    if after.tasks > before.tasks + FEW:
        found.append(f"tasks: {before.tasks} before, {after.tasks} after")
    if after.sockets:
        found.append(f"sockets: {after.sockets} are still counted")
    found += [f"Redis: {count} entries left in {name}" for name, count in after.entries.items() if count]
    for name, count in after.keys.items():
        # one for the app may have come into being meanwhile
        if count > max(before.keys[name], 1):
            found.append(f"Redis: {before.keys[name]} keys of {name} before, {count} after")
    if after.valkey_bytes > before.valkey_bytes * (1 + FLAT) + VALKEY_SLACK_BYTES:
        found.append(f"Valkey: {before.valkey_bytes} bytes before, {after.valkey_bytes} after")
    return found


Shown = tuple[int, str | None, str | None]
"""What a watcher sees of a presence: status, text, emoji. Of who is offline only that."""


OFFLINE: Shown = (0, None, None)


def shown(presence: Mapping[str, object]) -> Shown:
    status, text, emoji = presence["presence_status"], presence["text"], presence["emoji"]
    assert isinstance(status, int)
    assert text is None or isinstance(text, str)
    assert emoji is None or isinstance(emoji, str)
    return (status, text, emoji) if status else OFFLINE


def find_missed(view: Mapping[str, Shown], truth: Mapping[str, Shown]) -> list[str]:
    """Where a follower's replay differs from what is so; both are of the same version."""
    return [f"{name}: follows as {view.get(name)}, is {so}" for name, so in truth.items() if view.get(name) != so]


class Order:
    """The cursors of one follower: one epoch, and versions that only grow within a connection."""

    def __init__(self) -> None:
        self.epoch = ""
        self.version = 0

    def take(self, epoch: str, version: int, *, may_stay: bool) -> list[str]:
        """A frame must bring something new (`may_stay` false); the answer to a question need not."""
        found = []
        if self.epoch and epoch != self.epoch:
            found.append(f"the epoch went from {self.epoch} to {epoch}")
        elif version < self.version or (version == self.version and not may_stay):
            found.append(f"version {version} came after {self.version}")
        self.epoch, self.version = epoch, version
        return found
