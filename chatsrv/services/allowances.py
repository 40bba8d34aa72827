"""How much a caller may ask: the rates of the dialects. Kept by each process for itself."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from chatsrv.domain.apps import Caller
from chatsrv.domain.clock import Clock
from chatsrv.metrics import Metrics
from chatsrv.services.addresses import name_of
from chatsrv.services.rates import Allowance, Rate, RateLimiter
from chatsrv.services.windows import Windows
from chatsrv.settings import Settings


class Allowances:
    """Each method counts one more request; the edge refuses it where the allowance is spent."""

    def __init__(self, settings: Settings, clock: Clock, metrics: Metrics) -> None:
        self._clock = clock
        self._metrics = metrics
        self._limiter = RateLimiter()
        self._key_rate = Rate(settings.key_rate_per_minute, settings.key_rate_burst)
        self._token_rate = Rate(settings.token_rate_per_minute, settings.token_rate_burst)
        self._panel_minutes = Windows(settings.panel_rate_per_minute)
        self._pulse_minutes = Windows(settings.pulse_rate_per_minute)
        self._pulse_attempts = Windows(settings.pulse_auth_attempts, int(settings.pulse_auth_window_s * 1000))

    def count_request(self, caller: Caller) -> Allowance:
        """Of this caller, in the native dialect or the OkSky dialect."""
        return self._counted(self.of(caller)(self._clock.now()), "key" if caller.key else "token")

    def of(self, caller: Caller) -> Callable[[int], Allowance]:
        """Counts a request at that moment (ms), for who counts a refusal by themselves."""
        rate = self._key_rate if caller.key else self._token_rate
        return partial(self._limiter.take, caller.name, rate)

    def count_panel_request(self, caller: Caller) -> Allowance:
        """Of this caller in the panel dialect, which has a rate of its own."""
        return self._counted(self._panel_minutes.take(caller.name, self._clock.now()), "key")

    def count_pulse_request(self, address: str) -> Allowance:
        """In the Pulse dialect from there, whoever sends it."""
        return self._counted(self._pulse_minutes.take(name_of(address), self._clock.now()), "address")

    def count_pulse_attempt(self, address: str) -> Allowance:
        """The same for signing in and what belongs to it, counted once more by itself."""
        return self._counted(self._pulse_attempts.take(name_of(address), self._clock.now()), "address")

    def _counted(self, allowance: Allowance, kind: str) -> Allowance:
        """Counts what is refused."""
        if allowance.is_spent:
            self._metrics.refused_by_rate.labels(kind).inc()
        return allowance
