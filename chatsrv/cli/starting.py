"""What every process that stays does at its start, before anything of the web is loaded."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import Any

from chatsrv.cli.banner import Welcome
from chatsrv.cli.listening import reserved
from chatsrv.domain.errors import Conflict
from chatsrv.services import Services
from chatsrv.services.migrations import ensure_current
from chatsrv.settings import Settings

DEMO = "demo"


@contextmanager
def reserve_ports(settings: Settings) -> Iterator[tuple[list[socket.socket], list[socket.socket]]]:
    """The public address, and that of the metrics, which may have none."""
    with reserved(settings.host, settings.port, "--host, --port or PORT") as public:
        if not settings.metrics_port:
            yield public, []
            return
        with reserved(settings.metrics_host, settings.metrics_port, "the setting metrics_port") as own:
            yield public, own


async def prepare(services: Services, settings: Settings, port: int) -> Welcome:
    """Brings an embedded database up to date, and makes the demo app where `settings` name no stores.

    Whoever starts it at a terminal gets a link to the dashboard each time. Elsewhere, where words are kept as logs,
    none but beside the demo key, which is told there anyway.
    """
    await ensure_current(services.db)
    demo_key = await _make_demo(services, settings)
    is_read = demo_key is not None or sys.stdout.isatty()
    link_token = (await services.admin.make_link())[0] if is_read else None
    has_demo = await services.apps.find(DEMO) is not None
    return Welcome(settings, port, demo_key, has_demo, link_token)


async def _make_demo(services: Services, settings: Settings) -> str | None:
    """The key of the app `demo`, which the very first start on embedded stores makes."""
    if settings.database_url or settings.redis_url or await services.apps.list_apps():
        return None
    try:
        return (await services.apps.create(DEMO, "Demo"))[1]
    except Conflict:
        return None


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

        _allow_files()
        uvloop.run(main())


def _allow_files() -> None:
    """As many as whoever runs us may have: each socket is one, and what one may have unasked is made for programs that
    ask the system with select, which we do not."""
    import resource

    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(ValueError, OSError):  # some systems name a limit that they do not grant
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
