"""A receiver of webhooks on a port of its own, which answers as it is told and keeps what it was sent."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import msgspec
from aiohttp import web

Answering = Callable[[web.Request, dict[str, Any]], Awaitable[web.StreamResponse] | web.StreamResponse]


@dataclass(frozen=True, slots=True)
class Got:
    """One request: `event` is its body as JSON."""

    path: str
    headers: Mapping[str, str]
    body: bytes
    event: dict[str, Any]

    @property
    def type(self) -> str:
        return str(self.event["type"])


def well(_request: web.Request, _event: dict[str, Any]) -> web.Response:
    return web.Response(status=204)


def answering(status: int, **headers: str) -> Answering:
    return lambda _request, _event: web.Response(status=status, headers=headers, text="No.")


@dataclass(slots=True)
class Receiver:
    url: str = ""
    answer: Answering = well
    got: list[Got] = field(default_factory=list)
    under_way: int = 0
    most_under_way: int = 0
    peers: set[Any] = field(default_factory=set)
    news: asyncio.Condition = field(default_factory=asyncio.Condition)

    @property
    def events(self) -> list[dict[str, Any]]:
        return [one.event for one in self.got]

    @property
    def types(self) -> list[str]:
        return [one.type for one in self.got]

    @property
    def seqs(self) -> list[int]:
        return [one.event["seq"] for one in self.got]

    @property
    def connections(self) -> int:
        return len(self.peers)

    async def reached(self, count: int) -> list[Got]:
        """So many requests, as soon as they have come."""
        async with self.news:
            await self.news.wait_for(lambda: len(self.got) >= count)
        return self.got

    async def handle(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        event = msgspec.json.decode(body)
        self.peers.add(request.get_extra_info("peername"))
        self.under_way += 1
        self.most_under_way = max(self.most_under_way, self.under_way)
        async with self.news:
            self.got.append(Got(request.path_qs, dict(request.headers), body, event))
            self.news.notify_all()
        try:
            answer = self.answer(request, event)
            return await answer if isinstance(answer, Awaitable) else answer
        finally:
            self.under_way -= 1


@asynccontextmanager
async def receiving() -> AsyncIterator[Receiver]:
    receiver = Receiver()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", receiver.handle)
    runner = web.AppRunner(app, shutdown_timeout=0)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    receiver.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield receiver
    finally:
        await runner.cleanup()
