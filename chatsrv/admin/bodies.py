"""What the page sends and gets: small JSON."""

from __future__ import annotations

import asyncio
from typing import Any, TypeVar

import msgspec
from aiohttp import web

from chatsrv.domain.errors import Malformed, TooLarge, UnsupportedMediaType

BODY_MAX = 4096

T = TypeVar("T")


async def read(request: web.Request, kind: type[T], timeout_s: float) -> T:
    """Raises Malformed, TooLarge and UnsupportedMediaType."""
    if request.content_type != "application/json":  # forms of other sites could send anything else
        raise UnsupportedMediaType("Send application/json.")
    body = bytearray()
    try:
        async with asyncio.timeout(timeout_s):
            async for piece in request.content.iter_any():
                body += piece
                if len(body) > BODY_MAX:
                    raise TooLarge(f"The body may have at most {BODY_MAX} bytes.")
        return msgspec.json.decode(body, type=kind)
    except (TimeoutError, web.RequestPayloadError) as error:
        raise Malformed("The body did not come.") from error
    except msgspec.MsgspecError as error:
        raise Malformed(str(error)) from error


def render(value: Any, status: int = 200) -> web.Response:
    return web.Response(status=status, body=msgspec.json.encode(value), content_type="application/json")
