"""What they do, and when: an endless play that its seed decides. Nothing here knows of sockets or of a clock."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from heapq import heappop, heappush
from random import Random

OPENING_EVERY_S = 0.04
"""How fast they come in at the beginning."""
BACK_AFTER_S = (2.0, 11.0)
"""When who lost their connection is back: within the grace, so that nobody sees them go."""
STAYS_LOST = 0.3
TAKES_PHONE_ALONG = 0.15


class Kind(StrEnum):
    COMES = "comes"
    LEAVES = "leaves"
    DROPS = "drops"
    RETURNS = "returns"
    SAYS = "says"
    CLEARS = "clears"
    RESTS = "rests"
    STIRS = "stirs"


@dataclass(frozen=True, slots=True)
class Status:
    """What somebody says of themselves. It ends by itself: a claim would outlive their connection."""

    status: str
    lasts_min: int
    text: str = ""
    emoji: str = ""


@dataclass(frozen=True, slots=True)
class Act:
    """`at_s` counts from the beginning. `devices` come with who comes and returns, `said` with who says something."""

    at_s: float
    kind: Kind
    username: str
    devices: tuple[str, ...] = ()
    said: Status | None = None


STATUSES = (
    Status("dnd", 45, "Deep work", "🎧"),
    Status("dnd", 15, "In a call", "📞"),
    Status("dnd", 30, "Presenting", "🖥️"),
    Status("dnd", 60, "Exam, back at four", "📝"),
    Status("away", 30, "Lunch", "🍜"),
    Status("away", 40, "On the train", "🚆"),
    Status("away", 20, "Walking the dog", "🐕"),
    Status("away", 20, "School run", "🚸"),
    Status("away", 60, "Doctor", "🩺"),
    Status("online", 10, "Coffee?", "☕"),
    Status("online", 30, "Reading pull requests", "👀"),
    Status("online", 30, "Happy to pair", "🤝"),
    Status("online", 60, "Working from the garden", "🌿"),
    Status("online", 60, "Release day", "🚀"),
    Status("online", 30, "Ask me anything", "💬"),
    Status("online", 60, "Last day before holidays", "🏖️"),
    Status("invisible", 5),
)
DEVICES = ("web", "web", "web", "desktop", "desktop", "mobile")


def play(cast: Sequence[str], coming: int, seed: int, pace_s: float) -> Iterator[Act]:
    """Without an end. About `coming` of the cast are here at a time, and one of them does something each `pace_s`."""
    return _Play(list(cast), min(coming, len(cast)), Random(seed), pace_s).acts()  # noqa: S311 - no secret


@dataclass(slots=True)
class _Play:
    """`here` keeps the order in which they came, for a set would make another play of the same seed."""

    cast: list[str]
    coming: int
    chance: Random
    pace_s: float
    here: dict[str, tuple[str, ...]] = field(default_factory=dict)
    lost: dict[str, tuple[str, ...]] = field(default_factory=dict)
    resting: dict[str, None] = field(default_factory=dict)
    saying: dict[str, None] = field(default_factory=dict)
    returns: list[tuple[float, str]] = field(default_factory=list)

    def acts(self) -> Iterator[Act]:
        now_s = 0.0
        for username in self.chance.sample(self.cast, self.coming):
            yield self._come(now_s, username)
            now_s += OPENING_EVERY_S
        while True:
            now_s += self.pace_s * min(self.chance.expovariate(1.0), 4.0)
            while self.returns and self.returns[0][0] <= now_s:
                at_s, username = heappop(self.returns)
                yield self._return(at_s, username)
            likely = self._likely()
            if any(likely.values()):  # else all of them have lost their connection
                yield self._next(now_s, likely)

    def _next(self, now_s: float, kinds: dict[Kind, float]) -> Act:
        kind = self.chance.choices(list(kinds), list(kinds.values()))[0]
        match kind:
            case Kind.COMES:
                away = [name for name in self.cast if name not in self.here and name not in self.lost]
                return self._come(now_s, self.chance.choice(away))
            case Kind.LEAVES:
                return self._leave(now_s)
            case Kind.DROPS:
                return self._drop(now_s)
            case Kind.SAYS:
                return self._say(now_s)
            case Kind.CLEARS:
                return self._end(now_s, kind, self.saying)
            case Kind.STIRS:
                return self._end(now_s, kind, self.resting)
            case _:
                return self._rest(now_s)

    def _likely(self) -> dict[Kind, float]:
        """The fewer are here, the more come; who is not here does nothing else."""
        missing = (self.coming - len(self.here) - len(self.lost)) / self.coming
        has_away = len(self.here) + len(self.lost) < len(self.cast)
        is_anybody = bool(self.here)
        return {
            Kind.COMES: max(0.0, 3 + 20 * missing) + (0 if is_anybody else 1) if has_away else 0.0,
            Kind.LEAVES: max(0.0, 2.5 - 20 * missing) if is_anybody else 0.0,
            Kind.DROPS: 1.5 if is_anybody else 0.0,
            Kind.SAYS: 3.0 if is_anybody else 0.0,
            Kind.CLEARS: 0.1 * len(self.saying),
            Kind.RESTS: 1.0 if len(self.resting) < len(self.here) else 0.0,
            Kind.STIRS: 0.2 * len(self.resting),
        }

    def _come(self, at_s: float, username: str) -> Act:
        first = self.chance.choice(DEVICES)
        has_phone = first != "mobile" and self.chance.random() < TAKES_PHONE_ALONG
        self.here[username] = (first, "mobile") if has_phone else (first,)
        return Act(at_s, Kind.COMES, username, self.here[username])

    def _leave(self, at_s: float) -> Act:
        username = self.chance.choice(list(self.here))
        self._forget(username)
        return Act(at_s, Kind.LEAVES, username)

    def _drop(self, at_s: float) -> Act:
        username = self.chance.choice(list(self.here))
        devices = self._forget(username)
        if self.chance.random() >= STAYS_LOST:
            self.lost[username] = devices
            heappush(self.returns, (at_s + self.chance.uniform(*BACK_AFTER_S), username))
        return Act(at_s, Kind.DROPS, username)

    def _return(self, at_s: float, username: str) -> Act:
        self.here[username] = self.lost.pop(username)
        return Act(at_s, Kind.RETURNS, username, self.here[username])

    def _say(self, at_s: float) -> Act:
        username = self.chance.choice(list(self.here))
        self.saying[username] = None
        return Act(at_s, Kind.SAYS, username, said=self.chance.choice(STATUSES))

    def _rest(self, at_s: float) -> Act:
        username = self.chance.choice([name for name in self.here if name not in self.resting])
        self.resting[username] = None
        return Act(at_s, Kind.RESTS, username)

    def _end(self, at_s: float, kind: Kind, those: dict[str, None]) -> Act:
        username = self.chance.choice(list(those))
        del those[username]
        return Act(at_s, kind, username)

    def _forget(self, username: str) -> tuple[str, ...]:
        self.resting.pop(username, None)
        self.saying.pop(username, None)
        return self.here.pop(username)
