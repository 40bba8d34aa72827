"""Migrations: bringing the database up to date, and telling whether it is."""

from __future__ import annotations

from typing import Any

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

from chatsrv.storage.database import Database


async def upgrade(db: Database, revision: str = "head") -> None:
    """Runs what is missing, in one transaction where the database can. Two at once wait for each other."""
    async with db.write() as tx:
        await tx.run_sync(_with_lock, lambda config: command.upgrade(config, revision))


async def downgrade(db: Database, revision: str) -> None:
    async with db.write() as tx:
        await tx.run_sync(_with_lock, lambda config: command.downgrade(config, revision))


async def missing(db: Database) -> list[str]:
    """The revisions that the database lacks, oldest first; empty when it is up to date, or newer than we are."""
    async with db.read() as tx:
        current = await tx.run_sync(lambda connection: MigrationContext.configure(connection).get_current_heads())
    script = ScriptDirectory.from_config(_config(None))
    every = [part.revision for part in script.walk_revisions()]
    if not set(current) <= set(every):
        return []  # while servers are replaced, the new ones have migrated and the old ones still run
    applied = {part.revision for head in current for part in script.iterate_revisions(head, "base")}
    return [revision for revision in reversed(every) if revision not in applied]


def _with_lock(connection: Connection, run: Any) -> None:
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql("SELECT pg_advisory_xact_lock(7240911)")
    run(_config(connection))


def _config(connection: Connection | None) -> Config:
    config = Config()
    config.set_main_option("script_location", "chatsrv:storage/migrations")
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    return config
