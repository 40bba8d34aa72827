"""One timer for the deadlines of all connections."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from typing import Protocol

TICK_S = 0.1


class Timed(Protocol):
    """Something with one deadline at a time. `slot` is the wheel's own: 0 while nothing is due."""

    slot: int

    def on_due(self, now: float) -> None:
        """Its time has come; it may arm itself again."""


class Wheel:
    """Deadlines in buckets of a tick: each comes up to a tick late and never early.

    A timer of the loop for each deadline of each connection costs a heap entry, a handle and a bound method; this one
    costs a place in a set.
    """

    def __init__(self, clock: Callable[[], float] | None = None, tick_s: float = TICK_S) -> None:
        """`clock`: seconds that never go back; without one, those of the running loop, which then turns the wheel."""
        self._clock = clock
        self._tick_s = tick_s
        self._buckets: dict[int, set[Timed]] = {}
        self._turned_to = 0
        self._handle: asyncio.TimerHandle | None = None
        self.now = 0.0

    def arm(self, item: Timed, delay_s: float) -> None:
        """In place of the item's former deadline."""
        self.arm_at(item, self.time() + delay_s)

    def arm_at(self, item: Timed, at: float) -> None:
        if item.slot:
            self.disarm(item)
        slot = max(int(at / self._tick_s) + 1, self._turned_to + 1)
        item.slot = slot
        bucket = self._buckets.get(slot)
        if bucket is None:
            bucket = self._buckets[slot] = set()
            self._drive()
        bucket.add(item)

    def disarm(self, item: Timed) -> None:
        bucket = self._buckets.get(item.slot)
        item.slot = 0
        if bucket is not None:
            bucket.discard(item)

    def time(self) -> float:
        self.now = self._clock() if self._clock else asyncio.get_running_loop().time()
        return self.now

    def turn(self) -> None:
        """Calls whoever is due."""
        now = self.time()
        reached = int(now / self._tick_s)
        slots = self._due_slots(reached)
        # what a callback arms anew must not land in a bucket that has been emptied
        self._turned_to = max(reached, self._turned_to)
        for slot in slots:
            bucket = self._buckets.pop(slot, None)
            while bucket:
                item = bucket.pop()
                if item.slot == slot:  # nobody before it has disarmed it
                    item.slot = 0
                    self._tell(item, now)

    def _tell(self, item: Timed, now: float) -> None:
        """One that fails must not take the others of its bucket with it."""
        try:
            item.on_due(now)
        except Exception as error:  # the loop's own way with callbacks that fail
            if self._clock:
                raise
            context = {"message": "A deadline's callback failed", "exception": error}
            asyncio.get_running_loop().call_exception_handler(context)

    def _due_slots(self, reached: int) -> Iterable[int]:
        """Those that time has passed since the last turn: most often one, of hundreds."""
        if reached - self._turned_to < len(self._buckets):
            return range(self._turned_to + 1, reached + 1)
        return sorted(slot for slot in self._buckets if slot <= reached)

    def _drive(self) -> None:
        if self._clock is None and self._handle is None:
            self._handle = asyncio.get_running_loop().call_later(self._tick_s, self._turn_on)

    def _turn_on(self) -> None:
        """For as long as somebody waits."""
        self._handle = None
        try:
            self.turn()
        finally:
            if self._buckets:
                self._drive()
