"""Applications that are served as `chatsrv serve` serves them, on a port of their own."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web, web_app

from chatsrv import front
from chatsrv.api.dialect import SERVICES
from chatsrv.app import create_app
from chatsrv.services import Services
from chatsrv.settings import Settings


def bound() -> socket.socket:
    return socket.create_server(("127.0.0.1", 0))


def url_of(taken: socket.socket) -> str:
    return f"http://127.0.0.1:{taken.getsockname()[1]}"


@asynccontextmanager
async def served(app: web.Application, settings: Settings) -> AsyncIterator[str]:
    """Its URL. The socket is closed when the block ends."""
    taken = bound()
    url = url_of(taken)
    async with front.listening(app, [taken], settings):
        yield url
    # which holds the last thousand handlers that were called, each with its application and all that is in it:
    # a run would carry hundreds of them along, and look through them for garbage again and again
    web_app._cached_build_middleware.cache_clear()


@asynccontextmanager
async def served_node(services: Services) -> AsyncIterator[str]:
    app = create_app(services)
    async with served(app, app[SERVICES].settings) as url:
        yield url
