"""Which pages of other origins may read our answers.

A preflight comes without credentials, so that nobody knows which app it is for: it is answered from what the server and
all apps together allow, the same for every path and whoever may exist. The answer itself can be read by pages that the
server allows, or the app of the caller. No answer is ever given on the strength of a cookie, so that none says that a
page may send its own.
"""

from __future__ import annotations

from aiohttp import web

from chatsrv.api.dialect import CALLER, SERVICES

EXPOSED = (
    "Authorization, ETag, Link, Location, Presence-Stale, Retry-After, X-Request-Id, X-Total-Count, "
    "X-RateLimit-Limit, X-RateLimit-Remaining, X-RateLimit-Reset"
)
ALLOWED_HEADERS = "Authorization, Content-Type, If-None-Match, X-Access-Token, X-Api-Key, X-Request-Id"


def add_cors(request: web.Request, response: web.StreamResponse) -> None:
    """The same origin needs none of it. What an answer says to one origin is no answer to another."""
    response.headers["Vary"] = "Origin"
    origin = request.headers.get("Origin", "")
    if not origin or not _may_read(request, origin):
        return
    response.headers["Access-Control-Allow-Origin"] = origin
    response.headers["Access-Control-Expose-Headers"] = EXPOSED
    if request.method == "OPTIONS":
        response.headers["Access-Control-Allow-Methods"] = response.headers.get("Allow", "GET")
        response.headers["Access-Control-Allow-Headers"] = ALLOWED_HEADERS
        response.headers["Access-Control-Max-Age"] = "600"


def _may_read(request: web.Request, origin: str) -> bool:
    origins, caller = request.app[SERVICES].origins, request.get(CALLER)
    return origins.admits_to(caller.app, origin) if caller else origins.admits(origin)
