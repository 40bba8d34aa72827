"""What the change log comes to: who showed how from when to when, and what listeners of the chronicle are told."""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass, replace
from typing import Literal

from chatsrv.domain.instants import NEVER
from chatsrv.domain.presence import INVISIBLE, NOBODY_THERE, OFFLINE, Display, Presence, PresenceStatus, Warm, to_others
from chatsrv.domain.users import Clocks

# What listeners are told


@dataclass(frozen=True, slots=True)
class Seen:
    """Others see a user otherwise than before: in status, text or emoji. Whoever hides is offline here.

    `changed_at`, `last_seen_at`: ms since 1970; the second is NEVER (0) for whoever is here, for that is now.
    """

    user_id: int
    username: str
    before: PresenceStatus
    after: PresenceStatus
    changed_at: int
    text: str | None = None
    emoji: str | None = None
    devices: tuple[str, ...] = ()
    last_seen_at: int = NEVER


@dataclass(frozen=True, slots=True)
class SessionSeen:
    """A session of a user was opened or closed `at`; it began at `opened_at` (both ms since 1970).

    `reason`: why it was closed; of one that was opened, None, or that it was put back.
    """

    user_id: int
    username: str
    session_id: str
    kind: Literal["opened", "closed"]
    at: int
    device: str
    client_id: str
    transport: str
    opened_at: int
    reason: str | None = None


Noted = Seen | SessionSeen
"""What a listener of the chronicle is told."""


# What history is asked for


@dataclass(frozen=True, slots=True)
class Interval:
    """A user showed so, in truth, from `from_at` on; `to_at` None: they still do. Instants in ms since 1970."""

    from_at: int
    to_at: int | None
    status: PresenceStatus
    text: str | None = None
    emoji: str | None = None


After = tuple[int, int]
"""Where a page of intervals ended: the end of its last one, and that one's id."""


@dataclass(frozen=True, slots=True)
class IntervalPage:
    """`next_after` is where the following page begins, None on the last one."""

    intervals: tuple[Interval, ...]
    next_after: After | None


# The fold


@dataclass(frozen=True, slots=True)
class Shown:
    """How somebody shows in truth, who is not offline, and since when."""

    app_id: str
    display: Display
    since_at: int

    @property
    def is_public(self) -> bool:
        """Whether others see them, too."""
        return self.display.status is not INVISIBLE


@dataclass(frozen=True, slots=True)
class Move:
    """How a user shows from `at` on, in truth: what an entry of the log says, or a look at the present."""

    app_id: str
    user_id: int
    at: int
    warm: Warm


@dataclass(frozen=True, slots=True)
class Step:
    """A move that changed something; None: offline."""

    move: Move
    before: Shown | None
    after: Shown | None

    @property
    def gained(self) -> int:
        """By how many there are more now who are not offline to others."""
        return _is_public(self.after) - _is_public(self.before)


def _is_public(shown: Shown | None) -> bool:
    return shown is not None and shown.is_public


def words_of(display: Display) -> Display:
    """What of it makes another display: not when the claim ends."""
    return display if not display.expires_at else Display(display.status, display.text, display.emoji)


def take(people: MutableMapping[int, Shown], move: Move) -> Step | None:
    """Moves them on in `people`, who are those that are not offline. None where they show so already."""
    before, display = people.get(move.user_id), words_of(move.warm.truth.display)
    if display.status is OFFLINE:
        if before is None:
            return None
        del people[move.user_id]
        return Step(move, before, None)
    if before is not None and before.display == display:
        return None
    after = people[move.user_id] = Shown(move.app_id, display, move.at)
    return Step(move, before, after)


def see_step(step: Step, username: str) -> Seen | None:
    """What others see of it, if anything."""
    before, after = _to_others(step.before), _to_others(step.after)
    if before == after:
        return None
    move, seen = step.move, step.move.warm.to_others
    is_here = after.status is not OFFLINE
    return Seen(
        move.user_id,
        username,
        before.status,
        after.status,
        move.at,
        after.text,
        after.emoji,
        seen.devices if is_here else (),
        NEVER if is_here else seen.clocks.last_seen_at,
    )


def _to_others(shown: Shown | None) -> Display:
    return NOBODY_THERE if shown is None else to_others(shown.display)


# Where something was missed


@dataclass(frozen=True, slots=True)
class Missed:
    """Up to `known_at` everything was read, and nothing of what came between it and `now` (ms).

    `is_long`: for so long that nobody may have been there to notice who left.
    """

    known_at: int
    now: int
    is_long: bool

    def within(self, at: int) -> int:
        return min(max(at, self.known_at), self.now)


def catch_up(
    people: MutableMapping[int, Shown],
    app_id: str,
    warm: Mapping[int, Warm],
    seen_at: Mapping[int, int],
    missed: Missed,
) -> list[Step]:
    """The steps from `people`, who were known to be in the app, to how it is now, in order of time.

    `warm`: everybody of whom Redis knows something; `seen_at`: when the others of them were last seen.
    Whoever is gone left when they were last seen. Whoever came back was away from the last moment of which anything is
    known; whoever has not logged in since then never was.
    """
    steps: list[Step] = []
    here = {user_id: one for user_id, one in warm.items() if one.truth.status is not OFFLINE}
    for user_id in people.keys() - here.keys():
        last_seen = warm[user_id].truth.clocks.last_seen_at if user_id in warm else seen_at.get(user_id, NEVER)
        steps += _steps(people, leave(app_id, user_id, missed.within(last_seen)))
    for user_id, one in here.items():
        moves = _arrivals(people.get(user_id), Move(app_id, user_id, NEVER, one), missed)
        steps += _steps(people, *moves)
    return sorted(steps, key=lambda step: step.move.at)


def leave(app_id: str, user_id: int, at: int) -> Move:
    gone = Presence(NOBODY_THERE, Clocks(last_seen_at=at))
    return Move(app_id, user_id, at, Warm(gone, gone))


def _steps(people: MutableMapping[int, Shown], *moves: Move) -> list[Step]:
    return [step for move in moves if (step := take(people, move))]


def _arrivals(before: Shown | None, move: Move, missed: Missed) -> tuple[Move, ...]:
    clocks = move.warm.truth.clocks
    if before is None:
        return (replace(move, at=min(clocks.presence_changed_at, missed.now)),)
    if _stayed(clocks, missed):
        return (replace(move, at=missed.within(clocks.presence_changed_at)),)
    back_at = max(clocks.presence_changed_at, clocks.last_login_at)
    if back_at <= missed.known_at:
        back_at = missed.now  # a heartbeat, say, which is no login
    return leave(move.app_id, move.user_id, missed.known_at), replace(move, at=missed.within(back_at))


def _stayed(clocks: Clocks, missed: Missed) -> bool:
    if NEVER < clocks.last_login_at <= missed.known_at:
        return True
    return clocks.presence_changed_at <= missed.known_at and not missed.is_long
