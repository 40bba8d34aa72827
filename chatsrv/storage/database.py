"""The SQL database: how it is opened, and the two kinds of transaction. SQLite and PostgreSQL."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import aiosqlite
from sqlalchemy import URL, event, exc, make_url
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from uuid_utils import uuid4

from chatsrv.domain.errors import Conflict, NotFound, SetupError, Unavailable
from chatsrv.storage import touched
from chatsrv.storage.touched import Touched

UNIQUE_FIELDS = {
    # before name_key, which it contains
    "username_key": "username",
    "email_key": "email",
    "external_id": "external_id",
    "uuid": "uuid",
    "uri": "uri",
    "name_key": "name",
    "team_memberships": "user_id",
    "apps": "appId",
}
"""Which field a broken unique constraint is about, by a word of its message."""


POSTGRES_PARAMETERS = frozenset(("host", "port", "ssl", "pgbouncer", "target_session_attrs"))
"""What may stand behind the question mark; `pgbouncer` is ours, the others asyncpg's."""

SSL_MODES = frozenset(("disable", "allow", "prefer", "require", "verify-ca", "verify-full"))


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


class Overtaken(Unavailable):
    """The database undid this transaction in favour of another; running it again at once makes sense."""


Transaction = AsyncConnection
"""What `read()` and `write()` yield, for those who only hand it on."""


class Database:
    """An open database. `read()` and `write()` are transactions; statements take what they yield.

    SQLite has one writer at a time: its write transactions queue for the single connection of an engine
    of their own and lock the file at their beginning, so that none fails half way.

    `on_commit` is told whose rows a transaction changed, before whoever wrote goes on.
    """

    def __init__(self, reader: AsyncEngine, writer: AsyncEngine) -> None:
        self._reader = reader
        self._writer = writer
        self.is_sqlite = reader.dialect.name == "sqlite"
        self.on_commit: Callable[[Touched], None] | None = None

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncConnection]:
        """A transaction that only reads. Raises Unavailable."""
        with _translated():
            async with self._reader.begin() as tx:
                yield tx

    async def ping(self) -> None:
        """Raises Unavailable."""
        async with self.read() as tx:
            await tx.exec_driver_sql("SELECT 1")

    @asynccontextmanager
    async def write(self) -> AsyncIterator[AsyncConnection]:
        """A transaction that commits at the end of the block. Raises Conflict, NotFound and Unavailable."""
        changed: Touched = {}
        try:
            with _translated():
                async with self._writer.begin() as tx:
                    touched.begin(tx)
                    yield tx
                    changed = touched.read(tx)
        finally:
            # also where the commit failed or was cancelled: it may have been done all the same
            if changed and self.on_commit:
                self.on_commit(changed)


@contextmanager
def _translated() -> Iterator[None]:
    """Turns what the driver raises into what it means, and nothing else."""
    try:
        yield
    except exc.IntegrityError as error:
        raise meaning_of(error) from error
    except (exc.TimeoutError, OSError) as error:
        raise Unavailable("database") from error
    except exc.DBAPIError as error:
        if _state_of(error).startswith("40"):
            raise Overtaken("database") from error
        if _is_outage(error):
            raise Unavailable("database") from error
        raise


def _is_outage(error: exc.DBAPIError) -> bool:
    if error.connection_invalidated or error.statement is None:
        return True  # without a statement it was the way to the database that failed
    if isinstance(error.orig, sqlite3.OperationalError):
        # the plain error is a statement that cannot be: a mistake of ours; others are locks, disks and files
        return getattr(error.orig, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF != sqlite3.SQLITE_ERROR
    # classes 08 connection, 53 resources, 57 operator, 58 system, 25006 read-only: trying again may help
    state = _state_of(error)
    return state[:2] in ("08", "53", "57", "58") or state == "25006"


def _state_of(error: exc.DBAPIError) -> str:
    """PostgreSQL's code of what went wrong; SQLite has none."""
    return getattr(error.orig, "sqlstate", None) or ""


def meaning_of(error: exc.IntegrityError) -> Conflict | NotFound:
    """The field of a conflict is told by the name of the constraint or column in the driver's message."""
    text = str(error.orig)
    if "foreign key" in text.lower():
        return NotFound("Something that this belongs to is there no more.")
    for word, field in UNIQUE_FIELDS.items():
        if word in text:
            return Conflict(field, f"Another one already has this {field}.")
    raise error


@asynccontextmanager
async def open_database(url: URL, pool_size: int, timeout_s: float) -> AsyncIterator[Database]:
    """Connects lazily: an unreachable server shows as Unavailable at the first transaction."""
    engines = (
        _sqlite_engines(url, pool_size, timeout_s)
        if url.drivername.startswith("sqlite")
        else _postgres_engines(url, pool_size, timeout_s)
    )
    try:
        yield Database(*engines)
    finally:
        for engine in dict.fromkeys(engines):
            await engine.dispose()


def _postgres_engines(url: URL, pool_size: int, timeout_s: float) -> tuple[AsyncEngine, AsyncEngine]:
    arguments: dict[str, Any] = {"timeout": timeout_s, "command_timeout": timeout_s}
    if url.query.get("pgbouncer"):
        url = url.difference_update_query(["pgbouncer"])
        # it may hand each transaction another connection, and the same one to several processes
        arguments |= {
            "statement_cache_size": 0,
            "prepared_statement_cache_size": 0,
            "prepared_statement_name_func": lambda: f"chatsrv_{uuid4().hex}",
        }
    engine = _make_engine(url, pool_size, timeout_s, pool_pre_ping=True, connect_args=arguments)
    return engine, engine


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
        raise BadDatabaseUrl(f"the database's folder {folder} cannot be made: {error.strerror}") from error
    arguments, options = url.get_dialect()().create_connect_args(url)

    async def connect() -> aiosqlite.Connection:
        return await _open_sqlite(*arguments, **options)

    reader = _make_engine(url, pool_size, timeout_s, async_creator=connect)
    writer = _make_engine(url, 1, timeout_s, async_creator=connect)
    _prepare_sqlite(reader, "BEGIN", timeout_s)
    _prepare_sqlite(writer, "BEGIN IMMEDIATE", timeout_s)
    return reader, writer


async def _open_sqlite(*arguments: Any, **options: Any) -> aiosqlite.Connection:
    """Opens in full even where the caller is cancelled meanwhile: the driver would leave the file open."""
    connection = aiosqlite.connect(*arguments, **options)
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
