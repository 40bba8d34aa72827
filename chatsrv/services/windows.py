"""Request rates as the panel and Pulse count them: so many within a window, which begins with the first request."""

from __future__ import annotations

from collections import OrderedDict

from chatsrv.services.rates import CALLERS_MAX, Allowance

MINUTE_MS = 60_000


class Windows:
    """Kept by each process for itself; whoever is forgotten begins a new one."""

    def __init__(self, limit: int, window_ms: int = MINUTE_MS) -> None:
        self._limit = limit
        self._window_ms = window_ms
        self._windows: OrderedDict[str, tuple[int, int]] = OrderedDict()

    def look(self, caller: str, now: int) -> Allowance:
        """What the caller has left at `now` (ms), before one more is counted."""
        ends_at, used = self._windows.get(caller, (0, 0))
        # a clock that was set back must not make a window longer
        if not now < ends_at <= now + self._window_ms:
            ends_at, used = now + self._window_ms, 0
        left = self._limit - used
        return Allowance(self._limit, left, ends_at, 0.0 if left > 0 else (ends_at - now) / 1000)

    def take(self, caller: str, now: int) -> Allowance:
        """Counts one request of the caller at `now` (ms); one that is refused does not count."""
        found = self.look(caller, now)
        if found.is_spent:
            return found
        ends_at, used = found.reset_at, self._limit - found.remaining
        self._windows[caller] = ends_at, used + 1
        self._windows.move_to_end(caller)
        if len(self._windows) > CALLERS_MAX:
            self._windows.popitem(last=False)
        return Allowance(self._limit, self._limit - used - 1, ends_at, 0.0)
