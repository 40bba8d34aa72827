"""A server with settings of a test's own, and stores that can be cut off."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import ClientSession

from chatsrv.domain.clock import Clock
from chatsrv.services import Services, open_services
from chatsrv.settings import Settings
from tests.client import ApiClient
from tests.listening import served_node


@asynccontextmanager
async def serving(settings: Settings, clock: Clock | None = None) -> AsyncIterator[tuple[ApiClient, Services]]:
    """A running server, asked without credentials until the client speaks as somebody."""
    async with (
        open_services(settings, clock) as services,
        served_node(services) as url,
        ClientSession() as session,
    ):
        yield ApiClient(session, url, {}), services


class Wire:
    """A TCP relay to a unix socket, which can be cut."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._writers: set[asyncio.StreamWriter] = set()
        self._server: asyncio.Server | None = None
        self.port = 0

    async def open(self) -> None:
        self._server = await asyncio.start_server(self._relay, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def cut(self) -> None:
        """Nobody listens on the port any more, and what was connected is not."""
        if self._server is not None:
            self._server.close()
            for writer in self._writers:
                writer.close()
            await self._server.wait_closed()
            self._server = None

    async def _relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_unix_connection(self._path)
        self._writers |= {writer, back}
        try:
            await asyncio.gather(_pump(reader, back), _pump(there, writer))
        finally:
            self._writers -= {writer, back}


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Until either side is gone; then the other side hears of it, too."""
    try:
        while piece := await reader.read(65536):
            writer.write(piece)
            await writer.drain()
    except ConnectionError:
        pass
    finally:
        writer.close()


@asynccontextmanager
async def wire_to(redis_url: str) -> AsyncIterator[Wire]:
    wire = Wire(redis_url.removeprefix("unix://").partition("?")[0])
    await wire.open()
    try:
        yield wire
    finally:
        await wire.cut()
