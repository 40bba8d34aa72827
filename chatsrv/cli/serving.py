"""What serve and worker do from their start to their end."""

from __future__ import annotations

import gc
import socket
import sys
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager

import click
import structlog
from aiohttp import web

from chatsrv import front
from chatsrv.api.probes import metrics_app
from chatsrv.app import REALTIME, create_app
from chatsrv.cli.banner import print_banner, url_of
from chatsrv.cli.starting import prepare, reserve_ports, stop_signal
from chatsrv.services import Services, check_folder, open_services
from chatsrv.services.migrations import ensure_current
from chatsrv.settings import Settings
from chatsrv.wire import Passing
from chatsrv.worker import finish, node_loops, running, sending, shared_loops

log = structlog.get_logger(__name__)


async def serve(settings: Settings, as_json: bool) -> None:
    async with stop_signal() as stopped:
        check_folder(settings)
        with reserve_ports(settings) as (public, own):
            async with open_services(settings) as services:
                port = public[0].getsockname()[1]
                welcome = await prepare(services, settings, port)
                async with listening(services, public, own):
                    print_banner(welcome, as_json)
                    log.info("serving", host=settings.host, port=port)
                    await stopped.wait()
                    log.info("stopping")
    log.info("stopped")


@asynccontextmanager
async def listening(
    services: Services,
    public: Sequence[socket.socket],
    own: Sequence[socket.socket],
    passing: Passing | None = None,
) -> AsyncIterator[web.Application]:
    """Serves as long as the block lasts, then stops accepting, hands the sockets over and finishes requests."""
    services.nodes.serve_at(url_of(services.settings.host, public[0].getsockname()[1]))
    app = create_app(services)
    async with AsyncExitStack() as stack:
        if own:
            await stack.enter_async_context(front.listening(metrics_app(app), own, services.settings))
        await stack.enter_async_context(front.listening(app, public, services.settings, passing))
        with settled_memory():
            yield app
        _tell_handing_over(app[REALTIME].count, services.settings.drain_s)


def _tell_handing_over(sockets: int, at_most_s: float) -> None:
    """That is the longest part of an end, and whoever waits at a terminal wants to know for what."""
    if not sockets:
        return
    log.info("handing_over", sockets=sockets, at_most_s=at_most_s)
    if sys.stderr.isatty():
        what = "1 socket" if sockets == 1 else f"{sockets:,} sockets"
        click.echo(f"Handing {what} over, at most {at_most_s:g} s; Ctrl-C again stops now.", err=True)


@contextmanager
def settled_memory() -> Iterator[None]:
    """What is here at the start stays: the collector need not look at it again.

    A crowd of connections is many objects and no garbage: at its usual pace the collector spends two thirds of a
    broadcast on walking through them.
    """
    usual = gc.get_threshold()
    gc.collect()
    gc.freeze()
    gc.set_threshold(100_000, 50, 1000)
    try:
        yield
    finally:
        gc.set_threshold(*usual)
        gc.unfreeze()


async def work(settings: Settings) -> None:
    async with stop_signal() as stopped, open_services(settings) as services:
        await ensure_current(services.db)
        # said at the start, by whoever waits for it; later the loops wait until it is over
        await services.health.reach_redis()
        async with running(node_loops(services) + shared_loops(services), services), sending(services):
            log.info("working")
            await stopped.wait()
            log.info("stopping")
        await finish(services)
    log.info("stopped")
