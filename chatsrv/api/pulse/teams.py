"""Teams, one at a time and by the page."""

from __future__ import annotations

from aiohttp import web

from chatsrv.api.dialect import Call
from chatsrv.api.pulse.input import read_attributes
from chatsrv.api.pulse.listing import TEAMS, read_list
from chatsrv.api.pulse.users import id_of
from chatsrv.api.pulse.views import read_view, show, show_page
from chatsrv.domain.teams import Team, TeamQuery

TYPES = ("teams", "team")
NAMES = ("name", "parent_team_id")


async def create(call: Call) -> web.StreamResponse:
    view = read_view(call, Team)
    values = await read_attributes(call, TYPES, NAMES)
    return await show(call, view, await call.services.teams.create(call.app.id, {"name": "", **values}), 201)


async def get(call: Call) -> web.StreamResponse:
    view = read_view(call, Team)
    return await show(call, view, await call.services.teams.get(call.app.id, id_of(call)))


async def list_page(call: Call) -> web.StreamResponse:
    view = read_view(call, Team)
    request = read_list(call.request.query, TEAMS, call.services.settings)
    query = TeamQuery(request.size, request.offset, request.sort, request.filters)
    teams, total = await call.services.teams.page(call.app.id, query)
    return await show_page(call, view, teams, total, request)


async def update(call: Call) -> web.StreamResponse:
    view, id_ = read_view(call, Team), id_of(call)
    values = await read_attributes(call, TYPES, NAMES, str(id_))
    return await show(call, view, await call.services.teams.update(call.app.id, id_, values))


async def delete(call: Call) -> web.StreamResponse:
    """What it was; who was in it is loaded no more, for it is gone."""
    view = read_view(call, Team)
    return await show(call, view, await call.services.teams.delete(call.app.id, id_of(call)))
