"""A running server whose handlers note what they hear, and clients that speak the wire by hand."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import aiohttp
from aiohttp import web

from chatsrv.realtime.server import Doors, Handshake, SocketServer, WireLimits, build_server
from chatsrv.wire import ListenLimits, listening
from tests.listening import bound, url_of


@dataclass
class Edge:
    """`heard` has (sid, what) in order; `gate` holds every handler of `connect` back while it is clear."""

    server: SocketServer
    runner: web.AppRunner
    address: str
    http: aiohttp.ClientSession
    heard: list[tuple[str, str]] = field(default_factory=list)
    gate: asyncio.Event = field(default_factory=asyncio.Event)
    handshakes: list[Handshake] = field(default_factory=list)

    @property
    def url(self) -> str:
        return self.address

    @property
    def has_lost_a_connection(self) -> bool:
        """A TCP connection is gone whose request is still being handled."""
        assert self.runner.server is not None
        return any(connection.transport is None for connection in self.runner.server.connections)

    def told(self, what: str) -> int:
        return sum(1 for _, said in self.heard if said == what)

    @property
    def reasons(self) -> list[str]:
        return [said.removeprefix("end: ") for _, said in self.heard if said.startswith("end: ")]

    @property
    def is_empty(self) -> bool:
        return not (self.server.eio.sockets or self.server.manager.by_sid or self.server.manager.rooms)

    async def _connect(self, sid: str, handshake: Handshake, _auth: Any) -> None:
        self.handshakes.append(handshake)
        self.heard.append((sid, "connect"))
        await self.gate.wait()
        self.heard.append((sid, "connected"))

    async def _disconnect(self, sid: str, reason: str) -> None:
        self.heard.append((sid, f"end: {reason}"))

    async def _echo(self, sid: str, *words: Any) -> Any:
        self.heard.append((sid, "echo"))
        return words

    def listen(self) -> None:
        self.gate.set()
        self.server.on("connect", self._connect)
        self.server.on("disconnect", self._disconnect)
        self.server.on("echo", self._echo)

    async def websocket(self, **options: Any) -> aiohttp.ClientWebSocketResponse:
        """An open Engine.IO session, without Socket.IO."""
        url = f"{self.url}/socket.io/?EIO=4&transport=websocket"
        ws: aiohttp.ClientWebSocketResponse = await self.http.ws_connect(url, **options)
        assert (await ws.receive_str()).startswith("0{")
        return ws

    async def joined_websocket(self) -> aiohttp.ClientWebSocketResponse:
        ws = await self.websocket()
        await ws.send_str("40")
        assert (await ws.receive_str()).startswith("40{")
        return ws

    async def polling(self) -> "Poller":
        async with self.http.get(f"{self.url}/socket.io/?EIO=4&transport=polling") as answer:
            opened = json.loads((await answer.text())[1:])
        return Poller(self.http, f"{self.url}/socket.io/?EIO=4&transport=polling&sid={opened['sid']}", opened)

    async def joined_poller(self) -> "Poller":
        poller = await self.polling()
        assert await poller.post("40") == 200
        assert (await poller.get())[1].startswith("40{")
        return poller


@dataclass(frozen=True)
class Poller:
    http: aiohttp.ClientSession
    url: str
    opened: dict[str, Any]

    async def get(self) -> tuple[int, str]:
        async with self.http.get(self.url) as answer:
            return answer.status, await answer.text()

    async def post(self, body: str | bytes) -> int:
        async with self.http.post(self.url, data=body) as answer:
            return answer.status


@asynccontextmanager
async def serving(
    limits: WireLimits | None = None, origins: tuple[str, ...] = (), trusted_proxies: int = 0, **options: Any
) -> AsyncIterator[Edge]:
    """`options` go to aiohttp's runner."""
    server = build_server(
        limits or WireLimits(), Doors(lambda origin: "*" in origins or origin in origins, trusted_proxies)
    )
    app = web.Application()
    server.attach(app)
    taken = bound()
    listener = listening(
        app, [taken], ListenLimits(shutdown_timeout_s=1), wheel=server.eio.wheel, sockets=server.eio, **options
    )
    address = url_of(taken)
    async with listener as runner, aiohttp.ClientSession() as http:
        edge = Edge(server, runner, address, http)
        edge.listen()
        yield edge
        edge.gate.set()
        async with asyncio.timeout(10):
            await server.drain(0, lambda: 0)


async def until(claim: Callable[[], object], within_s: float = 5) -> None:
    async with asyncio.timeout(within_s):
        while not claim():
            await asyncio.sleep(0.005)


async def closed(ws: aiohttp.ClientWebSocketResponse, within_s: float = 5) -> int | None:
    """Reads until the server ends the connection, and gives the close code."""
    async with asyncio.timeout(within_s):
        while not ws.closed:
            await ws.receive()
    return ws.close_code
