"""How sessions and claims fold into one state, and what of it whom is shown: the rules as tables."""

from __future__ import annotations

from dataclasses import replace
from itertools import permutations

import pytest

from chatsrv.domain.instants import NEVER
from chatsrv.domain.presence import (
    NOBODY_THERE,
    SERVER,
    Claim,
    Display,
    Presence,
    PresenceStatus,
    Rule,
    Source,
    Viewer,
    Warm,
    add_claim,
    display,
    fold_sessions,
    newest,
    rule_of,
    see,
    to_others,
    winner,
)
from chatsrv.domain.users import AccountStatus, Clocks, KeptClaims, Onboarding, User

OFFLINE, ONLINE, INVISIBLE, AWAY, DND = PresenceStatus
CALL, MANUAL, CALENDAR, EXTERNAL = Source
NOW, MANY = 1_000, 100


def claim(source: Source, status: PresenceStatus | None, at: int = NOW, until: int = NEVER, text: str = "") -> Claim:
    """Named by when it was set."""
    return Claim(f"c{at}", source, status, text or None, None, until, at)


def put(*claims: Claim) -> tuple[Claim, ...]:
    """What is left of them when they were set one after the other."""
    kept: tuple[Claim, ...] = ()
    for new in claims:
        kept = add_claim(kept, new, new.set_at, MANY)
    return kept


def shown(*claims: Claim, connected: PresenceStatus = ONLINE, now: int = NOW) -> PresenceStatus:
    return display(connected, put(*claims), now).status


@pytest.mark.parametrize(
    ("are_active", "state"),
    [
        ([], OFFLINE),
        ([True], ONLINE),
        ([False], AWAY),
        ([False, False], AWAY),
        ([False, True], ONLINE),
        ([True, False, False], ONLINE),
    ],
)
def test_one_active_session_makes_online_and_others_alone_away(are_active: list[bool], state: PresenceStatus) -> None:
    assert {fold_sessions(order) for order in permutations(are_active)} == {state}


@pytest.mark.parametrize("claimed", [None, *PresenceStatus])
def test_with_no_session_nobody_is_there_whatever_they_claim(claimed: PresenceStatus | None) -> None:
    assert display(OFFLINE, [claim(CALL, claimed, text="here!")], NOW) == NOBODY_THERE


@pytest.mark.parametrize("connected", [ONLINE, AWAY])
@pytest.mark.parametrize("claimed", [AWAY, DND, INVISIBLE])
def test_a_claim_counts_more_than_the_connections(connected: PresenceStatus, claimed: PresenceStatus) -> None:
    assert shown(claim(MANUAL, claimed), connected=connected) is claimed


def test_online_with_a_text_is_a_claim_that_counts_more_than_idle_sessions() -> None:
    assert shown(claim(MANUAL, ONLINE, text="awake"), connected=AWAY) is ONLINE


@pytest.mark.parametrize(
    ("higher", "lower"), [(CALL, MANUAL), (CALL, EXTERNAL), (MANUAL, CALENDAR), (MANUAL, EXTERNAL)]
)
def test_the_higher_level_wins_whichever_came_first(higher: Source, lower: Source) -> None:
    assert shown(claim(higher, DND, 1), claim(lower, AWAY, 2)) is DND
    assert shown(claim(lower, AWAY, 1), claim(higher, DND, 2)) is DND


@pytest.mark.parametrize(("first", "second"), [(CALENDAR, EXTERNAL), (EXTERNAL, CALENDAR), (MANUAL, MANUAL)])
def test_inside_a_level_the_newest_wins(first: Source, second: Source) -> None:
    assert shown(claim(first, DND, 1), claim(second, AWAY, 2)) is AWAY
    assert shown(claim(first, AWAY, 1), claim(second, DND, 2)) is DND


def test_of_two_set_in_the_same_millisecond_the_later_wins() -> None:
    assert shown(claim(CALENDAR, DND, 5), claim(EXTERNAL, AWAY, 5)) is AWAY


@pytest.mark.parametrize("source", [CALL, CALENDAR, EXTERNAL])
def test_who_says_that_they_hide_is_hidden_whatever_anything_else_says(source: Source) -> None:
    assert shown(claim(MANUAL, INVISIBLE, 1), claim(source, DND, 2)) is INVISIBLE
    assert shown(claim(source, DND, 1), claim(MANUAL, INVISIBLE, 2)) is INVISIBLE


@pytest.mark.parametrize(("source", "status"), [(CALL, INVISIBLE), (CALENDAR, DND), (EXTERNAL, DND)])
def test_invisible_by_anything_else_is_a_claim_as_any_other(source: Source, status: PresenceStatus) -> None:
    assert shown(claim(source, INVISIBLE, 2)) is INVISIBLE
    assert shown(claim(source, INVISIBLE, 2), claim(MANUAL, DND, 1)) is status


