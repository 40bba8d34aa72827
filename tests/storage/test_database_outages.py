"""Databases that do not answer, are locked, or end in the middle: all of it is Unavailable, in time."""

from __future__ import annotations

import asyncio
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, cast

import pytest
from sqlalchemy.util import greenlet_spawn

from chatsrv.domain.apps import App
from chatsrv.domain.errors import Unavailable
from chatsrv.storage import apps, database
from chatsrv.storage.database import Database, open_database, parse_url
from chatsrv.storage.sql_errors import Overtaken
from tests.faults.store_wire import socket_of, wire_to
from tests.postgres import administer

EMPTY_STATEMENT = b"\x00;\x00"
"""With which a connection is asked, as it stands on the wire."""

LOCKER = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute(sys.argv[2])
print("locked", flush=True)
sys.stdin.read()
connection.execute("COMMIT")
"""
"""A process that holds a lock until its standard input ends."""


@asynccontextmanager
async def locked(file: str, begin: str = "BEGIN IMMEDIATE") -> AsyncIterator[asyncio.subprocess.Process]:
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", LOCKER, file, begin, stdin=pipe, stdout=pipe)
    assert process.stdin
    assert process.stdout
    try:
        assert await asyncio.wait_for(process.stdout.readline(), 30) == b"locked\n"
        yield process
    finally:
        process.stdin.close()
        await asyncio.wait_for(process.wait(), 30)


async def add_app(db: Database) -> None:
    async with db.write() as tx:
        await apps.add_app(tx, App("demo", "demo", "secret", 1))


async def test_a_server_that_does_not_answer_is_unavailable() -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        url = f"postgres://u:hunter2@127.0.0.1:{closed.getsockname()[1]}/d"
        async with open_database(parse_url(url, Path()), 1, 2) as db:
            for _ in range(2):
                with pytest.raises(Unavailable) as caught:
                    await db.ping()
                assert "hunter2" not in str(caught.value)


async def test_a_server_that_accepts_and_says_nothing_is_unavailable_in_time() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"postgres://u:p@127.0.0.1:{silent.getsockname()[1]}/d"
        async with open_database(parse_url(url, Path()), 1, 0.2) as db, asyncio.timeout(10):
            with pytest.raises(Unavailable):
                await db.ping()


@pytest.mark.parametrize("login", ["postgres:@/nowhere", "nobody:x@/postgres", "full:x@/postgres"])
async def test_a_server_that_lets_us_not_in_is_unavailable(postgres_url: str, login: str) -> None:
    if login.startswith("full"):
        await administer(postgres_url, "DROP ROLE IF EXISTS full; CREATE ROLE full LOGIN CONNECTION LIMIT 0")
    url = postgres_url.replace("postgres:@/postgres", login)
    async with open_database(parse_url(url, Path()), 1, 5) as db:
        with pytest.raises(Unavailable):
            await db.ping()


async def test_connections_that_the_server_ended_are_replaced(postgres_url: str) -> None:
    async with open_database(parse_url(postgres_url, Path()), 1, 5) as db:
        async with db.read() as tx:
            pid = (await tx.exec_driver_sql("SELECT pg_backend_pid()")).scalar_one()
        # waits until it has ended: a server that still says goodbye is one that ends in the middle, as below
        await administer(postgres_url, f"SELECT pg_terminate_backend({pid}, 30000)")
        await db.ping()


async def test_a_connection_that_ends_in_the_middle_is_unavailable(postgres_url: str) -> None:
    async with open_database(parse_url(postgres_url, Path()), 1, 5) as db:

        async def lose_the_connection() -> None:
            async with db.write() as tx:
                pid = (await tx.exec_driver_sql("SELECT pg_backend_pid()")).scalar_one()
                await administer(postgres_url, f"SELECT pg_terminate_backend({pid})")
                await tx.exec_driver_sql("SELECT 1")

        with pytest.raises(Unavailable):
            await lose_the_connection()
        await db.ping()


async def test_a_database_that_may_only_be_read_says_so_before_anything_is_refused(postgres_url: str) -> None:
    await administer(postgres_url, "DROP ROLE IF EXISTS reader; CREATE ROLE reader LOGIN SUPERUSER")
    await administer(postgres_url, "ALTER ROLE reader SET default_transaction_read_only = on")
    url = postgres_url.replace("postgres:@/postgres", "reader:@/postgres")
    async with open_database(parse_url(url, Path()), 1, 5) as db:
        with pytest.raises(Unavailable, match="is read-only"):
            await db.ping()


async def test_a_statement_that_takes_too_long_is_unavailable(postgres_url: str) -> None:
    async with open_database(parse_url(postgres_url, Path()), 1, 0.3) as db:
        with pytest.raises(Unavailable):
            async with db.read() as tx:
                await tx.exec_driver_sql("SELECT pg_sleep(30)")
        await db.ping()


async def test_a_pool_without_a_free_connection_is_unavailable_in_time(postgres_url: str) -> None:
    async with open_database(parse_url(postgres_url, Path()), 1, 0.3) as db, db.read():
        with pytest.raises(Unavailable):
            await db.ping()


async def test_two_that_lock_each_other_out_are_told_apart_from_an_outage(postgres_url: str) -> None:
    both = asyncio.Barrier(2)
    async with open_database(parse_url(postgres_url, Path()), 2, 20) as db:

        async def lock(first: int, second: int) -> None:
            async with db.write() as tx:
                await tx.exec_driver_sql(f"SELECT pg_advisory_xact_lock({first})")
                await both.wait()
                await tx.exec_driver_sql(f"SELECT pg_advisory_xact_lock({second})")

        outcomes = await asyncio.gather(lock(901, 902), lock(902, 901), return_exceptions=True)
    assert [type(outcome) for outcome in outcomes if outcome] == [Overtaken]
    assert issubclass(Overtaken, Unavailable)


async def test_behind_pgbouncer_no_statement_outlives_its_transaction(postgres_url: str) -> None:
    async with open_database(parse_url(f"{postgres_url}&pgbouncer=true", Path()), 1, 5) as db:
        for _ in range(3):
            await db.ping()
        async with db.read() as tx:
            await tx.exec_driver_sql("SELECT 2")
            named_ones = await tx.exec_driver_sql("SELECT name FROM pg_prepared_statements WHERE name LIKE '%asyncpg%'")
            assert named_ones.all() == []


async def test_sqlite_waits_for_another_process_that_writes(sqlite_template: Path, tmp_path: Path) -> None:
    file = tmp_path / "chatsrv.db"
    file.write_bytes(sqlite_template.read_bytes())
    async with open_database(parse_url(f"sqlite:///{file}", tmp_path), 1, 20) as db:
        async with locked(str(file)):
            writing = asyncio.create_task(add_app(db))
            await db.ping()
            assert not writing.done()
        await asyncio.wait_for(writing, 30)


@pytest.mark.parametrize("begin", ["BEGIN IMMEDIATE", "BEGIN EXCLUSIVE"])
async def test_sqlite_gives_up_on_a_process_that_writes_for_too_long(
    begin: str, sqlite_template: Path, tmp_path: Path
) -> None:
    file = tmp_path / "chatsrv.db"
    file.write_bytes(sqlite_template.read_bytes())
    async with open_database(parse_url(f"sqlite:///{file}", tmp_path), 1, 0.2) as db:
        async with locked(str(file), begin):
            with pytest.raises(Unavailable):
                await add_app(db)
            await db.ping()
        await add_app(db)


async def test_sqlite_keeps_what_was_committed_when_the_writer_is_killed(sqlite_template: Path, tmp_path: Path) -> None:
    file = tmp_path / "chatsrv.db"
    file.write_bytes(sqlite_template.read_bytes())
    async with open_database(parse_url(f"sqlite:///{file}", tmp_path), 1, 10) as db:
        await add_app(db)
        async with locked(str(file)) as process:
            process.kill()
        async with db.read() as tx:
            assert await apps.get_app(tx, "demo")


async def test_a_file_that_is_no_database_is_unavailable(tmp_path: Path) -> None:
    (tmp_path / "a.db").write_bytes(b"no database at all" * 100)
    async with open_database(parse_url(f"sqlite:///{tmp_path}/a.db", tmp_path), 1, 1) as db:
        with pytest.raises(Unavailable):
            await db.ping()


async def order(db: Database, pragma: str) -> None:
    """To the one connection that writes, outside of any transaction."""
    connection = await db._writer.raw_connection()
    await cast(Any, connection.driver_connection).execute(pragma)
    await greenlet_spawn(connection.close)


async def add_apps(db: Database) -> None:
    """Until what room there is in the file's pages is used up, and some more."""
    for number in range(1000):
        async with db.write() as tx:
            await apps.add_app(tx, App(f"a{number}", "x" * 4000, "secret", 1))


