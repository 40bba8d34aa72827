"""What comes with a request: read within its limits, and once."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from typing import Any

import msgspec
from aiohttp import web

from chatsrv.api.dialect import SERVICES
from chatsrv.domain.errors import Malformed, TooLarge, UnsupportedMediaType

BODY: web.RequestKey[bytes] = web.RequestKey("body", bytes)


async def pieces(request: web.Request) -> AsyncIterator[bytes]:
    """The body as it comes. A client that stops in the middle, or next to it, is not waited for."""
    settings, loop = request.app[SERVICES].settings, asyncio.get_running_loop()
    credit_s = settings.body_timeout_s
    while True:
        began = loop.time()
        try:
            async with asyncio.timeout(credit_s):
                piece = await request.content.readany()
        except TimeoutError as error:
            raise Malformed("The body did not come in time.").over("body_timeout_s") from error
        except web.RequestPayloadError as error:
            raise Malformed("The body is broken.") from error
        if not piece:
            return
        # what we ourselves take is not the client's fault
        credit_s += len(piece) / settings.slowest_bytes_per_s - (loop.time() - began)
        credit_s = min(credit_s, settings.body_timeout_s)
        yield piece


async def read_body(request: web.Request, limit: int) -> bytes:
    """Raises TooLarge as soon as that is known. Whoever asks again gets the same."""
    if BODY in request:
        return request[BODY]
    if (request.content_length or 0) > limit:
        raise _too_large(request, limit)
    body = bytearray()
    async for piece in pieces(request):
        body += piece
        if len(body) > limit:
            raise _too_large(request, limit)
    request[BODY] = bytes(body)
    return request[BODY]


def _too_large(request: web.Request, limit: int) -> TooLarge:
    is_plain = limit == request.app[SERVICES].settings.body_max_bytes
    return TooLarge(f"The body may have at most {limit} bytes.").over(
        "body_max_bytes" if is_plain else "bulk_body_max_bytes"
    )


def check_media_type(request: web.Request, accepted: tuple[str, ...]) -> None:
    """A body without a type is taken for the first of the accepted ones."""
    if "Content-Type" in request.headers and request.content_type not in accepted:
        raise UnsupportedMediaType(f"The body must be {accepted[0]}.")


async def read_json(request: web.Request, limit: int) -> Any:
    """Raises UnsupportedMediaType, TooLarge and Malformed."""
    check_media_type(request, ("application/json",))
    body = await read_body(request, limit)
    if not body:
        raise Malformed("The body is empty; send JSON.")
    return decode_json(request, body)


def decode_json(request: web.Request, body: bytes) -> Any:
    """Raises Malformed, also where it is nested too deeply."""
    check_depth(body, request.app[SERVICES].settings.json_max_depth)
    try:
        return msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Malformed(f"The body is not JSON: {error}") from error


async def read_json_object(request: web.Request, limit: int) -> dict[str, Any]:
    value = await read_json(request, limit)
    if not isinstance(value, dict):
        raise Malformed("The body must be a JSON object.")
    return value


# possessive, and a string may lack its end: hostile quotes and backslashes must not make it look twice at a byte
_NOT_NESTING = re.compile(rb'"(?:[^"\\]++|\\.)*+"?|[^\[\]{}"]++', re.DOTALL)


def check_depth(body: bytes, limit: int) -> None:
    """Deep nesting is refused before anything recurses into it."""
    if body.count(b"[") + body.count(b"{") <= limit:
        return
    depth = 0
    for bracket in _NOT_NESTING.sub(b"", body):
        depth += 1 if bracket in b"[{" else -1
        if depth > limit:
            raise Malformed(f"The JSON is nested deeper than {limit} levels.").over("json_max_depth")
