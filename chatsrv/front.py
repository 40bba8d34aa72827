"""How an application is served: aiohttp behind the wire, as the settings say."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from aiohttp import web

from chatsrv.api.dialect import SERVICES
from chatsrv.app import REALTIME
from chatsrv.settings import Settings
from chatsrv.wire import RECALL, ListenLimits, Passing
from chatsrv.wire import listening as listening_on


@asynccontextmanager
async def listening(
    app: web.Application, taken: Sequence[socket.socket], settings: Settings, passing: Passing | None = None
) -> AsyncIterator[None]:
    """Serves on these sockets for as long as the block lasts, then stops accepting, hands over the sockets of clients
    and finishes requests. An app without sockets of its own, such as that of the metrics, is served all the same.
    `passing`: where other processes serve on these sockets, too."""
    realtime = app.get(REALTIME)
    if realtime and passing:
        realtime.mark_sessions(passing.mark)
    slow = app[SERVICES].metrics.limits_reached.labels("keepalive_s") if SERVICES in app else None
    async with listening_on(
        app,
        taken,
        ListenLimits(
            settings.keepalive_s,
            settings.header_max_bytes,
            settings.header_max_fields,
            settings.slowest_bytes_per_s,
            settings.shutdown_timeout_s,
        ),
        wheel=realtime.wheel if realtime else None,
        recall=app.get(RECALL),
        sockets=realtime.sockets if realtime else None,
        passing=passing,
        on_slow=slow.inc if slow else None,
    ):
        yield
