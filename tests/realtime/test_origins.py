"""Sockets of web pages: of our own origin, and of those that the server or the app of the token allows."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import ClientSession, ClientWebSocketResponse, WSServerHandshakeError

from chatsrv.domain.presence import SERVER
from chatsrv.services import Services
from tests.conftest import DemoApp

pytestmark = pytest.mark.parametrize("database_source", ["sqlite_template"], indirect=True)

SHOP, OTHER, EVIL = "https://shop.example", "https://other.example", "https://evil.example"
REFUSED = {"code": 40105, "type": "NotAllowed"}


@pytest.fixture
async def http() -> AsyncIterator[ClientSession]:
    async with ClientSession() as session:
        yield session


@pytest.fixture
async def other_token(services: Services, demo: DemoApp) -> str:
    """Of a user of another app, which allows OTHER; the demo app allows SHOP."""
    other, _ = await services.apps.create("other", None)
    await services.users.create("other", {"username": "olga"}, SERVER)
    for app_id, origin in (("demo", SHOP), ("other", OTHER)):
        await services.apps.change_setting(app_id, "allowed_origins", origin)
    await services.origins.load()
    return (await services.callers.mint_token(other, "olga", 600))[0]


async def opened(http: ClientSession, node: str, origin: str | None) -> ClientWebSocketResponse:
    headers = {"Origin": origin} if origin else {}
    ws = await http.ws_connect(f"{node}/socket.io/?EIO=4&transport=websocket", headers=headers)
    assert (await ws.receive_str()).startswith("0{")
    return ws


async def connects(http: ClientSession, node: str, origin: str | None, token: str) -> Any:
    """None, or why not, over a WebSocket."""
    ws = await opened(http, node, origin)
    await ws.send_str("40" + json.dumps({"token": token}))
    answer = await ws.receive_str()
    await ws.close()
    return json.loads(answer[2:])["data"] if answer.startswith("44") else None


async def polls(http: ClientSession, node: str, origin: str, token: str) -> Any:
    """The same over long-polling."""
    url, headers = f"{node}/socket.io/?EIO=4&transport=polling", {"Origin": origin}
    async with http.get(url, headers=headers) as answer:
        url += f"&sid={json.loads((await answer.text())[1:])['sid']}"
    async with http.post(url, headers=headers, data="40" + json.dumps({"token": token})) as answer:
        assert answer.status == 200
    async with http.get(url, headers=headers) as answer:
        first = (await answer.text()).split("\x1e")[0]
    return json.loads(first[2:])["data"] if first.startswith("44") else None


async def test_the_app_of_the_token_decides_from_which_pages_a_socket_comes(
    http: ClientSession, node: str, token: str, other_token: str
) -> None:
    for origin, ours, theirs in ((SHOP, None, REFUSED), (OTHER, REFUSED, None), (node, None, None), (None, None, None)):
        assert await connects(http, node, origin, token) == ours
        assert await connects(http, node, origin, other_token) == theirs


async def test_it_decides_for_a_session_on_long_polling_too(
    http: ClientSession, node: str, token: str, other_token: str
) -> None:
    assert await polls(http, node, SHOP, token) is None
    assert await polls(http, node, OTHER, token) == REFUSED


async def test_a_page_that_nobody_allows_gets_no_session_at_all(
    http: ClientSession, node: str, token: str, other_token: str
) -> None:
    for origin in (EVIL, "null"):
        with pytest.raises(WSServerHandshakeError) as caught:
            await opened(http, node, origin)
        assert caught.value.status == 400


async def test_an_app_that_takes_an_origin_back_refuses_the_next_socket(
    http: ClientSession, node: str, token: str, other_token: str, services: Services
) -> None:
    await services.apps.change_setting("other", "allowed_origins", SHOP)
    await services.apps.change_setting("demo", "allowed_origins", "")
    assert await connects(http, node, SHOP, token) == REFUSED
    assert await connects(http, node, SHOP, other_token) is None
