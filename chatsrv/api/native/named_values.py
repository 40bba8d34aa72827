"""Infos about users and settings of their widgets: the same routes for both."""

from __future__ import annotations

from aiohttp import web

from chatsrv.api.bodies import read_json_object
from chatsrv.api.dialect import Call, Handler, json_response
from chatsrv.api.native.desk import listing, render_named
from chatsrv.api.native.input import check_names
from chatsrv.api.native.listing import check_parameters
from chatsrv.domain.desk import Relation
from chatsrv.domain.errors import Invalid, Problem


def _getter(relation: Relation) -> Handler:
    async def get(call: Call) -> web.StreamResponse:
        check_parameters(call.request.query, ())
        found = await call.services.named_values.get(call.app.id, call.username, relation, _name(call))
        return json_response(render_named(found))

    return get


def _putter(relation: Relation) -> Handler:
    async def put(call: Call) -> web.StreamResponse:
        check_parameters(call.request.query, ())
        body = await read_json_object(call.request, call.services.settings.body_max_bytes)
        check_names(body, ("name", "value"))
        if "value" not in body:
            raise Invalid(Problem("value", "is required"))
        kept = await call.services.named_values.put(call.app.id, call.username, relation, _name(call), body["value"])
        return json_response(render_named(kept))

    return put


def _deleter(relation: Relation) -> Handler:
    async def delete(call: Call) -> web.StreamResponse:
        check_parameters(call.request.query, ())
        await call.services.named_values.delete(call.app.id, call.username, relation, _name(call))
        return web.Response(status=204)

    return delete


def _name(call: Call) -> str:
    return call.request.match_info["name"]


list_infos, list_settings = (listing(relation, render_named) for relation in (Relation.INFOS, Relation.WIDGET_SETTINGS))
get_info, get_setting = _getter(Relation.INFOS), _getter(Relation.WIDGET_SETTINGS)
put_info, put_setting = _putter(Relation.INFOS), _putter(Relation.WIDGET_SETTINGS)
delete_info, delete_setting = _deleter(Relation.INFOS), _deleter(Relation.WIDGET_SETTINGS)
