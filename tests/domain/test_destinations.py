"""Where webhooks may go: addresses of others, whatever they are wrapped in, and URLs that say no more than a place."""

from __future__ import annotations

import pytest

from chatsrv.domain.destinations import Reach, explain_url

ANYWHERE, INSIDE = Reach(), Reach(private=True)

OURS = [
    "127.0.0.1",
    "127.255.255.254",
    "10.0.0.1",
    "172.16.0.1",
    "172.31.255.255",
    "192.168.1.1",
    "100.64.0.1",
    "198.18.0.1",
    "::1",
    "fc00::1",
    "fd12::1",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "::127.0.0.1",
    "64:ff9b::7f00:1",
    "64:ff9b::a00:1",
    "2002:7f00:1::",
    "2002:c0a8:101::1",
]
NOBODYS = [
    "0.0.0.0",
    "0.1.2.3",
    "169.254.169.254",
    "169.254.0.1",
    "192.0.0.192",
    "192.0.2.1",
    "198.51.100.1",
    "203.0.113.1",
    "224.0.0.1",
    "239.1.1.1",
    "240.0.0.1",
    "255.255.255.255",
    "168.63.129.16",
    "100.100.100.200",
    "::",
    "fe80::1",
    "fe80::1%eth0",
    "fec0::1",
    "ff02::1",
    "2001:db8::1",
    "2001::1",
    "100::1",
    "fd00:ec2::254",
    "4000::1",
    "64:ff9b:1::808:808",
    "::ffff:169.254.169.254",
    "64:ff9b::a9fe:a9fe",
    "2002:a9fe:a9fe::",
]
OTHERS = [
    "1.1.1.1",
    "8.8.8.8",
    "172.15.0.1",
    "172.32.0.1",
    "100.63.0.1",
    "2606:4700::1111",
    "::ffff:8.8.8.8",
    "64:ff9b::808:808",
]


@pytest.mark.parametrize("address", OURS)
def test_a_private_address_is_reached_only_where_that_is_allowed(address: str) -> None:
    assert "is a private address" in (ANYWHERE.explain_address(address) or "")
    assert INSIDE.explain_address(address) is None


@pytest.mark.parametrize("address", NOBODYS)
def test_an_address_of_nobodys_receiver_is_never_reached(address: str) -> None:
    assert ANYWHERE.explain_address(address)
    assert "no address of a receiver" in (INSIDE.explain_address(address) or "")


@pytest.mark.parametrize("address", OTHERS)
def test_an_address_of_others_is_reached(address: str) -> None:
    assert ANYWHERE.explain_address(address) is None


def test_a_name_will_not_do_when_all_that_it_means_is_ours() -> None:
    assert ANYWHERE.explain_addresses(["127.0.0.1", "::1"])
    assert ANYWHERE.explain_addresses(["127.0.0.1", "8.8.8.8"]) is None
    assert ANYWHERE.explain_addresses([]) is None


@pytest.mark.parametrize(
    "url",
    [
        "https://shop.example",
        "https://shop.example/hooks?key=a%20b",
        "http://shop.example:8080/",
        "https://8.8.8.8/",
        "https://[2606:4700::1111]:8443/hooks",
        "HTTPS://Shop.Example/",
        "https://xn--bcher-kva.example/",
        "https://4.shop.example/",
    ],
)
def test_a_place_of_a_receiver_will_do(url: str) -> None:
    assert explain_url(url, ANYWHERE) is None


@pytest.mark.parametrize(
    ("url", "why"),
    [
        (None, "must be a URL"),
        (5, "must be a URL"),
        ("", "must be a URL"),
        ("shop.example/hooks", "must be a URL"),
        ("https://", "must be a URL"),
        ("https:///hooks", "must be a URL"),
        ("https://[::1", "must be a URL"),
        ("https://shop.example:0/", "must be a URL"),
        ("https://shop.example:65536/", "must be a URL"),
        ("ftp://shop.example/", "must begin with"),
        ("file:///etc/passwd", "must be a URL"),
        ("gopher://127.0.0.1:6379/_", "must begin with"),
        ("https://anna:secret@shop.example/", "no user"),
        ("https://shop.example@127.0.0.1/", "no user"),
        ("https://shop.example/#a", "no #"),
        ("https://shop.example/\r\nHost: x", "plain ASCII"),
        ("https://shop.example/a b", "plain ASCII"),
        ("https://shop.example\\@127.0.0.1/", "plain ASCII"),
        ("https://bücher.example/", "plain ASCII"),
        ("https://shop.example/" + "a" * 2000, "at most 2000"),
        ("http://127.0.0.1/", "private address"),
        ("http://[::ffff:7f00:1]/", "private address"),
        ("http://169.254.169.254/latest/meta-data", "no address of a receiver"),
        ("http://2130706433/", "in numbers"),
        ("http://0x7f.1/", "in numbers"),
        ("http://0177.0.0.1/", "in numbers"),
        ("http://127.1/", "in numbers"),
    ],
)
def test_what_is_no_such_place_is_told_why(url: object, why: str) -> None:
    assert why in (explain_url(url, ANYWHERE) or "")


def test_where_ports_are_named_no_other_is_one() -> None:
    reach = Reach(ports=frozenset((443, 8443)))
    assert explain_url("https://shop.example/", reach) is None
    assert explain_url("https://shop.example:8443/", reach) is None
    assert explain_url("http://shop.example/", reach) == "must go to one of the ports 443, 8443"
