"""What tests share: real stores, opened once for a run, and services on a fresh part of each."""

from __future__ import annotations

import asyncio
import gc
import os
import shutil
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import pytest
import structlog
from aiohttp import ClientSession

from chatsrv.domain.clock import Clock
from chatsrv.services import Services, open_services
from chatsrv.services.migrations import migrate
from chatsrv.settings import Settings
from chatsrv.storage.database import open_database, parse_url
from chatsrv.storage.embedded import embedded_valkey
from tests.client import ApiClient
from tests.listening import served_node
from tests.postgres import fresh_database, running_postgres

MakeSettings = Callable[..., Settings]

if os.environ.get("CHATSRV_TEST_LOOP") == "uvloop":  # what `chatsrv serve` runs on, in the place of asyncio's own

    def pytest_asyncio_loop_factories() -> dict[str, Callable[[], asyncio.AbstractEventLoop]]:
        import uvloop

        return {"uvloop": uvloop.new_event_loop}


@pytest.fixture(scope="session", autouse=True)
def plain_logs() -> None:
    """structlog's own way to print an error takes seconds."""
    renderer = structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback)
    structlog.configure(processors=[structlog.contextvars.merge_contextvars, renderer])


@pytest.fixture(scope="session")
async def valkey_url(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[str]:
    """A real server for this test process; each test has keys of its own."""
    async with embedded_valkey(tmp_path_factory.mktemp("valkey")) as url:
        yield url


@pytest.fixture(scope="session")
async def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated database, to be copied."""
    file = tmp_path_factory.mktemp("sqlite") / "template.db"
    async with open_database(parse_url(f"sqlite:///{file}", file.parent), 1, 10) as db:
        await migrate(db)
    return file


@pytest.fixture(scope="session")
async def postgres_url(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[str]:
    """One real server for all test processes of a run."""
    base = tmp_path_factory.getbasetemp()
    run_folder = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    async with running_postgres(run_folder) as url:
        yield url


@pytest.fixture(params=["sqlite_template", "postgres_url"], ids=["sqlite", "postgres"])
def database_source(request: pytest.FixtureRequest) -> Path | str:
    """What the test's database is made from; only what is asked for is started."""
    source: Path | str = request.getfixturevalue(request.param)
    return source


@pytest.fixture
async def database_url(database_source: Path | str, tmp_path: Path) -> AsyncIterator[str]:
    """A fresh, migrated database; a test that asks for it runs once on each kind."""
    if isinstance(database_source, Path):
        file = tmp_path / "chatsrv.db"
        shutil.copy(database_source, file)
        yield f"sqlite:///{file}"
    else:
        async with fresh_database(database_source) as url:
            yield url


@pytest.fixture
def clock() -> Clock:
    """Move it with `advance(seconds)`: Redis' scripts reckon with the same offset."""
    return Clock()


@pytest.fixture
def make_settings(database_url: str, valkey_url: str, tmp_path: Path) -> MakeSettings:
    """Settings on this test's stores, with whatever else is given."""
    prefix = f"t{uuid4().hex}"

    def make(**values: object) -> Settings:
        given = {
            "database_url": database_url,
            "redis_url": valkey_url,
            "redis_prefix": prefix,
            "data_dir": str(tmp_path),
            "database_pool": 5,
            "access_log": False,
            # hundreds of wrong keys come from one address in one test, and each is to be told so
            "failed_credentials_per_minute": 100_000,
            "drain_s": 0,
            # a password that costs nothing to hash
            "password_memory_kib": 8,
            "password_time_cost": 1,
            **values,
        }
        return Settings(**given)  # type: ignore[arg-type]

    return make


@pytest.fixture
async def services(make_settings: MakeSettings, clock: Clock) -> AsyncIterator[Services]:
    async with open_services(make_settings(), clock) as opened:
        yield opened


@dataclass(frozen=True, slots=True)
class DemoApp:
    """The app of a test, and a server key of it that may do everything."""

    id: str
    key: str


@pytest.fixture
async def demo(services: Services) -> DemoApp:
    app, key = await services.apps.create("demo", None)
    return DemoApp(app.id, key)


@pytest.fixture
async def api(services: Services, demo: DemoApp) -> AsyncIterator[ApiClient]:
    """A running server, asked with the demo app's server key."""
    async with served_node(services) as url, ClientSession() as session:
        yield ApiClient(session, url, {"Authorization": f"Bearer {demo.key}"})


gc.set_threshold(200_000, 50, 50)  # what is imported and collected stays, and little of it is garbage


def pytest_collection_finish() -> None:
    """No need to go over it again and again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)
