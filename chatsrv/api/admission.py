"""Who may come in: credentials, and the checks that dialects put together in their own order."""

from __future__ import annotations

from aiohttp import web

from chatsrv.api.dialect import ALLOWANCE, SERVICES, Call, OpenCall, Route, TokenAccess
from chatsrv.domain.apps import Caller
from chatsrv.domain.errors import Forbidden, TooManyRequests
from chatsrv.domain.users import fold_case
from chatsrv.services.rates import Allowance


def client_address(request: web.Request) -> str:
    callers = request.app[SERVICES].callers
    return callers.address_of(request.remote, request.headers.getall("X-Forwarded-For", []))


def bearer_or_api_key(request: web.Request) -> str | None:
    """`Authorization: Bearer ...` or `X-Api-Key: ...`."""
    scheme, _, credential = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "bearer" and credential.strip():
        return credential.strip()
    return request.headers.get("X-Api-Key")


async def identify_native(call: OpenCall) -> Caller:
    """A server key or a user token. Raises Unauthenticated."""
    return await call.services.callers.identify(bearer_or_api_key(call.request))


async def check_app(call: Call, _: Route) -> None:
    """The same answer whether or not the other app exists."""
    app_id = call.request.match_info.get("appId")
    if app_id is not None and app_id != call.app.id:
        raise Forbidden("These credentials are not for this app.")


async def count_request(call: Call, _: Route) -> None:
    """Before anything that may refuse: each answer to somebody whom we know says how many requests they have left."""
    call.request[ALLOWANCE] = call.services.callers.count_request(call.caller)


async def check_network(call: Call, _: Route) -> None:
    call.services.callers.check_network(call.caller, client_address(call.request))


async def check_rate(call: Call, _: Route) -> None:
    refuse_if_spent(call.request[ALLOWANCE])


def refuse_if_spent(allowance: Allowance) -> None:
    if allowance.is_spent:
        raise TooManyRequests("Too many requests; slow down.", allowance.retry_after_s)


async def check_active(call: Call, _: Route) -> None:
    call.services.callers.check_active(call.caller)


async def check_scope(call: Call, route: Route) -> None:
    """For server keys; people are not stopped by it."""
    if call.caller.key and not call.caller.has_scope(route.scope):
        raise Forbidden(f"This key lacks the scope {route.scope.value}.")


async def check_token_access(call: Call, route: Route) -> None:
    """A user token may write its own user alone."""
    user = call.caller.user
    if user is None or route.token is TokenAccess.ALL:
        return
    is_self = fold_case(call.request.match_info.get("username", "")) == fold_case(user.username)
    if route.token is TokenAccess.NONE or not is_self:
        raise Forbidden("A user token may write its own user alone; this takes a server key.")
