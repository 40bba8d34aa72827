"""Rates: bursts, steady flow, and callers who do not disturb each other."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatsrv.services import rates
from chatsrv.services.rates import Rate, RateLimiter

NOW = 1_772_357_400_123
RATE = Rate(per_minute=60, burst=3)


def take(limiter: RateLimiter, count: int, now: int, rate: Rate = RATE, caller: str = "anna") -> int:
    """How many of so many requests were let through."""
    return sum(not limiter.take(caller, rate, now).is_spent for _ in range(count))


def test_a_burst_goes_through_and_then_the_rate_holds() -> None:
    limiter = RateLimiter()
    assert take(limiter, 10, NOW) == 3
    assert take(limiter, 10, NOW + 999) == 0
    assert take(limiter, 10, NOW + 1000) == 1
    assert take(limiter, 10, NOW + 3500) == 2
    assert take(limiter, 10, NOW + 3_600_000) == 3


def test_what_is_left_and_when_it_is_whole_again_is_told() -> None:
    limiter = RateLimiter()
    allowances = [limiter.take("anna", RATE, NOW) for _ in range(4)]
    assert [one.limit for one in allowances] == [60] * 4
    assert [one.remaining for one in allowances] == [2, 1, 0, 0]
    assert [one.reset_at - NOW for one in allowances] == [1000, 2000, 3000, 3000]
    assert [one.retry_after_s for one in allowances] == [0, 0, 0, 1.0]


def test_whoever_comes_back_when_told_is_let_through() -> None:
    limiter = RateLimiter()
    take(limiter, 3, NOW)
    refused = limiter.take("anna", RATE, NOW + 250)
    assert refused.is_spent
    assert take(limiter, 1, NOW + 250 + int(refused.retry_after_s * 1000)) == 1


def test_asking_too_early_again_and_again_costs_nothing() -> None:
    limiter = RateLimiter()
    take(limiter, 3, NOW)
    assert take(limiter, 1000, NOW + 500) == 0
    assert take(limiter, 1, NOW + 1000) == 1


def test_callers_do_not_spend_what_is_anothers() -> None:
    limiter = RateLimiter()
    assert take(limiter, 10, NOW, caller="anna") == 3
    assert take(limiter, 10, NOW, caller="bert") == 3


def test_a_high_rate_is_exact() -> None:
    limiter, rate = RateLimiter(), Rate(per_minute=90_000, burst=2000)
    let_through = sum(take(limiter, 3, NOW + ms, rate) for ms in range(60_000))
    assert let_through == 2000 + 59_999 * 90_000 // 60_000


@pytest.mark.parametrize("back_ms", [1, 5000, 3_600_000])
def test_a_clock_that_is_set_back_shuts_nobody_out(back_ms: int) -> None:
    limiter = RateLimiter()
    take(limiter, 3, NOW)
    assert take(limiter, 1, NOW - back_ms) == 0
    assert take(limiter, 1, NOW - back_ms + 1000) == 1


def test_whoever_was_silent_the_longest_is_forgotten_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rates, "CALLERS_MAX", 2)
    limiter = RateLimiter()
    take(limiter, 3, NOW, caller="anna")
    take(limiter, 2, NOW, caller="bert")
    take(limiter, 1, NOW, caller="carl")
    assert take(limiter, 3, NOW, caller="bert") == 1
    assert take(limiter, 3, NOW, caller="anna") == 3


@given(st.integers(1, 100_000), st.integers(1, 50), st.lists(st.integers(0, 3000), max_size=80))
def test_nobody_gets_more_than_burst_and_rate_allow(per_minute: int, burst: int, pauses: list[int]) -> None:
    limiter, rate, now, let_through = RateLimiter(), Rate(per_minute, burst), NOW, 0
    for pause in pauses:
        now += pause
        allowance = limiter.take("anna", rate, now)
        let_through += not allowance.is_spent
        assert 0 <= allowance.remaining < burst
        assert allowance.reset_at >= now
        assert let_through <= burst + (now - NOW) * per_minute / 60_000 * 1.000_01 + 1e-6


def test_whoever_is_forgotten_begins_with_a_full_bucket_and_nobody_else_does() -> None:
    limiter = RateLimiter()
    take(limiter, 3, NOW)
    take(limiter, 3, NOW, caller="bert")
    limiter.forget("anna")
    limiter.forget("nobody")
    assert (take(limiter, 3, NOW), take(limiter, 3, NOW, caller="bert")) == (3, 0)
