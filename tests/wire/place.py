"""A small application behind the front, asked byte by byte."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from chatsrv.wire import ASKED, ListenLimits, listening
from tests.listening import bound

Address = tuple[str, int]


@dataclass
class Place:
    """`heads`: what each handler knew of its head. `remembered`: recalled answers by head."""

    address: Address
    runner: web.AppRunner
    heads: list[bytes | None] = field(default_factory=list)
    asked: list[bytes] = field(default_factory=list)
    remembered: dict[bytes, bytes] = field(default_factory=dict)
    gate: asyncio.Event = field(default_factory=asyncio.Event)
    text: str = ""

    def recall(self, head: bytes, peer: str) -> bytes | None:
        assert peer == "127.0.0.1"
        self.asked.append(head)
        return self.remembered.get(head)

    async def echo(self, request: web.Request) -> web.Response:
        self.heads.append(ASKED.get().head)
        await self.gate.wait()
        body = (await request.read()).decode()
        self.heads[-1] = self.heads[-1] and ASKED.get().head
        return web.Response(text=self.text or f"<{request.method} {request.path_qs} {body}>")


class Wire:
    """One TCP connection of a client."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    async def send(self, *segments: bytes) -> None:
        """Each as a segment of its own."""
        for number, segment in enumerate(segments):
            if number:
                await asyncio.sleep(0.01)
            self.writer.write(segment)
            await self.writer.drain()

    async def answer(self) -> tuple[int, str]:
        """Status and body of the next answer."""
        async with asyncio.timeout(5):
            head = await self.reader.readuntil(b"\r\n\r\n")
            status, fields = int(head.split(b" ", 2)[1]), head.lower().split(b"\r\n")
            [length] = [int(line[15:]) for line in fields if line.startswith(b"content-length:")] or [0]
            return status, (await self.reader.readexactly(length)).decode()

    async def is_over(self) -> bool:
        """The server ends the connection, and has nothing more to say."""
        async with asyncio.timeout(5):
            return await self.reader.read() == b""

    def close(self) -> None:
        self.writer.close()


@asynccontextmanager
async def running_place(limits: ListenLimits | None = None, **options: Any) -> AsyncIterator[Place]:
    app, taken = web.Application(), bound()
    place = Place(taken.getsockname(), None)  # type: ignore[arg-type]
    place.gate.set()
    app.router.add_route("*", "/{tail:.*}", place.echo)
    limits = limits or ListenLimits(shutdown_timeout_s=1)
    async with listening(app, [taken], limits, recall=place.recall, **options) as runner:
        place.runner = runner
        yield place


@asynccontextmanager
async def connected(place: Place) -> AsyncIterator[Wire]:
    wire = Wire(*await asyncio.open_connection(*place.address))
    yield wire
    wire.close()


def get(target: str = "/a", *fields: str) -> bytes:
    return "\r\n".join([f"GET {target} HTTP/1.1", "Host: x", *fields, "", ""]).encode()


def post(body: str, *fields: str, target: str = "/p") -> bytes:
    lines = [f"POST {target} HTTP/1.1", "Host: x", f"Content-Length: {len(body)}", *fields, "", body]
    return "\r\n".join(lines).encode()
