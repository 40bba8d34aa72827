"""Which pages of other origins may read our answers."""

from __future__ import annotations

from aiohttp import web

from chatsrv.api.dialect import SERVICES

EXPOSED = (
    "Authorization, ETag, Link, Location, Presence-Stale, Retry-After, X-Request-Id, X-Total-Count, "
    "X-RateLimit-Limit, X-RateLimit-Remaining, X-RateLimit-Reset"
)
ALLOWED_HEADERS = "Authorization, Content-Type, If-None-Match, X-Access-Token, X-Api-Key, X-Request-Id"


def add_cors(request: web.Request, response: web.StreamResponse) -> None:
    """Only for origins that the settings name; the same origin needs none of it."""
    allowed = request.app[SERVICES].settings.allowed_origins
    if not allowed:
        return
    response.headers["Vary"] = "Origin"
    origin = request.headers.get("Origin", "")
    if not origin or not ("*" in allowed or origin in allowed):
        return
    response.headers["Access-Control-Allow-Origin"] = origin
    response.headers["Access-Control-Expose-Headers"] = EXPOSED
    if request.method == "OPTIONS":
        response.headers["Access-Control-Allow-Methods"] = response.headers.get("Allow", "GET")
        response.headers["Access-Control-Allow-Headers"] = ALLOWED_HEADERS
        response.headers["Access-Control-Max-Age"] = "600"
