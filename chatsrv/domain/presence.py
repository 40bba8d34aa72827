"""Presence: how sessions and claims fold into one state, and what of it a viewer sees. Time is an argument."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from enum import IntEnum, StrEnum

from chatsrv.domain.instants import NEVER
from chatsrv.domain.users import Clocks, User


class PresenceStatus(IntEnum):
    """The ints on the wire. INVISIBLE is never sent to another viewer, who gets OFFLINE."""

    OFFLINE = 0
    ONLINE = 1
    INVISIBLE = 2
    AWAY = 3
    DND = 4


OFFLINE, ONLINE, INVISIBLE, AWAY = (
    PresenceStatus.OFFLINE,
    PresenceStatus.ONLINE,
    PresenceStatus.INVISIBLE,
    PresenceStatus.AWAY,
)


# Claims


class Source(StrEnum):
    """Who says it. RANKS tells whose word counts for more."""

    CALL = "call"
    MANUAL = "manual"
    CALENDAR = "calendar"
    EXTERNAL = "external"


RANKS = {Source.CALL: 3, Source.MANUAL: 2, Source.CALENDAR: 1, Source.EXTERNAL: 1}


@dataclass(frozen=True, slots=True)
class Claim:
    """What somebody says a user's state is, until `expires_at` (NEVER: until it is cleared).

    `status` None leaves it at what the source claims already, or at what the connections say: words alone.
    """

    id: str
    source: Source
    status: PresenceStatus | None
    text: str | None = None
    emoji: str | None = None
    expires_at: int = NEVER
    set_at: int = NEVER

    def is_live(self, now: int) -> bool:
        return self.expires_at == NEVER or self.expires_at > now

    @property
    def clears(self) -> bool:
        """Plain `online` is no claim: it takes back what this source claimed before."""
        return self.status is ONLINE and not self.text and not self.emoji

    def _outlasts(self, other: Claim) -> bool:
        return self.expires_at == NEVER or NEVER < other.expires_at <= self.expires_at


def add_claim(claims: Sequence[Claim], new: Claim, now: int, most: int) -> tuple[Claim, ...]:
    """The claims that can still come to show once `new` has been set; at most so many, the least give way."""
    live = [claim for claim in claims if claim.is_live(now)]
    own = [claim for claim in live if claim.source is new.source]
    if new.clears:
        return tuple(claim for claim in live if claim not in own)
    new = _with_status(new, own)
    kept = [*(claim for claim in live if claim not in own or not new._outlasts(claim)), new]
    while len(kept) > most:
        # never the one that counts: somebody who hides would be seen
        counts = winner(kept, now)
        kept.remove(min((claim for claim in kept if claim is not counts), key=_weight))
    return tuple(kept)


def _with_status(new: Claim, own: Sequence[Claim]) -> Claim:
    """Words alone go with what the same source claimed last, for as long as that is claimed."""
    last = max(reversed(own), key=lambda claim: claim.set_at, default=None)
    if new.status is not None or last is None or last.status is None:
        return new
    ends = [at for at in (new.expires_at, last.expires_at) if at != NEVER]
    return replace(new, status=last.status, expires_at=min(ends, default=NEVER))


def winner(claims: Iterable[Claim], now: int) -> Claim | None:
    """The claim that counts: the highest, the newest of its level.

    But where what the user said last is `invisible`, that counts: no call may betray who wants to be hidden.
    """
    best = said = None
    for claim in claims:
        if claim.is_live(now) and (best is None or _weight(claim) >= _weight(best)):
            best = claim
        if claim.is_live(now) and claim.source is Source.MANUAL and (said is None or claim.set_at >= said.set_at):
            said = claim
    return said if said and said.status is INVISIBLE else best


def _weight(claim: Claim) -> tuple[int, int]:
    return RANKS[claim.source], claim.set_at


# The fold


@dataclass(frozen=True, slots=True)
class Display:
    """A state as it is displayed; the claim's words come along."""

    status: PresenceStatus
    text: str | None = None
    emoji: str | None = None
    expires_at: int = NEVER


