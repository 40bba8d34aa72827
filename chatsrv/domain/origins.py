"""Where a web page comes from, as its browser says, and whether that is from us."""

from __future__ import annotations

from collections.abc import Callable

ANY = "*"
"""In a list of origins: every one."""

Get = Callable[[str], str | None]
"""The first value of a header whose name is given in lower case."""


def find_own_origins(get: Get, trusted_proxies: int) -> frozenset[str]:
    """As the client sees us. What forwarding headers say counts only behind proxies of ours: from anybody else they are
    the word of a stranger. Without one, TLS may end in front of us all the same: https pages of this host are ours.
    """
    host = get("host")
    if not host:
        return frozenset()
    if not trusted_proxies:
        return frozenset((f"http://{host}".lower(), f"https://{host}".lower()))
    scheme = _forwarded(get("x-forwarded-proto"), trusted_proxies) or "http"
    outer = _forwarded(get("x-forwarded-host"), trusted_proxies) or host
    return frozenset(f"{scheme}://{name}".lower() for name in (host, outer))


def _forwarded(header: str | None, trusted_proxies: int) -> str:
    """Of N proxies that each added an entry, the outermost wrote the N-th from the right."""
    entries = [entry.strip() for entry in (header or "").split(",") if entry.strip()]
    return entries[-min(trusted_proxies, len(entries))] if entries else ""