@pytest.mark.parametrize(
    ("fault", "mend", "why"),
    [
        ("PRAGMA max_page_count = 1", "PRAGMA max_page_count = 1000000", "has no room on its disk"),
        ("PRAGMA query_only = ON", "PRAGMA query_only = OFF", "is read-only"),
    ],
    ids=["full", "read-only"],
)
async def test_sqlite_that_takes_no_changes_says_so_until_it_does(
    fault: str, mend: str, why: str, sqlite_template: Path, tmp_path: Path
) -> None:
    file = tmp_path / "chatsrv.db"
    file.write_bytes(sqlite_template.read_bytes())
    async with open_database(parse_url(f"sqlite:///{file}", tmp_path), 1, 5) as db:
        await order(db, fault)
        assert db.refusal is None
        with pytest.raises(Unavailable, match=why):
            await add_apps(db)
        assert db.refusal == f"The database {why} right now."
        await db.ping()
        async with db.read() as tx:
            await apps.get_app(tx, "demo")
        await order(db, mend)
        await add_app(db)
        assert db.refusal is None


async def test_a_refusal_is_forgotten_after_a_while(
    sqlite_template: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A node that is sent no changes finds out by none that it is over."""
    file = tmp_path / "chatsrv.db"
    file.write_bytes(sqlite_template.read_bytes())
    async with open_database(parse_url(f"sqlite:///{file}", tmp_path), 1, 5) as db:
        await order(db, "PRAGMA query_only = ON")
        with pytest.raises(Unavailable):
            await add_app(db)
        assert db.refusal
        monkeypatch.setattr(database, "REFUSAL_S", 0)
        assert db.refusal is None


async def test_only_a_connection_that_has_rested_is_asked_whether_it_still_is_one(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with (
        wire_to(socket_of(postgres_url)) as wire,
        open_database(parse_url(f"postgres://postgres:@127.0.0.1:{wire.port}/postgres", Path()), 1, 5) as db,
    ):
        await db.ping()
        wire.cut_after = EMPTY_STATEMENT
        await db.ping()
        assert wire.cut_after == EMPTY_STATEMENT
        monkeypatch.setattr(database, "REST_MAX_S", 0)
        await db.ping()  # on another connection, as the first one was cut when it was asked
        assert wire.cut_after == b""
