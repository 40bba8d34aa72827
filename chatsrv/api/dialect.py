"""What every dialect shares: routes, the order of checks, and errors turned into words once.

A dialect is a name, URL prefixes, routes, how a caller is identified, what is checked before a handler runs, and one
function that renders an error. Handlers are parse -> one service call -> render; they raise ChatErrors and never build
an error answer.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from math import ceil
from typing import Any

import msgspec
from aiohttp import web

from chatsrv.domain.apps import App, Caller, Scope
from chatsrv.domain.errors import ChatError
from chatsrv.domain.presence import Viewer
from chatsrv.services import Services
from chatsrv.services.audit import acting
from chatsrv.services.rates import Allowance
from chatsrv.wire import REQUEST_ID as REQUEST_ID
from chatsrv.wire import came_from

SERVICES: web.AppKey[Services] = web.AppKey("services", Services)
ALLOWANCE: web.RequestKey[Allowance] = web.RequestKey("allowance", Allowance)
CALLER: web.RequestKey[Caller] = web.RequestKey("caller", Caller)
"""Whoever turned out to be asking, as soon as that is known."""
SHOWN: web.RequestKey[int] = web.RequestKey("shown", int)
"""The one user of whom the answer tells, and of nobody else; set by handlers whose route `remembers`."""
LISTED: web.RequestKey[tuple[int, ...]] = web.RequestKey("listed", tuple)
"""The users of whom a list tells, where presence has no part in who they are and in which order."""


class TokenAccess(Enum):
    """What a user's own token may do with a route."""

    ALL = "all"
    SELF = "self"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class OpenCall:
    """One request of anybody."""

    request: web.Request
    services: Services


@dataclass(frozen=True, slots=True)
class Call(OpenCall):
    """One request of a caller whom we know."""

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
OpenHandler = Callable[[OpenCall], Awaitable[web.StreamResponse]]


@dataclass(frozen=True, slots=True)
class Route:
    """`scope` is what a server key needs.

    `remembers`: the answer depends on the request, the app's users and their presence alone, and may be given again
    until any of those change.
    """

    method: str
    path: str
    handler: Handler
    scope: Scope
    token: TokenAccess = TokenAccess.NONE
    remembers: bool = False


@dataclass(frozen=True, slots=True)
class Made:
    """An answer that may be given again. `since`: Freshness.changes before anything was read for it.

    `user_id`: it tells of this user alone. `listed`: it tells of these, and presence has no part in who they are.
    """

    dialect: str
    caller: Caller
    since: int
    user_id: int | None
    listed: tuple[int, ...] | None

    @property
    def user_ids(self) -> tuple[int, ...] | None:
        """None: of anybody."""
        return self.listed if self.user_id is None else (self.user_id,)


MADE: web.RequestKey[Made] = web.RequestKey("made", Made)


@dataclass(frozen=True, slots=True)
class OpenRoute:
    """One that needs no credentials: signing in, for example."""

    method: str
    path: str
    handler: OpenHandler


Greeting = Callable[[OpenCall], Awaitable[None]]
"""What is checked of everybody."""

Check = Callable[[Call, Route], Awaitable[None]]
"""What is checked of a caller whom we know; it raises what is wrong."""


@dataclass(frozen=True, slots=True)
class Dialect:
    """`greetings` come before the caller is identified, `checks` after it, both in their order.

    `describe_error` gives status and body for whatever was raised; None is an error of ours, of which nothing is told
    but the id to look for in the log.
    """

    name: str
    prefixes: tuple[str, ...]
    routes: tuple[Route, ...]
    content_type: str
    identify: Callable[[OpenCall], Awaitable[Caller]]
    checks: tuple[Check, ...]
    describe_error: Callable[[ChatError | None, web.Request], tuple[int, Any]]
    error_headers: Mapping[str, str] = field(default_factory=dict)
    greetings: tuple[Greeting, ...] = ()
    open_routes: tuple[OpenRoute, ...] = ()

    def mount(self, app: web.Application) -> None:
        """Each path works with and without a trailing slash."""
        for route in self.routes:
            _mount(app, route, self._known_caller(route))
        for open_route in self.open_routes:
            _mount(app, open_route, self._anybody(open_route))

    def _known_caller(self, route: Route) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        async def handle(request: web.Request) -> web.StreamResponse:
            since = request.app[SERVICES].freshness.changes
            opened = await self._greet(request)
            request[CALLER] = caller = await self.identify(opened)
            call = Call(request, opened.services, caller)
            with acting(caller.actor(client_address(request), request[REQUEST_ID])):
                for check in self.checks:
                    await check(call, route)
                answer = await route.handler(call)
            if route.remembers:
                request[MADE] = Made(self.name, caller, since, request.get(SHOWN), request.get(LISTED))
            return answer

        return handle

    def _anybody(self, route: OpenRoute) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        async def handle(request: web.Request) -> web.StreamResponse:
            return await route.handler(await self._greet(request))

        return handle

    async def _greet(self, request: web.Request) -> OpenCall:
        call = OpenCall(request, request.app[SERVICES])
        for greeting in self.greetings:
            await greeting(call)
        return call

    def render_error(self, error: ChatError | None, request: web.Request) -> web.Response:
        status, body = self.describe_error(error, request)
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


def client_address(request: web.Request) -> str:
    return request.app[SERVICES].addresses.of_client(*came_from(request))


def _mount(
    app: web.Application, route: Route | OpenRoute, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> None:
    for path in (route.path, route.path + "/"):
        app.router.add_route(route.method, path, handler)
        if route.method == "GET":
            app.router.add_route("HEAD", path, handler)


def json_response(
    value: Any,
    status: int = 200,
    headers: Mapping[str, str] | None = None,
    content_type: str = "application/json",
) -> web.Response:
    return web.Response(status=status, body=msgspec.json.encode(value), content_type=content_type, headers=headers)
