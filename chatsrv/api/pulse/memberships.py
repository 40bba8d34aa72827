"""Who is in a team, and who is what in the account."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from aiohttp import web

from chatsrv.api.dialect import Call
from chatsrv.api.pulse.ids import role_id
from chatsrv.api.pulse.input import read_attributes
from chatsrv.api.pulse.render import AccountMembership
from chatsrv.api.pulse.users import id_of
from chatsrv.api.pulse.views import read_view, show
from chatsrv.domain.errors import Invalid, Problem, UserNotFound
from chatsrv.domain.fields import Refused, read_uuid
from chatsrv.domain.teams import TeamMembership

TEAM_TYPES = ("team_memberships", "team_membership")
TEAM_NAMES = ("team_id", "user_id", "role_ids")
ACCOUNT_TYPES = ("account_memberships", "account_membership")
ACCOUNT_NAMES = ("user_id", "role_ids")


async def join_team(call: Call) -> web.StreamResponse:
    view = read_view(call, TeamMembership)
    values = await read_attributes(call, TEAM_TYPES, TEAM_NAMES)
    ids = _read_ids(values, ("team_id", "user_id"))
    roles = await _read_roles(call, values)
    membership = await call.services.teams.add_member(call.app.id, ids["team_id"], ids["user_id"], roles)
    return await show(call, view, membership, 201)


async def get_in_team(call: Call) -> web.StreamResponse:
    view = read_view(call, TeamMembership)
    return await show(call, view, await call.services.teams.get_membership(call.app.id, id_of(call)))


async def leave_team(call: Call) -> web.StreamResponse:
    """What it was."""
    view = read_view(call, TeamMembership)
    return await show(call, view, await call.services.teams.remove_member(call.app.id, id_of(call)))


async def join_account(call: Call) -> web.StreamResponse:
    """Everybody is in the account; this says as what."""
    view = read_view(call, AccountMembership)
    values = await read_attributes(call, ACCOUNT_TYPES, ACCOUNT_NAMES)
    user_id = _read_ids(values, ("user_id",))["user_id"]
    role = _only(await _read_roles(call, values))
    try:
        person = await call.services.users.update(call.app.id, user_id, {"role": role}, call.viewer)
    except UserNotFound as error:
        raise Invalid(Problem("user_id", "is no user of this account")) from error
    return await show(call, view, AccountMembership(person.user), 201)


async def get_in_account(call: Call) -> web.StreamResponse:
    view = read_view(call, AccountMembership)
    user = await call.services.users.find(call.app.id, id_of(call), with_discarded=True)
    return await show(call, view, AccountMembership(user))


def _read_ids(values: Mapping[str, Any], names: tuple[str, ...]) -> dict[str, UUID]:
    """Raises Invalid with every one that is missing or no UUID."""
    ids: dict[str, UUID] = {}
    problems = []
    for name in names:
        try:
            ids[name] = read_uuid(values.get(name))
        except Refused as refusal:
            problems.append(Problem(name, str(refusal) if values.get(name) is not None else "is required"))
    if problems:
        raise Invalid(*problems)
    return ids


async def _read_roles(call: Call, values: Mapping[str, Any]) -> list[str]:
    """The words that the ids stand for. Raises Invalid."""
    sent = values.get("role_ids") or []
    if not isinstance(sent, list) or not all(isinstance(id_, str) for id_ in sent):
        raise Invalid(Problem("role_ids", "must be a list of ids"))
    words = {role_id(call.app.id, word): word for word in await call.services.teams.find_roles(call.app.id)}
    if not words.keys() >= {id_.lower() for id_ in sent}:
        raise Invalid(Problem("role_ids", "is no role of this account"))
    return [words[id_.lower()] for id_ in sent]


def _only(roles: list[str]) -> str:
    if len(set(roles)) != 1:
        raise Invalid(Problem("role_ids", "must hold one role" if roles else "is required"))
    return roles[0]
