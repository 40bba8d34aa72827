"""Users, one at a time and by the page."""

from __future__ import annotations

from uuid import UUID

from aiohttp import web

from chatsrv.api.dialect import Call
from chatsrv.api.pulse.ids import read_id
from chatsrv.api.pulse.input import USER, read_attributes, read_user
from chatsrv.api.pulse.listing import USERS, read_list
from chatsrv.api.pulse.views import read_view, show, show_page
from chatsrv.domain.listing import UserQuery
from chatsrv.domain.users import User

TYPES = ("users", "user")


async def create(call: Call) -> web.StreamResponse:
    view = read_view(call, User)
    values = read_user(await read_attributes(call, TYPES, USER), is_new=True)
    person = await call.services.newcomers.create(call.app.id, values, call.viewer)
    return await show(call, view, person.user, 201)


async def get(call: Call) -> web.StreamResponse:
    view = read_view(call, User)
    user = await call.services.users.find(call.app.id, id_of(call), with_discarded=True)
    return await show(call, view, user)


async def list_page(call: Call) -> web.StreamResponse:
    view = read_view(call, User)
    request = read_list(call.request.query, USERS, call.services.settings)
    query = UserQuery(request.size, request.offset, sort=request.sort, filters=request.filters, with_discarded=True)
    page = await call.services.users.page(call.app.id, query, call.viewer)
    return await show_page(call, view, [person.user for person in page.people], page.total, request)


async def update(call: Call) -> web.StreamResponse:
    view, id_ = read_view(call, User), id_of(call)
    values = read_user(await read_attributes(call, TYPES, USER, str(id_)), is_new=False)
    person = await call.services.users.update(call.app.id, id_, values, call.viewer)
    return await show(call, view, person.user)


async def discard(call: Call) -> web.StreamResponse:
    view = read_view(call, User)
    person = await call.services.accounts.discard(call.app.id, id_of(call), call.viewer)
    return await show(call, view, person.user)


async def restore(call: Call) -> web.StreamResponse:
    view = read_view(call, User)
    person = await call.services.accounts.restore(call.app.id, id_of(call), call.viewer)
    return await show(call, view, person.user)


async def deactivate(call: Call) -> web.StreamResponse:
    view = read_view(call, User)
    person = await call.services.accounts.deactivate(call.app.id, id_of(call), call.viewer, strict=True)
    return await show(call, view, person.user)


async def reactivate(call: Call) -> web.StreamResponse:
    view = read_view(call, User)
    person = await call.services.accounts.reactivate(call.app.id, id_of(call), call.viewer, strict=True)
    return await show(call, view, person.user)


async def invite(call: Call) -> web.StreamResponse:
    """Only a backend gets the invitation's token, and only where it asks for it."""
    view = read_view(call, User)
    with_token = call.caller.key is not None and call.request.query.get("meta[invitation]") == "token"
    person, token = await call.services.invitations.invite(call.app.id, id_of(call), call.viewer, with_token=with_token)
    return await show(call, view, person.user, meta={"invitation": {"token": token}} if token else None)


async def revoke_invitation(call: Call) -> web.StreamResponse:
    view = read_view(call, User)
    person = await call.services.invitations.revoke(call.app.id, id_of(call), call.viewer)
    return await show(call, view, person.user)


def id_of(call: Call) -> UUID:
    """The one in the path. Raises NotFound."""
    return read_id(call.request.match_info["id"])
