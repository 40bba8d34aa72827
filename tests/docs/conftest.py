"""What the tests of pages share: a server at home, and databases to move to."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import ClientSession

from tests.clients.npm import installed_clients
from tests.docs.reader import Reader, at_home
from tests.postgres import fresh_database


@pytest.fixture(scope="session")
async def clients(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with what is installed from npm."""
    return await installed_clients(tmp_path_factory)


@pytest.fixture(scope="session")
async def home(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Reader]:
    async with at_home(tmp_path_factory.mktemp("home"), sqlite_template) as one:
        yield one


@pytest.fixture
async def reader(home: Reader) -> AsyncIterator[Reader]:
    """Whose people are forgotten afterwards: the next page makes them again."""
    yield home
    users = f"http://{home.here('localhost:8080')}/v1/demo/users"
    async with ClientSession(headers={"X-Api-Key": home.key}, raise_for_status=True) as session:
        async with session.get(users) as answer:
            names = [user["username"] for user in await answer.json()]
        for name in names:
            await session.delete(f"{users}/{name}")


@pytest.fixture
async def database(postgres_url: str) -> AsyncIterator[str]:
    async with fresh_database(postgres_url) as url:
        yield url


@pytest.fixture
async def trial(postgres_url: str) -> AsyncIterator[str]:
    async with fresh_database(postgres_url) as url:
        yield url
