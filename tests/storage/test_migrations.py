"""Migrations: they make the schema, can be undone, and may be run by several at once."""

from __future__ import annotations

import ast
import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, inspect

from chatsrv.domain.apps import App
from chatsrv.domain.errors import SetupError
from chatsrv.domain.users import Clocks
from chatsrv.services.migrations import ensure_current, find_missing, migrate
from chatsrv.services.users import new_user
from chatsrv.storage import apps, migrating, users
from chatsrv.storage.database import Database, open_database, parse_url
from chatsrv.storage.migrating import VERSIONS
from chatsrv.storage.schema import metadata

EXPANDING = {"create_table", "create_index", "add_column", "execute", "get_bind", "f"}
"""What leaves the old version at work on the new schema, while servers are replaced one after the other."""

REVISIONS = ["0001", "0002", "0003", "0004", "0005", "0006", "0007", "0008", "0009", "0010", "0011", "0012"]


@pytest.fixture
async def db(database_url: str) -> AsyncIterator[Database]:
    """A database that is up to date."""
    async with open_database(parse_url(database_url, Path()), 2, 20) as opened:
        yield opened


@pytest.fixture
async def empty(db: Database) -> Database:
    """A database on which every migration was undone."""
    await migrating.downgrade(db, "base")
    return db


def _differences(connection: Connection) -> Any:
    options = {"compare_type": True, "compare_server_default": True}
    return compare_metadata(MigrationContext.configure(connection, opts=options), metadata)


def _tables(connection: Connection) -> set[str]:
    return set(inspect(connection).get_table_names()) - {"alembic_version"}


def _indexes(connection: Connection) -> Any:
    """Collations and index columns, which comparing the metadata passes over."""
    tables = inspect(connection)
    return {
        name: (
            sorted((index["name"] or "", tuple(index["column_names"])) for index in tables.get_indexes(name)),
            sorted((one["name"] or "", tuple(one["column_names"])) for one in tables.get_unique_constraints(name)),
            sorted((key["name"] or "", str(key["options"])) for key in tables.get_foreign_keys(name)),
            {column["name"]: getattr(column["type"], "collation", None) for column in tables.get_columns(name)},
        )
        for name in sorted(metadata.tables)
    }


async def test_the_migrations_make_the_schema(db: Database) -> None:
    async with db.read() as tx:
        assert await tx.run_sync(_differences) == []


async def test_the_migrations_make_the_indexes_keys_and_collations_of_the_schema(db: Database) -> None:
    async with db.read() as tx:
        migrated = await tx.run_sync(_indexes)
    await migrating.downgrade(db, "base")
    async with db.write() as tx:
        await tx.run_sync(metadata.create_all)
        assert await tx.run_sync(_indexes) == migrated


async def test_an_empty_database_lacks_every_revision_and_one_up_to_date_none(empty: Database) -> None:
    assert await migrating.missing(empty) == REVISIONS
    assert await migrate(empty) == REVISIONS
    assert await migrating.missing(empty) == []
    assert await migrate(empty) == []


async def test_up_down_and_up_again_ends_where_it_began(empty: Database) -> None:
    async with empty.read() as tx:
        assert await tx.run_sync(_tables) == set()
    await migrating.upgrade(empty)
    await migrating.downgrade(empty, "base")
    await migrating.upgrade(empty)
    async with empty.read() as tx:
        assert await tx.run_sync(_tables) == set(metadata.tables)
        assert await tx.run_sync(_differences) == []


async def test_to_others_everybody_was_last_seen_when_they_were(db: Database) -> None:
    async with db.write() as tx:
        await apps.add_app(tx, App("demo", "Demo", "secret", 1))
        clocks = {"last_login_at": 1, "last_active_at": 2, "last_seen_at": 3, "presence_changed_at": 4}
        await users.add(tx, "demo", new_user({"username": "anna", **clocks}, 5))
    await migrating.downgrade(db, "0001")
    await migrating.upgrade(db)
    async with db.read() as tx:
        anna = await users.get(tx, "demo", "anna")
    assert anna
    assert anna.clocks_to_others == anna.clocks == Clocks(1, 2, 3, 4)


async def test_two_that_migrate_at_once_do_not_collide(empty: Database, database_url: str) -> None:
    async with open_database(parse_url(database_url, Path()), 2, 20) as other:
        await asyncio.gather(migrate(empty), migrate(other), migrate(empty))
        assert await migrating.missing(other) == []
    async with empty.read() as tx:
        assert await tx.run_sync(_differences) == []


async def test_a_migration_that_fails_leaves_the_database_as_it_was(empty: Database) -> None:
    async with empty.write() as tx:
        await tx.exec_driver_sql("CREATE TABLE users (id INTEGER)")
    with pytest.raises(Exception, match="already exists"):
        await migrate(empty)
    async with empty.read() as tx:
        assert await tx.run_sync(_tables) == {"users"}
    assert await migrating.missing(empty) == REVISIONS


async def test_a_database_that_is_ahead_of_this_version_lacks_nothing(db: Database) -> None:
    async with db.write() as tx:
        await tx.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    assert await migrating.missing(db) == []
    assert await migrate(db) == []


async def test_an_embedded_database_is_migrated_by_the_server_and_another_is_not(empty: Database) -> None:
    if empty.is_sqlite:
        await ensure_current(empty)
        assert await migrating.missing(empty) == []
    else:
        with pytest.raises(
            SetupError, match=f"lacks the migrations {', '.join(REVISIONS)}: run `chatsrv migrate` first"
        ):
            await ensure_current(empty)


async def test_a_database_out_of_reach_is_told_in_one_line_without_its_password() -> None:
    async with open_database(parse_url("postgres://u:hunter2@127.0.0.1:1/d", Path()), 1, 2) as db:
        with pytest.raises(SetupError, match=r"does not answer right now.*Check DATABASE_URL") as caught:
            await find_missing(db)
    assert "\n" not in str(caught.value)
    assert "hunter2" not in str(caught.value)


def _steps(revision: Path) -> Iterator[ast.Call]:
    """Every call of `op.` on the way up."""
    module = ast.parse(revision.read_text())
    [up] = [node for node in module.body if isinstance(node, ast.FunctionDef) and node.name == "upgrade"]
    for node in ast.walk(up):
        match node:
            case ast.Call(func=ast.Attribute(value=ast.Name(id="op"))):
                yield node


def _is_filled_by_itself(column: ast.Call) -> bool:
    """Whether a row can be added by a version that does not know this column."""
    given = {keyword.arg: ast.unparse(keyword.value) for keyword in column.keywords}
    return given.get("nullable") == "True" or "server_default" in given


@pytest.mark.parametrize("number", REVISIONS)
def test_a_migration_takes_nothing_away_from_the_version_before_it(number: str) -> None:
    [revision] = [file for file in VERSIONS.iterdir() if file.name.startswith(number)]
    for step in _steps(Path(str(revision))):
        name = ast.unparse(step.func).removeprefix("op.")
        assert name in EXPANDING, f"{number}: op.{name} belongs into a release after the one that stopped using it"
        if name == "add_column":
            column = step.args[1]
            assert isinstance(column, ast.Call)
            assert _is_filled_by_itself(column), f"{number}: {ast.unparse(column)} must be nullable or have a default"
