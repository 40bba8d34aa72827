"""Stars: the channels and customers that a user wants at hand. A list, and a PUT and a DELETE that may be repeated."""

from __future__ import annotations

from aiohttp import web

from chatsrv.api.dialect import Call
from chatsrv.api.native.desk import listing, render_channel, render_customer
from chatsrv.api.native.input import read_id
from chatsrv.api.native.listing import check_parameters
from chatsrv.domain.desk import Relation

list_channels = listing(Relation.STARRED_ROOMS, render_channel)
list_customers = listing(Relation.STARRED_CUSTOMERS, render_customer)


async def star_channel(call: Call) -> web.StreamResponse:
    check_parameters(call.request.query, ())
    channel_id = read_id(call, "channelId", "channel")
    await call.services.stars.star_channel(call.app.id, call.username, channel_id, call.viewer)
    return web.Response(status=204)


async def unstar_channel(call: Call) -> web.StreamResponse:
    check_parameters(call.request.query, ())
    await call.services.stars.unstar_channel(call.app.id, call.username, read_id(call, "channelId", "channel"))
    return web.Response(status=204)


async def star_customer(call: Call) -> web.StreamResponse:
    check_parameters(call.request.query, ())
    await call.services.stars.star_customer(call.app.id, call.username, call.request.match_info["customer"])
    return web.Response(status=204)


async def unstar_customer(call: Call) -> web.StreamResponse:
    check_parameters(call.request.query, ())
    await call.services.stars.unstar_customer(call.app.id, call.username, call.request.match_info["customer"])
    return web.Response(status=204)
