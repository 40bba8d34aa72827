"""How soon after the last changes the next ones may go out."""

from __future__ import annotations


class Pace:
    """At once, as long as sending takes less than half of the time; else what comes within the window goes together.

    A bucket that holds one window: sending for a second empties it by two. Instants and times in seconds.
    """

    def __init__(self, window_s: float) -> None:
        self._window_s = window_s
        self._full_at = 0.0

    def wait(self, now: float) -> float:
        """How long what has come is to wait for more: at most the window."""
        return max(0.0, self._full_at - self._window_s - now)

    def spend(self, begun: float, ended: float) -> None:
        """Sending took from here to there."""
        full_at = max(self._full_at, begun) + 2 * (ended - begun)
        self._full_at = min(full_at, ended + 2 * self._window_s)
