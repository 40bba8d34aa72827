"""Servers: enough to own them and to let them go."""

from __future__ import annotations

from aiohttp import web

from chatsrv.api.dialect import Call, json_response
from chatsrv.api.panel import listing, validation
from chatsrv.api.panel.admission import BODY, SERVER
from chatsrv.api.panel.documents import render_server
from chatsrv.domain.errors import UserNotFound


async def list_page(call: Call) -> web.StreamResponse:
    paging = listing.read_paging(call.request.query, call.services.settings.panel_page_max)
    address = listing.list_address(call.request)
    servers, total = await call.services.servers.page(call.app.id, paging.per_page, paging.offset)
    return json_response(listing.write_list(address, [render_server(server) for server in servers], paging, total))


async def get(call: Call) -> web.StreamResponse:
    return json_response(render_server(call.request[SERVER]))


async def create(call: Call) -> web.StreamResponse:
    body = call.request[BODY]
    owner_id = validation.read_integer(body.get("user"))
    validation.check(validation.SERVER, body, () if await _exists(call, owner_id) else ("user",))
    server = await call.services.servers.create(call.app.id, body["name"], owner_id or 0)
    return json_response(render_server(server), 201)


async def delete(call: Call) -> web.StreamResponse:
    await call.services.servers.delete(call.app.id, call.request[SERVER].id)
    return web.Response(status=204)


async def _exists(call: Call, user_id: int | None) -> bool:
    try:
        await call.services.users.find(call.app.id, user_id or 0)
    except UserNotFound:
        return False
    return True
