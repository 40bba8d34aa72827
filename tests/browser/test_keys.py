"""The page of the server keys, and the audit trail that tells of them."""

from __future__ import annotations

import pytest
from playwright.async_api import Page, expect

from tests.browser.chromium import Visitor, needs_chromium, serious_faults
from tests.browser.coming import open_view
from tests.client import ApiClient
from tests.conftest import DemoApp

pytestmark = needs_chromium


@pytest.fixture
async def keys(dashboard: Page) -> Page:
    return await open_view(dashboard, "keys")


async def create(page: Page, name: str) -> str:
    """Makes one that reads users and nothing else; its text, as it is shown this once."""
    await page.get_by_role("button", name="Create key").click()
    dialog = page.get_by_role("dialog")
    await dialog.get_by_label("Name").fill(name)
    await dialog.get_by_role("button", name="Choose none").click()
    await expect(dialog.get_by_role("button", name="Create")).to_be_disabled()
    await dialog.get_by_role("checkbox", name="users:read").check()
    await dialog.get_by_role("button", name="Create").click()
    shown = page.get_by_role("dialog", name="Your new key").get_by_role("region", name="Server key")
    await expect(shown).to_contain_text("cs_")
    text = await shown.inner_text()
    for _ in range(3):
        await page.keyboard.press("Escape")  # easily hit, and the key would be lost
    await expect(page.get_by_role("dialog", name="Your new key")).to_contain_text("Copy it, then press Done")
    await page.get_by_role("button", name="Done").click()
    await expect(page.get_by_text(text)).to_have_count(0)
    return text


async def test_a_key_is_made_shown_once_used_and_revoked(keys: Page, api: ApiClient) -> None:
    text = await create(keys, "reports")
    row = keys.get_by_role("row").filter(has_text="reports")
    await expect(row).to_contain_text("users:read")
    key = api.speaking_as(text)
    assert (await key.get("/v1/demo/users")).status == 200
    assert (await key.post("/v1/demo/users", {"username": "eve"})).status == 403

    await row.get_by_role("button", name="Revoke reports").click()
    await expect(keys.get_by_role("dialog")).not_to_contain_text("the last live key")
    await keys.get_by_role("dialog").get_by_role("button", name="Revoke").click()
    await expect(row).to_have_count(0)
    assert (await key.get("/v1/demo/users")).status == 401
    await keys.get_by_role("button", name="Show 1 key that is over").click()
    await expect(row).to_contain_text("Revoked")


async def test_a_rotated_key_lives_on_beside_the_new_one(keys: Page, api: ApiClient) -> None:
    old = await create(keys, "reports")
    await keys.get_by_role("button", name="Rotate reports").click()
    await keys.get_by_role("button", name="Make the new key").click()
    dialog = keys.get_by_role("dialog", name="Your new key")
    await expect(dialog).to_contain_text("lives on until you revoke it")
    new = await dialog.get_by_role("region", name="Server key").inner_text()
    await dialog.get_by_role("button", name="Done").click()
    await expect(keys.get_by_role("row").filter(has_text="reports")).to_have_count(2)
    assert [(await api.speaking_as(text).get("/v1/demo/users")).status for text in (old, new)] == [200, 200]


async def test_what_is_wrong_with_a_key_stands_at_its_field(keys: Page, visitor: Visitor) -> None:
    visitor.expected.append("400")
    await keys.get_by_role("button", name="Create key").click()
    dialog = keys.get_by_role("dialog")
    await dialog.get_by_label("Networks").fill("10.0.0.0/8 nowhere")
    await dialog.get_by_role("button", name="Create").click()
    await expect(dialog.get_by_label("Networks")).to_have_attribute("aria-invalid", "true")
    await expect(dialog).to_contain_text("'nowhere' is no address or network")
    assert await serious_faults(keys) == []
    await keys.keyboard.press("Escape")
    await expect(dialog).to_have_count(0)


async def test_whoever_revokes_the_key_they_came_with_is_told_before_and_is_out(
    visitor: Visitor, demo: DemoApp
) -> None:
    visitor.expected.append("401")
    page = await visitor.open()
    await page.get_by_label("Server key").fill(demo.key)
    await page.get_by_role("button", name="Sign in").click()
    await page.get_by_role("link", name="Keys").click()
    await page.get_by_role("button", name="Revoke default").click()
    await expect(page.get_by_role("dialog")).to_contain_text("your session ends with it")
    await expect(page.get_by_role("dialog")).to_contain_text("It is the last live key of this app")
    await page.get_by_role("dialog").get_by_role("button", name="Revoke").click()
    await expect(page.get_by_role("heading", name="Sign in")).to_be_visible()


async def test_the_audit_trail_tells_it_and_is_searched_by_whom_and_what(keys: Page) -> None:
    await create(keys, "reports")
    await keys.get_by_role("link", name="Audit").click()
    rows = keys.get_by_role("table", name="Audit trail").get_by_role("row")
    await expect(rows.filter(has_text="name: reports")).to_contain_text("operator")
    await keys.get_by_label("Act", exact=True).select_option("App created")
    await expect(rows.filter(has_text="App created")).to_have_count(1)
    await expect(rows).to_have_count(2)
    await keys.get_by_label("Done to").fill("somebody")
    await keys.get_by_role("button", name="Find").click()
    await expect(keys.get_by_text("No such entry")).to_be_visible()
    assert await serious_faults(keys) == []
