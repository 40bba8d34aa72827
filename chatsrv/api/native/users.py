"""Users, one at a time and by the page. A handler is parse -> one service call -> render."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from hashlib import blake2b
from typing import Any
from urllib.parse import quote

import msgspec
from aiohttp import web

from chatsrv.api.addresses import public_url
from chatsrv.api.bodies import read_json_object
from chatsrv.api.dialect import LISTED, SHOWN, Call, json_response
from chatsrv.api.native import listing
from chatsrv.api.native.input import check_names, read_changes, read_new_user, read_new_username
from chatsrv.api.native.pages import offset_page
from chatsrv.domain.errors import Forbidden, Invalid, Problem
from chatsrv.domain.instants import to_text
from chatsrv.domain.presence import Person
from chatsrv.domain.wire import SUMMARY, USER, render

BACKEND_FIELDS = frozenset(("role", "external_id"))
"""What a user token may not write of its own user: these are for the app to decide."""


async def create(call: Call) -> web.StreamResponse:
    listing.check_parameters(call.request.query, ("fields",))
    fields = listing.read_fields(call.request.query) or USER
    values = read_new_user(await _read_body(call))
    person = await call.services.users.create(call.app.id, values, call.viewer)
    location = f"/v1/{call.app.id}/users/{quote(person.user.username, safe='')}"
    return json_response(render(person, fields), 201, {"Location": location})


async def get(call: Call) -> web.StreamResponse:
    listing.check_parameters(call.request.query, ("fields",))
    fields = listing.read_fields(call.request.query)
    person = await call.services.users.get(call.app.id, call.username, call.viewer)
    call.request[SHOWN] = person.user.id
    return _conditional(call, render(person, fields or USER))


async def list_page(call: Call) -> web.StreamResponse:
    request = listing.read_list(call.request.query, call.services.settings)
    page = await call.services.users.page(call.app.id, request.query, call.viewer)
    if not request.query.touches_presence:
        call.request[LISTED] = tuple(person.user.id for person in page.people)
    links = listing.write_links(public_url(call.request), request, page, call.services.settings)
    headers = {"X-Total-Count": str(page.total), "Link": listing.write_link_header(links)}
    if not request.presence:
        return _conditional(call, _render_all(page.people, request.fields or SUMMARY), headers)
    users = _render_all(page.people, request.fields or USER)
    body = {"count": len(users), "links": links, "total_count": page.total, "users": users}
    if call.services.sight.stale_s is not None:
        body["stale"] = True
    return _conditional(call, body, headers)


async def update(call: Call) -> web.StreamResponse:
    values = read_changes(await _read_body(call), call.username)
    if call.caller.user and not BACKEND_FIELDS.isdisjoint(values):
        raise Forbidden(f"A user token may not write {' or '.join(sorted(BACKEND_FIELDS))}.")
    return await _render_one(call, lambda: call.services.users.update(call.app.id, call.username, values, call.viewer))


async def delete(call: Call) -> web.StreamResponse:
    await call.services.accounts.delete(call.app.id, call.username)
    return web.Response(status=204)


async def rename(call: Call) -> web.StreamResponse:
    new = read_new_username(await _read_body(call))
    return await _render_one(call, lambda: call.services.users.rename(call.app.id, call.username, new, call.viewer))


async def deactivate(call: Call) -> web.StreamResponse:
    return await _render_one(call, lambda: call.services.accounts.deactivate(call.app.id, call.username, call.viewer))


async def reactivate(call: Call) -> web.StreamResponse:
    return await _render_one(call, lambda: call.services.accounts.reactivate(call.app.id, call.username, call.viewer))


async def mint_token(call: Call) -> web.StreamResponse:
    body = await _read_body(call) if call.request.body_exists else {}
    check_names(body, ("ttl",))
    token, expires_at = await call.services.callers.mint_token(call.app, call.username, _read_ttl(call, body))
    return json_response({"token": token, "expires_at": to_text(expires_at)}, 201)


async def revoke_tokens(call: Call) -> web.StreamResponse:
    listing.check_parameters(call.request.query, ())
    await call.services.accounts.revoke_tokens(call.app.id, call.username)
    return web.Response(status=204)


async def issue_access_token(call: Call) -> web.StreamResponse:
    listing.check_parameters(call.request.query, ())
    token = await call.services.access_tokens.issue(call.app.id, call.username)
    return json_response({"access_token": token}, 201)


async def list_sign_ins(call: Call) -> web.StreamResponse:
    limit, offset = listing.read_offset_page(call.request.query, call.services.settings)
    found, total = await call.services.sign_ins.page(call.app.id, call.username, call.viewer, limit, offset)
    items = [{"id": item.id, "created_at": to_text(item.created_at)} for item in found]
    return offset_page(call, "sign_ins", items, limit, offset, total)


def _read_ttl(call: Call, body: Mapping[str, Any]) -> int:
    settings = call.services.settings
    ttl_s = body.get("ttl", settings.token_ttl_s)
    if type(ttl_s) is not int or not 1 <= ttl_s <= settings.token_ttl_max_s:
        raise Invalid(Problem("ttl", f"must be a number of seconds from 1 to {settings.token_ttl_max_s}"))
    return ttl_s


async def _render_one(call: Call, act: Callable[[], Awaitable[Person]]) -> web.Response:
    """Bad `fields` are refused before anything is done."""
    listing.check_parameters(call.request.query, ("fields",))
    fields = listing.read_fields(call.request.query) or USER
    return json_response(render(await act(), fields))


async def _read_body(call: Call) -> dict[str, Any]:
    return await read_json_object(call.request, call.services.settings.body_max_bytes)


def _render_all(people: tuple[Person, ...], fields: tuple[str, ...]) -> list[dict[str, Any]]:
    return [render(person, fields) for person in people]


def _conditional(call: Call, value: Any, headers: Mapping[str, str] | None = None) -> web.Response:
    """200 with an ETag, or 304 where the client has just that."""
    body = msgspec.json.encode(value)
    etag = f'"{blake2b(body, digest_size=16).hexdigest()}"'
    all_headers = {**(headers or {}), "ETag": etag, "Cache-Control": "private, no-cache"}
    stale_s = call.services.sight.stale_s
    if stale_s is not None:
        all_headers["Presence-Stale"] = f"{stale_s:.0f}"
    if _has_already(call.request.headers.get("If-None-Match", ""), etag):
        return web.Response(status=304, headers=all_headers)
    return web.Response(body=body, content_type="application/json", headers=all_headers)


def _has_already(header: str, etag: str) -> bool:
    known = [item.strip().removeprefix("W/") for item in header.split(",")]
    return etag in known or known == ["*"]
