"""chatsrv as it is shipped: everything switched on but the log line for each request, and limits out of the way."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import click

from bench import people
from bench.processes import LOAD_CORE, SERVER_CORE, BenchError, find_child, running
from bench.servers.target import Conditions, Stock, Target
from bench.stores import await_port, free_port, running_valkey, with_database
from bench.tools import WORK

COMMAND_S = 300.0
PROGRAM = [sys.executable, "-m", "chatsrv"]
MIGRATIONS = Path(__file__).parents[2] / "chatsrv" / "storage" / "migrations" / "versions"
OUT_OF_THE_WAY = str(10**9)
SETTINGS = {
    "access_log": "false",
    "log_level": "warning",
    "key_rate_per_minute": OUT_OF_THE_WAY,
    "key_rate_burst": OUT_OF_THE_WAY,
    "socket_events_per_minute": OUT_OF_THE_WAY,
    "socket_events_burst": OUT_OF_THE_WAY,
    "presence_sets": OUT_OF_THE_WAY,
}
"""The limits are counted all the same; the peers have none, and none of them logs requests."""


@dataclass(frozen=True, slots=True)
class App:
    """Of the prepared database."""

    key: str
    secret: str


class Chatsrv:
    """Its database is made once: migrated, with one app and all users. SQLite's is copied for each run."""

    def __init__(self, stock: Stock) -> None:
        self._stock = stock
        self._papers = people.papers_in(stock.folder, "chatsrv")
        self._made = WORK / f"chatsrv-{stock.database}-{_fingerprint()}"
        self._app = self._prepared()
        people.write_tokens(self._papers.tokens, self._app.secret)
        people.write_gets(self._papers.gets, self._app.key)
        people.write_pages(self._papers.pages, self._app.key)

    @contextmanager
    def serving(self, conditions: Conditions) -> Iterator[Target]:
        if self._stock.has_embedded_redis:
            with self._started(conditions, "", 0) as target:
                yield target
            return
        with (
            running_valkey(self._stock.tools, conditions.folder) as valkey,
            self._started(conditions, valkey.url, valkey.pid) as target,
        ):
            yield target

    @contextmanager
    def _started(self, conditions: Conditions, redis_url: str, redis_pid: int) -> Iterator[Target]:
        port, stock = free_port(), self._stock
        env = self._environment(self._database_for(conditions.folder), redis_url, conditions.folder)
        env |= {f"CHATSRV_{name.upper()}": value for name, value in stock.settings.items()}
        if conditions.ping_s:
            env["CHATSRV_PING_INTERVAL_S"] = str(conditions.ping_s)
        words = [*PROGRAM, "serve", "--port", str(port), "--json"]
        begun = time.monotonic()
        with running(stock.tools, SERVER_CORE, words, conditions.folder / "chatsrv.log", env) as started:
            started.await_line("url")
            await_port(port)
            start_s = time.monotonic() - begun
            redis_pid = redis_pid or _move_embedded(started.pid)
            yield Target(started.pid, port, self._papers, start_s=start_s, redis_pid=redis_pid)

    def _environment(self, database_url: str, redis_url: str, folder: Path) -> dict[str, str]:
        env = {f"CHATSRV_{name.upper()}": value for name, value in SETTINGS.items()}
        env |= {"CHATSRV_DATA_DIR": str(folder / "data"), "DATABASE_URL": database_url}
        return {**env, "REDIS_URL": redis_url} if redis_url else env

    def _database_for(self, folder: Path) -> str:
        if self._stock.database == "postgres":
            return with_database(self._stock.postgres_url, self._made.name.replace("-", "_"))
        file = folder / "chatsrv.db"
        if not file.exists():
            shutil.copy(self._made / "chatsrv.db", file)
        return f"sqlite:///{file}"

    def _prepared(self) -> App:
        """Made anew when the migrations are others; a PostgreSQL keeps it from one benchmark to the next, too."""
        app_file = self._made / "app.json"
        if not app_file.exists():
            shutil.rmtree(self._made, ignore_errors=True)
            self._made.mkdir(parents=True)
            app_file.write_text(self._prepare())
        made = json.loads(app_file.read_text())
        return App(made["key"], made["jwt_secret"])

    def _prepare(self) -> str:
        click.echo(f"preparing {people.COUNT} users in {self._stock.database}")
        url = f"sqlite:///{self._made / 'chatsrv.db'}"
        if self._stock.database == "postgres":
            url = with_database(self._stock.postgres_url, self._made.name.replace("-", "_"))
            create_database(self._stock.postgres_url, self._made.name.replace("-", "_"))
        users = self._made / "users.ndjson"
        people.write_users(users)
        with running_valkey(self._stock.tools, self._made) as valkey:
            env = {**os.environ, **self._environment(url, valkey.url, self._made)}
            _command(env, "migrate")
            app = _command(env, "app", "create", people.APP, "--json")
            _command(env, "user", "import", people.APP, str(users))
        return app


def create_database(url: str, name: str) -> None:
    """Empty, whatever was there before."""
    import asyncio

    import asyncpg

    async def create() -> None:
        connection = await asyncpg.connect(url)
        await connection.execute(f'DROP DATABASE IF EXISTS "{name}"')
        await connection.execute(f'CREATE DATABASE "{name}"')
        await connection.close()

    asyncio.run(create())


def _command(env: dict[str, str], *words: str) -> str:
    done = subprocess.run([*PROGRAM, *words], env=env, capture_output=True, text=True, timeout=COMMAND_S, check=False)
    if done.returncode:
        raise BenchError(f"chatsrv {' '.join(words)}: {done.stderr}")
    return done.stdout


def _move_embedded(pid: int) -> int:
    """The Valkey that chatsrv brought goes to the other core, where an external one would be."""
    valkey = find_child(pid, "valkey-server")
    if valkey:
        os.sched_setaffinity(valkey, {LOAD_CORE})
    return valkey


def _fingerprint() -> str:
    """Of the migrations and of the users."""
    seen = b"".join(file.read_bytes() for file in sorted(MIGRATIONS.glob("*.py"))) + str(people.COUNT).encode()
    return sha256(seen).hexdigest()[:12]
