"""What every dialect shares: who is asking, rates, bodies, JSON, and errors turned into words once.

A dialect is a name, URL prefixes, routes, and one function that renders an error. Handlers are
parse -> one service call -> render; they raise ChatErrors and never build an error answer.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from math import ceil
from typing import Any

import msgspec
from aiohttp import web

from chatsrv.domain.apps import App, Caller, Scope
from chatsrv.domain.errors import ChatError, Forbidden, Malformed, TooLarge, TooManyRequests, UnsupportedMediaType
from chatsrv.domain.presence import Viewer
from chatsrv.domain.users import fold_case
from chatsrv.services import Services
from chatsrv.services.rates import Allowance

SERVICES: web.AppKey[Services] = web.AppKey("services", Services)
ALLOWANCE: web.RequestKey[Allowance] = web.RequestKey("allowance", Allowance)
REQUEST_ID: web.RequestKey[str] = web.RequestKey("request_id", str)


class TokenAccess(Enum):
    """What a user token may do with a route."""

    ALL = "all"
    SELF = "self"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Call:
    """One request of a caller who may make it."""

    request: web.Request
    services: Services
    caller: Caller

    @property
    def app(self) -> App:
        return self.caller.app

    @property
    def viewer(self) -> Viewer:
        return self.caller.viewer

    @property
    def username(self) -> str:
        """The one in the path, percent-decoded."""
        return self.request.match_info["username"]


Handler = Callable[[Call], Awaitable[web.StreamResponse]]


@dataclass(frozen=True, slots=True)
class Route:
    """`scope` is what a server key needs."""

    method: str
    path: str
    handler: Handler
    scope: Scope
    token: TokenAccess = TokenAccess.NONE


@dataclass(frozen=True, slots=True)
class Dialect:
    """`describe_error` gives status, body and headers for whatever a handler raised."""

    name: str
    prefixes: tuple[str, ...]
    routes: tuple[Route, ...]
    content_type: str
    credential_of: Callable[[web.Request], str | None]
    describe_error: Callable[[ChatError | None, str], tuple[int, Any]]
    error_headers: Mapping[str, str] = field(default_factory=dict)

    def mount(self, app: web.Application) -> None:
        """Each path works with and without a trailing slash."""
        for route in self.routes:
            handler = _identified(self, route)
            for path in (route.path, route.path + "/"):
                app.router.add_route(route.method, path, handler)
                if route.method == "GET":
                    app.router.add_route("HEAD", path, handler)

    def render_error(self, error: ChatError | None, request_id: str) -> web.Response:
        """None is an error of ours, of which nothing is told but the id to look for in the log."""
        status, body = self.describe_error(error, request_id)
        headers = dict(self.error_headers)
        retry_after_s = getattr(error, "retry_after_s", None)
        if retry_after_s is not None:
            headers["Retry-After"] = str(max(1, ceil(retry_after_s)))
        allowed = getattr(error, "allowed", None)
        if allowed:
            headers["Allow"] = ", ".join(sorted(allowed))
        return web.Response(
            status=status, body=msgspec.json.encode(body), content_type=self.content_type, headers=headers
        )


def _identified(dialect: Dialect, route: Route) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    """The order of checks: who, which app, from where, how often, and whether they may.

    Every answer to somebody whom we know says how many requests they have left, so that each one counts.
    """

    async def handle(request: web.Request) -> web.StreamResponse:
        services = request.app[SERVICES]
        caller = await services.callers.identify(dialect.credential_of(request))
        request[ALLOWANCE] = allowance = services.callers.count_request(caller)
        _check_app(caller, request.match_info.get("appId"))
        services.callers.check_network(caller, client_address(request))
        if allowance.is_spent:
            raise TooManyRequests("Too many requests; slow down.", allowance.retry_after_s)
        services.callers.check_active(caller)
        _check_access(caller, route, request)
        return await route.handler(Call(request, services, caller))

    return handle


def _check_app(caller: Caller, app_id: str | None) -> None:
    """The same answer whether or not the other app exists."""
    if app_id is not None and app_id != caller.app.id:
        raise Forbidden("These credentials are not for this app.")


def _check_access(caller: Caller, route: Route, request: web.Request) -> None:
    if caller.key:
        if not caller.has_scope(route.scope):
            raise Forbidden(f"This key lacks the scope {route.scope.value}.")
        return
    is_self = caller.user and fold_case(request.match_info.get("username", "")) == fold_case(caller.user.username)
    if route.token is TokenAccess.NONE or (route.token is TokenAccess.SELF and not is_self):
        raise Forbidden("A user token may write its own user alone; this takes a server key.")


def client_address(request: web.Request) -> str:
    callers = request.app[SERVICES].callers
    return callers.address_of(request.remote, request.headers.getall("X-Forwarded-For", []))


def bearer_or_api_key(request: web.Request) -> str | None:
    """`Authorization: Bearer ...` or `X-Api-Key: ...`."""
    scheme, _, credential = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "bearer" and credential.strip():
        return credential.strip()
    return request.headers.get("X-Api-Key")


# Bodies


async def pieces(request: web.Request) -> AsyncIterator[bytes]:
    """The body as it comes. A client that stops in the middle is not waited for."""
    timeout_s = request.app[SERVICES].settings.body_timeout_s
    while True:
        try:
            async with asyncio.timeout(timeout_s):
                piece = await request.content.readany()
        except TimeoutError as error:
            raise Malformed("The body did not come in time.") from error
        except web.RequestPayloadError as error:
            raise Malformed("The body is broken.") from error
        if not piece:
            return
        yield piece


async def read_body(request: web.Request, limit: int) -> bytes:
    """Raises TooLarge as soon as that is known."""
    if (request.content_length or 0) > limit:
        raise TooLarge(f"The body may have at most {limit} bytes.")
    body = bytearray()
    async for piece in pieces(request):
        body += piece
        if len(body) > limit:
            raise TooLarge(f"The body may have at most {limit} bytes.")
    return bytes(body)


def check_media_type(request: web.Request, accepted: tuple[str, ...]) -> None:
    """A body without a type is taken for the first of the accepted ones."""
    if "Content-Type" in request.headers and request.content_type not in accepted:
        raise UnsupportedMediaType(f"The body must be {accepted[0]}.")


async def read_json(request: web.Request, limit: int) -> Any:
    """Raises UnsupportedMediaType, TooLarge and Malformed."""
    check_media_type(request, ("application/json",))
    body = await read_body(request, limit)
    if not body:
        raise Malformed("The body is empty; send JSON.")
    check_depth(body, request.app[SERVICES].settings.json_max_depth)
    try:
        return msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Malformed(f"The body is not JSON: {error}") from error


async def read_json_object(request: web.Request, limit: int) -> dict[str, Any]:
    value = await read_json(request, limit)
    if not isinstance(value, dict):
        raise Malformed("The body must be a JSON object.")
    return value


# possessive, and a string may lack its end: hostile quotes and backslashes must not make it look twice at a byte
_NOT_NESTING = re.compile(rb'"(?:[^"\\]++|\\.)*+"?|[^\[\]{}"]++', re.DOTALL)


def check_depth(body: bytes, limit: int) -> None:
    """Deep nesting is refused before anything recurses into it."""
    if body.count(b"[") + body.count(b"{") <= limit:
        return
    depth = 0
    for bracket in _NOT_NESTING.sub(b"", body):
        depth += 1 if bracket in b"[{" else -1
        if depth > limit:
            raise Malformed(f"The JSON is nested deeper than {limit} levels.")


# Answers


def json_response(value: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> web.Response:
    return web.Response(
        status=status, body=msgspec.json.encode(value), content_type="application/json", headers=headers
    )
