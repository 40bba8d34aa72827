"""docs/tasks/browser.md, followed word by word: its page in a browser, from each of its two backends."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import ClientConnectionError, ClientSession
from playwright.async_api import Browser, BrowserContext, expect

from tests.browser.chromium import needs_chromium
from tests.cli.shell import DEADLINE_S
from tests.clients.npm import installed_clients, needs_node
from tests.docs.pages import read_page
from tests.docs.reader import Reader, at_home, free_ports

pytestmark = needs_chromium


@pytest.fixture(scope="session")
async def clients(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return await installed_clients(tmp_path_factory)


@pytest.fixture
async def windows(chromium: Browser) -> AsyncIterator[BrowserContext]:
    async with await chromium.new_context() as context:
        yield context


@asynccontextmanager
async def letting_serve(reader: Reader, script: str, address: str) -> AsyncIterator[None]:
    async with reader.letting_run(script), ClientSession() as session, asyncio.timeout(DEADLINE_S):
        while True:
            try:
                async with session.get(address) as answer:
                    assert answer.status == 200
                    break
            except ClientConnectionError:
                await asyncio.sleep(0.02)
        yield


@needs_node
async def test_two_windows_see_each_other_come_and_go(
    tmp_path: Path, sqlite_template: Path, clients: Path, windows: BrowserContext
) -> None:
    page = read_page("browser.md")
    prepare, prepare_python = page.runs
    node, python = page.stays
    [port] = free_ports(1)
    address = f"http://localhost:{port}"
    ours = {written: written.replace("3000", port) for written in ("localhost:3000", "listen(3000)", '1", 3000')}
    async with at_home(tmp_path, sqlite_template, **ours) as reader:
        reader.save(page.files)
        reader.install(clients)
        await reader.paste("cp node_modules/socket.io-client/dist/socket.io.min.js public/")
        key = await reader.paste_and_read(prepare, "key")
        async with letting_serve(reader, node.replace("cs_9f3c52a10b7e_wvF8S...", key), address):
            ben, anna = await windows.new_page(), await windows.new_page()
            await ben.goto(f"{address}/?me=ben")
            await expect(ben.get_by_text("ben: online")).to_be_visible()
            await anna.goto(f"{address}/?me=anna")
            await expect(anna.get_by_text("anna: online")).to_be_visible()
            await expect(anna.get_by_text("ben: online")).to_be_visible()
            await ben.close()
            await expect(anna.get_by_text("ben: offline")).to_be_visible()
        secret = await reader.paste_and_read(prepare_python, "jwt_secret")
        async with letting_serve(reader, python.replace("4vQ...", secret), address):
            carl = await windows.new_page()
            await carl.goto(f"{address}/?me=carl")
            await expect(carl.get_by_text("carl: online")).to_be_visible()
            await expect(carl.get_by_text("anna: online")).to_be_visible()
