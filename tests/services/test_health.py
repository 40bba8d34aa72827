"""Health: what is said of stores that answer, do not answer, or are behind."""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path

import pytest

from chatsrv.domain.clock import Clock
from chatsrv.domain.errors import SetupError, Unavailable
from chatsrv.services import Services, open_services
from chatsrv.services import health as health_module
from chatsrv.services.health import OK, Health
from chatsrv.storage import migrating
from chatsrv.storage.database import open_database, parse_url
from chatsrv.storage.lane import open_lane
from chatsrv.storage.presence_reads import PresenceReads
from chatsrv.storage.redis import open_redis
from tests.conftest import MakeSettings
from tests.storage.test_migrations import REVISIONS


async def test_all_is_well(services: Services) -> None:
    assert await services.health.check() == {"database": OK, "redis": OK, "migrations": OK}


async def test_a_database_that_is_behind_is_told_with_the_mend(services: Services) -> None:
    await migrating.downgrade(services.db, "base")
    checked = await services.health.check()
    assert checked == {
        "database": OK,
        "redis": OK,
        "migrations": f"behind by {', '.join(REVISIONS)}: run chatsrv migrate",
    }


async def test_a_database_that_is_ahead_is_fine_while_servers_are_replaced(services: Services) -> None:
    async with services.db.write() as tx:
        await tx.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    assert (await services.health.check())["migrations"] == OK


async def test_stores_that_cannot_be_reached_are_told_apart(make_settings: MakeSettings) -> None:
    async with open_services(make_settings(redis_url="redis://127.0.0.1:1")) as services:
        checked = await services.health.check()
        assert (checked["database"], checked["migrations"]) == (OK, OK)
        assert "presence store does not answer" in checked["redis"]
        with pytest.raises(Unavailable):
            await services.health.clock_skew_ms(Clock().now)


async def test_a_server_that_accepts_and_says_nothing_does_not_hold_the_check_up(
    valkey_url: str, tmp_path: Path
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        async with (
            open_database(parse_url(f"postgres://u:hunter2@127.0.0.1:{port}/d", tmp_path), 3, 60) as db,
            open_redis(f"redis://127.0.0.1:{port}", 2, 60, True) as redis,
            open_lane(redis) as lane,
            asyncio.timeout(20),
        ):
            health = Health(db, PresenceReads(lane, "chatsrv"))
            try:
                checked = await health.check()
            finally:
                await health.close()
    assert checked == dict.fromkeys(("database", "redis", "migrations"), "no answer in time")


async def test_however_many_ask_a_store_that_is_silent_is_asked_once(
    make_settings: MakeSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(health_module, "CHECK_TIMEOUT_S", 0.2)
    asked: list[asyncio.StreamWriter] = []

    async def accept(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(writer)

    async with await asyncio.start_server(accept, "127.0.0.1", 0) as silent:
        url = f"postgres://u:p@127.0.0.1:{silent.sockets[0].getsockname()[1]}/d"
        async with open_services(make_settings(database_url=url, database_timeout_s=60)) as services:
            for _ in range(3):
                await asyncio.gather(*(services.health.check() for _ in range(10)))
        assert len(asked) == len(("database", "migrations"))
        for writer in asked:
            writer.close()


async def test_the_skew_of_the_clocks_is_measured(services: Services) -> None:
    assert abs(await services.health.clock_skew_ms(Clock().now)) < 60_000
    assert 3_540_000 < await services.health.clock_skew_ms(Clock(3_600_000).now) < 3_660_000


@pytest.mark.parametrize(
    "url", ["hunter2", "http://:hunter2@h", "redis://:hunter2@h:port", "redis://h?max_connections=x"]
)
async def test_a_redis_url_that_cannot_be_used_is_told_without_repeating_it(url: str) -> None:
    with pytest.raises(SetupError, match="redis_url is no URL") as caught:
        async with open_redis(url, 2, 1, True):
            pass
    assert "hunter2" not in str(caught.value)
