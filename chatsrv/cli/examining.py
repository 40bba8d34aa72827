"""The checks of the doctor. Each ends in time, whatever it asks and whether that answers."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from chatsrv.cli.examining_machine import check_files, check_folder, check_port, check_proxies
from chatsrv.cli.examining_stores import check_stores
from chatsrv.cli.findings import Finding, fail, ok
from chatsrv.cli.running import Menu
from chatsrv.settings import SettingsError


async def examine(menu: Menu) -> list[Finding]:
    try:
        loaded = menu.load(log_level="error")
    except SettingsError as error:
        return [fail("settings", str(error), "correct the value that is named")]
    settings = loaded.settings
    # what waits for an answer waits together
    port, stores = await asyncio.gather(check_port(settings), check_stores(settings))
    return [
        _check_settings(loaded.sources),
        *port,
        *check_proxies(settings, loaded.sources),
        check_files(),
        *check_folder(settings),
        *stores,
    ]


def _check_settings(sources: dict[str, str]) -> Finding:
    """`log_level` is our own doing."""
    changed: Iterable[str] = [f"{name} ({source})" for name, source in sources.items() if name != "log_level"]
    return ok("settings", f"as they come, but for {', '.join(changed)}" if changed else "as they come")
