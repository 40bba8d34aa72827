"""The first minute: coming by a link or with a key, and leaving again."""

from __future__ import annotations

import asyncio
import re
from contextlib import AbstractAsyncContextManager

import pytest
from playwright.async_api import Page, Route, expect

from chatsrv.domain.admin import SIGN_IN
from chatsrv.services import Services
from tests.browser.chromium import Visitor, needs_chromium, serious_faults
from tests.browser.coming import Coming, coming, open_view
from tests.conftest import DemoApp

pytestmark = needs_chromium
__all__ = ["coming"]


async def test_a_one_time_link_leads_to_the_only_app_and_stands_in_no_address(dashboard: Page) -> None:
    await expect(dashboard.get_by_role("heading", level=1, name="Overview")).to_be_visible()
    assert dashboard.url.endswith("/#/apps/demo/overview")
    assert await serious_faults(dashboard) == []


async def test_whoever_has_several_apps_chooses(visitor: Visitor, services: Services, demo: DemoApp) -> None:
    await services.apps.create("shop", "The shop")
    token, _ = await services.admin.make_link()
    page = await visitor.open(f"{SIGN_IN}#{token}")
    await page.get_by_role("link", name="shop").click()
    await expect(page.get_by_role("heading", level=1, name="Overview")).to_be_visible()
    await expect(page.get_by_label("App", exact=True)).to_have_value("shop")


async def test_a_link_works_once_and_says_so(visitor: Visitor, services: Services) -> None:
    token, _ = await services.admin.make_link()
    first = await visitor.open(f"{SIGN_IN}#{token}")
    await expect(first.get_by_role("button", name="Sign out")).to_be_visible()
    await first.close()
    await visitor.context.clear_cookies()
    visitor.expected.append("401")
    again = await visitor.open(f"{SIGN_IN}#{token}")
    await expect(again.get_by_role("alert").filter(has_text="has been used")).to_be_visible()
    await expect(again.get_by_text("chatsrv dashboard", exact=True)).to_be_visible()
    assert await serious_faults(again) == []


async def test_a_key_signs_in_to_its_own_app_and_out_again(visitor: Visitor, demo: DemoApp, services: Services) -> None:
    await services.apps.create("shop", None)
    page = await visitor.open()
    await page.get_by_label(re.compile("server key", re.IGNORECASE)).fill(demo.key)
    await page.get_by_role("button", name="Sign in").click()
    await expect(page.get_by_role("heading", level=1, name="Overview")).to_be_visible()
    await expect(page.get_by_text("shop")).to_have_count(0)
    visitor.expected.append("401")  # of what was under way
    await page.get_by_role("button", name="Sign out").click()
    await expect(page.get_by_role("button", name="Sign in")).to_be_visible()


async def test_a_session_that_ends_elsewhere_leads_back_to_the_sign_in(
    visitor: Visitor, dashboard: Page, services: Services
) -> None:
    await open_view(dashboard, "people")
    visitor.expected.append("401")
    [cookie] = await visitor.context.cookies()
    await services.operators.sign_out(cookie["value"])
    await expect(dashboard.get_by_role("button", name="Sign in")).to_be_visible()


async def test_a_view_that_comes_late_does_not_bring_back_who_has_gone_on(visitor: Visitor, demo: DemoApp) -> None:
    late: asyncio.Queue[Route] = asyncio.Queue()
    await visitor.context.route("**/views/overview.js", late.put)
    page = await visitor.open()
    await page.get_by_label(re.compile("server key", re.IGNORECASE)).fill(demo.key)
    await page.get_by_role("button", name="Sign in").click()
    held = await late.get()
    await page.get_by_role("link", name="People", exact=True).click()
    await expect(page.get_by_role("heading", level=1, name="People")).to_be_visible()
    async with page.expect_response("**/views/overview.js"):
        await held.continue_()
    await page.evaluate("import('/admin/views/overview.js')")
    await expect(page.get_by_role("heading", level=1, name="People")).to_be_visible()


async def test_it_can_be_used_on_a_phone(
    phone: AbstractAsyncContextManager[Visitor], services: Services, coming: Coming
) -> None:
    token, _ = await services.admin.make_link()
    async with phone as visitor, coming("anna"):
        page = await visitor.open(f"{SIGN_IN}#{token}")
        await expect(page.get_by_role("heading", level=1, name="Overview")).to_be_visible()
        await page.get_by_role("button", name="Menu").click()
        await page.get_by_role("link", name="People", exact=True).click()
        await expect(page.get_by_role("link", name="anna")).to_be_visible()
        width = await page.evaluate("document.documentElement.scrollWidth")
        assert width <= 360
        assert await serious_faults(page) == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_it_can_be_read_in_both_schemes(visitor: Visitor, dashboard: Page, scheme: str) -> None:
    overview = dashboard.get_by_role("heading", level=1, name="Overview")
    await expect(overview).to_be_visible()
    await dashboard.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
    await dashboard.reload()
    await expect(overview).to_be_visible()
    assert await serious_faults(dashboard) == []
