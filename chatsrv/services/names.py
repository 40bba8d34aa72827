"""Finding what somebody means who has typed the beginning of a name, without opening more than the database."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from chatsrv.settings import Settings
from chatsrv.storage import names as rows
from chatsrv.storage.database import Database, open_database, parse_url

MOST = 100


async def find_app_ids(settings: Settings, beginning: str) -> list[str]:
    """The first of them. Raises Unavailable, and FileNotFoundError where there is no database yet."""
    async with _opened(settings) as db, db.read() as tx:
        return await rows.app_ids(tx, beginning, MOST)


async def find_usernames(settings: Settings, app_id: str, beginning: str) -> list[str]:
    """The same of an app's users."""
    async with _opened(settings) as db, db.read() as tx:
        return await rows.usernames(tx, app_id, beginning, MOST)


@asynccontextmanager
async def _opened(settings: Settings) -> AsyncIterator[Database]:
    """A database that is there: to look for a name makes none."""
    url = parse_url(settings.database_url, Path(settings.data_dir))
    if url.get_backend_name() == "sqlite":
        _check_is_there(Path(url.database or ""))
    async with open_database(url, 1, settings.database_timeout_s) as db:
        yield db


def _check_is_there(file: Path) -> None:
    if not file.is_file():
        raise FileNotFoundError(file)
