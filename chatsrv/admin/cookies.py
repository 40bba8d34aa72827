"""The cookie of a session, and whether a request comes from a page of our own.

SameSite=Strict already keeps other sites from sending it along. A request that changes something must besides say that
it comes from here: browsers say so themselves, and no page can say it for another.
"""

from __future__ import annotations

from aiohttp import web

from chatsrv.domain.origins import find_own_origins

PLAIN = "chatsrv_admin"
SECURE = "__Host-chatsrv_admin"
"""Browsers take a cookie of this name over https alone, from this host alone."""


def is_ours(request: web.Request, trusted_proxies: int) -> bool:
    """Whether a page of our own sent it. Where a browser names the site, that is the last word: it has seen the address
    that we may only guess behind a proxy."""
    site = request.headers.get("Sec-Fetch-Site")
    if site is not None:
        return site == "same-origin"
    return request.headers.get("Origin") in find_own_origins(request.headers.get, trusted_proxies)


def is_secure(request: web.Request, trusted_proxies: int) -> bool:
    """Whether our page came over https; the origin of a request of our own tells that better than any proxy."""
    if origin := request.headers.get("Origin"):
        return origin.startswith("https://")
    own = find_own_origins(request.headers.get, trusted_proxies)
    return bool(own) and all(one.startswith("https://") for one in own)


def read(request: web.Request, trusted_proxies: int) -> str | None:
    """Over https that of the secure name alone: the other could be anybody's who was on the way of plain http."""
    secure = request.cookies.get(SECURE)
    return secure if secure or is_secure(request, trusted_proxies) else request.cookies.get(PLAIN)


def write(response: web.Response, session: str, max_age_s: int, *, secure: bool) -> None:
    name = SECURE if secure else PLAIN
    response.set_cookie(name, session, max_age=max_age_s, path="/", httponly=True, samesite="Strict", secure=secure)


def clear(response: web.Response) -> None:
    """Both: it may have come by either address."""
    for name in (PLAIN, SECURE):
        response.set_cookie(name, "", max_age=0, path="/", httponly=True, samesite="Strict", secure=name == SECURE)
