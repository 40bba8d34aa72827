"""What one client address may take: requests without a server key, wrong credentials, and sockets.

Kept by each process for itself. Whoever shares an address shares what it may take, and so do all clients behind a
proxy that the setting `trusted_proxies` does not count.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Hashable, Iterable
from functools import lru_cache
from ipaddress import IPv6Address, ip_address, ip_network

from chatsrv.domain.clock import Clock
from chatsrv.domain.errors import Distrust, TooManyRequests
from chatsrv.services.rates import CALLERS_MAX, Rate, RateLimiter
from chatsrv.services.windows import Windows
from chatsrv.settings import Settings

GUESSES = frozenset((Distrust.UNKNOWN_KEY, Distrust.BAD_TOKEN, Distrust.BAD_BEARER))
"""What somebody who has no credential would bring. A token that is well signed and over is no guess: a whole office
may come back with one. Passwords have a limit of their own."""
NAME_MAX = 64
_WITH_PORT = re.compile(r"\[([0-9A-Fa-f:.]+)\](?::\d+)?|(\d+(?:\.\d+){3}):\d+")


class Addresses:
    def __init__(self, settings: Settings, clock: Clock) -> None:
        self._clock = clock
        self._limiter = RateLimiter()
        self._rate = Rate(settings.address_rate_per_minute, settings.address_rate_burst)
        self._failures = Windows(settings.failed_credentials_per_minute)
        self._trusted_proxies = settings.trusted_proxies

    def of_client(self, peer: str | None, forwarded: Iterable[str]) -> str:
        """Behind N proxies of ours, the N-th entry of X-Forwarded-For from the right; else whoever connected."""
        entries = [entry.strip() for header in forwarded for entry in header.split(",") if entry.strip()]
        trusted = min(self._trusted_proxies, len(entries))
        return without_port(entries[-trusted]) if trusted else peer or ""

    def count_request(self, address: str) -> None:
        """One more that brings no good server key. Raises TooManyRequests."""
        allowance = self._limiter.take(name_of(address), self._rate, self._clock.now())
        if allowance.is_spent:
            error = TooManyRequests("Too many requests from your address; slow down.", allowance.retry_after_s)
            raise error.over("address_rate_per_minute")

    def count_failure(self, address: str, reason: Distrust) -> None:
        """A credential from there was refused."""
        if reason in GUESSES:
            self._failures.take(name_of(address), self._clock.now())

    def check_failures(self, address: str) -> None:
        """Raises TooManyRequests where too many have been: nothing that is not known as good is looked up then."""
        left = self._failures.look(name_of(address), self._clock.now())
        if left.is_spent:
            error = TooManyRequests("Too many wrong credentials from your address; slow down.", left.retry_after_s)
            raise error.over("failed_credentials_per_minute")


class Known:
    """What has been good here before; of very many, those of late.

    Only Python's own keyed hashes are kept, not the credentials. Being known proves nothing: it is what a credential
    needs to be looked up at all while its address gets many wrong.
    """

    def __init__(self, most: int = CALLERS_MAX) -> None:
        self._most = most
        self._hashes: OrderedDict[int, None] = OrderedDict()

    def note(self, name: Hashable) -> None:
        hashed = hash(name)
        self._hashes[hashed] = None
        self._hashes.move_to_end(hashed)
        if len(self._hashes) > self._most:
            self._hashes.popitem(last=False)

    def __contains__(self, name: Hashable) -> bool:
        return hash(name) in self._hashes


@lru_cache(maxsize=4096)
def name_of(address: str) -> str:
    """Under which an address is counted: of IPv6 the network, for a customer has a whole one; else as it is."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return address[:NAME_MAX]
    if isinstance(parsed, IPv6Address):
        mapped = parsed.ipv4_mapped
        return str(mapped) if mapped else str(ip_network((int(parsed), 64), strict=False))
    return address


def without_port(entry: str) -> str:
    """Some proxies write 203.0.113.7:5678 or [2001:db8::7]:5678: each connection would be an address of its own."""
    found = _WITH_PORT.fullmatch(entry)
    return found[1] or found[2] if found else entry


@lru_cache(maxsize=256)
def is_private(address: str) -> bool:
    """Whether it is one of a network of somebody's own, such as a proxy has; what cannot be read is not."""
    try:
        return ip_address(address).is_private
    except ValueError:
        return False
