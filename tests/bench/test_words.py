"""Which works there are, and by which words they are asked for."""

from __future__ import annotations

import pytest

from bench.catalogue import ALL, find_works, fit
from bench.growth import GROWTH, POSTGRES_USERS_MAX
from bench.servers.catalogue import choose
from bench.works import WORKS


def test_without_a_word_all_of_the_first_table_are_meant() -> None:
    assert find_works("") == list(WORKS)


def test_growth_means_every_curve_and_the_word_of_a_curve_its_points() -> None:
    assert find_works("growth") == list(GROWTH)
    assert {work.alias for work in find_works("users,nodes")} == {"users", "nodes"}
    assert {work.users for work in find_works("users")} == {10_002, 100_000, 1_000_000}


def test_a_word_that_means_nothing_is_named() -> None:
    with pytest.raises(KeyError, match="nonsense"):
        find_works("W1,nonsense")
    with pytest.raises(KeyError, match="nonsense"):
        choose("express,nonsense")


def test_no_two_works_and_no_two_figures_have_the_same_name() -> None:
    figures = [figure.id for work in ALL for figure in work.figures]
    assert len({work.id for work in ALL}) == len(ALL)
    assert len(set(figures)) == len(figures)


def test_postgres_is_not_filled_with_more_than_it_takes_in_good_time() -> None:
    assert max(work.users for work in fit(find_works("users"), "postgres")) == POSTGRES_USERS_MAX
    assert fit(find_works("users"), "sqlite") == find_works("users")
