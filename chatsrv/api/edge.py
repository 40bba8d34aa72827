"""What every request passes on its way in and out: an id, a log line, metrics, CORS, and errors turned into words."""

from __future__ import annotations

import re
import time
from collections.abc import Awaitable, Callable

import structlog
from aiohttp import HttpVersion10, web
from aiohttp.typedefs import Middleware
from uuid_utils import uuid7

from chatsrv.api.admission import client_address
from chatsrv.api.cors import add_cors
from chatsrv.api.dialect import ALLOWANCE, CALLER, MADE, REQUEST_ID, SERVICES, Dialect
from chatsrv.api.memo import MEMO
from chatsrv.domain.errors import ChatError, Malformed, MethodNotAllowed, RouteNotFound, TooLarge
from chatsrv.logs import bind_contextvars, clear_contextvars

log = structlog.get_logger(__name__)

Next = Callable[[web.Request], Awaitable[web.StreamResponse]]

SOCKETS = "/socket.io/"
WITHOUT_CORS = (SOCKETS, "/admin/")
"""The sockets' edge has words of its own about origins, and the dashboard is for no other origin than ours."""
PROBES = ("/healthz", "/readyz", "/metrics")
"""What platforms ask, from addresses that may be anybody's, is answered whatever else comes from there."""
GUARDS = (
    ("X-Content-Type-Options", "nosniff"),
    # no answer is a page, whatever its bytes may look like; pages have a policy of their own
    ("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'"),
    ("Referrer-Policy", "no-referrer"),
)
"""What every answer tells browsers."""
_SAFE_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")


def middlewares(dialects: tuple[Dialect, ...]) -> tuple[Middleware, ...]:
    """`dialects[0]` also speaks where no prefix fits."""

    def dialect_of(request: web.Request) -> Dialect:
        return find_speaker(dialects, request.path) or dialects[0]

    @web.middleware
    async def observe(request: web.Request, handler: Next) -> web.StreamResponse:
        """Outermost: what it logs and counts is what the client got."""
        started = time.perf_counter()
        request[REQUEST_ID] = request_id = _request_id(request)
        clear_contextvars()
        bind_contextvars(request_id=request_id)
        response = await handler(request)
        # polls and long connections are left out: the sockets have metrics and lines of their own
        if not request.path.startswith(SOCKETS):
            _record(request, response, find_speaker(dialects, request.path), time.perf_counter() - started)
        return response

    @web.middleware
    async def speak(request: web.Request, handler: Next) -> web.StreamResponse:
        """The one place where an error becomes an answer."""
        try:
            _count_anybody(dialects, request)
            return await _answer(request, handler)
        except ChatError as error:
            _count_limit(request, error)
            return dialect_of(request).render_error(error, request)
        except (ConnectionResetError, web.HTTPException):
            raise
        except Exception:
            log.exception("request_failed", method=request.method, path=request.path)
            return dialect_of(request).render_error(None, request)

    return observe, speak


def find_speaker(dialects: tuple[Dialect, ...], path: str) -> Dialect | None:
    """Whose prefix fits."""
    return next((one for one in dialects if f"{path}/".startswith(one.prefixes)), None)


def _count_anybody(dialects: tuple[Dialect, ...], request: web.Request) -> None:
    """What is for anybody counts towards the rate of the client's address; where a caller is to be identified, that is
    seen to there. Raises TooManyRequests, and Malformed for what is older than HTTP/1.0."""
    if request.version < HttpVersion10:
        raise Malformed("Speak HTTP/1.0 or HTTP/1.1.")
    path, speaker = request.path, find_speaker(dialects, request.path)
    if path.startswith(SOCKETS) or path in PROBES:
        return
    has_route = request.match_info.http_exception is None
    if not has_route or speaker is None or path.rstrip("/") in (route.path for route in speaker.open_routes):
        request.app[SERVICES].addresses.count_request(client_address(request))


def _count_limit(request: web.Request, error: ChatError) -> None:
    if error.limit:
        request.app[SERVICES].metrics.limits_reached.labels(error.limit).inc()


def _record(request: web.Request, response: web.StreamResponse, dialect: Dialect | None, seconds: float) -> None:
    """In the metrics and, where the settings say so, in the log."""
    services, name = request.app[SERVICES], dialect.name if dialect else "none"
    services.metrics.requests.labels(name, request.method, response.status).inc()
    services.metrics.request_seconds.labels(name).observe(seconds)
    if services.settings.access_log:
        caller = request.get(CALLER)
        log.info(
            "request",
            method=request.method,
            path=request.path,
            status=response.status,
            ms=round(seconds * 1000, 1),
            address=client_address(request),
            by=caller.name if caller else "nobody",
        )


async def _answer(request: web.Request, handler: Next) -> web.StreamResponse:
    try:
        return await handler(request)
    except web.HTTPNotFound as error:
        raise RouteNotFound(f"There is nothing at {request.path}.") from error
    except web.HTTPMethodNotAllowed as error:
        allowed = frozenset(error.allowed_methods) | {"OPTIONS"}
        if request.method == "OPTIONS":
            return web.Response(status=204, headers={"Allow": ", ".join(sorted(allowed))})
        raise MethodNotAllowed(request.method, allowed) from error
    except web.HTTPRequestEntityTooLarge as error:
        raise TooLarge("The body is too large.") from error
    except web.HTTPBadRequest as error:
        raise Malformed(error.reason) from error


async def finish_headers(request: web.Request, response: web.StreamResponse) -> None:
    """Runs before the first byte of every answer, streamed ones too."""
    headers = response.headers
    headers["X-Request-Id"] = request.get(REQUEST_ID, "")
    headers["Server"] = "chatsrv"
    for name, value in GUARDS:
        headers.setdefault(name, value)
    headers.setdefault("Cache-Control", _caching(request, response))
    allowance = request.get(ALLOWANCE)
    if allowance:
        headers["X-RateLimit-Limit"] = str(allowance.limit)
        headers["X-RateLimit-Remaining"] = str(allowance.remaining)
        headers["X-RateLimit-Reset"] = str(-(-allowance.reset_at // 1000))
    if not request.path.startswith(WITHOUT_CORS):
        add_cors(request, response)
    made = request.get(MADE)
    if made:
        request.app[MEMO].keep(request, response, made)


def _caching(request: web.Request, response: web.StreamResponse) -> str:
    """What somebody may read, their browser may keep and ask about again; nobody else may, nor is anything kept of
    what a write answers: there are tokens among it."""
    is_read = request.method in ("GET", "HEAD") and response.status < 400
    return "private, no-cache" if is_read and CALLER in request else "no-store"


def _request_id(request: web.Request) -> str:
    """The client's own where it is harmless in a log, else a new one."""
    given = request.headers.get("X-Request-Id", "")
    return given if _SAFE_ID.fullmatch(given) else uuid7().hex
