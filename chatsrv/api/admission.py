"""Who may come in: credentials, and the checks that dialects put together in their own order."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from aiohttp import web

from chatsrv.api.dialect import ALLOWANCE, Call, OpenCall, Route, TokenAccess
from chatsrv.api.dialect import client_address as client_address
from chatsrv.domain.apps import Caller
from chatsrv.domain.errors import Forbidden, TooManyRequests, Unauthenticated
from chatsrv.domain.users import fold_case
from chatsrv.services.rates import Allowance


def bearer_or_api_key(request: web.Request) -> str | None:
    """`Authorization: Bearer ...` or `X-Api-Key: ...`."""
    scheme, _, credential = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "bearer" and credential.strip():
        return credential.strip()
    return request.headers.get("X-Api-Key")


Identify = Callable[[str | None, str | None], Awaitable[Caller]]
"""(a credential, the address that it comes from) -> whose it is. Raises Unauthenticated."""


async def identify_with(call: OpenCall, credential: str | None, identify: Identify) -> Caller:
    """Whoever brings no good server key counts towards the rate of their address: before anything is looked up for
    them, unless what they bring may be such a key. Raises Unauthenticated and TooManyRequests."""
    address, addresses = client_address(call.request), call.services.addresses
    may_be_key = call.services.callers.may_be_key(credential)
    if not may_be_key:
        addresses.count_request(address)
    try:
        return await identify(credential, address)
    except Unauthenticated:
        if may_be_key:
            addresses.count_request(address)
        raise


async def identify_native(call: OpenCall) -> Caller:
    """A server key or a user token."""
    return await identify_with(call, bearer_or_api_key(call.request), call.services.callers.identify)


async def check_app(call: Call, _: Route) -> None:
    """The same answer whether or not the other app exists."""
    app_id = call.request.match_info.get("appId")
    if app_id is not None and app_id != call.app.id:
        raise Forbidden("These credentials are not for this app.")


async def count_request(call: Call, _: Route) -> None:
    """Before anything that may refuse: each answer to somebody whom we know says how many requests they have left."""
    call.request[ALLOWANCE] = call.services.allowances.count_request(call.caller)


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
