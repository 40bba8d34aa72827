"""chatsrv doctor: one line for each check, with the mend."""

from __future__ import annotations

import asyncio
import os
import socket
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import click

from chatsrv.cli.output import show_list
from chatsrv.cli.running import Menu, pass_menu
from chatsrv.domain.errors import ChatError, SetupError
from chatsrv.services import Services, open_services
from chatsrv.services.health import OK
from chatsrv.settings import Settings, SettingsError

SKEW_MAX_MS = 2000
MENDS = {
    "database": "check DATABASE_URL and that the server runs",
    "redis": "check REDIS_URL and that the server runs",
    "migrations": "run: chatsrv migrate",
}


@click.command()
@pass_menu
def doctor(menu: Menu) -> None:
    """Check settings, data folder, port, database, migrations, Redis and clock."""
    rows = asyncio.run(_examine(menu))
    if menu.as_json:
        show_list(True, rows, "")
    else:
        for row in rows:
            mend = f"  -> {row['mend']}" if row["mend"] else ""
            click.echo(f"{row['state']:<5} {row['check']:<11} {row['found']}{mend}")
    if any(row["state"] == "fail" for row in rows):
        sys.exit(1)


async def _examine(menu: Menu) -> list[dict[str, str]]:
    try:
        loaded = menu.load(log_level="error")
    except SettingsError as error:
        return [_fail("settings", str(error), "correct the value that is named")]
    settings = loaded.settings
    changed = f"{len(loaded.sources)} set, the others as they come"
    rows = [_ok("settings", changed), _check_folder(Path(settings.data_dir)), _check_port(settings)]
    return rows + [row async for row in _check_stores(settings)]


async def _check_stores(settings: Settings) -> AsyncIterator[dict[str, str]]:
    try:
        async with open_services(settings, as_guest=True) as services:
            for name, answer in (await services.health.check()).items():
                yield _ok(name, _where(settings, name)) if answer == OK else _fail(name, answer, MENDS[name])
            yield await _check_clock(services)
    except SetupError as error:
        yield _fail("stores", str(error), "see what it says")


async def _check_clock(services: Services) -> dict[str, str]:
    try:
        skew_ms = await services.health.clock_skew_ms(services.clock.now)
    except ChatError as error:
        return _fail("clock", str(error), MENDS["redis"])
    found = f"{skew_ms} ms from Redis' clock"
    return _ok("clock", found) if abs(skew_ms) <= SKEW_MAX_MS else _fail("clock", found, "set both clocks by NTP")


def _check_folder(folder: Path) -> dict[str, str]:
    existing = next(path for path in (folder.resolve(), *folder.resolve().parents) if path.exists())
    if existing.is_dir() and os.access(existing, os.W_OK | os.X_OK):
        return _ok("data folder", str(folder.resolve()))
    return _fail("data folder", f"{existing} cannot be written to", "set CHATSRV_DATA_DIR to a folder of yours")


def _check_port(settings: Settings) -> dict[str, str]:
    where = f"{settings.host}:{settings.port}"
    with socket.socket(socket.AF_INET6 if ":" in settings.host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((settings.host, settings.port))
        except OSError as error:
            found = f"{where}: {error.strerror}"
            return {"check": "port", "state": "note", "found": found, "mend": "fine if that is chatsrv; else set PORT"}
    return _ok("port", f"{where} is free")


def _where(settings: Settings, name: str) -> str:
    """Never the URL, which holds a password."""
    embedded = {"database": not settings.database_url, "redis": not settings.redis_url}
    return {True: "embedded", False: "answers"}[embedded[name]] if name in embedded else "up to date"


def _ok(check: str, found: str) -> dict[str, str]:
    return {"check": check, "state": "ok", "found": found, "mend": ""}


def _fail(check: str, found: str, mend: str) -> dict[str, str]:
    return {"check": check, "state": "fail", "found": found, "mend": mend}
