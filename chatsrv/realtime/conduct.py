"""What sockets send: how much of it, and how much that is wrong."""

from __future__ import annotations

from collections import deque

from chatsrv.domain.clock import Clock
from chatsrv.domain.errors import TooManyRequests
from chatsrv.metrics import Metrics
from chatsrv.services.rates import Rate, RateLimiter
from chatsrv.settings import Settings

MORE_PACKETS = 50


class Conduct:
    def __init__(self, settings: Settings, clock: Clock, metrics: Metrics) -> None:
        self._settings = settings
        self._clock = clock
        self._metrics = metrics
        self._events = RateLimiter()
        self._rate = Rate(settings.socket_events_per_minute, settings.socket_events_burst)
        self._packets = RateLimiter()
        # more than of events, whose flood is told to the socket before it is closed
        self._packet_rate = Rate(settings.socket_events_per_minute + 60, settings.socket_events_burst + MORE_PACKETS)
        self._bad: dict[str, deque[int]] = {}

    def count_event(self, sid: str) -> None:
        """Raises TooManyRequests for a flood."""
        allowance = self._events.take(sid, self._rate, self._clock.now())
        if allowance.is_spent:
            self._metrics.refused_by_rate.labels("socket").inc()
            raise TooManyRequests("Too many events; slow down.", allowance.retry_after_s)

    def is_flood(self, session: str) -> bool:
        """Whether one more packet of this Engine.IO session is too many: however often its client comes and goes on it,
        and whatever for."""
        return self._packets.take(session, self._packet_rate, self._clock.now()).is_spent

    def forget_packets(self, session: str) -> None:
        self._packets.forget(session)

    def count_bad(self, sid: str) -> bool:
        """Whether that was one too many: twenty within ten seconds are no accident."""
        now, bad = self._clock.now(), self._bad.setdefault(sid, deque())
        bad.append(now)
        while now - bad[0] >= self._settings.bad_packets_window_s * 1000:
            bad.popleft()
        return len(bad) >= self._settings.bad_packets_max

    def forget(self, sid: str) -> None:
        self._events.forget(sid)
        self._bad.pop(sid, None)