NOBODY_THERE = Display(OFFLINE)


def fold_sessions(are_active: Iterable[bool]) -> PresenceStatus:
    """The connection state: one active session makes online, others alone make away."""
    sessions = list(are_active)
    if not sessions:
        return OFFLINE
    return ONLINE if any(sessions) else AWAY


def display(connected: PresenceStatus, claims: Iterable[Claim], now: int) -> Display:
    """In truth. With no session a user is offline, whatever they claim."""
    if connected is OFFLINE:
        return NOBODY_THERE
    claim = winner(claims, now)
    if claim is None:
        return Display(connected)
    status = connected if claim.status is None else claim.status
    return Display(status, claim.text, claim.emoji, claim.expires_at)


class Rule(StrEnum):
    """Why a user shows as they do."""

    NO_SESSION = "no_session"
    INVISIBLE = "invisible"
    CLAIM = "claim"
    ACTIVE_SESSION = "active_session"
    IDLE_SESSIONS = "idle_sessions"


def rule_of(connected: PresenceStatus, claims: Iterable[Claim], now: int) -> Rule:
    """The rule by which `display` decides."""
    if connected is OFFLINE:
        return Rule.NO_SESSION
    claim = winner(claims, now)
    if claim and claim.status is INVISIBLE:
        return Rule.INVISIBLE
    if claim and claim.status is not None:
        return Rule.CLAIM
    return Rule.ACTIVE_SESSION if connected is ONLINE else Rule.IDLE_SESSIONS


def to_others(truth: Display) -> Display:
    return NOBODY_THERE if truth.status is INVISIBLE else truth


# Viewers


@dataclass(frozen=True, slots=True)
class Viewer:
    """Who looks: the user of this id, or a server key (None), which sees everybody in truth."""

    user_id: int | None

    def sees_truth_of(self, user_id: int) -> bool:
        return self.user_id is None or self.user_id == user_id


SERVER = Viewer(None)


@dataclass(frozen=True, slots=True)
class Presence:
    """What one viewer sees of one user. `last_seen_at` is NEVER while the user is there: that is now."""

    display: Display
    clocks: Clocks
    devices: tuple[str, ...] = ()

    @property
    def status(self) -> PresenceStatus:
        return self.display.status


@dataclass(frozen=True, slots=True)
class Warm:
    """What Redis knows of a user: in truth, and as it is to others, whose clocks stand still while the user hides.

    `version` is that of the newest change that others saw.
    """

    truth: Presence
    to_others: Presence
    version: int = 0

    def seen_by(self, viewer: Viewer, user_id: int) -> Presence:
        return self.truth if viewer.sees_truth_of(user_id) else self.to_others


@dataclass(frozen=True, slots=True)
class Person:
    """A user together with their presence, as one viewer sees it."""

    user: User
    presence: Presence


def newest(stored: Clocks, warm: Clocks) -> Clocks:
    """Clocks never run backwards, whichever store is behind."""
    return Clocks(
        last_login_at=max(stored.last_login_at, warm.last_login_at),
        last_active_at=max(stored.last_active_at, warm.last_active_at),
        last_seen_at=max(stored.last_seen_at, warm.last_seen_at),
        presence_changed_at=max(stored.presence_changed_at, warm.presence_changed_at),
    )


def see(user: User, warm: Warm | None, viewer: Viewer) -> Presence:
    """The presence of `user` to this viewer; a user of whom nothing is warm has been offline for a while."""
    stored = user.clocks if viewer.sees_truth_of(user.id) else user.clocks_to_others
    if warm is None:
        return Presence(NOBODY_THERE, stored)
    presence = warm.seen_by(viewer, user.id)
    clocks = newest(stored, presence.clocks)
    if presence.status is not OFFLINE:
        clocks = replace(clocks, last_seen_at=NEVER)
    return replace(presence, clocks=clocks)
