"""Channels and their members."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aiohttp import web

from chatsrv.api.bodies import read_json_object
from chatsrv.api.dialect import Call, json_response
from chatsrv.api.native.input import check_names, read_id
from chatsrv.api.native.listing import check_parameters, read_offset_page
from chatsrv.api.native.pages import offset_page
from chatsrv.domain.channels import RULES, Member, read_role
from chatsrv.domain.errors import Invalid, Problem
from chatsrv.domain.instants import to_text
from chatsrv.domain.presence import SERVER, Person, see
from chatsrv.domain.presence_input import read_names
from chatsrv.domain.wire import FIELDS, render
from chatsrv.services.channels import Owned

READ_ONLY = ("id", "created_at", "members_count", "last_message")
"""What a GET answered may be sent back; these are ignored, and so is the owner in an update."""

MEMBER = ("username", "first_name", "last_name", "avatar", "created_at", "updated_at", "status")


async def create(call: Call) -> web.StreamResponse:
    check_parameters(call.request.query, ())
    body = await read_json_object(call.request, call.services.settings.body_max_bytes)
    values = _read_values(body)
    owned = await call.services.channels.create(call.app.id, values, _read_owner(body), call.viewer)
    return json_response(_render(owned), 201, {"Location": f"/v1/{call.app.id}/channels/{owned.channel.id}"})


async def get(call: Call) -> web.StreamResponse:
    check_parameters(call.request.query, ())
    return json_response(_render(await call.services.channels.get(call.app.id, _id(call), call.viewer)))


async def list_page(call: Call) -> web.StreamResponse:
    limit, offset = read_offset_page(call.request.query, call.services.settings)
    found, total = await call.services.channels.page(call.app.id, limit, offset, call.viewer)
    return offset_page(call, "items", [_render(owned) for owned in found], limit, offset, total)


async def update(call: Call) -> web.StreamResponse:
    check_parameters(call.request.query, ())
    values = _read_values(await read_json_object(call.request, call.services.settings.body_max_bytes))
    return json_response(_render(await call.services.channels.update(call.app.id, _id(call), values, call.viewer)))


async def delete(call: Call) -> web.StreamResponse:
    check_parameters(call.request.query, ())
    await call.services.channels.delete(call.app.id, _id(call))
    return web.Response(status=204)


async def list_members(call: Call) -> web.StreamResponse:
    limit, offset = read_offset_page(call.request.query, call.services.settings)
    found, total = await call.services.channels.members(call.app.id, _id(call), limit, offset, call.viewer)
    return offset_page(call, "users", [_render_member(member) for member in found], limit, offset, total)


async def add_members(call: Call) -> web.StreamResponse:
    body = await _read_members(call, ("members", "role"))
    role = None if body.get("role") is None else read_role(body["role"])
    found = await call.services.channels.add_members(call.app.id, _id(call), body["members"], role)
    return json_response([_render_member(member) for member in found])


async def remove_members(call: Call) -> web.StreamResponse:
    body = await _read_members(call, ("members",))
    found = await call.services.channels.remove_members(call.app.id, _id(call), body["members"])
    return json_response([_render_member(member) for member in found])


def _id(call: Call) -> int:
    return read_id(call, "channelId", "channel")


def _read_values(body: Mapping[str, Any]) -> dict[str, Any]:
    check_names(body, (*RULES, *READ_ONLY, "owner"))
    return {name: value for name, value in body.items() if name in RULES}


def _read_owner(body: Mapping[str, Any]) -> str | None:
    """A username, or the user as an answer holds it."""
    owner = body.get("owner")
    name = owner.get("username") if isinstance(owner, Mapping) else owner
    if owner is not None and not isinstance(name, str):
        raise Invalid(Problem("owner", "must be a username"))
    return name


async def _read_members(call: Call, known: tuple[str, ...]) -> dict[str, Any]:
    check_parameters(call.request.query, ())
    body = await read_json_object(call.request, call.services.settings.body_max_bytes)
    check_names(body, known)
    return {**body, "members": read_names(body, "members", call.services.settings.members_max, "members_max")}


def _render(owned: Owned) -> dict[str, Any]:
    channel = owned.channel
    return {
        "id": channel.id,
        "uri": channel.uri,
        "subject": channel.subject,
        "label": channel.label,
        "metadata": channel.metadata,
        "avatar": channel.avatar,
        "created_at": to_text(channel.created_at),
        "type": int(channel.type),
        "members_count": channel.members_count,
        "owner": render(owned.owner) if owned.owner else None,
        "last_message": None,
    }


def _render_member(member: Member) -> dict[str, Any]:
    person = Person(member.user, see(member.user, None, SERVER))
    return {**{name: FIELDS[name](person) for name in MEMBER}, "role": member.role.value}
