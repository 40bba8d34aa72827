"""A server of the test's own, a browser, and somebody who sits in front of it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager

import pytest
from aiohttp import ClientSession
from playwright.async_api import Browser, Page

from chatsrv.domain.admin import SIGN_IN
from chatsrv.domain.clock import Clock
from chatsrv.services import Services
from tests.browser.chromium import Visitor, running_chromium, visiting
from tests.client import ApiClient
from tests.conftest import DemoApp
from tests.listening import served_node


@pytest.fixture
def database_source(sqlite_template: object) -> object:
    """What a page shows does not depend on the database: one kind will do."""
    return sqlite_template


@pytest.fixture(scope="session")
async def chromium() -> AsyncIterator[Browser]:
    async with running_chromium() as browser:
        yield browser


@pytest.fixture
async def url(services: Services, demo: DemoApp, clock: Clock) -> AsyncIterator[str]:
    """Of a server whose keyspace is no longer new: in a new one, it takes a lease until somebody is seen to leave."""
    await services.upkeep.beat()
    clock.advance(services.settings.node_dead_s + 1)
    async with served_node(services) as url:
        yield url.replace("127.0.0.1", "localhost")


@pytest.fixture
async def api(url: str, demo: DemoApp) -> AsyncIterator[ApiClient]:
    """The same server, asked with the demo app's server key."""
    async with ClientSession() as session:
        yield ApiClient(session, url, {"Authorization": f"Bearer {demo.key}"})


@pytest.fixture
async def visitor(chromium: Browser, url: str) -> AsyncIterator[Visitor]:
    async with visiting(chromium, url) as one:
        yield one


@pytest.fixture
def phone(chromium: Browser, url: str) -> AbstractAsyncContextManager[Visitor]:
    """A small screen that is touched."""
    return visiting(chromium, url, viewport={"width": 360, "height": 740}, has_touch=True, is_mobile=True)


@pytest.fixture
async def dashboard(visitor: Visitor, services: Services) -> Page:
    """The first page that an operator sees who comes by a link."""
    token, _ = await services.admin.make_link()
    return await visitor.open(f"{SIGN_IN}#{token}")
