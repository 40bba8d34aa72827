"""From moves to intervals, what others see of it, and what is told of a time in which nobody looked."""

from __future__ import annotations

import pytest

from chatsrv.domain.history import Missed, Move, Seen, Shown, Step, catch_up, see_step, take
from chatsrv.domain.instants import NEVER
from chatsrv.domain.presence import (
    AWAY,
    INVISIBLE,
    NOBODY_THERE,
    OFFLINE,
    ONLINE,
    Display,
    Presence,
    PresenceStatus,
    Warm,
)
from chatsrv.domain.users import Clocks

ANNA = 1
KNOWN, NOW = 10_000, 50_000


def warm(status: PresenceStatus, changed_at: int = 0, login_at: int = 0, seen_at: int = 0, text: str = "") -> Warm:
    clocks = Clocks(last_login_at=login_at, last_seen_at=seen_at, presence_changed_at=changed_at)
    truth = Presence(Display(status, text or None), clocks, ("web",))
    hidden = Presence(NOBODY_THERE, Clocks(last_seen_at=seen_at))
    return Warm(truth, hidden if status is INVISIBLE else truth)


def shown(status: PresenceStatus, since_at: int) -> Shown:
    return Shown("demo", Display(status), since_at)


def taken(*moves: tuple[int, Warm]) -> list[Step]:
    people: dict[int, Shown] = {}
    steps = [take(people, Move("demo", ANNA, at, one)) for at, one in moves]
    return [step for step in steps if step]


def test_to_show_as_before_is_no_step() -> None:
    steps = taken((1, warm(ONLINE)), (2, warm(ONLINE)), (3, warm(OFFLINE)), (4, warm(OFFLINE)))
    assert [(step.move.at, step.gained) for step in steps] == [(1, 1), (3, -1)]


def test_another_text_is_another_interval_and_the_end_of_a_claim_is_none() -> None:
    until, later = (Presence(Display(ONLINE, "hi", None, expires_at), Clocks()) for expires_at in (5, 9))
    assert [step.move.at for step in taken((1, warm(ONLINE)), (2, Warm(until, until)), (3, Warm(later, later)))] == [
        1,
        2,
    ]


def test_who_hides_leaves_for_others_and_a_change_of_who_hides_is_nothing_to_them() -> None:
    steps = taken((1, warm(ONLINE)), (2, warm(INVISIBLE, seen_at=2)), (3, warm(INVISIBLE, text="x")), (4, warm(AWAY)))
    seen = [see_step(step, "anna") for step in steps]
    assert seen == [
        Seen(ANNA, "anna", OFFLINE, ONLINE, 1, devices=("web",)),
        Seen(ANNA, "anna", ONLINE, OFFLINE, 2, last_seen_at=2),
        None,
        Seen(ANNA, "anna", OFFLINE, AWAY, 4, devices=("web",)),
    ]
    assert [step.gained for step in steps] == [1, -1, 0, 1]


CASES: dict[str, tuple[Shown | None, Warm | None, int, list[tuple[int, PresenceStatus]]]] = {
    "who stayed": (shown(ONLINE, 5), warm(ONLINE, 5, login_at=5), NEVER, []),
    "who was put back by their node": (shown(ONLINE, 5), warm(ONLINE, 45_000, login_at=5), NEVER, []),
    "who stayed and changed": (shown(ONLINE, 5), warm(AWAY, 45_000, login_at=5), NEVER, [(45_000, AWAY)]),
    "who came": (None, warm(AWAY, 45_000, login_at=45_000), NEVER, [(45_000, AWAY)]),
    "who came before anybody wrote": (None, warm(ONLINE, 5, login_at=5), NEVER, [(5, ONLINE)]),
    "who left": (shown(ONLINE, 5), warm(OFFLINE, 45_000, seen_at=40_000), NEVER, [(40_000, OFFLINE)]),
    "who left and is cold": (shown(ONLINE, 5), None, 40_000, [(40_000, OFFLINE)]),
    "who left before it": (shown(ONLINE, 5), None, 9_000, [(KNOWN, OFFLINE)]),
    "whose last word is lost": (shown(ONLINE, 5), None, NEVER, [(KNOWN, OFFLINE)]),
    "whose clock runs ahead": (shown(ONLINE, 5), None, 99_000, [(NOW, OFFLINE)]),
    "who was away meanwhile": (
        shown(ONLINE, 5),
        warm(ONLINE, 45_000, login_at=45_000),
        NEVER,
        [(KNOWN, OFFLINE), (45_000, ONLINE)],
    ),
    "who came back before anybody noticed that they had gone": (
        shown(ONLINE, 5),
        warm(ONLINE, 5, login_at=45_000),
        NEVER,
        [(KNOWN, OFFLINE), (45_000, ONLINE)],
    ),
    "whose heartbeat says nothing of logins": (
        shown(ONLINE, 5),
        warm(ONLINE, 5),
        NEVER,
        [(KNOWN, OFFLINE), (NOW, ONLINE)],
    ),
    "who came and went": (None, warm(OFFLINE, 45_000, seen_at=45_000), NEVER, []),
}


@pytest.mark.parametrize("case", CASES)
def test_after_a_time_in_which_nobody_looked(case: str) -> None:
    before, present, seen_at, expected = CASES[case]
    people = {ANNA: before} if before else {}
    states = {ANNA: present} if present else {}
    steps = catch_up(people, "demo", states, {ANNA: seen_at}, Missed(KNOWN, NOW, is_long=True))
    assert [(step.move.at, step.move.warm.truth.status) for step in steps] == expected


def test_a_second_device_within_a_short_gap_is_no_return() -> None:
    """Nobody can have been away unnoticed: nodes were there all the time."""
    people, states = {ANNA: shown(ONLINE, 5)}, {ANNA: warm(ONLINE, 5, login_at=45_000)}
    assert catch_up(people, "demo", states, {}, Missed(KNOWN, NOW, is_long=False)) == []


def test_steps_come_in_order_of_time() -> None:
    people = {user_id: shown(ONLINE, 5) for user_id in range(5)}
    seen_at = {user_id: 45_000 - user_id * 1000 for user_id in people}
    steps = catch_up(people, "demo", {}, seen_at, Missed(KNOWN, NOW, is_long=True))
    assert [step.move.user_id for step in steps] == [4, 3, 2, 1, 0]
    assert people == {}
