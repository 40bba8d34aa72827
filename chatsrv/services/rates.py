"""Request rates: a bucket for each caller, refilled steadily. Kept by each process for itself."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from typing import NamedTuple

CALLERS_MAX = 100_000
"""More callers than that are not remembered; who is forgotten begins with a full bucket."""


@dataclass(frozen=True, slots=True)
class Rate:
    """So many requests a minute, of which `burst` may come at once."""

    per_minute: int
    burst: int
    interval_ns: int = field(init=False, repr=False)
    """Between two requests of a steady caller. Floats of today's size would be too coarse for 90,000 a minute."""
    room_ns: int = field(init=False, repr=False)
    """What an empty bucket takes to fill."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "interval_ns", 60_000_000_000 // self.per_minute)
        object.__setattr__(self, "room_ns", self.interval_ns * self.burst)


class Allowance(NamedTuple):
    """What a caller has left. `reset_at` is when the bucket is full again, in ms.

    A tuple, for each request makes one, and a frozen dataclass costs four times as much.
    """

    limit: int
    remaining: int
    reset_at: int
    retry_after_s: float

    @property
    def is_spent(self) -> bool:
        return self.retry_after_s > 0


class RateLimiter:
    """The generic cell rate algorithm: one instant a caller, the one at which their bucket is full."""

    def __init__(self) -> None:
        self._full_at: OrderedDict[str, int] = OrderedDict()

    def take(self, caller: str, rate: Rate, now: int) -> Allowance:
        """Counts one request of the caller at `now` (ms); one that is refused does not count."""
        now_ns, before = now * 1_000_000, self._full_at.get(caller, 0)
        if before < now_ns:
            before = now_ns
        elif before > now_ns + rate.room_ns:
            # a clock that was set back must not shut anybody out: no bucket is emptier than empty
            before = now_ns + rate.room_ns
        full_at = before + rate.interval_ns
        over = full_at - now_ns - rate.room_ns
        if over > 0:
            self._full_at[caller] = before
            return Allowance(rate.per_minute, 0, -(-before // 1_000_000), over / 1e9)
        self._full_at[caller] = full_at
        self._full_at.move_to_end(caller)
        if len(self._full_at) > CALLERS_MAX:
            self._full_at.popitem(last=False)
        return Allowance(rate.per_minute, -over // rate.interval_ns, -(-full_at // 1_000_000), 0.0)

    def forget(self, caller: str) -> None:
        """They will not come back under this name."""
        self._full_at.pop(caller, None)
