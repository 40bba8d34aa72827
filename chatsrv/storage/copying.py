"""All that an SQLite file holds, into a PostgreSQL database that holds nothing yet."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Column, Connection, NullPool, Table, bindparam, create_engine, exc, func, insert, or_, select

from chatsrv.domain.errors import SetupError
from chatsrv.storage.database import Transaction
from chatsrv.storage.migrating import find_current
from chatsrv.storage.schema import metadata

AT_ONCE = 1000
"""Rows that are in memory, and in one statement."""

BAD_ROWS = ("22", "23")
"""Classes of PostgreSQL's codes: a value that it does not take, or a row that does not fit the others."""

Note = Callable[[int], None]
"""Is told how many rows there are so far."""


@contextmanager
def sole_reader(file: Path) -> Iterator[Connection]:
    """The file, which nobody else has open, and nobody can use until the block ends. Raises SetupError.

    A server that has it open would go on writing to it, and what it writes would be lost.
    """

    def connect() -> sqlite3.Connection:
        return sqlite3.connect(file.resolve().as_uri() + "?mode=rw", uri=True, timeout=0, isolation_level=None)

    if not file.exists():
        raise SetupError(f"there is no database at {file}: name the file, such as data/chatsrv.db")
    engine = create_engine("sqlite://", creator=connect, poolclass=NullPool)
    try:
        with engine.connect() as source:
            # this mode holds even against connections that rest, which a mere transaction does not
            source.exec_driver_sql("PRAGMA locking_mode=EXCLUSIVE")
            source.exec_driver_sql("BEGIN EXCLUSIVE")
            yield source
    except exc.DBAPIError as error:
        if not isinstance(error.orig, sqlite3.Error):
            raise
        if error.orig.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY:
            raise SetupError(f"{file} is in use: stop every server on it first, or name a copy of it") from error
        raise SetupError(f"{file} cannot be read: {error.orig}") from error


def count_rows(source: Connection) -> dict[str, int]:
    """By table."""
    return {table.name: source.scalar(select(func.count()).select_from(table)) or 0 for table in metadata.sorted_tables}


async def check_fit(tx: Transaction, source: Connection) -> None:
    """Both have the same tables, and the new one has nothing in them. Raises SetupError."""
    theirs, ours = find_current(source), await tx.run_sync(find_current)
    if theirs is None:
        raise SetupError("the file is no database of chatsrv")
    if theirs != ours:
        raise SetupError(
            f"the file has the migrations up to {theirs}, the database up to {ours}: run chatsrv migrate of this "
            "version on both (on the file with DATABASE_URL=sqlite:///FILE)"
        )
    # nobody writes meanwhile what would be in the way
    await tx.exec_driver_sql(f"LOCK TABLE {', '.join(metadata.tables)} IN EXCLUSIVE MODE")
    for table in metadata.sorted_tables:
        if await tx.scalar(select(select(*table.primary_key).exists())):
            raise SetupError(f"the database is not empty, there are rows in {table.name}: name one that is")


async def copy_rows(tx: Transaction, source: Connection, note: Note) -> None:
    """Every row of every table, and where each counter stands."""
    done = 0
    for table in metadata.sorted_tables:
        inner = _inner_references(table)
        for rows in source.execution_options(yield_per=AT_ONCE).execute(select(table)).mappings().partitions():
            with _named(table):
                await tx.execute(insert(table), [{**row, **dict.fromkeys(inner)} for row in rows])
            done += len(rows)
            note(done)
        await _restore_references(tx, source, table, inner)
        await _restore_counter(tx, source, table)


@contextmanager
def _named(table: Table) -> Iterator[None]:
    """Raises SetupError where PostgreSQL refuses a row that SQLite took."""
    try:
        yield
    except exc.DBAPIError as error:
        if str(getattr(error.orig, "sqlstate", ""))[:2] not in BAD_ROWS:
            raise
        why = getattr(error.orig, "__cause__", None)  # the driver's own words
        raise SetupError(f"the database does not take a row of {table.name}: {why}") from error


def _inner_references(table: Table) -> list[str]:
    """Columns that name a row of the same table, which may come later than the row itself."""
    return [key.parent.name for key in table.foreign_keys if key.column.table is table]


async def _restore_references(tx: Transaction, source: Connection, table: Table, inner: list[str]) -> None:
    if not inner:
        return
    [key] = table.primary_key
    having = select(key.label("row_key"), *(table.c[name] for name in inner)).where(
        or_(*(table.c[name].is_not(None) for name in inner))
    )
    for rows in source.execution_options(yield_per=AT_ONCE).execute(having).mappings().partitions():
        await tx.execute(table.update().where(key == bindparam("row_key")), [dict(row) for row in rows])


async def _restore_counter(tx: Transaction, source: Connection, table: Table) -> None:
    """The id of a row that was deleted is not given again: what the file counted matters, not what is left of it."""
    column: Column[int] | None = table.autoincrement_column
    if column is None:
        return
    given = source.exec_driver_sql("SELECT seq FROM sqlite_sequence WHERE name = ?", (table.name,)).scalar()
    if given:
        await tx.execute(select(func.setval(func.pg_get_serial_sequence(table.name, column.name), given)))
