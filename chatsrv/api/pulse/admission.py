"""What this dialect checks before a handler runs."""

from __future__ import annotations

from chatsrv.api.admission import bearer_or_api_key, client_address, identify_with, refuse_if_spent
from chatsrv.api.bodies import check_media_type, read_body
from chatsrv.api.dialect import ALLOWANCE, Call, OpenCall, Route, TokenAccess
from chatsrv.api.jsonapi import MEDIA_TYPE
from chatsrv.api.pulse.ids import read_id
from chatsrv.api.pulse.render import BASE
from chatsrv.domain.apps import Caller
from chatsrv.domain.errors import Forbidden, WrongState
from chatsrv.domain.users import AccountState

AUTH = "/auth/"
BODIES = ("POST", "PUT", "PATCH")


async def count_request(call: OpenCall) -> None:
    """Whoever asks; what is refused has not been looked at."""
    call.request[ALLOWANCE] = call.services.allowances.count_pulse_request(client_address(call.request))
    refuse_if_spent(call.request[ALLOWANCE])


async def count_attempt(call: OpenCall) -> None:
    """Signing in and out has a limit of its own: passwords are guessed there."""
    if call.request.path.startswith(AUTH):
        refuse_if_spent(call.services.allowances.count_pulse_attempt(client_address(call.request)))


async def check_body_type(call: OpenCall) -> None:
    """What has no body needs no type, and the body of a DELETE is not looked at."""
    if call.request.method in BODIES and await read_body(call.request, call.services.settings.body_max_bytes):
        check_media_type(call.request, (MEDIA_TYPE,))


async def identify(call: OpenCall) -> Caller:
    """A server key, or the bearer of somebody who has signed in."""
    return await identify_with(call, bearer_or_api_key(call.request), call.services.callers.identify_bearer)


async def check_access(call: Call, route: Route) -> None:
    """Whoever manages may do everything, everybody else may read, and write their own user."""
    if call.caller.manages or route.token is TokenAccess.ALL:
        return
    user = call.caller.user
    is_self = user is not None and call.request.match_info.get("id", "").lower() == user.uuid
    if route.token is TokenAccess.NONE or not is_self:
        raise Forbidden("Only administrators of the account may do this.")


async def check_type(call: Call, _: Route) -> None:
    await check_body_type(call)


async def check_state(call: Call, route: Route) -> None:
    """Nothing is done to a user who was deleted but bringing them back. Raises NotFound and WrongState."""
    if route.method == "GET" or not route.path.startswith(f"{BASE}/users/"):
        return
    id_ = read_id(call.request.match_info["id"])
    user = await call.services.users.find(call.app.id, id_, with_discarded=True)
    if (user.state is AccountState.DELETED) is not route.path.endswith("/discard"):
        is_or_not = "is" if user.state is AccountState.DELETED else "is not"
        raise WrongState(f"The user {is_or_not} deleted.")
