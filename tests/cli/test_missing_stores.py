"""Every command without its stores: one line that says which one is missing, why, and how to mend it; status 1."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.cli.shell import Result, Shell
from tests.faults.store_wire import StoreWire, socket_of, wire_to
from tests.faults.valkey import OwnValkey, running_valkey
from tests.postgres import fresh_database

SECRET = "hunter2"
QUICKLY = {"CHATSRV_DATABASE_TIMEOUT_S": "0.5", "CHATSRV_REDIS_TIMEOUT_S": "1.5"}


@dataclass(frozen=True, slots=True)
class Stores:
    """Wires to a PostgreSQL and a Valkey that are well; Valkey's password is `right`."""

    sql: StoreWire
    redis: StoreWire
    database: str

    def values(self) -> dict[str, object]:
        return {"sql": self.sql.port, "redis": self.redis.port, "database": self.database, "secret": SECRET}


@pytest.fixture
async def valkey(tmp_path: Path) -> AsyncIterator[OwnValkey]:
    async with running_valkey(tmp_path / "valkey") as one:
        async with one.client() as client:
            await client.config_set("requirepass", "right")
        yield one


@pytest.fixture
async def stores(postgres_url: str, valkey: OwnValkey) -> AsyncIterator[Stores]:
    async with (
        fresh_database(postgres_url) as url,
        wire_to(socket_of(url)) as sql,
        wire_to(socket_of(valkey.url)) as redis,
    ):
        yield Stores(sql, redis, urlsplit(url).path.strip("/"))


GOOD_SQL = "postgres://postgres:{secret}@127.0.0.1:{sql}/{database}"
GOOD_REDIS = "redis://:right@127.0.0.1:{redis}"


def shell_with(tmp_path: Path, stores: Stores, **urls: str) -> Shell:
    given = {"DATABASE_URL": GOOD_SQL, "REDIS_URL": GOOD_REDIS} | urls
    variables = {name: url.format(**stores.values()) for name, url in given.items()}
    return Shell(tmp_path, {**variables, **QUICKLY})


def assert_said(refused: Result, *words: str) -> None:
    assert (refused.status, refused.out) == (1, "")
    for word in words:
        assert word in refused.complaint
    assert SECRET not in refused.err


def failed_row(told: Result, check: str) -> str:
    """What the doctor finds, and how to mend it."""
    assert told.status == 1
    assert told.err == ""
    assert SECRET not in told.out
    [row] = [row for row in told.answer if row["check"] == check]
    assert row["state"] == "fail"
    return f"{row['found']} -> {row['mend']}"


SQL_ROWS = {
    "refused": ("postgres://u:{secret}@127.0.0.1:1/x", "does not answer", "Connect call failed", "the server runs"),
    "of another name": ("postgres://postgres:{secret}@127.0.0.1:{sql}/nowhere", "is not there", "nowhere", "reate it"),
    "with a stranger": (
        "postgres://nobody:{secret}@127.0.0.1:{sql}/{database}",
        "does not let us in",
        'role "nobody"',
        "heck user, password and rights in DATABASE_URL",
    ),
    "over TLS": (f"{GOOD_SQL}?sslmode=require", "does not answer", "rejected SSL", "whether the server speaks TLS"),
}


@pytest.mark.parametrize(("url", "why", "told", "mend"), SQL_ROWS.values(), ids=SQL_ROWS)
async def test_a_database_out_of_reach_is_told_by_every_command(
    url: str, why: str, told: str, mend: str, stores: Stores, tmp_path: Path
) -> None:
    shell = shell_with(tmp_path, stores, DATABASE_URL=url)
    for words in (("migrate",), ("app", "list")):
        assert_said(await shell.run(*words), f"chatsrv: The database {why} right now.", told, mend)
    found = failed_row(await shell.run("doctor", "--json"), "database")
    for word in (why, told, mend):
        assert word in found


async def test_a_database_that_is_silent_is_given_up_in_time(stores: Stores, tmp_path: Path) -> None:
    stores.sql.freeze()
    shell = shell_with(tmp_path, stores)
    assert_said(await shell.run("migrate"), "The database does not answer", "no answer in time", "DATABASE_URL")


