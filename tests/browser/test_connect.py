"""The page with the snippets: they do what they say when they are pasted."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from asyncio.subprocess import PIPE, STDOUT
from pathlib import Path

import pytest
from playwright.async_api import Page, expect

from tests.browser.chromium import needs_chromium, serious_faults
from tests.browser.coming import open_view
from tests.client import ApiClient

pytestmark = needs_chromium
DEADLINE_S = 30.0


@pytest.fixture
async def connect(dashboard: Page) -> Page:
    return await open_view(dashboard, "connect")


async def snippet(page: Page, tab: str, label: str) -> str:
    await page.get_by_role("tab", name=tab, exact=True).click()
    return await page.get_by_role("region", name=label).inner_text()


async def run(*words: str, **environment: str) -> str:
    """What the command prints; it has to end well."""
    given = {**os.environ, **environment}
    process = await asyncio.create_subprocess_exec(*words, stdout=PIPE, stderr=STDOUT, env=given)
    async with asyncio.timeout(DEADLINE_S):
        output, _ = await process.communicate()
    assert process.returncode == 0, output.decode()
    return output.decode()


async def test_with_a_key_made_here_the_commands_work_as_they_are_pasted(connect: Page, tmp_path: Path) -> None:
    assert "YOUR_KEY" in await snippet(connect, "curl", "Create somebody")
    await connect.get_by_role("button", name="Make a key for this").click()
    await expect(connect.get_by_role("region", name="Your new key")).to_contain_text("cs_")
    made = await run("sh", "-c", await snippet(connect, "curl", "Create somebody"))
    assert json.loads(made)["first_name"] == "Anna"
    for label in ("Everybody, with presence", "Who is online or away", "How many are here"):
        assert json.loads(await run("sh", "-c", await snippet(connect, "curl", label)))
    token = await run("sh", "-c", f"{await snippet(connect, 'Node', 'A token for Anna')}; printf %s $TOKEN")
    assert token.count(".") == 2
    script = tmp_path / "tokens.py"
    script.write_text(await snippet(connect, "Tokens from Python", "tokens.py"))
    assert (await run(sys.executable, str(script))).count(".") == 2


async def test_the_python_client_is_seen_online(connect: Page, api: ApiClient, tmp_path: Path) -> None:
    await api.post("/v1/demo/users", {"username": "anna"})
    token = (await api.post("/v1/demo/users/anna/tokens")).json["token"]
    script = tmp_path / "client.py"
    script.write_text(await snippet(connect, "Python", "client.py"))
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-u", str(script), stdout=PIPE, stderr=STDOUT, env={**os.environ, "TOKEN": token}
    )
    assert process.stdout is not None
    try:
        async with asyncio.timeout(DEADLINE_S):
            lines = [(await process.stdout.readline()).decode() for _ in range(2)]
    finally:
        process.kill()
        await process.wait()
    assert lines[0].startswith("here I am: {'username': 'anna'")
    assert lines[1] == "now: {'anna': 1}\n"


async def test_a_key_of_ones_own_stands_in_the_snippets_and_nothing_else_does(connect: Page) -> None:
    field = connect.get_by_label("Server key")
    await field.fill("cs_mine_1")
    assert "X-Api-Key: cs_mine_1'" in await snippet(connect, "curl", "Create somebody")
    await field.fill("'; rm -rf ~; '")
    assert "X-Api-Key: YOUR_KEY'" in await snippet(connect, "curl", "Create somebody")
    await expect(connect.get_by_text("This does not look like a key.")).to_be_visible()
    assert await serious_faults(connect) == []
    await connect.get_by_role("tab", name="curl", exact=True).focus()
    await connect.keyboard.press("ArrowRight")
    await expect(connect.get_by_role("tab", name="Node", exact=True)).to_be_focused()
