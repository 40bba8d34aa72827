"""The view that somebody looks at, and people who come and go meanwhile, with a stock client."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import pytest
from playwright.async_api import Page, expect

from chatsrv.domain.presence import SERVER
from chatsrv.services import Services
from tests.conftest import DemoApp
from tests.realtime.conftest import Client, token_of

Coming = Callable[[str], AbstractAsyncContextManager[Client]]


async def open_view(dashboard: Page, name: str) -> Page:
    """Of the app demo, by somebody who has signed in: not before, or the way in would be cut short."""
    await expect(dashboard.get_by_role("button", name="Sign out", include_hidden=True)).to_be_attached()
    await dashboard.evaluate("(name) => { location.hash = `/apps/demo/${name}`; }", name)
    await expect(dashboard.get_by_role("heading", level=1, name=name.capitalize())).to_be_visible()
    return dashboard


@pytest.fixture
def coming(services: Services, demo: DemoApp, url: str) -> Coming:
    """`async with coming("anna")`: she is made if need be, and connected as long as the block lasts."""

    @asynccontextmanager
    async def come(username: str) -> AsyncIterator[Client]:
        found, _ = await services.watching.find(demo.id, [username])
        if not found:
            await services.users.create(demo.id, {"username": username}, SERVER)
        client = Client(url)
        await client.connect({"token": await token_of(services, demo, username)})
        try:
            yield client
        finally:
            await client.io.disconnect()

    return come
