"""Requests byte by byte, for what no decent client would send."""

from __future__ import annotations

import asyncio
import re

import msgspec
from multidict import CIMultiDict, CIMultiDictProxy
from yarl import URL

from tests.client import JSON_TYPES, Answer, ApiClient


async def send(api: ApiClient, head: str, body: bytes = b"", *, anonymous: bool = False) -> Answer:
    """`head` is the request line and more headers, a line each; Host and the client's credentials are added.

    The server has ten seconds to answer; the connection may stay open after it, for a body that never came.
    """
    line, *headers = head.splitlines()
    given = {header.partition(":")[0].lower() for header in headers}
    added = {"Host": "test", "Connection": "close", **({} if anonymous else api.headers)}
    headers += [f"{name}: {value}" for name, value in added.items() if name.lower() not in given]
    # latin-1: each character is one byte on the wire
    request = "\r\n".join((f"{line} HTTP/1.1", *headers, "", "")).encode("latin-1") + body
    async with asyncio.timeout(10):
        return await _exchange(URL(api.url), request)


async def _exchange(url: URL, request: bytes) -> Answer:
    reader, writer = await asyncio.open_connection(url.host, url.port)
    try:
        writer.write(request)
        await writer.drain()
        return await read_answer(reader)
    finally:
        writer.close()


async def read_answer(reader: asyncio.StreamReader) -> Answer:
    """The next one on a connection."""
    head = await reader.readuntil(b"\r\n\r\n")
    length = re.search(rb"(?i)\r\ncontent-length: (\d+)", head)
    return _read(head + await reader.readexactly(int(length[1]) if length else 0))


def _read(answer: bytes) -> Answer:
    head, _, body = answer.partition(b"\r\n\r\n")
    line, *rest = head.decode().split("\r\n")
    headers = CIMultiDict((name, value) for name, _, value in (header.partition(": ") for header in rest))
    is_json = headers.get("Content-Type") in JSON_TYPES and bool(body)
    return Answer(int(line.split()[1]), CIMultiDictProxy(headers), body, msgspec.json.decode(body) if is_json else None)
