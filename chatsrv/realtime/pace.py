"""How soon after the last changes the next ones may go out."""

from __future__ import annotations

WORTH_S = 0.0005
"""Sending that takes less costs little more than to wait for it."""


class Pace:
    """At once, as long as sending takes less than half of the time; else what comes within the window goes together.

    A bucket that holds one window: sending for a second empties it by two. Instants and times in seconds.
    """

    def __init__(self, window_s: float) -> None:
        self._window_s = window_s
        self._full_at = 0.0
        self._took_s = 0.0

    def wait(self, now: float) -> float:
        """How long what has come is to wait for more: at most the window."""
        return max(0.0, self._full_at - self._window_s - now)

    def spend(self, begun: float, ended: float) -> None:
        """Sending took from here to there."""
        self._took_s = ended - begun
        full_at = max(self._full_at, begun) + 2 * (ended - begun)
        self._full_at = min(full_at, ended + 2 * self._window_s)

    @property
    def patience_s(self) -> float:
        """How long to wait for what is known to come: no longer than sending took last, which it saves when it does."""
        return min(self._took_s, self._window_s) if self._took_s > WORTH_S else 0.0
