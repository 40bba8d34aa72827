"""The clock that services are given. Tests move theirs; nothing sleeps to see time pass."""

from __future__ import annotations

import time


class Clock:
    """The system's clock, `offset_ms` ahead. Redis' own clock is read in the scripts, with the same offset."""

    def __init__(self, offset_ms: int = 0) -> None:
        self.offset_ms = offset_ms

    def now(self) -> int:
        """Milliseconds since 1970."""
        return time.time_ns() // 1_000_000 + self.offset_ms

    def advance(self, seconds: float) -> None:
        self.offset_ms += int(seconds * 1000)
