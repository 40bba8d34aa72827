"""Rates as the panel counts them: so many in a minute that begins with the first request."""

from __future__ import annotations

from chatsrv.services.rates import CALLERS_MAX
from chatsrv.services.windows import Windows

NOW = 1_772_357_400_123


def take(minutes: Windows, count: int, now: int, caller: str = "anna") -> int:
    """How many of so many requests were let through."""
    return sum(not minutes.take(caller, now).is_spent for _ in range(count))


def test_so_many_go_through_in_a_minute_and_no_more_before_it_ends() -> None:
    minutes = Windows(3)
    assert take(minutes, 2, NOW) == 2
    assert take(minutes, 5, NOW + 30_000) == 1
    assert take(minutes, 5, NOW + 59_999) == 0
    assert take(minutes, 5, NOW + 60_000) == 3
    assert take(minutes, 5, NOW + 3_600_000) == 3


def test_what_is_left_and_when_the_minute_ends_is_told() -> None:
    minutes = Windows(2)
    allowances = [minutes.take("anna", NOW + at) for at in (0, 1000, 2500)]
    assert [one.limit for one in allowances] == [2] * 3
    assert [one.remaining for one in allowances] == [1, 0, 0]
    assert [one.reset_at - NOW for one in allowances] == [60_000] * 3
    assert [one.retry_after_s for one in allowances] == [0, 0, 57.5]


def test_callers_do_not_disturb_each_other() -> None:
    minutes = Windows(1)
    assert [take(minutes, 2, NOW, caller) for caller in ("anna", "ben", "anna")] == [1, 1, 0]


def test_a_clock_that_was_set_back_shuts_nobody_out() -> None:
    minutes = Windows(1)
    assert take(minutes, 2, NOW) == 1
    assert take(minutes, 2, NOW - 3_600_000) == 1


def test_only_so_many_callers_are_remembered() -> None:
    minutes = Windows(1)
    for number in range(CALLERS_MAX + 1):
        minutes.take(str(number), NOW)
    assert take(minutes, 1, NOW, str(CALLERS_MAX)) == 0
    assert take(minutes, 1, NOW, "0") == 1


def test_a_window_may_be_shorter_than_a_minute() -> None:
    attempts = Windows(5, 20_000)
    assert take(attempts, 9, NOW) == 5
    assert take(attempts, 1, NOW + 19_999) == 0
    assert take(attempts, 9, NOW + 20_000) == 5
