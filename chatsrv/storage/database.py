"""The SQL database: how it is opened, and the two kinds of transaction. SQLite and PostgreSQL."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import aiosqlite
from sqlalchemy import URL, event, exc, make_url
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from uuid_utils import uuid4

from chatsrv.domain.errors import DATABASE, SetupError, Unavailable
from chatsrv.storage import touched, written
from chatsrv.storage.sql_errors import IS_READ_ONLY, TAKES_NO_CHANGES, translated
from chatsrv.storage.touched import Touched

POSTGRES_PARAMETERS = frozenset(("host", "port", "ssl", "pgbouncer", "target_session_attrs"))
"""What may stand behind the question mark; `pgbouncer` is ours, the others asyncpg's."""

SSL_MODES = frozenset(("disable", "allow", "prefer", "require", "verify-ca", "verify-full"))


FAREWELL_S = 2.0
FETCHED_AT_ONCE = 64


class BadDatabaseUrl(SetupError):
    """The URL cannot be used; the text says what would do. It never repeats the URL, which holds a password."""


def parse_url(text: str, data_dir: Path) -> URL:
    """Takes `postgres://` and `sqlite:///` as platforms and people write them; empty is SQLite in `data_dir`."""
    if not text:
        return URL.create("sqlite+aiosqlite", database=str(data_dir / "chatsrv.db"))
    try:
        url = make_url(text)
    except Exception as error:
        raise BadDatabaseUrl("database_url is no URL; use postgres://user:password@host/name") from error
    backend = url.drivername.partition("+")[0]
    if backend in ("postgres", "postgresql"):
        return _translate_ssl(url.set(drivername="postgresql+asyncpg"))
    if backend == "sqlite":
        if url.database in (None, "", ":memory:"):
            raise BadDatabaseUrl("database_url names no file; use sqlite:///relative.db or sqlite:////absolute.db")
        return url.set(drivername="sqlite+aiosqlite")
    raise BadDatabaseUrl(f"database_url begins with {backend}://; only postgres:// and sqlite:/// are known")


def _translate_ssl(url: URL) -> URL:
    """asyncpg knows libpq's `sslmode` by the name `ssl`."""
    mode = url.query.get("sslmode", url.query.get("ssl"))
    url = url.difference_update_query(["sslmode", "ssl"])
    unknown = sorted(set(url.query) - POSTGRES_PARAMETERS)
    if unknown:
        known = ", ".join(sorted(POSTGRES_PARAMETERS | {"sslmode"}))
        raise BadDatabaseUrl(f"database_url has the parameter {unknown[0]}; only {known} are known")
    if mode is None:
        return url
    if mode not in SSL_MODES:
        raise BadDatabaseUrl(f"sslmode in database_url must be one of {', '.join(sorted(SSL_MODES))}")
    return url.update_query_dict({"ssl": mode})


REST_MAX_S = 30.0
"""Balancers and firewalls forget connections that rest longer than some minutes."""

REFUSAL_S = 10.0
"""After it a change that was refused is forgotten: a node that is sent no changes finds out by none that it is over."""

Transaction = AsyncConnection
"""What `read()` and `write()` yield, for those who only hand it on."""


class Database:
    """An open database. `read()` and `write()` are transactions; statements take what they yield.

    SQLite has one writer at a time: its write transactions queue for the single connection of an engine
    of their own and lock the file at their beginning, so that none fails half way.

    `on_commit` is told whose rows a transaction changed, before whoever wrote goes on. `before_commit` writes what else
    belongs to the transaction, as its last statements; what it returns is called when that has committed.
    """

    def __init__(self, reader: AsyncEngine, writer: AsyncEngine) -> None:
        self._reader = reader
        self._writer = writer
        self.is_sqlite = reader.dialect.name == "sqlite"
        self.on_commit: Callable[[Touched], None] | None = None
        self.before_commit: Callable[[Transaction], Awaitable[Callable[[], None] | None]] | None = None
        self._refused: tuple[str, float] | None = None

    @property
    def refusal(self) -> str | None:
        """Why the last change was refused, though the database answers: for a little while, as nothing else tells."""
        if self._refused is None or time.monotonic() - self._refused[1] > REFUSAL_S:
            return None
        return self._refused[0]

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncConnection]:
        """A transaction that only reads. Raises Unavailable."""
        with translated():
            async with self._reader.begin() as tx:
                yield tx

    async def ping(self) -> None:
        """Raises Unavailable, also where it says that it takes no changes."""
        async with self.read() as tx:
            asked = "SELECT 'off'" if self.is_sqlite else "SELECT current_setting('transaction_read_only')"
            if (await tx.exec_driver_sql(asked)).scalar_one() == "on":
                raise Unavailable(DATABASE, why=IS_READ_ONLY)

    @asynccontextmanager
    async def write(self) -> AsyncIterator[AsyncConnection]:
        """A transaction that commits at the end of the block. Raises Conflict, NotFound and Unavailable."""
        changed: Touched = {}
        then: Callable[[], None] | None = None
        try:
            with translated():
                async with self._writer.begin() as tx:
                    touched.begin(tx)
                    written.begin(tx)
                    yield tx
                    then = await self.before_commit(tx) if self.before_commit else None
                    changed = touched.read(tx)
            self._refused = None
            if then:
                then()
        except Unavailable as error:
            if error.what == "database" and error.why in TAKES_NO_CHANGES:
                self._refused = str(error), time.monotonic()
            raise
        finally:
            # also where the commit failed or was cancelled: it may have been done all the same
            if changed and self.on_commit:
                self.on_commit(changed)


