"""Memos about users, and drafts of messages."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from aiohttp import web

from chatsrv.api.bodies import read_json_object
from chatsrv.api.dialect import Call, json_response
from chatsrv.api.native.desk import listing, render_draft, render_memo
from chatsrv.api.native.input import check_names, read_id
from chatsrv.api.native.listing import check_parameters
from chatsrv.domain.desk import InChannel, InSupport, Place, Relation
from chatsrv.domain.errors import Invalid, Problem

MEMO_READ_ONLY = ("id", "username", "created_at", "updated_at")
DRAFT_READ_ONLY = ("id", "channel_id", "support_id", "created_at", "updated_at")
"""What a GET answered may be sent back; these are ignored, and so is the author in an update."""

list_memos = listing(Relation.MEMOS, render_memo)
list_drafts = listing(Relation.DRAFTS, render_draft)
list_support_drafts = listing(Relation.SUPPORT_DRAFTS, render_draft)


async def add_memo(call: Call) -> web.StreamResponse:
    body = await _read(call, ("author", "text"))
    author = body.get("author")
    if author is not None and not isinstance(author, str):
        raise Invalid(Problem("author", "must be a username"))
    memo = await call.services.notes.add_memo(call.app.id, call.username, author, body["text"])
    location = f"/v1/{quote(call.app.id, safe='')}/memos/{memo.id}"
    return json_response(render_memo(memo), 201, {"Location": location})


async def get_memo(call: Call) -> web.StreamResponse:
    check_parameters(call.request.query, ())
    return json_response(render_memo(await call.services.notes.get_memo(call.app.id, _memo_id(call))))


async def change_memo(call: Call) -> web.StreamResponse:
    body = await _read(call, ("author", "text", *MEMO_READ_ONLY))
    memo = await call.services.notes.change_memo(call.app.id, _memo_id(call), body["text"])
    return json_response(render_memo(memo))


async def delete_memo(call: Call) -> web.StreamResponse:
    check_parameters(call.request.query, ())
    await call.services.notes.delete_memo(call.app.id, _memo_id(call))
    return web.Response(status=204)


async def put_draft(call: Call) -> web.StreamResponse:
    body = await _read(call, ("text", *DRAFT_READ_ONLY))
    draft = await call.services.notes.put_draft(call.app.id, call.username, _place(call), body["text"], call.viewer)
    return json_response(render_draft(draft))


async def delete_draft(call: Call) -> web.StreamResponse:
    check_parameters(call.request.query, ())
    await call.services.notes.delete_draft(call.app.id, call.username, _place(call))
    return web.Response(status=204)


async def _read(call: Call, known: tuple[str, ...]) -> dict[str, Any]:
    check_parameters(call.request.query, ())
    body = await read_json_object(call.request, call.services.settings.body_max_bytes)
    check_names(body, known)
    if "text" not in body:
        raise Invalid(Problem("text", "is required"))
    return body


def _memo_id(call: Call) -> int:
    return read_id(call, "memoId", "memo")


def _place(call: Call) -> Place:
    if "channelId" in call.request.match_info:
        return InChannel(read_id(call, "channelId", "channel"))
    return InSupport(read_id(call, "supportId", "support"))
