"""Servers that users own, which the panel dialect is about: whoever owns one cannot be deleted."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from chatsrv.api.bodies import read_json_object
from chatsrv.api.dialect import Call, json_response
from chatsrv.api.native.input import check_names, read_id
from chatsrv.api.native.listing import check_parameters, read_offset_page
from chatsrv.api.native.pages import offset_page
from chatsrv.domain.errors import Invalid, Problem
from chatsrv.domain.instants import to_text
from chatsrv.domain.servers import Server

READ_ONLY = ("id", "uuid", "created_at", "updated_at")
"""What a GET answered may be sent back; these are ignored."""


async def create(call: Call) -> web.StreamResponse:
    check_parameters(call.request.query, ())
    body = await read_json_object(call.request, call.services.settings.body_max_bytes)
    check_names(body, ("name", "owner", *READ_ONLY))
    if not isinstance(body.get("owner"), str):
        raise Invalid(Problem("owner", "must be a username"))
    server = await call.services.servers.create(call.app.id, body.get("name"), body["owner"])
    return json_response(_render(server), 201, {"Location": f"/v1/{call.app.id}/servers/{server.id}"})


async def list_page(call: Call) -> web.StreamResponse:
    limit, offset = read_offset_page(call.request.query, call.services.settings)
    found, total = await call.services.servers.page(call.app.id, limit, offset)
    return offset_page(call, "items", [_render(server) for server in found], limit, offset, total)


async def get(call: Call) -> web.StreamResponse:
    check_parameters(call.request.query, ())
    return json_response(_render(await call.services.servers.get(call.app.id, _id(call))))


async def delete(call: Call) -> web.StreamResponse:
    check_parameters(call.request.query, ())
    await call.services.servers.delete(call.app.id, _id(call))
    return web.Response(status=204)


def _id(call: Call) -> int:
    return read_id(call, "serverId", "server")


def _render(server: Server) -> dict[str, Any]:
    return {
        "id": server.id,
        "uuid": server.uuid,
        "name": server.name,
        "owner": server.owner,
        "created_at": to_text(server.created_at),
        "updated_at": to_text(server.updated_at),
    }
