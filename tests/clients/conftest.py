"""What the tests of clients share."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from ptero import PteroControl
from ptero.application import ApplicationAPI
from pydactyl import PterodactylClient

from tests.client import ApiClient
from tests.clients.npm import installed_clients
from tests.conftest import DemoApp


@pytest.fixture(scope="session")
async def scripts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the scripts, beside what they need from npm."""
    return await installed_clients(tmp_path_factory)


@pytest.fixture
def panel(api: ApiClient, demo: DemoApp) -> Iterator[PterodactylClient]:
    """py-dactyl, which asks once."""
    client = PterodactylClient(api.url, demo.key, retries=0)
    yield client
    client._session.close()


@pytest.fixture
async def ptero(api: ApiClient, demo: DemoApp) -> AsyncIterator[ApplicationAPI]:
    control = PteroControl([{"id": "ours", "base_url": f"{api.url}/api", "app_key": demo.key}])
    yield control.app_apis["ours"]
    await control.close()
