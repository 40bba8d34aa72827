"""Who may come in, and in which words: the checks that are this dialect's own."""

from __future__ import annotations

from chatsrv.api.admission import identify_with
from chatsrv.api.dialect import Call, OpenCall, Route, TokenAccess
from chatsrv.api.jsonapi import MEDIA_TYPE, media_types
from chatsrv.api.oksky.errors import not_acceptable, unsupported_media_type
from chatsrv.domain.apps import Caller
from chatsrv.domain.errors import Forbidden

WRITES = ("POST", "PUT", "PATCH")
ACTIONS = ("/deactivate", "/reactivate", "/regenerate_access_token")
"""What needs no body, and without one no word about it."""

OWN_RELATIONSHIPS = (None, "starred_rooms", "starred_customers")
"""What customers may write of themselves; None is what is no relationship."""


async def identify(call: OpenCall) -> Caller:
    """A user's access token or a server key."""
    return await identify_with(call, call.request.headers.get("X-Access-Token"), call.services.callers.identify_access)


async def check_content_type(call: Call, route: Route) -> None:
    """Parameters of the type do no harm."""
    request = call.request
    if route.path.endswith(ACTIONS) and not request.body_exists and "Content-Type" not in request.headers:
        return
    given = request.content_type if "Content-Type" in request.headers else ""
    if request.method in WRITES and given != MEDIA_TYPE:
        raise unsupported_media_type(given)


async def check_accept(call: Call, _: Route) -> None:
    """One of the types must be ours without parameters, not even a weight, or any type."""
    header = ", ".join(call.request.headers.getall("Accept", []))
    if header.strip() and not any(_is_ours(name, rest) for name, rest in media_types(header)):
        raise not_acceptable(header)


def _is_ours(name: str, parameters: dict[str, str]) -> bool:
    return name == "*/*" or (name == MEDIA_TYPE and not parameters)


async def check_person(call: Call, route: Route) -> None:
    """A customer may read, and write themselves and their stars; administrators and server keys manage."""
    if call.caller.manages or route.token is TokenAccess.ALL:
        return
    user = call.caller.user
    path = call.request.match_info
    is_self = user is not None and path.get("id") == str(user.id)
    is_own = is_self and path.get("relationship") in OWN_RELATIONSHIPS
    if route.token is TokenAccess.NONE or not is_own:
        raise Forbidden("A customer may read, and change themselves alone.")
