"""The soak's checkers see what is wrong: each is given wrong figures here."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

import pytest

from tests.soak.checks import (
    FEW,
    OFFLINE,
    VALKEY_SLACK_BYTES,
    Findings,
    Order,
    Rest,
    find_growth,
    find_leaks,
    find_missed,
)
from tests.soak.followers import View
from tests.soak.latencies import FIFTHS, Latencies
from tests.soak.run import Plan

QUIET = Rest(100_000_000, 40, 17, 0, 2_000_000, Counter(state=1, epoch=16), Counter(ending=0))


def change(name: str, status: int, text: str | None = None) -> dict[str, Any]:
    return {"username": name, "presence_status": status, "text": text, "emoji": None}


def frame(version: int, *changes: dict[str, Any], epoch: str = "e") -> dict[str, Any]:
    return {"epoch": epoch, "version": version, "changes": list(changes)}


def snapshot(version: int, *users: dict[str, Any]) -> dict[str, Any]:
    return {"epoch": "e", "version": version, "full": True, "users": list(users)}


# What a follower missed


def test_a_follower_that_heard_everything_missed_nothing() -> None:
    view = View()
    view.take_answer(snapshot(3, change("anna", 1), change("ben", 0)))
    view.take_frame(frame(4, change("ben", 4, "busy")))
    view.take_frame(frame(6, change("anna", 0)))
    assert view.of(["anna", "ben"]) == {"anna": OFFLINE, "ben": (4, "busy", None)}
    assert find_missed(view.of(["anna", "ben"]), {"anna": OFFLINE, "ben": (4, "busy", None)}) == []
    assert view.odd == []


def test_a_follower_that_missed_a_frame_is_told_of_by_name() -> None:
    view = View()
    view.take_answer(snapshot(3, change("anna", 1), change("ben", 1)))
    # version 4, in which anna left, never came
    view.take_frame(frame(5, change("ben", 3)))
    [missed] = find_missed(view.of(["anna", "ben"]), {"anna": OFFLINE, "ben": (3, None, None)})
    assert missed.startswith("anna: ")


def test_another_text_under_the_same_status_is_a_change_that_was_missed() -> None:
    assert find_missed({"anna": (4, "one", None)}, {"anna": (4, "two", None)})


def test_a_full_answer_that_names_all_who_are_here_takes_away_who_is_not() -> None:
    view = View()
    view.take_answer(snapshot(3, change("anna", 1), change("ben", 1)), is_everybody=True)
    view.take_answer(snapshot(9, change("ben", 1)), is_everybody=True)
    assert view.of(["anna"]) == {"anna": OFFLINE}


@pytest.mark.parametrize(
    ("epoch", "version", "may_stay", "is_odd"),
    [("e", 6, False, False), ("e", 5, True, False), ("e", 5, False, True), ("e", 4, True, True), ("f", 6, True, True)],
)
def test_versions_that_do_not_grow_and_epochs_that_change_are_odd(
    epoch: str, version: int, may_stay: bool, is_odd: bool
) -> None:
    order = Order()
    assert order.take("e", 5, may_stay=False) == []
    assert bool(order.take(epoch, version, may_stay=may_stay)) is is_odd


def test_a_frame_that_comes_after_a_newer_one_is_odd() -> None:
    view = View()
    view.take_frame(frame(5, change("anna", 1)))
    view.take_frame(frame(4, change("ben", 1)))
    assert view.odd == ["version 4 came after 5"]


# What grows, and what is left


def test_memory_that_grows_slowly_all_the_time_is_found() -> None:
    assert find_growth([100 + 0.01 * second for second in range(1500)])


def test_memory_that_only_swings_is_flat() -> None:
    assert find_growth([100 + 8 * (second % 60) / 60 for second in range(1500)]) == []
    assert find_growth([100 - 0.01 * second for second in range(1500)]) == []


def test_too_few_samples_are_no_proof() -> None:
    assert find_growth([100.0] * 4)


def test_a_rest_like_the_one_before_is_without_leaks() -> None:
    assert find_leaks(QUIET, QUIET) == []
    assert (
        find_leaks(QUIET, replace(QUIET, descriptors=40 + FEW, tasks=17 + FEW, keys=QUIET.keys + Counter(floors=1)))
        == []
    )


@pytest.mark.parametrize(
    "wrong",
    [
        {"descriptors": 41 + FEW},
        {"tasks": 18 + FEW},
        {"sockets": 1},
        {"entries": Counter(ending=1)},
        {"keys": Counter(state=1, epoch=16, sessions=2)},
        {"valkey_bytes": 2_100_001 + VALKEY_SLACK_BYTES},
    ],
    ids=lambda wrong: next(iter(wrong)),
)
def test_whatever_is_left_behind_is_found(wrong: dict[str, Any]) -> None:
    [found] = find_leaks(QUIET, replace(QUIET, **wrong))
    assert found


def test_findings_are_counted_and_told_with_the_first_of_each_kind() -> None:
    findings = Findings()
    findings.note_all("missed", ["anna", "ben"])
    findings.note("refused", "429")
    assert len(findings) == 3
    assert findings.take_news() == ["missed: anna", "refused: 429"]
    assert findings.take_news() == []
    assert findings.lines() == ["missed (2x), first: anna", "refused (1x), first: 429"]


# How long things took


def test_latencies_are_told_by_fifth_of_the_run_so_that_drift_shows() -> None:
    latencies = Latencies()
    latencies.note("connect", 9, now=50)  # of the warm-up
    latencies.begin(now=100, lasts_s=50)
    for second in range(100, 150):
        latencies.note("connect", 0.001 if second < 140 else 0.1, now=second)
    whole, fifths = latencies.overall("connect"), latencies.by_fifth("connect")
    assert (whole.count, whole.quantiles["p50"], whole.most) == (50, 1.0, 100.0)
    assert [fifth.count for fifth in fifths if fifth] == [10] * FIFTHS
    assert [fifth.most for fifth in fifths if fifth] == [1.0, 1.0, 1.0, 1.0, 100.0]


@pytest.mark.parametrize(("minutes", "warm_up_s", "judges"), [(1, 18, False), (10, 180, True), (30, 360, True)])
def test_a_run_warms_up_for_a_fifth_and_three_minutes_where_it_can(
    minutes: float, warm_up_s: float, judges: bool
) -> None:
    plan = Plan(minutes)
    assert plan.warm_up_s == pytest.approx(warm_up_s)
    assert plan.load_s == pytest.approx(minutes * 60 - warm_up_s)
    assert plan.judges_memory is judges
