"""Bringing the database up to date, and refusing to work on one that is behind."""

from __future__ import annotations

from chatsrv.domain.errors import SetupError, Unavailable
from chatsrv.services.troubles import in_full
from chatsrv.storage import migrating
from chatsrv.storage.database import Database


async def migrate(db: Database) -> list[str]:
    """Runs what is missing and returns it. Raises SetupError where the database does not answer, or is in use."""
    missing = await find_missing(db)
    if missing:
        try:
            await migrating.upgrade(db)
        except Unavailable as error:
            raise SetupError(in_full(error)) from error
    return missing


async def find_missing(db: Database) -> list[str]:
    try:
        return await migrating.missing(db)
    except Unavailable as error:
        raise SetupError(in_full(error)) from error


async def ensure_current(db: Database) -> None:
    """An embedded database is migrated at once; one that others may use is not, without being told to."""
    if db.is_sqlite:
        await migrate(db)
        return
    missing = await find_missing(db)
    if missing:
        raise SetupError(f"the database lacks the migrations {', '.join(missing)}: run `chatsrv migrate` first")
