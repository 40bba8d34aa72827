"""Apps, keys, scopes and networks."""

from __future__ import annotations

from dataclasses import replace

import pytest

from chatsrv.domain.apps import (
    ALL_SCOPES,
    App,
    Caller,
    Scope,
    ServerKey,
    check_app_id,
    check_network,
    check_scopes,
    is_inside,
)
from chatsrv.domain.errors import Invalid

APP = App("demo", "Demo", "secret", 1)
KEY = ServerKey("abc", "demo", "default", "hash", frozenset({Scope.USERS_WRITE}), (), 1, None, None)


@pytest.mark.parametrize("app_id", ["a", "0", "demo", "a-b_c", "a" * 63, "user"])
def test_an_app_id_is_a_short_word_for_paths(app_id: str) -> None:
    assert check_app_id(app_id) == app_id


@pytest.mark.parametrize("app_id", ["", "-a", "_a", "A", "a.b", "a b", "ä", "a" * 64, "a\n", "users", "a/b"])
def test_what_a_path_or_a_redis_key_could_not_carry_is_no_app_id(app_id: str) -> None:
    with pytest.raises(Invalid, match="appId"):
        check_app_id(app_id)


def test_no_scope_means_all_of_them() -> None:
    assert check_scopes([]) == ALL_SCOPES
    assert check_scopes(["users:read", "users:read"]) == {Scope.USERS_READ}


def test_an_unknown_scope_is_refused_with_those_that_exist() -> None:
    with pytest.raises(Invalid, match=r"'users:delete' is no scope; there are admin, .*users:write"):
        check_scopes(["users:read", "users:delete"])


def test_writing_implies_no_reading() -> None:
    assert Caller(APP, key=KEY).has_scope(Scope.USERS_WRITE)
    assert not Caller(APP, key=KEY).has_scope(Scope.USERS_READ)


def test_a_caller_without_a_key_has_no_scope() -> None:
    assert not any(Caller(APP).has_scope(scope) for scope in Scope)


def test_a_key_lives_until_it_expires_or_is_revoked() -> None:
    assert KEY.is_live(10**15)
    assert replace(KEY, expires_at=100).is_live(99)
    assert not replace(KEY, expires_at=100).is_live(100)
    assert not replace(KEY, revoked_at=1).is_live(0)


@pytest.mark.parametrize(
    ("text", "network"),
    [("10.0.0.0/8", "10.0.0.0/8"), ("10.1.2.3/8", "10.0.0.0/8"), ("1.2.3.4", "1.2.3.4/32"), ("2001:DB8::/32",) * 2],
)
def test_a_network_is_kept_in_its_plain_form(text: str, network: str) -> None:
    assert check_network(text) == network.lower()


@pytest.mark.parametrize("text", ["", "10.0.0.0/33", "example.org", "10.0.0.0-10.0.0.9", "10.0.0.0/8 "])
def test_what_is_no_network_is_refused(text: str) -> None:
    with pytest.raises(Invalid, match="network"):
        check_network(text)


@pytest.mark.parametrize(
    ("address", "inside"),
    [
        ("10.2.3.4", True),
        ("::ffff:10.2.3.4", True),  # how a dual-stack socket tells an IPv4 peer
        ("11.2.3.4", False),
        ("2001:db8::1", True),
        ("2001:db9::1", False),
        ("", False),
        ("10.2.3", False),
        ("unknown", False),
        ("10.2.3.4:5678", False),
    ],
)
def test_an_address_is_inside_or_it_is_not(address: str, inside: bool) -> None:
    assert is_inside(address, ("10.0.0.0/8", "2001:db8::/32")) is inside
    assert replace(KEY, networks=("10.0.0.0/8", "2001:db8::/32")).allows_address(address) is inside


def test_a_key_without_networks_is_good_from_everywhere() -> None:
    assert KEY.allows_address("")
