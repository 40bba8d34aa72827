"""chatsrv migrate and doctor, and what serve says of a database: SQLite and PostgreSQL, current, behind and away."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import asyncpg
import pytest

from chatsrv.storage.migrating import MIGRATION_LOCK
from tests.cli.shell import Shell
from tests.postgres import administer, named


@pytest.fixture
async def behind(postgres_url: str, valkey_url: str, tmp_path: Path) -> AsyncIterator[Shell]:
    """On an empty PostgreSQL database and a Redis that is shared."""
    name = f"cli{uuid4().hex}"
    await administer(postgres_url, f"CREATE DATABASE {name}")
    url = named(postgres_url, name).replace("postgresql://", "postgres://")
    yield Shell(tmp_path, {"DATABASE_URL": url, "REDIS_URL": valkey_url, "CHATSRV_REDIS_PREFIX": name})
    await administer(postgres_url, f"DROP DATABASE {name} WITH (FORCE)")


async def test_a_database_that_is_behind_is_refused_until_migrate_has_run(behind: Shell) -> None:
    refused = await behind.run_process("serve", "--port", "0")
    assert (refused.status, refused.out) == (1, "")
    assert "chatsrv migrate" in refused.complaint
    checked = await behind.run_process("migrate", "--check", "--json")
    assert checked.status == 1
    assert "chatsrv migrate" in checked.complaint
    examined = await behind.run("doctor", "--json")
    assert [row["mend"] for row in examined.answer if row["state"] == "fail"] == ["run: chatsrv migrate"]
    applied = await behind.answer("migrate")
    assert applied["applied"] == checked.answer["missing"] != []
    async with behind.serving() as server:
        assert server.key == ""  # the demo app is for those who have set up nothing
        assert (await server.get("/readyz"))[0] == 200
        made = await behind.answer("app", "create", "shop")
        assert (await type(server)(server.process, server.url, made["key"]).get("/v1/shop/users"))[0] == 200
        assert (await server.stop()).status == 0
    assert list(behind.folder.iterdir()) == []


async def test_migrate_waits_for_another_for_longer_than_a_server_waits_for_anything(behind: Shell) -> None:
    hurried = Shell(behind.folder, {**behind.variables, "CHATSRV_DATABASE_TIMEOUT_S": "0.2"})
    other = await asyncpg.connect(behind.variables["DATABASE_URL"])
    await other.execute(f"SELECT pg_advisory_lock({MIGRATION_LOCK})")
    migrating = asyncio.create_task(hurried.run("migrate"))
    waiting = "SELECT max(clock_timestamp() - query_start) FROM pg_stat_activity WHERE wait_event = 'advisory'"
    async with asyncio.timeout(30):
        while (await other.fetchval(waiting) or timedelta()) < timedelta(seconds=0.5):
            await asyncio.sleep(0.05)
    await other.close()
    assert (await migrating).status == 0


async def test_migrate_gives_up_on_a_table_that_somebody_else_keeps(
    behind: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While it waits for one, all who come after it wait for it."""
    other = await asyncpg.connect(behind.variables["DATABASE_URL"])
    await other.execute("CREATE TABLE alembic_version (version_num varchar(32) NOT NULL)")
    await other.execute("BEGIN; LOCK TABLE alembic_version IN EXCLUSIVE MODE")
    monkeypatch.setattr("chatsrv.storage.migrating.LOCK_TIMEOUT_S", 0.1)
    refused = await behind.run("migrate")
    assert refused.status == 1
    assert "in use by somebody" in refused.complaint
    assert "try again" in refused.complaint
    await other.close()


async def test_migrate_brings_a_new_folder_up_to_date_without_starting_a_valkey(shell: Shell) -> None:
    assert (await shell.answer("migrate"))["applied"] != []
    again = await shell.run("migrate")
    assert (again.status, again.out, again.err) == (0, "applied  none\n", "")
    assert {entry.name for entry in (shell.folder / "data").iterdir()} >= {"chatsrv.db"}
    assert not (shell.folder / "data" / "valkey").exists()
    assert (shell.folder / "data").stat().st_mode & 0o077 == 0


async def test_doctor_finds_everything_well_before_the_first_start(shell: Shell) -> None:
    told = await Shell(shell.folder, {"PORT": "0"}).run("doctor")
    assert (told.status, told.err) == (0, "")
    assert {line.split()[0] for line in told.out.splitlines()} <= {"ok", "note"}
    assert [line[6:18].strip() for line in told.out.splitlines()] == [
        *("settings", "port", "open files", "data folder", "disk"),
        *("database", "migrations", "redis", "clock", "servers"),
    ]


async def test_doctor_says_how_to_mend_stores_out_of_reach_and_tells_no_password(shell: Shell) -> None:
    variables = {"DATABASE_URL": "postgres://u:secret@127.0.0.1:1/x", "REDIS_URL": "redis://:secret@127.0.0.1:1"}
    told = await Shell(shell.folder, variables).run("doctor", "--json")
    assert (told.status, told.err) == (1, "")
    rows = {row["check"]: row for row in told.answer}
    assert {name for name, row in rows.items() if row["state"] == "fail"} == {"database", "redis", "clock"}
    assert rows["database"]["mend"] == "check DATABASE_URL and that the server runs"
    assert "Connect call failed" in rows["database"]["found"]
    assert rows["redis"]["mend"] == "check REDIS_URL and that the server runs"
    assert "secret" not in told.out


async def test_doctor_names_a_setting_that_cannot_be(shell: Shell) -> None:
    told = await Shell(shell.folder, {"CHATSRV_GRACE_S": "soon"}).run("doctor", "--json")
    assert told.status == 1
    [row] = told.answer
    assert (row["check"], row["state"]) == ("settings", "fail")
    assert "grace_s" in row["found"]
