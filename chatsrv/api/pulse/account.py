"""The account that the caller works in, and the roles that people have there."""

from __future__ import annotations

from typing import NoReturn

from aiohttp import web

from chatsrv.api.dialect import Call
from chatsrv.api.jsonapi import answer
from chatsrv.api.pulse.ids import account_id, role_id
from chatsrv.api.pulse.render import Role, render, roles_of
from chatsrv.api.pulse.users import id_of
from chatsrv.api.pulse.views import read_view, show
from chatsrv.domain.apps import App
from chatsrv.domain.errors import NotFound


async def get(call: Call) -> web.StreamResponse:
    """Another account is not there, whoever asks."""
    view = read_view(call, App)
    return await show(call, view, call.app if str(id_of(call)) == account_id(call.app.id) else _nothing())


async def list_roles(call: Call) -> web.StreamResponse:
    """All of them at once: they are few."""
    roles = roles_of(call.app.id, await call.services.teams.find_roles(call.app.id))
    return answer({"data": [render(role) for role in roles], "meta": {"record_count": len(roles)}})


async def get_role(call: Call) -> web.StreamResponse:
    view, id_ = read_view(call, Role), str(id_of(call))
    roles = roles_of(call.app.id, await call.services.teams.find_roles(call.app.id))
    found = [role for role in roles if role_id(role.app_id, role.word) == id_]
    return await show(call, view, found[0] if found else _nothing())


def _nothing() -> NoReturn:
    raise NotFound("There is no such thing in your account.")
