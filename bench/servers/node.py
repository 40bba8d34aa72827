"""The peers in Node: the same users in a table of their own, the same events, the same presence in Redis."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from bench import people
from bench.processes import SERVER_CORE, running
from bench.servers.target import Conditions, Stock, Target
from bench.stores import await_port, create_database, free_port, running_valkey, with_database
from bench.tools import PEERS, install_peers

KEY = "bench_key_of_the_node_peers"
SECRET = "a secret that all the Node peers share, long enough for HS256"
COLUMNS = ("username", "first_name", "last_name", "avatar")
TABLE = """CREATE TABLE users (username TEXT PRIMARY KEY, first_name TEXT, last_name TEXT, avatar TEXT,
created_at TEXT NOT NULL, updated_at TEXT NOT NULL)"""


class NodePeer:
    """`script`: the file under bench/peers."""

    def __init__(self, stock: Stock, script: str) -> None:
        install_peers()
        self._stock = stock
        self._papers = people.papers_in(stock.folder, "node")
        self._script = script
        self._databases: dict[int, str] = {}
        people.write_tokens(self._papers.tokens, SECRET, people.TOKENS_MAX)
        people.write_gets(self._papers.gets, KEY)
        people.write_pages(self._papers.pages, KEY)

    @contextmanager
    def serving(self, conditions: Conditions) -> Iterator[Target]:
        port, stock, database = free_port(), self._stock, self._database_of(conditions.users)
        with running_valkey(stock.tools, conditions.folder) as valkey:
            env = {
                "NODE_ENV": "production",
                "BENCH_APP": people.APP,
                "BENCH_KEY": KEY,
                "BENCH_SECRET": SECRET,
                "BENCH_DATABASE": database,
                "BENCH_REDIS": valkey.url,
                "BENCH_PORT": str(port),
                "BENCH_PING_MS": str((conditions.ping_s or 25) * 1000),
            }
            words = ["node", str(PEERS / f"{self._script}.js")]
            begun = time.monotonic()
            with running(stock.tools, SERVER_CORE, words, conditions.folder / "node.log", env) as started:
                started.await_line("port")
                await_port(port)
                start_s = time.monotonic() - begun
                target = Target(started.pid, port, self._papers, start_s=start_s)
                yield replace(target, redis_pid=valkey.pid, redis_port=valkey.port)

    def _database_of(self, users: int) -> str:
        if users not in self._databases:
            self._databases[users] = self._prepare(users)
        return self._databases[users]

    def _prepare(self, users: int) -> str:
        name = f"bench_node_{users}"
        if self._stock.database == "postgres":
            url = with_database(self._stock.postgres_url, name)
            create_database(self._stock.postgres_url, name)
            asyncio.run(_fill_postgres(url, users))
            return url
        file = self._stock.folder / f"{name}.db"
        if not file.exists():
            _fill_sqlite(file, users)
        return str(file)


def _values(users: int) -> list[tuple[str, ...]]:
    return [(*(row[name] for name in COLUMNS), people.CREATED_AT, people.CREATED_AT) for row in people.rows(users)]


def _fill_sqlite(file: Path, users: int) -> None:
    connection = sqlite3.connect(file)
    connection.execute(TABLE)
    connection.executemany("INSERT INTO users VALUES (?, ?, ?, ?, ?, ?)", _values(users))
    connection.commit()
    connection.close()


async def _fill_postgres(url: str, users: int) -> None:
    import asyncpg

    connection = await asyncpg.connect(url)
    await connection.execute(TABLE)
    await connection.copy_records_to_table("users", records=_values(users))
    await connection.close()
