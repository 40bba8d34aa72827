"""Supports: who looks after which customer in which channel."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aiohttp import web
from multidict import MultiMapping

from chatsrv.api.bodies import read_json_object
from chatsrv.api.dialect import Call, json_response
from chatsrv.api.native.desk import render_support
from chatsrv.api.native.input import check_names, is_id, read_id
from chatsrv.api.native.listing import check_parameters, read_flag, read_offset_page
from chatsrv.api.native.pages import offset_page
from chatsrv.domain.desk import SupportQuery
from chatsrv.domain.errors import Invalid, Problem

FIELDS = ("channel_id", "customer", "agent")
FILTERS = ("channel_id", "customer", "agent", "closed")
READ_ONLY = ("id", "created_at", "closed_at")
"""What a GET answered may be sent back; these are ignored, and so are channel and customer in an update."""


async def create(call: Call) -> web.StreamResponse:
    check_parameters(call.request.query, ())
    body = await _read(call, FIELDS)
    channel_id, customer, agent = _read_number(body), _read_person(body, "customer"), _read_agent(body)
    support = await call.services.supports.open(call.app.id, channel_id, customer, agent)
    location = f"/v1/{call.app.id}/supports/{support.id}"
    return json_response(render_support(support), 201, {"Location": location})


async def list_page(call: Call) -> web.StreamResponse:
    parameters = call.request.query
    limit, offset = read_offset_page(parameters, call.services.settings, FILTERS)
    found, total = await call.services.supports.page(call.app.id, _read_query(parameters), limit, offset)
    return offset_page(call, "items", [render_support(support) for support in found], limit, offset, total)


async def get(call: Call) -> web.StreamResponse:
    check_parameters(call.request.query, ())
    return json_response(render_support(await call.services.supports.get(call.app.id, _id(call))))


async def update(call: Call) -> web.StreamResponse:
    check_parameters(call.request.query, ())
    body = await _read(call, (*FIELDS, "closed", *READ_ONLY))
    values = {**({"agent": _read_agent(body)} if "agent" in body else {}), **_read_closed(body)}
    return json_response(render_support(await call.services.supports.update(call.app.id, _id(call), values)))


async def delete(call: Call) -> web.StreamResponse:
    check_parameters(call.request.query, ())
    await call.services.supports.delete(call.app.id, _id(call))
    return web.Response(status=204)


def _id(call: Call) -> int:
    return read_id(call, "supportId", "support")


async def _read(call: Call, known: tuple[str, ...]) -> dict[str, Any]:
    body = await read_json_object(call.request, call.services.settings.body_max_bytes)
    check_names(body, known)
    return body


def _read_query(parameters: MultiMapping[str]) -> SupportQuery:
    closed = read_flag(parameters, "closed") if "closed" in parameters else None
    channel_id = parameters.get("channel_id")
    if channel_id is not None and not is_id(channel_id):
        raise Invalid(Problem("channel_id", "must be the id of a channel"))
    return SupportQuery(
        customer=parameters.get("customer"),
        agent=parameters.get("agent"),
        channel_id=None if channel_id is None else int(channel_id),
        is_open=None if closed is None else not closed,
    )


def _read_number(body: Mapping[str, Any]) -> int:
    channel_id = body.get("channel_id")
    if type(channel_id) is not int:
        raise Invalid(Problem("channel_id", "must be the id of a channel"))
    return channel_id


def _read_person(body: Mapping[str, Any], name: str) -> str:
    person = body.get(name)
    if not isinstance(person, str):
        raise Invalid(Problem(name, "must be a username"))
    return person


def _read_agent(body: Mapping[str, Any]) -> str | None:
    return None if body.get("agent") is None else _read_person(body, "agent")


def _read_closed(body: Mapping[str, Any]) -> dict[str, bool]:
    if "closed" not in body:
        return {}
    if not isinstance(body["closed"], bool):
        raise Invalid(Problem("closed", "must be true or false"))
    return {"closed": body["closed"]}
