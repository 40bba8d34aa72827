"""What follows from an attempt: when the next one is, and for how long a receiver is left alone."""

from __future__ import annotations

import pytest

from chatsrv.domain.attempts import Attempt, Patience, Then, next_attempt_at, pause_ms, what_then

PATIENCE = Patience((5_000, 30_000), 86_400_000)
DOWN, REFUSED, NOBODY = Attempt(500), Attempt(422), Attempt(None, "No connection.")


def test_the_waits_follow_each_other_and_the_last_one_goes_on() -> None:
    assert [next_attempt_at(DOWN, number, 0, PATIENCE, 0.5) for number in (1, 2, 3, 50)] == [5_000, *[30_000] * 3]


def test_no_two_wait_for_quite_the_same_time_unless_by_chance() -> None:
    assert next_attempt_at(DOWN, 2, 100, PATIENCE, 0.0) == 24_100
    assert next_attempt_at(DOWN, 2, 100, PATIENCE, 1.0) == 36_100


@pytest.mark.parametrize(
    ("status", "asked_s", "wait_ms", "pause"),
    [
        (429, 60, 60_000, 60_000),
        (503, 60, 60_000, 60_000),
        (503, 1, 5_000, 1_000),
        (503, -60, 5_000, 0),
        (429, 10**9, 3_600_000, 3_600_000),
        (500, 60, 5_000, 0),
    ],
)
def test_whoever_says_when_to_come_back_is_heard_within_reason(
    status: int, asked_s: float, wait_ms: int, pause: int
) -> None:
    attempt = Attempt(status, retry_after_s=asked_s)
    assert next_attempt_at(attempt, 1, 0, PATIENCE, 0.5) == wait_ms
    assert pause_ms(attempt, 1) == pause


@pytest.mark.parametrize("status", [200, 201, 204, 299])
def test_any_two_hundred_has_arrived(status: int) -> None:
    assert what_then(Attempt(status), 10, 5) is Then.DELIVERED


@pytest.mark.parametrize("status", [None, 100, 199, 300, 302, 400, 404, 408, 429, 500, 599])
def test_anything_else_is_tried_again_until_its_time_is_over(status: int | None) -> None:
    assert what_then(Attempt(status), 10, 10) is Then.RETRIED
    assert what_then(Attempt(status), 11, 10) is Then.FAILED


def test_a_receiver_that_is_gone_is_gone_at_once() -> None:
    assert what_then(Attempt(410), 10, 10) is Then.GONE


def test_after_some_failures_the_pauses_grow_to_a_minute() -> None:
    for attempt in (DOWN, NOBODY, Attempt(408), Attempt(429)):
        pauses = [pause_ms(attempt, failures) for failures in (1, 2, 3, 4, 5, 6, 7, 8, 1000)]
        assert pauses == [0, 0, 5_000, 10_000, 20_000, 40_000, 60_000, 60_000, 60_000]


def test_what_is_about_one_event_alone_makes_no_pause() -> None:
    assert [pause_ms(attempt, 100) for attempt in (REFUSED, Attempt(301), Attempt(200))] == [0, 0, 0]
