"""Webhooks of an app: what its backend is told of, and what became of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aiohttp import web

from chatsrv.api.addresses import public_url
from chatsrv.api.bodies import read_json_object
from chatsrv.api.dialect import Call, json_response
from chatsrv.api.native.input import check_names, is_id, read_id
from chatsrv.api.native.listing import check_parameters, read_limit
from chatsrv.domain.errors import Invalid, Problem
from chatsrv.domain.instants import NEVER, from_text, to_text, to_text_or_none
from chatsrv.domain.webhooks import Delivery, DeliveryQuery, DeliveryStatus, Replay, Webhook
from chatsrv.services.webhooks import FIELDS

READ_ONLY = (
    "id",
    "secret",
    "created_at",
    "updated_at",
    "disabled_reason",
    "last_delivery_at",
    "failing_since",
    "old_secret_ends_at",
)
"""What an answer said may be sent back; these are ignored."""
STATUSES = tuple(status.value for status in DeliveryStatus)


async def create(call: Call) -> web.StreamResponse:
    webhook = await call.services.webhooks.create(call.app.id, await _read(call))
    location = f"/v1/{call.app.id}/webhooks/{webhook.id}"
    return json_response({**_render(webhook), "secret": webhook.secret}, 201, {"Location": location})


async def list_all(call: Call) -> web.StreamResponse:
    check_parameters(call.request.query, ())
    found = await call.services.webhooks.list_all(call.app.id)
    return json_response({"webhooks": [_render(webhook) for webhook in found]})


async def get(call: Call) -> web.StreamResponse:
    check_parameters(call.request.query, ())
    return json_response(_render(await call.services.webhooks.get(call.app.id, _id(call))))


async def update(call: Call) -> web.StreamResponse:
    values = await _read(call)
    return json_response(_render(await call.services.webhooks.update(call.app.id, _id(call), values)))


async def delete(call: Call) -> web.StreamResponse:
    check_parameters(call.request.query, ())
    await call.services.webhooks.delete(call.app.id, _id(call))
    return web.Response(status=204)


async def rotate_secret(call: Call) -> web.StreamResponse:
    check_parameters(call.request.query, ())
    webhook = await call.services.webhooks.rotate_secret(call.app.id, _id(call))
    return json_response({"secret": webhook.secret, "old_secret_ends_at": to_text(webhook.old_secret_ends_at)})


async def ping(call: Call) -> web.StreamResponse:
    check_parameters(call.request.query, ())
    await call.services.webhooks.ping(call.app.id, _id(call))
    return web.Response(status=202)


async def list_deliveries(call: Call) -> web.StreamResponse:
    query = _read_query(call)
    found, following = await call.services.webhooks.deliveries(call.app.id, _id(call), query)
    url = public_url(call.request)
    links = {"next": None if following is None else str(url.update_query(cursor=following))}
    return json_response({"deliveries": [_render_delivery(one) for one in found], "links": links})


async def replay_one(call: Call) -> web.StreamResponse:
    check_parameters(call.request.query, ())
    delivery_id = read_id(call, "deliveryId", "delivery")
    delivery = await call.services.webhooks.replay_one(call.app.id, _id(call), delivery_id)
    return json_response(_render_delivery(delivery), 202)


async def replay(call: Call) -> web.StreamResponse:
    check_parameters(call.request.query, ())
    body = await read_json_object(call.request, call.services.settings.body_max_bytes)
    check_names(body, ("from", "to", "status"))
    status = None if body.get("status") is None else _status(body["status"])
    which = Replay(_instant(body, "from"), _instant(body, "to"), status)
    return json_response({"count": await call.services.webhooks.replay(call.app.id, _id(call), which)}, 202)


def _id(call: Call) -> int:
    return read_id(call, "webhookId", "webhook")


async def _read(call: Call) -> dict[str, Any]:
    check_parameters(call.request.query, ())
    body = await read_json_object(call.request, call.services.settings.body_max_bytes)
    check_names(body, (*FIELDS, *READ_ONLY))
    return {name: value for name, value in body.items() if name in FIELDS}


def _instant(body: Mapping[str, Any], name: str) -> int:
    text = body.get(name)
    if text is None:
        return NEVER
    if not isinstance(text, str):
        raise Invalid(Problem(name, "must be a date in text"))
    try:
        return from_text(text)
    except ValueError as error:
        raise Invalid(Problem(name, str(error))) from error


def _status(text: Any) -> DeliveryStatus:
    if text not in STATUSES:
        raise Invalid(Problem("status", f"must be one of {', '.join(STATUSES)}"))
    return DeliveryStatus(text)


def _read_query(call: Call) -> DeliveryQuery:
    parameters = call.request.query
    check_parameters(parameters, ("status", "limit", "cursor"))
    cursor = parameters.get("cursor") or None
    if cursor is not None and not is_id(cursor):
        raise Invalid(Problem("cursor", "is none that a page before has given"))
    status = _status(parameters["status"]) if "status" in parameters else None
    limit = read_limit(parameters, call.services.settings)
    return DeliveryQuery(limit, status, None if cursor is None else int(cursor))


def _render(webhook: Webhook) -> dict[str, Any]:
    return {
        "id": webhook.id,
        "url": webhook.url,
        "description": webhook.description,
        "events": [event.value for event in webhook.events],
        "active": webhook.active,
        "created_at": to_text(webhook.created_at),
        "updated_at": to_text(webhook.updated_at),
        "disabled_reason": webhook.disabled_reason,
        "last_delivery_at": to_text_or_none(webhook.last_delivery_at),
        "failing_since": to_text_or_none(webhook.failing_since),
    }


def _render_delivery(delivery: Delivery) -> dict[str, Any]:
    return {
        "id": delivery.id,
        "event_id": delivery.event_id,
        "seq": delivery.seq,
        "type": delivery.type,
        "status": delivery.status.value,
        "attempts": delivery.attempts,
        "last_status": delivery.last_status,
        "last_error": delivery.last_error,
        "next_attempt_at": to_text_or_none(delivery.next_attempt_at),
        "created_at": to_text(delivery.created_at),
        "delivered_at": to_text_or_none(delivery.delivered_at),
    }
