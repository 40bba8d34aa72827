"""What one address may take: requests without a server key, and credentials that are wrong."""

from __future__ import annotations

import pytest

from chatsrv.domain.clock import Clock
from chatsrv.domain.errors import Distrust, TooManyRequests
from chatsrv.services.addresses import GUESSES, Addresses, Known, is_private, name_of, without_port
from chatsrv.settings import Settings

HERE, ELSEWHERE = "203.0.113.7", "203.0.113.8"


@pytest.fixture
def addresses(clock: Clock) -> Addresses:
    return Addresses(Settings(address_rate_per_minute=60, address_rate_burst=3, failed_credentials_per_minute=3), clock)


def refusal(addresses: Addresses, address: str) -> str | None:
    """The limit that one more request from there comes up against."""
    try:
        addresses.count_request(address)
    except TooManyRequests as error:
        return error.limit if error.retry_after_s > 0 else "without a time"
    return None


def is_shut(addresses: Addresses, address: str) -> bool:
    """Whether what is not known as good is not even looked up for this address."""
    try:
        addresses.check_failures(address)
    except TooManyRequests as error:
        return error.limit == "failed_credentials_per_minute" and error.retry_after_s > 0
    return False


def test_an_address_has_a_rate_of_its_own_that_comes_back(addresses: Addresses, clock: Clock) -> None:
    assert [refusal(addresses, HERE) for _ in range(4)] == [None, None, None, "address_rate_per_minute"]
    assert refusal(addresses, ELSEWHERE) is None
    clock.advance(1)
    assert [refusal(addresses, HERE) for _ in range(2)] == [None, "address_rate_per_minute"]


def test_an_address_may_get_so_many_credentials_wrong_a_minute(addresses: Addresses, clock: Clock) -> None:
    for _ in range(3):
        assert not is_shut(addresses, HERE)
        addresses.count_failure(HERE, Distrust.UNKNOWN_KEY)
    assert is_shut(addresses, HERE)
    assert not is_shut(addresses, ELSEWHERE)
    clock.advance(60)
    assert not is_shut(addresses, HERE)


def test_only_what_somebody_without_a_credential_would_bring_counts(addresses: Addresses) -> None:
    for reason in Distrust:
        for _ in range(3):
            addresses.count_failure(reason.value, reason)
    assert {reason for reason in Distrust if is_shut(addresses, reason.value)} == GUESSES
    assert Distrust.EXPIRED_TOKEN not in GUESSES


@pytest.mark.parametrize(
    ("one", "other", "is_same"),
    [
        ("2001:db8:1:2::1", "2001:db8:1:2:ffff::9", True),
        ("2001:db8:1:2::1", "2001:db8:1:3::1", False),
        ("::ffff:203.0.113.7", HERE, True),
        ("::ffff:203.0.113.7", "::ffff:203.0.113.8", False),
        (HERE, ELSEWHERE, False),
        ("fe80::1%eth0", "fe80::2%eth0", True),
        ("unknown", "unknown", True),
        ("", "unknown", False),
        ("x" * 10_000, "x" * 20_000, True),
    ],
)
def test_whoever_has_a_network_of_ipv6_has_one_address(one: str, other: str, is_same: bool) -> None:
    assert (name_of(one) == name_of(other)) is is_same


def test_private_addresses_are_such_as_proxies_have() -> None:
    assert [is_private(address) for address in ("10.0.0.7", "192.168.1.1", "127.0.0.1", "::1", "fd00::1")] == [True] * 5
    assert [is_private(address) for address in ("8.8.8.8", "2606:4700::1", "unknown", "")] == [False] * 4


def test_what_is_known_is_bounded_and_the_oldest_gives_way() -> None:
    known = Known(most=3)
    for name in ("a", "b", "c", "a", "d"):
        known.note(name)
    assert [name in known for name in "abcd"] == [True, False, True, True]


@pytest.mark.parametrize(
    ("entry", "address"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("203.0.113.7:5678", "203.0.113.7"),
        ("[2001:db8::7]:5678", "2001:db8::7"),
        ("[2001:db8::7]", "2001:db8::7"),
        ("2001:db8::7", "2001:db8::7"),
        ("unknown", "unknown"),
        ("", ""),
    ],
)
def test_the_port_that_a_proxy_writes_is_no_part_of_the_address(entry: str, address: str) -> None:
    """Each connection would be an address of its own, and no network of a key would fit."""
    assert without_port(entry) == address
