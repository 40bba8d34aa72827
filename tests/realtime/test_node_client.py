"""npm's socket.io-client as it comes: polling first, then websocket."""

from __future__ import annotations

import asyncio
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest
from aiohttp import ClientSession

from chatsrv.domain.presence import SERVER
from chatsrv.services import Services
from tests.client import ApiClient
from tests.clients.npm import installed_clients, needs_node
from tests.conftest import DemoApp
from tests.realtime.conftest import DEADLINE_S, eventually

pytestmark = pytest.mark.parametrize("database_source", ["sqlite_template"], indirect=True)


@pytest.fixture(scope="session")
async def clients(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The clients with what they need from npm."""
    return await installed_clients(tmp_path_factory)


class NodeClient:
    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self._kept: list[tuple[str, Any]] = []

    async def next(self, event: str) -> Any:
        """The value of the next such event; others are kept, as hello may come before the upgrade or after it."""
        for number, (name, value) in enumerate(self._kept):
            if name == event:
                del self._kept[number]
                return value
        async with asyncio.timeout(DEADLINE_S):
            while (said := await self._read())[0] != event:
                self._kept.append(said)
        return said[1]

    async def _read(self) -> tuple[str, Any]:
        assert self.process.stdout
        line = await self.process.stdout.readline()
        assert line, "the client ended"
        said = msgspec.json.decode(line)
        return said["event"], said["value"]

    async def call(self, method: str) -> None:
        assert self.process.stdin
        self.process.stdin.write(f"{method}\n".encode())
        await self.process.stdin.drain()


@asynccontextmanager
async def node_client(folder: Path, url: str, token: str) -> AsyncIterator[NodeClient]:
    process = await asyncio.create_subprocess_exec("node", "watch.js", url, token, cwd=folder, stdin=PIPE, stdout=PIPE)
    try:
        yield NodeClient(process)
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def page_of(api: ApiClient) -> dict[str, int]:
    page = (await api.get("/v1/demo/users?presence=true")).json
    return {user["username"]: user["presence_status"] for user in page["users"]}


@needs_node
async def test_a_stock_client_shows_up_and_goes_offline_after_it_left(
    clients: Path, node: str, services: Services, demo: DemoApp
) -> None:
    await services.users.create(demo.id, {"username": "anna"}, SERVER)
    token, _ = await services.callers.mint_token(await services.apps.get(demo.id), "anna", 600)
    async with ClientSession() as session, node_client(clients, node, token) as client:
        api = ApiClient(session, node, {"Authorization": f"Bearer {demo.key}"})
        assert await client.next("upgrade") == "websocket"
        hello = await client.next("hello")
        assert hello["user"]["username"] == "anna"
        assert await page_of(api) == {"anna": 1}
        await client.call("disconnect")
        assert await client.next("disconnect") == "io client disconnect"

        async def is_offline() -> bool:
            return await page_of(api) == {"anna": 0}

        await eventually(is_offline, "anna is offline")


@needs_node
async def test_a_stock_client_is_told_why_it_is_refused(clients: Path, node: str) -> None:
    async with node_client(clients, node, "x.y.z") as client:
        refusal = await client.next("connect_error")
    assert refusal == {"message": "The token is no JWT.", "data": {"code": 1021, "type": "InvalidToken"}}


@needs_node
async def test_a_stock_client_stays_away_when_its_session_was_ended_for_good(
    clients: Path, node: str, services: Services, demo: DemoApp
) -> None:
    await services.users.create(demo.id, {"username": "anna"}, SERVER)
    token, _ = await services.callers.mint_token(await services.apps.get(demo.id), "anna", 600)
    async with node_client(clients, node, token) as client:
        await client.next("hello")
        await services.accounts.deactivate(demo.id, "anna", SERVER)
        assert (await client.next("session:close"))["code"] == 4005
        assert await client.next("disconnect") == "io server disconnect"
