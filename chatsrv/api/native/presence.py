"""Presence of many: a query, what changed since a version, and the counts."""

from __future__ import annotations

import re

from aiohttp import web

from chatsrv.api.bodies import read_json_object
from chatsrv.api.dialect import Call, json_response
from chatsrv.api.native.input import check_names
from chatsrv.api.native.listing import check_parameters
from chatsrv.domain.errors import Invalid, Problem
from chatsrv.domain.presence_input import read_usernames
from chatsrv.domain.wire import render_presence, render_roll

NO_STORE = {"Cache-Control": "no-store"}


async def query(call: Call) -> web.StreamResponse:
    check_parameters(call.request.query, ())
    body = await read_json_object(call.request, call.services.settings.body_max_bytes)
    check_names(body, ("usernames",))
    names = read_usernames(body, call.services.settings.bulk_query_max, "bulk_query_max")
    users, unknown = await call.services.watching.find(call.app.id, names)
    roll = await call.services.watching.look(call.app.id, users, call.viewer)
    people = [render_presence(person) for person in roll.people]
    stale, headers = staleness(call)
    body = {"epoch": roll.epoch, "version": roll.version, "users": people, "unknown": unknown, **stale}
    return json_response(body, headers=headers)


def staleness(call: Call) -> tuple[dict[str, bool], dict[str, str]]:
    """What an answer and its headers say while Redis is away; such answers are nobody's to keep."""
    stale_s = call.services.sight.stale_s
    if stale_s is None:
        return {}, NO_STORE
    return {"stale": True}, {**NO_STORE, "Presence-Stale": f"{stale_s:.0f}"}


async def since(call: Call) -> web.StreamResponse:
    check_parameters(call.request.query, ("since",))
    cursor = call.request.query.get("since")
    watching = call.services.watching
    if cursor is None:
        roll = await watching.look_at_all(call.app.id, call.viewer)
    else:
        roll = await watching.look_since(call.app.id, _read(cursor), call.viewer)
    stale, headers = staleness(call)
    return json_response({**render_roll(roll.epoch, roll.version, roll.full, roll.people), **stale}, headers=headers)


def _read(cursor: str) -> tuple[str, int]:
    """`<epoch>.<version>`, as an answer's two fields joined by a dot."""
    match = re.fullmatch(r"([0-9A-Za-z]{1,64})\.([0-9]{1,15})", cursor)
    if not match:
        raise Invalid(Problem("since", "must be <epoch>.<version> of an earlier answer"))
    return match[1], int(match[2])


async def count(call: Call) -> web.StreamResponse:
    check_parameters(call.request.query, ())
    counts = await call.services.watching.count(call.app.id)
    value = {"online": counts.online, "away": counts.away, "dnd": counts.dnd, "total": counts.total}
    stale, headers = staleness(call)
    return json_response({**value, **stale}, headers=headers)
