"""chatsrv serve, worker and migrate: the processes of a Procfile."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import click
import structlog
from aiohttp import web

from chatsrv.api.probes import metrics_app
from chatsrv.app import create_app
from chatsrv.cli.banner import print_banner
from chatsrv.cli.output import show
from chatsrv.cli.running import Menu, pass_menu
from chatsrv.domain.errors import Conflict, SetupError
from chatsrv.services import Services, open_services
from chatsrv.services.migrations import ensure_current, find_missing
from chatsrv.services.migrations import migrate as run_migrations
from chatsrv.settings import Settings
from chatsrv.worker import node_loops, running, shared_loops

log = structlog.get_logger(__name__)

DEMO = "demo"


@click.command()
@click.option("--host", help="Address to listen on; 0.0.0.0 for all.")
@click.option("--port", type=int, help="Port to listen on.")
@pass_menu
def serve(menu: Menu, host: str | None, port: int | None) -> None:
    """Run the server: REST, sockets and, unless run_worker is false, the background work."""
    settings = menu.load(host=host, port=port).settings
    _run(lambda: _serve(settings))


async def _serve(settings: Settings) -> None:
    async with stop_signal() as stopped, open_services(settings) as services:
        await ensure_current(services.db)
        demo_key = await _make_demo(services)
        async with listening(services) as port:
            print_banner(settings, port, demo_key)
            log.info("serving", host=settings.host, port=port)
            await stopped.wait()
            log.info("stopping")
        log.info("stopped")


@asynccontextmanager
async def listening(services: Services) -> AsyncIterator[int]:
    """Serves as long as the block lasts, then stops accepting, hands the sockets over and finishes requests."""
    settings = services.settings
    app = create_app(services)
    async with AsyncExitStack() as stack:
        runner = await _start(stack, app, settings)
        site = await _listen(runner, settings.host, settings.port)
        if settings.metrics_port:
            own = await _start(stack, metrics_app(app), settings)
            await _listen(own, settings.metrics_host, settings.metrics_port)
        yield runner.addresses[0][1]
        await site.stop()


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


async def _listen(runner: web.AppRunner, host: str, port: int) -> web.TCPSite:
    site = web.TCPSite(runner, host, port)
    try:
        await site.start()
    except OSError as error:
        where = f"{host}:{port}"
        raise SetupError(f"cannot listen on {where} ({error.strerror}): choose another with --port") from error
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


@click.command()
@pass_menu
def worker(menu: Menu) -> None:
    """Run the sweeps and flushes in a process of their own, for servers with run_worker = false."""
    settings = menu.load().settings
    if not settings.redis_url:
        raise SetupError("a worker of its own needs REDIS_URL: an embedded Valkey belongs to the server's process")
    _run(lambda: _work(settings))


async def _work(settings: Settings) -> None:
    async with stop_signal() as stopped, open_services(settings) as services:
        await ensure_current(services.db)
        async with running(node_loops(services) + shared_loops(services), services):
            log.info("working")
            await stopped.wait()
    log.info("stopped")


@click.command()
@click.option("--check", is_flag=True, help="Only tell what is missing; status 1 if anything is.")
@pass_menu
def migrate(menu: Menu, check: bool) -> None:
    """Bring the database up to date."""
    settings = menu.load().settings

    async def main() -> list[str]:
        async with open_services(settings, as_guest=True) as services:
            return await (find_missing(services.db) if check else run_migrations(services.db))

    revisions = asyncio.run(main())
    show(menu.as_json, {"missing" if check else "applied": revisions or ([] if menu.as_json else "none")})
    if check and revisions:
        sys.exit(1)


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


def _run(main: Callable[[], Coroutine[Any, Any, None]]) -> None:
    if sys.platform == "win32":
        asyncio.run(main())
    else:
        import uvloop

        uvloop.run(main())
