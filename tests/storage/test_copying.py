"""From SQLite to PostgreSQL: every row of every table there is, and nothing where that cannot be."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import closing, contextmanager, nullcontext
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from sqlalchemy import BigInteger, Boolean, Column, Integer, Table, create_engine, insert, select

from chatsrv.domain.errors import SetupError
from chatsrv.services.copying import copy_database
from chatsrv.settings import Settings
from chatsrv.storage import copying
from chatsrv.storage.database import Database, open_database, parse_url
from chatsrv.storage.schema import apps, metadata, users
from tests.postgres import administer, fresh_database

ROWS = 3


@pytest.fixture
async def target(postgres_url: str) -> AsyncIterator[str]:
    async with fresh_database(postgres_url) as url:
        yield url


@pytest.fixture
async def database(target: str) -> AsyncIterator[Database]:
    async with open_database(parse_url(target, Path()), 1, 10) as db:
        yield db


@pytest.fixture
def file(sqlite_template: Path, tmp_path: Path) -> Path:
    """A file with ROWS made-up rows in every table, and counters that stand further: later rows were deleted."""
    copy = tmp_path / "old.db"
    shutil.copy(sqlite_template, copy)
    engine = create_engine(f"sqlite:///{copy}")  # which does not look at foreign keys
    with engine.begin() as connection:
        for table in metadata.sorted_tables:
            connection.execute(insert(table), [_make_row(table, number) for number in range(1, ROWS + 1)])
        connection.exec_driver_sql("UPDATE sqlite_sequence SET seq = 77")
    engine.dispose()
    return copy


def _make_row(table: Table, number: int) -> dict[str, Any]:
    return {column.name: _make_value(table, column, number) for column in table.columns}


def _make_value(table: Table, column: Column[Any], number: int) -> Any:
    """The number is in every value, so that no two rows and no two columns can be taken for each other."""
    for key in column.foreign_keys:
        # a row of the same table that comes later, in a ring
        other = number % ROWS + 1 if key.column.table is table else number
        return _make_value(key.column.table, key.column, other)
    match column.type:
        case Boolean():
            return number % 2 == 0
        case BigInteger() if not column.primary_key:
            return 1_700_000_000_000 + number
        case Integer():
            return number
        case _:
            return f"ä {number} {column.name}"[: getattr(column.type, "length", None) or 99]


def read_file(file: Path) -> dict[str, list[Any]]:
    engine = create_engine(f"sqlite:///{file}")
    with engine.connect() as connection:
        found = {
            table.name: [tuple(row) for row in connection.execute(select(table).order_by(*table.primary_key))]
            for table in metadata.sorted_tables
        }
    engine.dispose()
    return found


async def read_database(db: Database) -> dict[str, list[Any]]:
    async with db.read() as tx:
        return {
            table.name: [tuple(row) for row in await tx.execute(select(table).order_by(*table.primary_key))]
            for table in metadata.sorted_tables
        }


async def copy(file: Path, target: str) -> dict[str, int]:
    def watch(_total: int) -> nullcontext[copying.Note]:
        return nullcontext(lambda _done: None)

    return await copy_database(Settings(database_url=target), file, watch)


async def test_every_row_of_every_table_arrives_as_it_was(
    file: Path, target: str, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(copying, "AT_ONCE", 2)  # a whole piece and half a one
    before = read_file(file)
    assert set(map(len, before.values())) == {ROWS}
    assert await copy(file, target) == dict.fromkeys(before, ROWS)
    assert await read_database(database) == before
    assert read_file(file) == before


async def test_an_id_that_was_given_once_is_not_given_again(file: Path, target: str, database: Database) -> None:
    await copy(file, target)
    counted = [table for table in metadata.sorted_tables if table.autoincrement_column is not None]
    assert users in counted
    async with database.write() as tx:
        for table in counted:
            sequence = f"SELECT nextval(pg_get_serial_sequence('{table.name}', 'id'))"
            assert (await tx.exec_driver_sql(sequence)).scalar_one() == 78, table.name


async def test_a_database_that_holds_anything_is_not_touched(file: Path, target: str, database: Database) -> None:
    async with database.write() as tx:
        await tx.execute(insert(apps), [_make_row(apps, 9)])
    before = await read_database(database)
    with pytest.raises(SetupError, match="rows in apps"):
        await copy(file, target)
    assert await read_database(database) == before


@contextmanager
def opened(file: Path) -> Iterator[None]:
    """As a server that rests has it: no transaction, but a connection that has read."""
    with closing(sqlite3.connect(file, timeout=0)) as connection:
        connection.execute("SELECT count(*) FROM apps").fetchall()
        yield


async def test_a_file_that_somebody_has_open_is_refused(file: Path, target: str, database: Database) -> None:
    with opened(file), pytest.raises(SetupError, match="in use: stop every server"):
        await copy(file, target)
    assert not any((await read_database(database)).values())
    assert await copy(file, target)


async def test_nobody_comes_to_the_file_while_it_is_copied(file: Path) -> None:
    with copying.sole_reader(file), pytest.raises(sqlite3.OperationalError, match="locked"), opened(file):
        pass


async def test_nobody_writes_to_the_database_meanwhile(file: Path, target: str, database: Database) -> None:
    with copying.sole_reader(file) as source:
        async with database.write() as tx:
            await copying.check_fit(tx, source)
            with pytest.raises(asyncpg.LockNotAvailableError):
                await administer(target, "SET lock_timeout = 1; INSERT INTO apps VALUES ('shop', '', '', '', '', 0)")


@pytest.mark.parametrize(
    ("spoil", "table"),
    [("UPDATE servers SET owner_id = 99 WHERE id = 3", "servers"), ("UPDATE teams SET name = char(65, 0)", "teams")],
)
async def test_what_cannot_be_taken_leaves_nothing_behind(
    file: Path, target: str, database: Database, spoil: str, table: str
) -> None:
    """SQLite keeps what PostgreSQL refuses: a row whose owner is not there, a character that is none."""
    with closing(sqlite3.connect(file)) as connection:
        connection.execute(spoil)
        connection.commit()
    with pytest.raises(SetupError, match=f"a row of {table}"):
        await copy(file, target)
    assert not any((await read_database(database)).values())


async def test_a_file_of_another_version_is_refused(file: Path, target: str) -> None:
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '0001'")
        connection.commit()
    with pytest.raises(SetupError, match="the migrations up to 0001"):
        await copy(file, target)


@pytest.mark.parametrize(
    ("content", "why"), [(None, "there is no database"), (b"x" * 5000, "cannot be read"), (b"", "no database of")]
)
async def test_what_is_no_database_of_ours_is_said(
    tmp_path: Path, target: str, content: bytes | None, why: str
) -> None:
    if content is not None:
        (tmp_path / "odd.db").write_bytes(content)
    with pytest.raises(SetupError, match=why):
        await copy(tmp_path / "odd.db", target)


async def test_without_a_postgresql_there_is_nowhere_to_copy_to(file: Path) -> None:
    with pytest.raises(SetupError, match="set DATABASE_URL"):
        await copy(file, "")