@pytest.mark.parametrize("until", [NEVER, 2_000, 500])
def test_a_newer_claim_of_the_same_source_counts_before_an_older_invisible_one(until: int) -> None:
    """However long either lasts: they chose anew."""
    claims = put(claim(MANUAL, INVISIBLE, 1, 1_000), claim(MANUAL, DND, 2, until))
    assert display(ONLINE, claims, 3).status is DND


@pytest.mark.parametrize(("now", "status"), [(99, DND), (100, ONLINE), (101, ONLINE)])
def test_a_claim_is_over_at_its_end(now: int, status: PresenceStatus) -> None:
    claims = put(claim(MANUAL, DND, 1, until=100))
    assert display(ONLINE, claims, now).status is status
    assert display(ONLINE, claims, now).expires_at == (100 if status is DND else NEVER)


@pytest.mark.parametrize("until", [NEVER, 200])
@pytest.mark.parametrize("below", list(Source))
def test_when_a_claim_ends_the_one_below_shows_again(below: Source, until: int) -> None:
    claims = put(claim(below, AWAY, 1, until), claim(CALL, DND, 2, 100))
    assert [display(ONLINE, claims, now).status for now in (3, 99, 100, 199)] == [DND, DND, AWAY, AWAY]


@pytest.mark.parametrize(("until", "is_kept"), [(NEVER, False), (99, True), (100, False), (101, False)])
def test_what_ends_before_its_successor_is_not_kept(until: int, is_kept: bool) -> None:
    claims = put(claim(MANUAL, AWAY, 1, 100), claim(MANUAL, DND, 2, until))
    assert [item.id for item in claims] == (["c1", "c2"] if is_kept else ["c2"])


def test_what_has_no_end_is_kept_below_what_has_one() -> None:
    assert len(put(claim(MANUAL, AWAY, 1), claim(MANUAL, DND, 2, 100))) == 2


def test_what_is_over_is_not_kept() -> None:
    assert put(claim(CALL, AWAY, 1, 100), claim(MANUAL, DND, 100)) == (claim(MANUAL, DND, 100),)


def test_the_oldest_give_way_to_more_than_there_may_be() -> None:
    kept: tuple[Claim, ...] = ()
    for at in range(6):
        kept = add_claim(kept, claim(MANUAL, DND, at, 100 - at), at, 4)
    assert [item.set_at for item in kept] == [2, 3, 4, 5]


@pytest.mark.parametrize("source", list(Source))
def test_plain_online_takes_back_what_its_own_source_claimed_and_nothing_else(source: Source) -> None:
    all_of_them = [claim(each, AWAY, 1) for each in Source]
    kept = put(*all_of_them, claim(source, DND, 2, 100), claim(source, ONLINE, 3))
    assert [item.source for item in kept] == [each for each in Source if each is not source]


@pytest.mark.parametrize("said", [("hi", None), (None, "👋"), ("hi", "👋")])
def test_online_with_words_is_a_claim_of_its_own(said: tuple[str | None, str | None]) -> None:
    with_words = Claim("c1", MANUAL, ONLINE, *said)
    assert not with_words.clears
    assert put(with_words) == (with_words,)


@pytest.mark.parametrize("until", [NEVER, 2_000])
def test_plain_online_until_some_time_clears_all_the_same(until: int) -> None:
    assert put(claim(MANUAL, DND, 1), claim(MANUAL, ONLINE, 2, until)) == ()


@pytest.mark.parametrize("connected", [ONLINE, AWAY])
def test_words_without_a_status_leave_it_as_connected(connected: PresenceStatus) -> None:
    lunch = Claim("c1", MANUAL, None, "lunch", "🍜", 2_000, NOW)
    assert display(connected, [lunch], NOW) == Display(connected, "lunch", "🍜", 2_000)
    assert display(OFFLINE, [lunch], NOW) == NOBODY_THERE


def test_the_words_are_those_of_the_claim_that_wins() -> None:
    claims = put(claim(CALENDAR, AWAY, 1, text="meeting"), claim(CALL, DND, 2, 100))
    assert display(ONLINE, claims, 3) == Display(DND, None, None, 100)
    assert display(ONLINE, claims, 100) == Display(AWAY, "meeting", None, NEVER)


def test_nothing_wins_where_nothing_is_claimed() -> None:
    assert winner([], NOW) is None
    assert winner([claim(MANUAL, DND, until=NOW)], NOW) is None