REDIS_ROWS = {
    "refused": ("redis://:{secret}@127.0.0.1:1", "does not answer", "127.0.0.1:1", "the server runs"),
    "with another password": (
        "redis://:{secret}@127.0.0.1:{redis}",
        "does not let us in",
        "invalid username-password",
        "check user, password and rights in REDIS_URL",
    ),
    "without a password": (
        "redis://127.0.0.1:{redis}",
        "does not let us in",
        "Authentication required",
        "check user, password and rights in REDIS_URL",
    ),
    "of another number": (f"{GOOD_REDIS}/99", "does not answer", "DB index is out of range", "check REDIS_URL"),
    "over TLS": ("rediss://:{secret}@127.0.0.1:{redis}", "does not answer", "TLS", "whether the server speaks TLS"),
}


@pytest.mark.parametrize(("url", "why", "told", "mend"), REDIS_ROWS.values(), ids=REDIS_ROWS)
async def test_a_redis_out_of_reach_is_told_by_the_doctor(
    url: str, why: str, told: str, mend: str, stores: Stores, tmp_path: Path
) -> None:
    found = failed_row(await shell_with(tmp_path, stores, REDIS_URL=url).run("doctor", "--json"), "redis")
    for word in (f"The presence store {why} right now.", told, mend):
        assert word in found


async def test_a_redis_that_takes_no_changes_is_told_by_the_doctor(
    valkey: OwnValkey, stores: Stores, tmp_path: Path
) -> None:
    async with valkey.client(password="right") as client:
        await client.config_set("maxmemory", 1)
    found = failed_row(await shell_with(tmp_path, stores).run("doctor", "--json"), "redis")
    assert "The presence store is out of memory right now." in found
    assert "give it more memory" in found


@pytest.mark.parametrize("words", [("serve", "--port", "0"), ("worker",)], ids=["serve", "worker"])
async def test_what_stays_does_not_begin_without_its_stores(
    words: tuple[str, ...], stores: Stores, tmp_path: Path
) -> None:
    without_redis = shell_with(tmp_path, stores, REDIS_URL="redis://:{secret}@127.0.0.1:{redis}")
    told = "does not let us in right now. (invalid username-password pair or user is disabled.)"
    assert_said(await without_redis.run_process(*words), told, "Check user, password and rights in REDIS_URL.")
    without_sql = shell_with(tmp_path, stores, DATABASE_URL="postgres://u:{secret}@127.0.0.1:1/x")
    assert_said(await without_sql.run_process(*words), "The database does not answer", "Check DATABASE_URL and that")


@pytest.mark.parametrize("url", ["redis://:hunter2@127.0.0.1/shop", "redis://:hunter2@127.0.0.1:x"])
async def test_a_redis_url_that_names_no_database_is_no_url(url: str, stores: Stores, tmp_path: Path) -> None:
    """Rather than another database than the one that is meant."""
    found = failed_row(await shell_with(tmp_path, stores, REDIS_URL=url).run("doctor", "--json"), "stores")
    assert "redis_url is no URL" in found


async def test_a_data_folder_that_cannot_be_is_told_with_its_mend(shell: Shell) -> None:
    (shell.folder / "data").write_text("in the way")
    for words in (("migrate",), ("app", "list")):
        assert_said(await shell.run(*words), "the data folder", "cannot be made", "CHATSRV_DATA_DIR")
    assert_said(await shell.run_process("serve", "--port", "0"), "the data folder", "CHATSRV_DATA_DIR")


async def test_a_folder_in_which_valkey_cannot_keep_anything_is_told_with_its_mend(shell: Shell) -> None:
    (shell.folder / "data").mkdir()
    (shell.folder / "data" / "valkey").write_text("in the way")
    found = failed_row(await shell.run("doctor", "--json"), "stores")
    assert "data/valkey cannot be made (File exists)" in found
    assert "CHATSRV_DATA_DIR" in found


async def test_a_database_file_that_is_damaged_is_told_with_its_mend(shell: Shell) -> None:
    (shell.folder / "data").mkdir()
    (shell.folder / "data" / "chatsrv.db").write_bytes(b"no database" * 1000)
    for words in (("migrate",), ("app", "list")):
        assert_said(await shell.run(*words), "The database is damaged", "not a database", "Restore it from a backup")


async def test_a_disk_without_room_is_told_with_its_mend(shell: Shell) -> None:
    """No file may grow beyond some blocks."""
    assert_said(await shell.bash("ulimit -f 16; chatsrv migrate"), "The database does not answer", "Check the disk")
