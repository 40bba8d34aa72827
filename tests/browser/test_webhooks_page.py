"""The page of the webhooks: made, heard of, failing, replayed, deleted."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest
from aiohttp import web
from playwright.async_api import Page, expect

from chatsrv.domain.clock import Clock
from chatsrv.services import Services, open_services
from tests.browser.chromium import Visitor, needs_chromium, serious_faults
from tests.browser.coming import open_view
from tests.conftest import MakeSettings
from tests.listening import bound, url_of

pytestmark = needs_chromium


@dataclass
class Receiver:
    """Somebody's backend, which answers with `status`."""

    url: str
    status: int = 204
    heard: list[str] = field(default_factory=list)

    async def take(self, request: web.Request) -> web.Response:
        self.heard.append((await request.json())["type"])
        return web.Response(status=self.status)


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    taken = bound()
    receiver = Receiver(f"{url_of(taken)}/hook")
    app = web.Application()
    app.router.add_post("/hook", receiver.take)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.SockSite(runner, taken).start()
    yield receiver
    await runner.cleanup()


@pytest.fixture
async def services(make_settings: MakeSettings, clock: Clock) -> AsyncIterator[Services]:
    async with open_services(
        make_settings(webhook_private_addresses=True, webhook_retries_s=(3600.0,)), clock
    ) as opened:
        yield opened


@pytest.fixture
async def webhooks(dashboard: Page) -> Page:
    await open_view(dashboard, "webhooks")
    await expect(dashboard.get_by_text("There is no webhook yet")).to_be_visible()
    return dashboard


async def create(page: Page, url: str) -> None:
    """Makes one, and goes to its page."""
    await page.get_by_role("button", name="Create webhook").first.click()
    dialog = page.get_by_role("dialog")
    await dialog.get_by_label("URL").fill(url)
    await dialog.get_by_role("checkbox", name="user.created").check()
    await dialog.get_by_role("button", name="Create").click()
    shown = page.get_by_role("dialog", name="The secret of this webhook")
    await expect(shown.get_by_role("region", name="Signing secret")).to_contain_text("whsec_")
    await expect(shown).to_contain_text(f"{url}: see whether")
    await shown.get_by_role("link", name="see whether it arrives").click()
    await expect(page.get_by_role("heading", level=1)).to_contain_text(url)


async def test_a_webhook_is_made_and_its_ping_arrives(webhooks: Page, receiver: Receiver) -> None:
    await create(webhooks, receiver.url)
    row = webhooks.get_by_role("table", name="List of deliveries").get_by_role("row").nth(1)
    await expect(row).to_contain_text("ping")
    await expect(row).to_contain_text("Delivered")
    assert receiver.heard == ["ping"]
    await webhooks.get_by_role("link", name="Webhooks").last.click()
    await expect(webhooks.get_by_role("row").filter(has_text=receiver.url)).to_contain_text("user.created")
    await expect(webhooks.get_by_role("row").filter(has_text=receiver.url)).to_contain_text("Working")


async def test_one_that_fails_is_plain_to_see_and_what_it_missed_is_sent_once_more(
    webhooks: Page, receiver: Receiver
) -> None:
    receiver.status = 500
    await create(webhooks, receiver.url)
    rows = webhooks.get_by_role("table", name="List of deliveries").get_by_role("row")
    await expect(rows.nth(1)).to_contain_text("Retrying")
    await expect(rows.nth(1)).to_contain_text("500")
    await expect(webhooks.get_by_role("region", name="The webhook")).to_contain_text("Failing")
    receiver.status = 204
    await rows.nth(1).get_by_role("button", name="Replay").click()
    await expect(rows.nth(1)).to_contain_text("Delivered")
    assert receiver.heard == ["ping", "ping"]
    await webhooks.get_by_label("State").select_option("Failed")
    await expect(webhooks.get_by_text("None of that kind")).to_be_visible()
    assert await serious_faults(webhooks) == []


async def test_one_is_changed_paused_and_deleted_by_its_name(webhooks: Page, receiver: Receiver) -> None:
    await create(webhooks, receiver.url)
    about = webhooks.get_by_role("region", name="The webhook")
    await webhooks.get_by_role("button", name="Edit").click()
    await webhooks.get_by_role("dialog").get_by_label("Description").fill("CRM")
    await webhooks.get_by_role("button", name="Save").click()
    await expect(about).to_contain_text("CRM")
    await webhooks.get_by_role("button", name="Pause").click()
    await expect(about).to_contain_text("Paused")
    await expect(webhooks.get_by_role("button", name="Ping")).to_be_disabled()
    await webhooks.get_by_role("button", name="Delete").click()
    dialog = webhooks.get_by_role("dialog")
    await expect(dialog.get_by_role("button", name="Delete")).to_be_disabled()
    await dialog.get_by_role("textbox").fill(receiver.url)
    await dialog.get_by_role("button", name="Delete").click()
    await expect(webhooks.get_by_text("There is no webhook yet")).to_be_visible()


async def test_an_address_that_may_not_be_is_told_at_its_field(webhooks: Page, visitor: Visitor) -> None:
    visitor.expected.append("400")
    await webhooks.get_by_role("button", name="Create webhook").first.click()
    dialog = webhooks.get_by_role("dialog")
    await dialog.get_by_label("URL").fill("ftp://example.com")
    await dialog.get_by_role("button", name="Create").click()
    await expect(dialog.get_by_label("URL")).to_have_attribute("aria-invalid", "true")
