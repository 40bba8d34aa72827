"""What serve and worker do from their start to their end."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from typing import Any

import structlog
from aiohttp import web

from chatsrv.api.probes import metrics_app
from chatsrv.app import create_app
from chatsrv.cli.banner import Welcome, print_banner
from chatsrv.cli.listening import reserved
from chatsrv.domain.errors import Conflict
from chatsrv.services import Services, check_folder, open_services
from chatsrv.services.migrations import ensure_current
from chatsrv.settings import Settings
from chatsrv.worker import finish, node_loops, running, shared_loops

log = structlog.get_logger(__name__)

DEMO = "demo"


async def serve(settings: Settings, as_json: bool) -> None:
    async with stop_signal() as stopped:
        check_folder(settings)
        with _reserve_ports(settings) as (public, own):
            async with open_services(settings) as services:
                await ensure_current(services.db)
                demo_key = await _make_demo(services)
                has_demo = await services.apps.find(DEMO) is not None
                async with listening(services, public, own):
                    port = public[0].getsockname()[1]
                    print_banner(Welcome(settings, port, demo_key, has_demo), as_json)
                    log.info("serving", host=settings.host, port=port)
                    await stopped.wait()
                    log.info("stopping")
    log.info("stopped")


@contextmanager
def _reserve_ports(settings: Settings) -> Iterator[tuple[list[socket.socket], list[socket.socket]]]:
    """The public address, and that of the metrics, which may have none."""
    with reserved(settings.host, settings.port, "--host, --port or PORT") as public:
        if not settings.metrics_port:
            yield public, []
            return
        with reserved(settings.metrics_host, settings.metrics_port, "the setting metrics_port") as own:
            yield public, own


@asynccontextmanager
async def listening(
    services: Services, public: Sequence[socket.socket], own: Sequence[socket.socket]
) -> AsyncIterator[None]:
    """Serves as long as the block lasts, then stops accepting, hands the sockets over and finishes requests."""
    app = create_app(services)
    async with AsyncExitStack() as stack:
        runner = await _start(stack, app, services.settings)
        sites = [await _listen(runner, one) for one in public]
        if own:
            metrics = await _start(stack, metrics_app(app), services.settings)
            for one in own:
                await _listen(metrics, one)
        yield
        for site, taken in zip(sites, public, strict=True):
            await site.stop()
            taken.close()  # the loop may have had a copy


async def _start(stack: AsyncExitStack, app: web.Application, settings: Settings) -> web.AppRunner:
    runner = web.AppRunner(
        app,
        access_log=None,  # our own line is cheaper, and holds the request id
        keepalive_timeout=settings.keepalive_s,
        max_line_size=settings.header_max_bytes,
        max_field_size=settings.header_max_bytes,
        shutdown_timeout=settings.shutdown_timeout_s,
    )
    await runner.setup()
    stack.push_async_callback(runner.cleanup)
    return runner


async def _listen(runner: web.AppRunner, taken: socket.socket) -> web.SockSite:
    site = web.SockSite(runner, taken)
    await site.start()
    return site


async def _make_demo(services: Services) -> str | None:
    """The key of the app `demo`, which the very first start on embedded stores makes."""
    settings = services.settings
    if settings.database_url or settings.redis_url or await services.apps.list_apps():
        return None
    try:
        return (await services.apps.create(DEMO, "Demo"))[1]
    except Conflict:
        return None


async def work(settings: Settings) -> None:
    async with stop_signal() as stopped, open_services(settings) as services:
        await ensure_current(services.db)
        async with running(node_loops(services) + shared_loops(services), services):
            log.info("working")
            await stopped.wait()
            log.info("stopping")
        await finish(services)
    log.info("stopped")


@asynccontextmanager
async def stop_signal() -> AsyncIterator[asyncio.Event]:
    """Set by the first SIGTERM or SIGINT; a second one ends the process at once."""
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()

    def stop() -> None:
        if stopped.is_set():
            os._exit(1)
        stopped.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop)
    yield stopped


def run(main: Callable[[], Coroutine[Any, Any, None]]) -> None:
    if sys.platform == "win32":
        asyncio.run(main())
    else:
        import uvloop

        uvloop.run(main())
