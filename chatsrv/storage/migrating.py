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

MIGRATION_LOCK = 7240911
"""Whoever holds it migrates."""

LOCK_TIMEOUT_S = 20
"""How long a table that somebody else uses is waited for: meanwhile all who come after us wait, too."""


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
        current = await tx.run_sync(find_current)
    every = sorted(file.name[:NUMBER_DIGITS] for file in VERSIONS.iterdir() if file.name[:NUMBER_DIGITS].isdigit())
    if current is None:
        return every
    # while servers are replaced, the new ones have migrated and the old ones still run
    return every[every.index(current) + 1 :] if current in every else []


def find_current(connection: Connection) -> str | None:
    """The newest revision that a database has; None where it has none."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    return connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar_one_or_none()


def _with_lock(connection: Connection, direction: str, revision: str) -> None:
    # every command would wait for its import, and hardly any of them migrates
    from alembic import command

    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({MIGRATION_LOCK})")
        connection.exec_driver_sql(f"SET LOCAL lock_timeout = '{LOCK_TIMEOUT_S}s'")
    getattr(command, direction)(_config(connection), revision)


def _config(connection: Connection) -> Any:
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", "chatsrv:storage/migrations")
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    return config
