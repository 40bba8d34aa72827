"""Pages of what is listed by offset alone."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from chatsrv.api.addresses import public_url
from chatsrv.api.dialect import Call, json_response
from chatsrv.api.native.listing import write_link_header, write_offset_links


def offset_page(call: Call, name: str, items: list[Any], limit: int, offset: int, total: int) -> web.Response:
    """`count`, `links`, `total_count`, and the items under their name."""
    links = write_offset_links(public_url(call.request), limit, offset, total, call.services.settings)
    headers = {"X-Total-Count": str(total), "Link": write_link_header(links)}
    return json_response({"count": len(items), "links": links, "total_count": total, name: items}, headers=headers)
