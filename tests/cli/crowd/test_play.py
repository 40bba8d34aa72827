"""The play itself: which acts come, and in which order, without anybody to perform them."""

from __future__ import annotations

from itertools import islice, pairwise

import pytest

from chatsrv.cli.crowd.people import ORIGINS, PEOPLE_MAX, make_people
from chatsrv.cli.crowd.play import BACK_AFTER_S, Act, Kind, play
from chatsrv.domain.presence import PresenceStatus
from chatsrv.domain.user_fields import check_fields
from chatsrv.settings import Settings

CAST = [f"person{number}" for number in range(60)]
COMING = 20
MANY = 5_000


def acts_of(seed: int, cast: list[str] = CAST, coming: int = COMING) -> list[Act]:
    return list(islice(play(cast, coming, seed, 1.0), MANY))


def test_the_same_seed_plays_the_same_and_another_one_something_else() -> None:
    assert acts_of(7) == acts_of(7)
    assert acts_of(7) != acts_of(8)


@pytest.mark.parametrize("seed", range(5))
def test_only_who_is_here_acts_and_only_who_is_not_comes(seed: int) -> None:
    here: set[str] = set()
    lost: dict[str, float] = {}
    for act in acts_of(seed):
        if act.kind in (Kind.COMES, Kind.RETURNS):
            assert act.username not in here
            assert act.devices
            here.add(act.username)
            if act.kind is Kind.RETURNS:
                assert BACK_AFTER_S[0] <= act.at_s - lost.pop(act.username) <= BACK_AFTER_S[1]
            continue
        assert act.username in here
        assert (act.said is not None) == (act.kind is Kind.SAYS)
        if act.kind in (Kind.LEAVES, Kind.DROPS):
            here.remove(act.username)
        if act.kind is Kind.DROPS:
            lost[act.username] = act.at_s


def test_about_as_many_are_here_as_were_asked_for_and_everything_happens() -> None:
    count, counts, kinds = 0, [], set()
    for act in acts_of(1)[COMING:]:
        kinds.add(act.kind)
        count += {Kind.COMES: 1, Kind.RETURNS: 1, Kind.LEAVES: -1, Kind.DROPS: -1}.get(act.kind, 0)
        counts.append(count)
    assert kinds == set(Kind)
    assert COMING + min(counts) > COMING * 0.5
    assert COMING + max(counts) < COMING * 1.5


def test_time_only_goes_on_at_about_the_pace_that_was_asked_for() -> None:
    acts = acts_of(1)
    assert all(one.at_s <= other.at_s for one, other in pairwise(acts))
    assert MANY * 0.6 < acts[-1].at_s < MANY * 1.2


@pytest.mark.parametrize("cast", [CAST[:1], CAST[:2]], ids=len)
def test_one_or_two_people_are_a_play_too(cast: list[str]) -> None:
    acts = acts_of(3, cast, 80)
    assert {act.username for act in acts} == set(cast)
    assert Kind.COMES in {act.kind for act in acts[100:]}


def test_people_are_different_ones_whom_the_directory_takes() -> None:
    everybody = make_people(PEOPLE_MAX)
    assert len({one["username"] for one in everybody}) == PEOPLE_MAX == len(everybody)
    for one in everybody:
        assert check_fields(one, Settings().metadata_max_bytes) == one
        assert one["username"].isascii()
    assert len({one["timezone"] for one in make_people(300)}) == len(ORIGINS)
    assert {one["role"] for one in make_people(300)} == {"admin", "agent", "user"}


def test_who_asks_for_more_gets_the_same_people_and_others() -> None:
    assert make_people(40) == make_people(300)[:40]


def test_what_they_say_are_states_that_the_server_knows() -> None:
    said = {act.said.status for act in acts_of(2) if act.said}
    assert said <= {status.name.lower() for status in PresenceStatus}
    assert "invisible" in said
