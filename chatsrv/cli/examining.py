"""The checks of the doctor."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import AsyncIterator
from pathlib import Path
from typing import TypedDict

from chatsrv.cli.running import Menu
from chatsrv.domain.errors import SetupError, Unavailable
from chatsrv.services import Services, open_services
from chatsrv.services.migrations import find_missing
from chatsrv.services.troubles import driver_words, mend_for
from chatsrv.settings import Settings, SettingsError

SKEW_MAX_MS = 2000
TIMEOUT_S = 5.0


class Row(TypedDict):
    """`state` is ok, note or fail; `mend` says what to do, and is empty where all is well."""

    check: str
    state: str
    found: str
    mend: str


async def examine(menu: Menu) -> list[Row]:
    try:
        loaded = menu.load(log_level="error")
    except SettingsError as error:
        return [_fail("settings", str(error), "correct the value that is named")]
    settings = loaded.settings
    rows = [_check_settings(loaded.sources), _check_port(settings), _check_folder(settings)]
    return rows + [row async for row in _check_stores(settings)]


async def _check_stores(settings: Settings) -> AsyncIterator[Row]:
    try:
        async with open_services(settings, as_guest=True) as services:
            async for row in _check_database(services):
                yield row
            yield await _check_redis(services)
            yield await _check_clock(services)
    except SetupError as error:
        found, _, mend = str(error).partition(": ")
        yield _fail("stores", found, mend)


async def _check_database(services: Services) -> AsyncIterator[Row]:
    try:
        async with asyncio.timeout(TIMEOUT_S):
            await services.db.ping()
            missing = await find_missing(services.db)
    except Unavailable as error:
        yield _out_of_reach("database", error)
        return
    except TimeoutError:
        yield _fail("database", f"no answer within {TIMEOUT_S:g} s", "check DATABASE_URL and that the server runs")
        return
    yield _ok("database", "answers" if services.settings.database_url else "embedded")
    if missing and services.db.is_sqlite:
        yield _ok("migrations", "to be run by the first start")
    elif missing:
        yield _fail("migrations", f"the database lacks {', '.join(missing)}", "run: chatsrv migrate")
    else:
        yield _ok("migrations", "up to date")


async def _check_redis(services: Services) -> Row:
    try:
        async with asyncio.timeout(TIMEOUT_S):
            await services.health.reach_redis()
    except Unavailable as error:
        return _out_of_reach("redis", error)
    except TimeoutError:
        return _fail("redis", f"no answer within {TIMEOUT_S:g} s", "check REDIS_URL and that the server runs")
    return _ok("redis", "answers" if services.settings.redis_url else "embedded")


def _out_of_reach(check: str, error: Unavailable) -> Row:
    """With what the driver says: a wrong password and a wrong host look alike otherwise."""
    words = driver_words(error)
    return _fail(check, f"{error} ({words})" if words else str(error), mend_for(error))


async def _check_clock(services: Services) -> Row:
    try:
        skew_ms = await services.health.clock_skew_ms(services.clock.now)
    except Unavailable:
        return _fail("clock", "not known without Redis", "mend redis first")
    found = f"{skew_ms} ms from Redis' clock"
    return _ok("clock", found) if abs(skew_ms) <= SKEW_MAX_MS else _fail("clock", found, "set both clocks by NTP")


def _check_settings(sources: dict[str, str]) -> Row:
    """`log_level` is our own doing."""
    changed = [f"{name} ({source})" for name, source in sources.items() if name != "log_level"]
    return _ok("settings", f"as they come, but for {', '.join(changed)}" if changed else "as they come")


def _check_folder(settings: Settings) -> Row:
    folder = Path(settings.data_dir).resolve()
    existing = next(path for path in (folder, *folder.parents) if path.exists())
    if existing.is_dir() and os.access(existing, os.W_OK | os.X_OK):
        return _ok("data folder", str(folder))
    return _fail("data folder", f"{existing} cannot be written to", "set CHATSRV_DATA_DIR to a folder of yours")


def _check_port(settings: Settings) -> Row:
    where = f"{settings.host}:{settings.port}"
    with socket.socket(socket.AF_INET6 if ":" in settings.host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((settings.host, settings.port))
        except OSError as error:
            found = f"{where}: {error.strerror}"
            return {"check": "port", "state": "note", "found": found, "mend": "fine if that is chatsrv; else set PORT"}
    return _ok("port", f"{where} is free")


def _ok(check: str, found: str) -> Row:
    return {"check": check, "state": "ok", "found": found, "mend": ""}


def _fail(check: str, found: str, mend: str) -> Row:
    return {"check": check, "state": "fail", "found": found, "mend": mend}
