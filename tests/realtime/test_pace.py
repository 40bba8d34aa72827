"""How soon the next changes may go out."""

from __future__ import annotations

import pytest

from chatsrv.realtime.pace import Pace


def test_the_first_change_goes_out_at_once_and_the_next_ones_as_long_as_sending_takes_little() -> None:
    pace = Pace(0.05)
    now = 100.0
    for _ in range(100):
        assert pace.wait(now) == 0
        pace.spend(now, now + 0.002)
        now += 0.005


def test_where_sending_takes_more_than_half_of_the_time_changes_wait_for_each_other_up_to_the_window() -> None:
    pace = Pace(0.05)
    now, waits = 100.0, []
    for _ in range(10):
        pace.spend(now, now + 0.04)
        now += 0.04
        waits.append(pace.wait(now))
        now += waits[-1]
    assert waits[0] == 0
    assert all(0 < wait <= 0.05 for wait in waits[2:])
    pace.spend(now, now + 5.0)
    assert pace.wait(now + 5.0) == pytest.approx(0.05)
    assert pace.wait(now + 5.2) == 0


def test_without_a_window_nothing_waits() -> None:
    pace = Pace(0.0)
    pace.spend(100.0, 101.0)
    assert pace.wait(101.0) == 0


def test_what_is_known_to_come_is_waited_for_as_long_as_sending_took_last_and_never_longer_than_the_window() -> None:
    pace = Pace(0.05)
    assert pace.patience_s == 0
    pace.spend(100.0, 100.004)
    assert pace.patience_s == pytest.approx(0.004)
    pace.spend(101.0, 101.2)
    assert pace.patience_s == pytest.approx(0.05)
    pace.spend(102.0, 102.0001)
    assert pace.patience_s == 0
