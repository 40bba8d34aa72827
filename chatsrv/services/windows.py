"""Request rates as the panel counts them: so many within a minute, which begins with the first request."""

from __future__ import annotations

from collections import OrderedDict

from chatsrv.services.rates import CALLERS_MAX, Allowance

WINDOW_MS = 60_000


class Windows:
    """Kept by each process for itself; whoever is forgotten begins a new minute."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._minutes: OrderedDict[str, tuple[int, int]] = OrderedDict()

    def take(self, caller: str, now: int) -> Allowance:
        """Counts one request of the caller at `now` (ms); one that is refused does not count."""
        ends_at, used = self._minutes.get(caller, (0, 0))
        # a clock that was set back must not make a minute longer
        if not now < ends_at <= now + WINDOW_MS:
            ends_at, used = now + WINDOW_MS, 0
        if used >= self._limit:
            return Allowance(self._limit, 0, ends_at, (ends_at - now) / 1000)
        self._minutes[caller] = ends_at, used + 1
        self._minutes.move_to_end(caller)
        if len(self._minutes) > CALLERS_MAX:
            self._minutes.popitem(last=False)
        return Allowance(self._limit, self._limit - used - 1, ends_at, 0.0)
