"""What the claims of a token must say, at the edges of time."""

from __future__ import annotations

import math
from typing import Any

import pytest

from chatsrv.domain.errors import Distrust, Unauthenticated
from chatsrv.domain.instants import NEVER
from chatsrv.domain.tokens import TokenClaims, check_claims

NOW_S = 1_772_357_400
LEEWAY_S = 10


def check(now_ms: int = NOW_S * 1000, **claims: Any) -> TokenClaims:
    given = {"sub": "anna", "aid": "demo", "exp": NOW_S + 60, **claims}
    return check_claims({name: value for name, value in given.items() if value is not None}, now_ms, LEEWAY_S)


def distrust(now_ms: int = NOW_S * 1000, **claims: Any) -> Distrust:
    with pytest.raises(Unauthenticated) as caught:
        check(now_ms, **claims)
    return caught.value.reason


def test_a_good_token_says_who_for_which_app_until_when() -> None:
    assert check() == TokenClaims("anna", "demo", NEVER, (NOW_S + 60) * 1000)


@pytest.mark.parametrize("claim", ["sub", "aid"])
@pytest.mark.parametrize("value", [None, 7, ["anna"], {"a": 1}, True])
def test_user_and_app_must_be_strings(claim: str, value: Any) -> None:
    assert distrust(**{claim: value}) is Distrust.BAD_TOKEN


def test_a_token_without_an_end_is_no_token() -> None:
    assert distrust(exp=None) is Distrust.BAD_TOKEN


@pytest.mark.parametrize("claim", ["exp", "nbf", "iat"])
@pytest.mark.parametrize("value", ["1772357460", True, -1, [1], math.nan, math.inf, -math.inf, 10**30, 253_402_300_800])
def test_times_must_be_seconds_that_can_be_written_down(claim: str, value: Any) -> None:
    assert distrust(**{claim: value}) is Distrust.BAD_TOKEN


def test_a_token_ends_after_the_leeway_to_the_millisecond() -> None:
    end_ms = (NOW_S + LEEWAY_S) * 1000
    assert check(end_ms - 1, exp=NOW_S).username == "anna"
    assert distrust(end_ms, exp=NOW_S) is Distrust.EXPIRED_TOKEN


@pytest.mark.parametrize("claim", ["nbf", "iat"])
def test_a_token_begins_before_its_time_by_the_leeway(claim: str) -> None:
    begin_ms = (NOW_S - LEEWAY_S) * 1000
    assert check(begin_ms, **{claim: NOW_S}).username == "anna"
    assert distrust(begin_ms - 1, **{claim: NOW_S}) is Distrust.EARLY_TOKEN


def test_fractions_of_a_second_count() -> None:
    assert check(exp=NOW_S + 0.5).expires_at == NOW_S * 1000 + 500
    assert distrust((NOW_S + LEEWAY_S) * 1000 + 500, exp=NOW_S + 0.5) is Distrust.EXPIRED_TOKEN


def test_a_token_that_ended_is_called_expired_even_if_it_never_began() -> None:
    assert distrust(exp=NOW_S - 100, nbf=NOW_S + 100) is Distrust.EXPIRED_TOKEN
