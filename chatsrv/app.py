"""The web application: the edges on one aiohttp app, with the loops that a node runs."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import nullcontext

from aiohttp import web

from chatsrv import admin
from chatsrv.api import DIALECTS, pages, probes
from chatsrv.api.dialect import SERVICES
from chatsrv.api.edge import finish_headers, middlewares
from chatsrv.api.memo import MEMO, Memo
from chatsrv.api.unreadable import refuse_with
from chatsrv.realtime import Realtime
from chatsrv.services import Services
from chatsrv.wire import RECALL, REFUSE
from chatsrv.worker import Loop, finish, node_loops, running, sending, shared_loops

REALTIME: web.AppKey[Realtime] = web.AppKey("realtime", Realtime)
RESUME_S = 0.5
TOKENS_EVERY_S = 1.0
OBSERVERS_EVERY_S = 0.8
"""How soon a socket that watches an app follows its key or session."""


def create_app(services: Services) -> web.Application:
    """The services stay the caller's to close, after the app has been cleaned up."""
    app = web.Application(middlewares=middlewares(DIALECTS))
    app[SERVICES] = services
    app[REALTIME] = realtime = Realtime(services)
    app[MEMO] = memo = Memo(services)
    app[RECALL] = memo.recall
    app[REFUSE] = refuse_with(services, DIALECTS)
    for dialect in DIALECTS:
        dialect.mount(app)
    probes.mount(app)
    pages.mount(app, DIALECTS)
    admin.mount(app, services)
    realtime.attach(app)
    app.on_response_prepare.append(finish_headers)
    app.cleanup_ctx.append(_run_node)
    app.on_shutdown.append(_hand_over)
    return app


async def _hand_over(app: web.Application) -> None:
    """Before the server closes its connections: a socket that it closes looks like one that was lost."""
    await app[REALTIME].drain()


async def _run_node(app: web.Application) -> AsyncIterator[None]:
    """Leases come first: a node without one may not sweep. The log is followed from where it ends now."""
    services, fanout = app[SERVICES], app[REALTIME].fanout
    loops = node_loops(services) + (shared_loops(services) if services.settings.run_worker else [])
    # these two end by themselves only when they fail, and must not stay away then
    loops += [Loop("follow", RESUME_S, fanout.follow), Loop("fan_out", RESUME_S, fanout.delivery.flush_forever)]
    loops.append(Loop("tokens", TOKENS_EVERY_S, app[REALTIME].check_tokens))
    observers = app[REALTIME].observers
    loops.append(Loop("observe", RESUME_S, observers.tell_forever))
    loops.append(Loop("observers", OBSERVERS_EVERY_S, observers.check))
    await services.upkeep.beat()
    await services.origins.begin()
    fanout.begin(await services.following.begin())
    async with running(loops, services), sending(services) if services.settings.run_worker else nullcontext():
        yield
    await finish(services)
