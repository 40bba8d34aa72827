"""The Socket.IO edge: `open_realtime` mounts it on an aiohttp application."""

from __future__ import annotations

import random
from collections.abc import Callable

from aiohttp import web

from chatsrv.realtime.namespace import Namespace
from chatsrv.realtime.server import Doors, WireLimits, build_server
from chatsrv.services import Services
from chatsrv.wire import Sockets, Wheel


class Realtime:
    """The sockets of one node."""

    def __init__(self, services: Services) -> None:
        settings = services.settings
        limits = WireLimits(
            ping_interval_s=settings.ping_interval_s,
            ping_timeout_s=settings.ping_timeout_s,
            max_message_bytes=settings.socket_message_max_bytes,
            queue_max_bytes=settings.socket_queue_max_bytes,
            auth_deadline_s=settings.auth_deadline_s,
            body_timeout_s=settings.body_timeout_s,
        )
        self._drain_s = settings.drain_s
        self._server = build_server(limits, Doors(services.origins.admits, settings.trusted_proxies))
        namespace = Namespace(services, self._server)
        self.fanout = namespace.fanout
        self.observers = namespace.observers
        self.check_tokens = namespace.check_tokens

    def attach(self, app: web.Application) -> None:
        self._server.attach(app)

    @property
    def sockets(self) -> Sockets:
        """Who takes over the WebSockets that a listener is asked for."""
        return self._server.eio

    @property
    def wheel(self) -> Wheel:
        return self._server.eio.wheel

    @property
    def count(self) -> int:
        """Of sockets that are open here."""
        return len(self._server.eio.sockets)

    def mark_sessions(self, mark: str) -> None:
        """The ids of new sessions begin with it; url-safe."""
        self._server.eio.mark = mark

    async def drain(self, draw: Callable[[], float] = random.random) -> None:
        """Hands every socket over, spread over the time that the settings say, and returns when all are gone."""
        await self._server.drain(self._drain_s, draw)
