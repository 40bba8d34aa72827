"""What `chatsrv online` does: looks on beside a server, and goes on where the stores are away for a while."""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path

from chatsrv.cli.people_shown import Shown
from chatsrv.domain.errors import SetupError, Unavailable
from chatsrv.services import Services, open_services
from chatsrv.services.migrations import ensure_current
from chatsrv.services.stores import ValkeySilent, check_running
from chatsrv.settings import Settings

BLOCK_MS = 1000
GATHER_S = 0.25
"""What changes within it is shown together."""

AGAIN_S = 0.5


async def look_on(settings: Settings, shown: Shown) -> None:
    """Once, or until it is cancelled. Raises NotFound and, where it cannot even begin, SetupError and Unavailable. Who
    goes on waits for an embedded Valkey that runs and is silent."""
    if shown.goes_on:
        _end_quietly()
    try:
        await check_running(settings)
        async with open_services(settings, as_guest=True, with_presence=False) as services:
            await ensure_current(services.db)
            await _follow(services, shown)
            return
    except ValkeySilent as error:
        if not shown.goes_on:
            raise
        shown.stale(str(error))
    except Unavailable as error:
        if not shown.has_begun:
            raise _explained(error, settings) from error
        shown.stale(str(error))
    await _go_on(settings, shown)


async def _go_on(settings: Settings, shown: Shown) -> None:
    """Opens the stores anew each time: an embedded one may be back at another address."""
    while True:
        await asyncio.sleep(AGAIN_S)
        try:
            await check_running(settings)
            async with open_services(settings, as_guest=True, with_presence=False) as services:
                await _follow(services, shown)
        except (Unavailable, ValkeySilent) as error:
            shown.stale(str(error))


async def _follow(services: Services, shown: Shown) -> None:
    onlooker = services.onlookers.of((await services.apps.get(shown.view.app_id)).id)
    await onlooker.begin()
    shown.begin(onlooker.crowd)
    while shown.goes_on:
        changed = await onlooker.follow(BLOCK_MS)
        shown.show(onlooker.crowd, changed)
        if changed:
            await asyncio.sleep(GATHER_S)


def _end_quietly() -> None:
    """On SIGTERM, as on Ctrl-C: a terminal gets its cursor back."""
    task = asyncio.current_task()
    assert task is not None  # noqa: S101 - narrows the type
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)


def _explained(error: Unavailable, settings: Settings) -> Exception:
    if settings.redis_url or error.what != "presence store":
        return error
    folder = Path(settings.data_dir).resolve()
    return SetupError(f"no server runs on the data folder {folder}: start one with chatsrv serve")