@pytest.mark.parametrize(
    ("connected", "claims", "rule"),
    [
        (OFFLINE, [], Rule.NO_SESSION),
        (OFFLINE, [claim(MANUAL, INVISIBLE)], Rule.NO_SESSION),
        (ONLINE, [], Rule.ACTIVE_SESSION),
        (AWAY, [], Rule.IDLE_SESSIONS),
        (ONLINE, [claim(MANUAL, INVISIBLE)], Rule.INVISIBLE),
        (AWAY, [claim(MANUAL, DND)], Rule.CLAIM),
        (ONLINE, [claim(MANUAL, None, text="lunch")], Rule.ACTIVE_SESSION),
        (AWAY, [claim(MANUAL, None, text="lunch")], Rule.IDLE_SESSIONS),
        (ONLINE, [claim(MANUAL, DND, until=NOW)], Rule.ACTIVE_SESSION),
    ],
)
def test_the_rule_by_which_it_was_decided_can_be_told(
    connected: PresenceStatus, claims: list[Claim], rule: Rule
) -> None:
    assert rule_of(connected, claims, NOW) is rule


@pytest.mark.parametrize("status", list(PresenceStatus))
def test_others_see_what_is_true_but_nobody_where_somebody_hides(status: PresenceStatus) -> None:
    truth = Display(status, "text", "👋", 2_000)
    assert to_others(truth) == (NOBODY_THERE if status is INVISIBLE else truth)


# Viewers

STORED, STORED_TO_OTHERS = Clocks(10, 20, 30, 40), Clocks(1, 2, 3, 4)
ANNA = User(
    id=1,
    app_id="demo",
    uuid="",
    username="anna",
    first_name=None,
    last_name=None,
    name=None,
    email=None,
    external_id=None,
    avatar=None,
    role="",
    status=AccountStatus.ACTIVE,
    metadata=None,
    language=None,
    timezone=None,
    created_at=0,
    updated_at=0,
    clocks=STORED,
    clocks_to_others=STORED_TO_OTHERS,
    claims=KeptClaims(),
    tokens_since=0,
    onboarding=Onboarding.JOINED,
    discarded_at=0,
)
HERSELF, ANOTHER = Viewer(1), Viewer(2)
HIDDEN = Warm(
    Presence(Display(INVISIBLE, "shh"), Clocks(11, 21, 31, 41), ("web",)), Presence(NOBODY_THERE, Clocks(5, 6, 7, 8))
)


@pytest.mark.parametrize(("viewer", "sees"), [(HERSELF, True), (SERVER, True), (ANOTHER, False)])
def test_the_user_and_server_keys_see_the_truth(viewer: Viewer, sees: bool) -> None:
    assert viewer.sees_truth_of(ANNA.id) is sees


@pytest.mark.parametrize("viewer", [HERSELF, SERVER])
def test_somebody_hidden_sees_themselves(viewer: Viewer) -> None:
    assert see(ANNA, HIDDEN, viewer) == Presence(Display(INVISIBLE, "shh"), Clocks(11, 21, NEVER, 41), ("web",))


def test_others_see_nothing_of_somebody_hidden_not_even_by_a_clock() -> None:
    assert see(ANNA, HIDDEN, ANOTHER) == Presence(NOBODY_THERE, Clocks(5, 6, 7, 8))


@pytest.mark.parametrize(("viewer", "clocks"), [(HERSELF, STORED), (SERVER, STORED), (ANOTHER, STORED_TO_OTHERS)])
def test_somebody_of_whom_nothing_is_warm_is_offline_since_what_is_stored(viewer: Viewer, clocks: Clocks) -> None:
    assert see(ANNA, None, viewer) == Presence(NOBODY_THERE, clocks)


@pytest.mark.parametrize("viewer", [HERSELF, SERVER, ANOTHER])
@pytest.mark.parametrize("status", [ONLINE, AWAY, DND])
def test_whoever_is_there_is_seen_now(viewer: Viewer, status: PresenceStatus) -> None:
    presence = Presence(Display(status), Clocks(50, 50, 50, 50), ("web",))
    seen = see(ANNA, Warm(presence, presence), viewer)
    assert seen == replace(presence, clocks=Clocks(50, 50, NEVER, 50))


def test_clocks_never_run_backwards_whichever_store_is_behind() -> None:
    stored, warm = Clocks(9, 1, 9, 1), Clocks(1, 9, 1, 9)
    assert newest(stored, warm) == newest(warm, stored) == Clocks(9, 9, 9, 9)
    seen = see(replace(ANNA, clocks=stored), Warm(Presence(NOBODY_THERE, warm), HIDDEN.to_others), SERVER)
    assert seen.clocks == Clocks(9, 9, 9, 9)
