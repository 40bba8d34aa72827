"""The web application: the edges on one aiohttp app, with the loops that a node runs."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from aiohttp import web

from chatsrv.api import DIALECTS, pages, probes
from chatsrv.api.dialect import SERVICES
from chatsrv.api.edge import finish_headers, middlewares
from chatsrv.realtime import Realtime
from chatsrv.services import Services
from chatsrv.worker import node_loops, running, shared_loops

REALTIME: web.AppKey[Realtime] = web.AppKey("realtime", Realtime)


def create_app(services: Services) -> web.Application:
    """The services stay the caller's to close, after the app has been cleaned up."""
    app = web.Application(middlewares=middlewares(DIALECTS))
    app[SERVICES] = services
    app[REALTIME] = realtime = Realtime(services)
    for dialect in DIALECTS:
        dialect.mount(app)
    probes.mount(app)
    pages.mount(app, DIALECTS)
    realtime.attach(app)
    app.on_response_prepare.append(finish_headers)
    app.cleanup_ctx.append(_run_node)
    return app


async def _run_node(app: web.Application) -> AsyncIterator[None]:
    """Leases come first: a node without one may not sweep. The log is followed from where it ends now."""
    services, fanout = app[SERVICES], app[REALTIME].fanout
    loops = node_loops(services) + (shared_loops(services) if services.settings.run_worker else [])
    await services.upkeep.beat()
    await services.changelog.seek_end()
    tasks = [asyncio.create_task(fanout.follow()), asyncio.create_task(fanout.flush_forever())]
    async with running(loops, services):
        yield
        await app[REALTIME].drain()
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    await services.clocks.flush()
