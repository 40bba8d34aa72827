"""The database: URLs as people write them, transactions, and what a driver's errors mean."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from chatsrv.domain.apps import App
from chatsrv.domain.errors import Conflict, NotFound, Unavailable
from chatsrv.services.users import new_user
from chatsrv.storage import apps, users
from chatsrv.storage.database import BadDatabaseUrl, Database, open_database, parse_url


@pytest.fixture
async def db(database_url: str) -> AsyncIterator[Database]:
    async with open_database(parse_url(database_url, Path()), 5, 10) as opened:
        yield opened


async def add_app(db: Database, app_id: str = "demo") -> None:
    async with db.write() as tx:
        await apps.add_app(tx, App(app_id, app_id, "secret", 1))


async def add_user(db: Database, app_id: str = "demo", **values: Any) -> None:
    async with db.write() as tx:
        await users.add(tx, app_id, new_user(values, 1))


async def count(db: Database) -> int:
    async with db.read() as tx:
        return await users.count(tx, "demo")


def shown(text: str) -> str:
    return parse_url(text, Path("data")).render_as_string(hide_password=False)


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("", "sqlite+aiosqlite:///data/chatsrv.db"),
        ("sqlite:///a/b.db", "sqlite+aiosqlite:///a/b.db"),
        ("sqlite:////a/b.db", "sqlite+aiosqlite:////a/b.db"),
        ("postgres://u:p@h/d", "postgresql+asyncpg://u:p@h/d"),
        ("postgresql://u:p@h:5433/d", "postgresql+asyncpg://u:p@h:5433/d"),
        ("postgresql+psycopg2://u:p@h/d", "postgresql+asyncpg://u:p@h/d"),
        ("postgres://u:p%40ss%2Fword@h/d", "postgresql+asyncpg://u:p%40ss%2Fword@h/d"),
        ("postgres://u:p@h/d?sslmode=require", "postgresql+asyncpg://u:p@h/d?ssl=require"),
        ("postgres://u:p@h/d?ssl=prefer", "postgresql+asyncpg://u:p@h/d?ssl=prefer"),
        ("postgres://u:p@h/d?pgbouncer=true", "postgresql+asyncpg://u:p@h/d?pgbouncer=true"),
    ],
)
def test_a_url_is_taken_as_platforms_and_people_write_it(text: str, url: str) -> None:
    assert shown(text) == url


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("mysql://u:hunter2@h/d", "begins with mysql://; only postgres:// and sqlite:///"),
        ("hunter2", "is no URL"),
        ("postgres://u:hunter2@h:port/d", "is no URL"),
        ("postgres://u:hunter2@h/d?sslmode=no", "sslmode in database_url must be one of"),
        ("postgres://u:hunter2@h/d?sslmode=require&sslmode=no", "sslmode in database_url must be one of"),
        ("postgres://u:hunter2@h/d?channel_binding=require", "has the parameter channel_binding; only host"),
        ("sqlite://", "names no file"),
        ("sqlite:///:memory:", "names no file"),
    ],
)
def test_a_url_that_cannot_be_used_is_told_without_repeating_it(text: str, sentence: str) -> None:
    with pytest.raises(BadDatabaseUrl, match=sentence) as caught:
        parse_url(text, Path("data"))
    assert "hunter2" not in str(caught.value)


async def test_a_folder_that_cannot_be_made_is_told_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(BadDatabaseUrl, match=r"folder .* cannot be made"):
        async with open_database(parse_url(f"sqlite:///{tmp_path}/file/a.db", tmp_path), 1, 1):
            pass


async def test_a_transaction_that_fails_leaves_nothing_behind(db: Database) -> None:
    async def fail() -> None:
        async with db.write() as tx:
            await apps.add_app(tx, App("demo", "demo", "secret", 1))
            await users.add(tx, "demo", new_user({"username": "anna"}, 1))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()
    async with db.read() as tx:
        assert await apps.list_apps(tx) == []


async def test_a_transaction_that_is_cancelled_leaves_nothing_behind_and_blocks_nobody(db: Database) -> None:
    await add_app(db)
    entered = asyncio.Event()

    async def dawdle() -> None:
        async with db.write() as tx:
            await users.add(tx, "demo", new_user({"username": "anna"}, 1))
            entered.set()
            await asyncio.Event().wait()

    task = asyncio.create_task(dawdle())
    await entered.wait()
    task.cancel()
    await asyncio.wait([task])
    await add_user(db, username="anna")
    assert await count(db) == 1


async def test_wherever_a_transaction_is_cancelled_nobody_waits_for_it(db: Database, database_url: str) -> None:
    await add_app(db)

    async def write_on() -> None:
        async with db.write() as tx:
            while True:
                await tx.exec_driver_sql("UPDATE apps SET name = 'Other'")
                await tx.exec_driver_sql("SELECT count(*) FROM users")

    async with open_database(parse_url(database_url, Path()), 1, 1) as other:
        remembered: list[object] = []
        for steps in range(30, 90, 2):
            task = asyncio.create_task(write_on())
            for _ in range(steps):
                await asyncio.sleep(0)
            task.cancel()
            # the trace remembers what was under way
            remembered += await asyncio.gather(task, return_exceptions=True)
            await add_user(other, username=f"bert{steps}")
    assert await count(db) == len(remembered) == 30


@pytest.mark.parametrize(
    ("field", "first", "second"),
    [
        ("username", {"username": "Anna"}, {"username": "aNNA"}),
        ("email", {"username": "a", "email": "A@b"}, {"username": "b", "email": "a@B"}),
        ("external_id", {"username": "a", "external_id": "1"}, {"username": "b", "external_id": "1"}),
        ("uuid", {"username": "a", "uuid": "u"}, {"username": "b", "uuid": "u"}),
        # values that are named like the columns of others
        ("external_id", {"username": "a", "external_id": "email_key"}, {"username": "b", "external_id": "email_key"}),
    ],
)
async def test_a_conflict_names_its_field(
    db: Database, field: str, first: dict[str, str], second: dict[str, str]
) -> None:
    await add_app(db)
    await add_user(db, **first)
    with pytest.raises(Conflict) as caught:
        await add_user(db, **second)
    assert caught.value.field == field
    assert await count(db) == 1


async def test_an_app_that_exists_is_a_conflict_of_its_id(db: Database) -> None:
    await add_app(db)
    with pytest.raises(Conflict) as caught:
        await add_app(db)
    assert caught.value.field == "appId"


async def test_what_is_unique_is_so_within_an_app_alone(db: Database) -> None:
    values = {"username": "anna", "email": "a@b", "external_id": "1", "uuid": "u"}
    for app_id in ("demo", "other"):
        await add_app(db, app_id)
        await add_user(db, app_id, **values)


async def test_nobody_can_be_added_to_an_app_that_has_gone(db: Database) -> None:
    with pytest.raises(NotFound, match="is there no more"):
        await add_user(db, "gone", username="anna")


async def test_a_reader_sees_nothing_of_a_transaction_under_way_and_does_not_wait_for_it(db: Database) -> None:
    await add_app(db)
    async with db.write() as tx:
        await users.add(tx, "demo", new_user({"username": "anna"}, 1))
        assert await asyncio.wait_for(count(db), 5) == 0
    assert await count(db) == 1


async def test_more_writers_than_connections_wait_for_each_other(db: Database) -> None:
    await add_app(db)
    await asyncio.gather(*(add_user(db, username=f"user{number}") for number in range(30)))
    assert await count(db) == 30


async def test_two_programs_write_to_one_database(db: Database, database_url: str) -> None:
    await add_app(db)
    async with open_database(parse_url(database_url, Path()), 5, 10) as other:
        writes = (add_user(one, username=f"{name}{i}") for name, one in (("a", db), ("b", other)) for i in range(15))
        await asyncio.gather(*writes)
    assert await count(db) == 30


async def test_a_mistake_of_ours_is_no_outage(db: Database) -> None:
    with pytest.raises(Exception, match="nowhere") as caught:
        async with db.read() as tx:
            await tx.exec_driver_sql("SELECT * FROM nowhere")
    assert not isinstance(caught.value, Unavailable)
