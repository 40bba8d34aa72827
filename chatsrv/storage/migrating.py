"""Migrations: bringing the database up to date, and telling whether it is.

Revisions are numbered, one after the other, and a file's name begins with its number.
"""

from __future__ import annotations

from importlib.resources import files
from typing import Any

from sqlalchemy import Connection, inspect

from chatsrv.storage.database import Database

VERSIONS = files("chatsrv.storage").joinpath("migrations", "versions")
NUMBER_DIGITS = 4


async def upgrade(db: Database, revision: str = "head") -> None:
    """Runs what is missing, in one transaction where the database can. Two at once wait for each other."""
    async with db.write() as tx:
        await tx.run_sync(_with_lock, "upgrade", revision)


async def downgrade(db: Database, revision: str) -> None:
    async with db.write() as tx:
        await tx.run_sync(_with_lock, "downgrade", revision)


async def missing(db: Database) -> list[str]:
    """The revisions that the database lacks, oldest first; empty when it is up to date, or newer than we are."""
    async with db.read() as tx:
        current = await tx.run_sync(_find_current)
    every = sorted(file.name[:NUMBER_DIGITS] for file in VERSIONS.iterdir() if file.name[:NUMBER_DIGITS].isdigit())
    if current is None:
        return every
    # while servers are replaced, the new ones have migrated and the old ones still run
    return every[every.index(current) + 1 :] if current in every else []


def _find_current(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    return connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar_one_or_none()


def _with_lock(connection: Connection, direction: str, revision: str) -> None:
    # every command would wait for its import, and hardly any of them migrates
    from alembic import command

    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql("SELECT pg_advisory_xact_lock(7240911)")
    getattr(command, direction)(_config(connection), revision)


def _config(connection: Connection) -> Any:
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", "chatsrv:storage/migrations")
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    return config