@asynccontextmanager
async def open_database(
    url: URL, pool_size: int, timeout_s: float, *, is_patient: bool = False
) -> AsyncIterator[Database]:
    """Connects lazily: an unreachable server shows as Unavailable at the first transaction.

    Patient, it waits for a statement as long as that takes, and for nothing else.
    """
    engines = (
        _sqlite_engines(url, pool_size, timeout_s)
        if url.drivername.startswith("sqlite")
        else _postgres_engines(url, pool_size, timeout_s, is_patient)
    )
    try:
        yield Database(*engines)
    finally:
        for engine in dict.fromkeys(engines):
            await _dispose(engine)


async def _dispose(engine: AsyncEngine) -> None:
    """In good order, or at once where the server takes no leave: each connection would be waited for."""
    try:
        async with asyncio.timeout(FAREWELL_S):
            await engine.dispose()
    except TimeoutError:
        await engine.dispose(close=False)


def _postgres_engines(url: URL, pool_size: int, timeout_s: float, is_patient: bool) -> tuple[AsyncEngine, AsyncEngine]:
    arguments: dict[str, Any] = {"timeout": timeout_s, "command_timeout": None if is_patient else timeout_s}
    if url.query.get("pgbouncer"):
        url = url.difference_update_query(["pgbouncer"])
        # it may hand each transaction another connection, and the same one to several processes
        arguments |= {
            "statement_cache_size": 0,
            "prepared_statement_cache_size": 0,
            "prepared_statement_name_func": lambda: f"chatsrv_{uuid4().hex}",
        }
    engine = _make_engine(url, pool_size, timeout_s, connect_args=arguments)
    _look_before_use(engine)
    return engine, engine


def _look_before_use(engine: AsyncEngine) -> None:
    """A connection that the server ended is replaced before anybody is given it; the driver knows by itself.

    Only after a rest the server is asked, for what stands between may have forgotten it. The pool would ask each time,
    three round trips before every transaction: from a database that is slow this makes one that is away.
    """

    driver_error = engine.dialect.loaded_dbapi.Error

    @event.listens_for(engine.sync_engine, "checkin")
    def rest(_connection: Any, record: Any) -> None:
        record.info["resting_since"] = time.monotonic()

    @event.listens_for(engine.sync_engine, "checkout")
    def look(connection: Any, record: Any, _proxy: Any) -> None:
        if connection.driver_connection.is_closed():
            raise exc.DisconnectionError
        if time.monotonic() - record.info.get("resting_since", float("inf")) > REST_MAX_S:
            try:
                connection.ping()
            except driver_error as error:
                raise exc.DisconnectionError from error


def _make_engine(url: URL, pool_size: int, timeout_s: float, **further: Any) -> AsyncEngine:
    """Errors do not tell parameters: some are secrets, and errors end up in logs."""
    return create_async_engine(
        url, pool_size=pool_size, max_overflow=0, pool_timeout=timeout_s, hide_parameters=True, **further
    )


def _sqlite_engines(url: URL, pool_size: int, timeout_s: float) -> tuple[AsyncEngine, AsyncEngine]:
    folder = Path(url.database or "").parent
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        why = f"the database's folder {folder} cannot be made ({error.strerror})"
        raise BadDatabaseUrl(f"{why}: name another in DATABASE_URL") from error
    arguments, options = url.get_dialect()().create_connect_args(url)

    async def connect() -> aiosqlite.Connection:
        return await _open_sqlite(*arguments, **options)

    reader = _make_engine(url, pool_size, timeout_s, async_creator=connect)
    writer = _make_engine(url, 1, timeout_s, async_creator=connect)
    _prepare_sqlite(reader, "BEGIN", timeout_s)
    _prepare_sqlite(writer, "BEGIN IMMEDIATE", timeout_s)
    return reader, writer


class _SQLiteConnection(aiosqlite.Connection):
    """Closed while a statement of somebody cancelled is under way, SQLite itself would keep the file locked for as long
    as anything remembers that statement, their traceback for one.
    """

    async def close(self) -> None:
        self._undo()
        await super().close()

    def stop(self) -> asyncio.Future[Any] | None:
        self._undo()
        return super().stop()

    def _undo(self) -> None:
        """Its thread does it next, before it closes."""

        def roll_back() -> None:
            if self._connection is not None:
                self._connection.rollback()

        self._tx.put_nowait((None, roll_back))


async def _open_sqlite(*arguments: Any, **options: Any) -> aiosqlite.Connection:
    """Opens in full even where the caller is cancelled meanwhile: the driver would leave the file open."""
    connection = _SQLiteConnection(partial(sqlite3.connect, *arguments, **options), FETCHED_AT_ONCE)
    connection._thread.daemon = True  # as SQLAlchemy itself does: a thread must not keep the process alive
    opening = asyncio.ensure_future(connection)
    try:
        return await asyncio.shield(opening)
    except asyncio.CancelledError:
        opening.add_done_callback(_close_unwanted)
        raise


def _close_unwanted(opening: asyncio.Future[aiosqlite.Connection]) -> None:
    if not opening.cancelled() and not opening.exception():
        opening.result().stop()


def _prepare_sqlite(engine: AsyncEngine, begin: str, timeout_s: float) -> None:
    @event.listens_for(engine.sync_engine, "connect")
    def connect(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # the driver's own BEGIN comes too late and never IMMEDIATE
        cursor = connection.cursor()
        # NORMAL loses nothing when the process dies, and at worst the last commits when the power fails
        for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "foreign_keys=ON"):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.execute(f"PRAGMA busy_timeout={int(timeout_s * 1000)}")
        cursor.close()

    @event.listens_for(engine.sync_engine, "begin")
    def start(connection: Any) -> None:
        connection.exec_driver_sql(begin)
