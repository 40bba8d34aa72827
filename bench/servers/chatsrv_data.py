"""The databases of chatsrv: made once for each number of users, and kept from one benchmark to the next."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import click

from bench import people
from bench.processes import BenchError
from bench.servers.target import Stock
from bench.stores import create_database, running_valkey, with_database

COMMAND_S = 300.0
PROGRAM = [sys.executable, "-m", "chatsrv"]
MIGRATIONS = Path(__file__).parents[2] / "chatsrv" / "storage" / "migrations" / "versions"
COLUMNS_OF_POSTGRES = "SELECT column_name FROM information_schema.columns WHERE table_name = 'users'"
NUMBER = "CAST(n AS TEXT)"
# what differs from one user to the next; all else is as the first one has it
OWN = {
    "uuid": "'01a201b7-58c1-7000-8000-' || substr(CAST(1000000000000 + n AS TEXT), 2)",
    "username": f"'u' || CASE WHEN n < 100000 THEN substr(CAST(100000 + n AS TEXT), 2) ELSE {NUMBER} END",
    "first_name": f"'First' || {NUMBER}",
    "first_name_key": f"'first' || {NUMBER}",
    "last_name": f"'Last' || {NUMBER}",
    "last_name_key": f"'last' || {NUMBER}",
    "avatar": f"'https://cdn.example.com/avatars/' || {NUMBER} || '.png'",
}
OWN["username_key"] = OWN["username"]


@dataclass(frozen=True, slots=True)
class App:
    """Of a database that is ready. `url` is where it is; a SQLite is copied for each run."""

    url: str
    key: str
    secret: str

    @property
    def file(self) -> Path | None:
        """Of SQLite."""
        return Path(self.url.removeprefix("sqlite:///")) if self.url.startswith("sqlite") else None


def prepare(stock: Stock, users: int, env: Mapping[str, str]) -> App:
    """Migrated, with one app and so many users; `env` is what the commands of chatsrv are given besides the stores."""
    folder = stock.work / f"chatsrv-{stock.database}-{users}-{_fingerprint()}"
    url = f"sqlite:///{folder / 'chatsrv.db'}"
    name = folder.name.replace("-", "_")
    if stock.database == "postgres":
        url = with_database(stock.postgres_url, name)
    made = folder / "app.json"
    if not made.exists():
        click.echo(f"preparing {users:,} users in {stock.database}")
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        if stock.database == "postgres":
            create_database(stock.postgres_url, name)
        told = _make(stock, folder, url, users, env)
        made.write_text(told)
    app = json.loads(made.read_text())
    return App(url, app["key"], app["jwt_secret"])


def _make(stock: Stock, folder: Path, url: str, users: int, env: Mapping[str, str]) -> str:
    first = folder / "first.ndjson"
    first.write_text(json.dumps(people.row(0)) + "\n")
    with running_valkey(stock.tools, folder) as valkey:
        all_env = {**os.environ, **env, "DATABASE_URL": url, "REDIS_URL": valkey.url}
        _command(all_env, "migrate")
        app = _command(all_env, "app", "create", people.APP, "--json")
        _command(all_env, "user", "import", people.APP, str(first))
    if stock.database == "postgres":
        asyncio.run(_fill_postgres(url, users))
    else:
        _fill_sqlite(folder / "chatsrv.db", users)
    return app


def _command(env: dict[str, str], *words: str) -> str:
    done = subprocess.run([*PROGRAM, *words], env=env, capture_output=True, text=True, timeout=COMMAND_S, check=False)
    if done.returncode:
        raise BenchError(f"chatsrv {' '.join(words)}: {done.stderr}")
    return done.stdout


def _fill_sqlite(file: Path, users: int) -> None:
    """The indexes are made behind it, which takes a third of the time. What SQLite expects of them goes with them."""
    with closing(sqlite3.connect(file)) as db:
        columns = [name for _, name, *_ in db.execute("PRAGMA table_info(users)")]
        found = "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND tbl_name = 'users' AND sql IS NOT NULL"
        indexes = list(db.execute(found))
        expected = list(db.execute("SELECT tbl, idx, stat FROM sqlite_stat1"))
        for name, _ in indexes:
            db.execute(f"DROP INDEX {name}")
        db.execute(_filling(columns, users))
        for _, sql in indexes:
            db.execute(sql)
        db.execute("DELETE FROM sqlite_stat1")
        db.executemany("INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES (?, ?, ?)", expected)
        db.commit()
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")


async def _fill_postgres(url: str, users: int) -> None:
    import asyncpg

    connection = await asyncpg.connect(url)
    columns = [column["column_name"] for column in await connection.fetch(COLUMNS_OF_POSTGRES)]
    await connection.execute(_filling(columns, users), timeout=COMMAND_S)
    await connection.execute("ANALYZE users")
    await connection.close()


def _filling(columns: Iterable[str], users: int) -> str:
    """One statement that both databases understand: from the first user, which is there, all others."""
    names = [name for name in columns if name != "id"]
    values = ", ".join(OWN.get(name, name) for name in names)
    # nothing of it comes from outside
    numbers = f"SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < {users - 1}"  # noqa: S608 - our number
    into = f"INSERT INTO users ({', '.join(names)}) WITH RECURSIVE numbers(n) AS ({numbers})"
    return f"{into} SELECT {values} FROM numbers, users ORDER BY n"  # noqa: S608 - our words


def _fingerprint() -> str:
    """Of the migrations, and of how the users are made."""
    files = [*sorted(MIGRATIONS.glob("*.py")), Path(__file__), Path(people.__file__)]
    return sha256(b"".join(file.read_bytes() for file in files)).hexdigest()[:12]
