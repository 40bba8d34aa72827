"""Profiles: what a service desk knows of a user."""

from __future__ import annotations

from dataclasses import asdict

from aiohttp import web

from chatsrv.api.bodies import read_json_object
from chatsrv.api.dialect import Call, json_response
from chatsrv.api.native.input import check_names
from chatsrv.api.native.listing import check_parameters
from chatsrv.domain.profiles import FIELDS, Profile


async def get(call: Call) -> web.StreamResponse:
    check_parameters(call.request.query, ())
    return _answer(await call.services.profiles.get(call.app.id, call.username))


async def update(call: Call) -> web.StreamResponse:
    check_parameters(call.request.query, ())
    body = await read_json_object(call.request, call.services.settings.body_max_bytes)
    check_names(body, FIELDS)
    _, profile = await call.services.profiles.update(call.app.id, call.username, {}, body, call.viewer)
    return _answer(profile)


def _answer(profile: Profile) -> web.Response:
    return json_response(asdict(profile))
