"""What the things of a service desk look like, and the lists of those that one user has."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from aiohttp import web

from chatsrv.api.dialect import Call, Handler
from chatsrv.api.native.listing import read_offset_page
from chatsrv.api.native.pages import offset_page
from chatsrv.domain.channels import Channel
from chatsrv.domain.desk import Draft, Memo, NamedValue, Relation, Support
from chatsrv.domain.instants import to_text, to_text_or_none
from chatsrv.domain.presence import SERVER, Person, see
from chatsrv.domain.users import User
from chatsrv.domain.wire import SUMMARY, render


def listing(relation: Relation, render_item: Callable[[Any], Any]) -> Handler:
    """A handler that lists what the user in the path has."""

    async def list_page(call: Call) -> web.StreamResponse:
        limit, offset = read_offset_page(call.request.query, call.services.settings)
        found, total = await call.services.desk.page_of(
            call.app.id, relation, call.username, limit, offset, call.viewer
        )
        return offset_page(call, "items", [render_item(item) for item in found], limit, offset, total)

    return list_page


def render_support(support: Support) -> dict[str, Any]:
    return {
        "id": support.id,
        "channel_id": support.channel_id,
        "customer": support.customer,
        "agent": support.agent,
        "closed": not support.is_open,
        "created_at": to_text(support.created_at),
        "closed_at": to_text_or_none(support.closed_at),
    }


def render_memo(memo: Memo) -> dict[str, Any]:
    return {
        "id": memo.id,
        "username": memo.username,
        "author": memo.author,
        "text": memo.text,
        "created_at": to_text(memo.created_at),
        "updated_at": to_text(memo.updated_at),
    }


def render_draft(draft: Draft) -> dict[str, Any]:
    return {
        "id": draft.id,
        "channel_id": draft.channel_id,
        "support_id": draft.support_id,
        "text": draft.text,
        "created_at": to_text(draft.created_at),
        "updated_at": to_text(draft.updated_at),
    }


def render_named(item: NamedValue) -> dict[str, Any]:
    return {"name": item.name, "value": item.value}


def render_channel(channel: Channel) -> dict[str, Any]:
    """In brief."""
    return {"id": channel.id, "uri": channel.uri, "subject": channel.subject, "type": int(channel.type)}


def render_customer(user: User) -> dict[str, Any]:
    """In brief; nothing of it is presence."""
    return render(Person(user, see(user, None, SERVER)), SUMMARY)
