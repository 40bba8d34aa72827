"""Where a webhook may go: never to a machine that only this server can reach, unless whoever runs it says so."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from urllib.parse import SplitResult, urlsplit

URL_MAX = 2000
_NUMBERS = re.compile(r"(^|\.)(\d+|0x[0-9a-f]*)\.?$")
"""What some systems take for an address, and others for a name."""
_PORTS = {"http": 80, "https": 443}

NEVER_REACHED = tuple(
    ip_network(text)
    for text in (
        # unspecified, link-local (where clouds keep their metadata), documentation, multicast, reserved
        *("0.0.0.0/8", "169.254.0.0/16", "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "198.51.100.0/24"),
        *("203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4", "::/128", "100::/64", "2001::/23", "2001:db8::/32"),
        *("3fff::/20", "5f00::/16", "fe80::/10", "fec0::/10", "ff00::/8"),
        # metadata of clouds at addresses that look like any other
        *("168.63.129.16/32", "100.100.100.200/32", "fd00:ec2::/32"),
    )
)
"""Nobody's receiver is there."""

PRIVATE = tuple(
    ip_network(text)
    for text in (
        *("10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "198.18.0.0/15"),
        *("::1/128", "fc00::/7"),
    )
)
"""This machine, and networks that are somebody's own."""

TRY_OUT = "to try one there, start the server, and run chatsrv webhook, with CHATSRV_WEBHOOK_PRIVATE_ADDRESSES=true"
"""For whoever reads it at a prompt, over REST, and in the log of deliveries."""

PUBLIC6 = (ip_network("2000::/3"), ip_network("64:ff9b::/96"))
"""Of IPv6 nothing else is anywhere."""
_EMBEDDING = ((ip_network("64:ff9b::/96"), 0), (ip_network("2002::/16"), 80))
"""Networks whose addresses hold an IPv4 address, and how many bits stand behind it: NAT64 and 6to4."""


@dataclass(frozen=True, slots=True)
class Reach:
    """`private`: whether networks of our own are in it. `ports`: none at all is any."""

    private: bool = False
    ports: frozenset[int] = frozenset()

    def explain_address(self, text: str) -> str | None:
        """Why nothing is sent to this IP address; None where it may be."""
        address = _plain(ip_address(text.partition("%")[0]))
        if any(address in network for network in NEVER_REACHED):
            return f"{address} is no address of a receiver"
        if any(address in network for network in PRIVATE):
            return None if self.private else f"{address} is a private address: {TRY_OUT}"
        if isinstance(address, IPv6Address) and not any(address in network for network in PUBLIC6):
            return f"{address} is no address of a receiver"
        return None

    def explain_port(self, port: int) -> str | None:
        if not self.ports or port in self.ports:
            return None
        return f"must go to one of the ports {', '.join(map(str, sorted(self.ports)))}"

    def explain_addresses(self, addresses: Collection[str]) -> str | None:
        """Of a name that means these: why none of them will do."""
        reasons = [self.explain_address(text) for text in addresses]
        return reasons[0] if reasons and all(reasons) else None


def _plain(address: IPv4Address | IPv6Address) -> IPv4Address | IPv6Address:
    """The IPv4 address that one of IPv6 stands for, however often it is wrapped."""
    if isinstance(address, IPv4Address):
        return address
    if address.ipv4_mapped:
        return address.ipv4_mapped
    if int(address) >> 32 == 0 and int(address) > 1:
        return IPv4Address(int(address))
    for network, behind in _EMBEDDING:
        if address in network:
            return IPv4Address(int(address) >> behind & 0xFFFFFFFF)
    return address


def explain_url(text: object, reach: Reach) -> str | None:
    """What is wrong with a URL as the place of a receiver; None where nothing is, as far as the text tells."""
    parts = _split(text)
    if parts is None or not isinstance(text, str):
        return "must be a URL such as https://shop.example/hooks"
    if len(text) > URL_MAX:
        return f"may have at most {URL_MAX} characters"
    if not text.isascii() or any(char <= " " or char in '\x7f"<>\\^`{|}' for char in text):
        return "must be written in plain ASCII, without spaces: encode what is not"
    return _explain_parts(parts, reach)


def _split(text: object) -> SplitResult | None:
    if not isinstance(text, str):
        return None
    try:
        parts = urlsplit(text)
        is_whole = bool(parts.hostname) and parts.port != 0
    except ValueError:
        return None
    return parts if is_whole else None


def _explain_parts(parts: SplitResult, reach: Reach) -> str | None:
    if parts.scheme not in _PORTS:
        return "must begin with https:// or http://"
    if "@" in parts.netloc:
        return "must hold no user and no password"
    if parts.fragment:
        return "must have no #"
    return reach.explain_port(port_of(parts)) or _explain_host(parts.hostname or "", reach)


def port_of(parts: SplitResult) -> int:
    return parts.port or _PORTS[parts.scheme]


def _explain_host(host: str, reach: Reach) -> str | None:
    """Of a name nothing can be said here: what it means is looked up, and looked at again with each connection."""
    if is_address(host):
        return reach.explain_address(host)
    return "names its host in numbers that are no address" if _NUMBERS.search(host) else None


def is_address(host: str) -> bool:
    try:
        ip_address(host.partition("%")[0])
    except ValueError:
        return False
    return True
