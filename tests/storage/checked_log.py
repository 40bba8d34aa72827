"""Somebody who reads the change log and looks at the states, and whom nothing that must not be escapes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import astuple

from chatsrv.domain.changes import FIRST_POSITION, Changed, Entry, Forgotten, Position
from chatsrv.domain.presence import NOBODY_THERE, Display, PresenceStatus, Warm
from chatsrv.storage.records import Snapshot

OFFLINE, INVISIBLE = PresenceStatus.OFFLINE, PresenceStatus.INVISIBLE
AWAY_FROM_OTHERS = {OFFLINE, INVISIBLE}

Words = tuple[PresenceStatus, str | None, str | None]


class Violated(AssertionError):
    """Something that must never be was."""


def words(shown: Display) -> Words:
    """What makes a change; the end of a claim alone does not."""
    return shown.status, shown.text, shown.emoji


NOBODY = words(NOBODY_THERE)


class Onlooker:
    """`shown` and `replayed` are what replaying the log gives: how each user is to others, and all there is of them."""

    def __init__(self) -> None:
        self.version = 0
        self.position: Position = FIRST_POSITION
        self.shown: dict[int, Words] = {}
        self.replayed: dict[int, Warm] = {}
        self._warm: Mapping[int, Warm] = {}
        self._told: set[int] = set()
        self._changed: set[int] = set()

    def read(self, entry: Entry) -> None:
        # one may tell of several users that they are forgotten
        if entry.position < self.position or (entry.position == self.position and isinstance(entry, Changed)):
            raise Violated(f"{entry} does not stand behind {self.position}")
        self.position = entry.position
        if isinstance(entry, Changed):
            self._read_changed(entry)
            self.replayed[entry.user_id] = entry.warm
        elif isinstance(entry, Forgotten) and entry.user_id is not None:
            self.replayed.pop(entry.user_id, None)

    def is_here(self, user: int) -> bool:
        return user in self.replayed and self.replayed[user].truth.status is not OFFLINE

    def _read_changed(self, entry: Changed) -> None:
        if not entry.is_unheard:
            self._told.add(entry.user_id)
        before = self.replayed.get(entry.user_id)
        if entry.shows is not (words(entry.warm.truth.display) != (words(before.truth.display) if before else NOBODY)):
            raise Violated(f"whoever sees the truth of user {entry.user_id} is told otherwise: {entry}")
        seen = words(entry.warm.to_others.display)
        if seen[0] is INVISIBLE:
            raise Violated(f"others are told that user {entry.user_id} hides")
        if entry.is_own:
            self._read_own(entry, seen)
        else:
            self._read_change(entry, seen)

    def _read_own(self, entry: Changed, seen: Words) -> None:
        if entry.version != self.version:
            raise Violated(f"what user {entry.user_id} alone may see took version {entry.version}")
        is_due = entry.is_unheard or entry.warm.truth.status is INVISIBLE
        if seen != self.shown.get(entry.user_id, NOBODY) or not is_due:
            raise Violated(f"others were not told that user {entry.user_id} is {seen}")

    def _read_change(self, entry: Changed, seen: Words) -> None:
        if not entry.version == entry.warm.version == self.version + 1:
            raise Violated(f"version {entry.version} follows {self.version}")
        if self.shown.get(entry.user_id, NOBODY) == seen:
            raise Violated(f"user {entry.user_id} changed from {seen} to the same")
        self._changed.add(entry.user_id)
        self.version = entry.version
        self.shown[entry.user_id] = seen

    def look(self, snapshot: Snapshot) -> None:
        """At the states after a step, whose log has been read."""
        warm = snapshot.warm
        if snapshot.position != self.position:
            raise Violated(f"the states are those of {snapshot.position}, the log ends at {self.position}")
        if self.replayed != warm:
            raise Violated(f"replaying the log gives {self.replayed}, not {warm}")
        for user, now in warm.items():
            if user in self._warm:
                self._compare(user, self._warm[user], now)
        self._warm = warm
        self._told, self._changed = set(), set()

    def _compare(self, user: int, before: Warm, now: Warm) -> None:
        for was, is_ in ((before.truth, now.truth), (before.to_others, now.to_others)):
            if any(old > new for old, new in zip(astuple(was.clocks), astuple(is_.clocks), strict=True)):
                raise Violated(f"a clock of user {user} ran back from {was.clocks} to {is_.clocks}")
        self._check_told(user, before, now)
        statuses = {before.truth.status, now.truth.status}
        is_hidden = INVISIBLE in statuses and statuses <= AWAY_FROM_OTHERS and user not in self._changed
        if is_hidden and before.to_others != now.to_others:
            raise Violated(f"user {user} moved while hidden: {before.to_others} to {now.to_others}")

    def _check_told(self, user: int, before: Warm, now: Warm) -> None:
        if words(before.to_others.display) != words(now.to_others.display) and user not in self._changed:
            raise Violated(f"others were not told that user {user} is {now.to_others.display}")
        is_there = OFFLINE not in (before.truth.status, now.truth.status)
        if is_there and words(before.truth.display) != words(now.truth.display) and user not in self._told:
            raise Violated(f"user {user} was not told that they are {now.truth.display}")
