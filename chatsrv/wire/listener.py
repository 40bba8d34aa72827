"""An aiohttp application behind the front, on sockets that are bound already."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

from aiohttp import web
from aiohttp.abc import AbstractAccessLogger

from chatsrv.wire.asked import ASKED, Recall
from chatsrv.wire.front import Front
from chatsrv.wire.handler import REFUSE, Handler
from chatsrv.wire.passing import Passing
from chatsrv.wire.place import Place, Sockets
from chatsrv.wire.wheel import Wheel

_BACKLOG = 2048
"""Clients that connect in one moment; the system has a ceiling of its own."""
_LINGER_S = 2.0
"""So long the rest of a body that nobody wants is read, so that its client gets the answer: by a task that stays,
though the client leave."""


@dataclass(frozen=True, slots=True)
class ListenLimits:
    """`keepalive_s`: an idle connection, or a slow head; `line_max_bytes`, `max_fields`: of a head;
    `slowest_bytes_per_s`: how much of an answer must be read; `shutdown_timeout_s`: what a request that is being
    answered may take when the listener stops."""

    keepalive_s: float = 20.0
    line_max_bytes: int = 8190
    max_fields: int = 128
    slowest_bytes_per_s: int = 1024
    shutdown_timeout_s: float = 60.0


class _Answered(AbstractAccessLogger):
    """No log: aiohttp's public way to learn that an answer has been written to its end."""

    def log(self, request: web.BaseRequest, response: web.StreamResponse, time: float) -> None:  # noqa: ARG002
        asked = ASKED.get(None)
        if asked is not None and asked.answered is not None:
            asked.answered(request, response)


@asynccontextmanager
async def listening(
    app: web.Application,
    taken: Sequence[socket.socket],
    limits: ListenLimits,
    wheel: Wheel | None = None,
    recall: Recall | None = None,
    sockets: Sockets | None = None,
    passing: Passing | None = None,
    on_slow: Callable[[], None] | None = None,
    **options: Any,
) -> AsyncIterator[web.AppRunner]:
    """Serves as long as the block lasts, then stops accepting, shuts the app down and finishes requests.

    The app's REFUSE, if it has one, answers what is no request. `options` go to aiohttp's runner. The sockets in
    `taken` are closed.
    """
    runner = web.AppRunner(app, shutdown_timeout=limits.shutdown_timeout_s, **options)
    await runner.setup()
    try:
        assert runner.server is not None  # noqa: S101 - it has been set up
        place = Place(
            partial(
                Handler,
                runner.server,
                app.get(REFUSE),
                asyncio.get_running_loop(),
                access_log=logging.getLogger(__name__),
                access_log_class=_Answered,
                keepalive_timeout=limits.keepalive_s,
                max_line_size=limits.line_max_bytes,
                max_field_size=limits.line_max_bytes,
                max_headers=limits.max_fields,
                lingering_time=_LINGER_S,
            ),
            wheel or Wheel(),
            limits.keepalive_s,
            limits.line_max_bytes,
            limits.slowest_bytes_per_s,
            recall=recall,
            sockets=sockets,
            passing=passing,
            on_slow=on_slow,
        )
        if passing:
            passing.begin(place)
        servers = [await _listen(place, one) for one in taken]
        try:
            yield runner
        finally:
            for server, one in zip(servers, taken, strict=True):
                server.close()
                one.close()  # the loop may have had a copy
            await asyncio.sleep(0)  # what has arrived is begun
            place.is_closing = True
            if passing:
                passing.end()
            for front in list(place.fronts):
                front.close_idle()
    finally:
        await runner.cleanup()


async def _listen(place: Place, taken: socket.socket) -> asyncio.Server:
    # its connections inherit it; asyncio sets it on none of those that a socket of `create_server` has accepted
    taken.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return await asyncio.get_running_loop().create_server(lambda: Front(place), sock=taken, backlog=_BACKLOG)
