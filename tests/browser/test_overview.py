"""The overview: counts and a chart that move with the people."""

from __future__ import annotations

import re
from contextlib import AbstractAsyncContextManager

from playwright.async_api import Page, expect

from chatsrv.domain.admin import SIGN_IN
from chatsrv.services import Services
from tests.browser.chromium import Visitor, needs_chromium, serious_faults
from tests.browser.coming import Coming, coming, open_view

__all__ = ("coming",)
pytestmark = needs_chromium


async def test_somebody_who_comes_is_counted_drawn_and_told_of_without_a_reload(
    dashboard: Page, coming: Coming
) -> None:
    await open_view(dashboard, "overview")
    online = dashboard.locator("[data-test=count-online]")
    await expect(online).to_have_text("0")
    await expect(dashboard.locator("[data-test=live-state]")).to_have_text("Live")
    async with coming("anna") as anna:
        await expect(online).to_have_text("1")
        await expect(dashboard.locator("[data-test=count-total]")).to_have_text("1")
        await expect(dashboard.locator("[data-test=newest]")).to_contain_text(
            re.compile(r"anna (came|is) online \(web\)")
        )
        await expect(dashboard.locator("[data-test=chart-words]")).to_contain_text("1 now")
        await expect(dashboard.locator(".plot canvas")).to_be_visible()
        await anna.io.emit("presence:set", {"status": "dnd"})
        await expect(dashboard.locator("[data-test=count-dnd]")).to_have_text("1")
        await expect(online).to_have_text("0")
    await expect(dashboard.locator("[data-test=newest]")).to_contain_text("anna left")
    assert await serious_faults(dashboard) == []


async def test_another_period_is_drawn_and_all_of_it_is_there_as_a_table(dashboard: Page, coming: Coming) -> None:
    async with coming("anna"):
        await open_view(dashboard, "overview")
        await expect(dashboard.locator(".plot")).to_have_attribute("data-drawn", str(6 * 60))
        await dashboard.get_by_role("button", name="30 days").click()
        await expect(dashboard.get_by_role("button", name="30 days")).to_have_attribute("aria-pressed", "true")
        await expect(dashboard.get_by_role("img", name="The last 30 days")).to_be_visible()
        await expect(dashboard.locator(".plot")).to_have_attribute("data-drawn", str(30 * 24 * 60))
        await dashboard.get_by_text("The same as a table").click()
        table = dashboard.get_by_role("region", name="People online, as a table")
        await expect(table.get_by_role("row")).to_have_count(2)


async def test_an_app_without_people_says_how_to_get_some(dashboard: Page) -> None:
    await open_view(dashboard, "overview")
    await expect(dashboard.get_by_text("Nobody has been here yet")).to_be_visible()
    await expect(dashboard.get_by_text("chatsrv demo demo")).to_be_visible()


async def test_every_clock_of_the_page_goes_alike(dashboard: Page) -> None:
    read = "() => import('/admin/lib/format.js').then((f) => [f.clock, f.exactly, f.instant].map((tell) => tell(0)))"
    assert not [text for text in await dashboard.evaluate(read) if re.search("[AP]M", text)]


SQUEEZED = "[...document.querySelectorAll('h1, h2')].filter((one) => one.offsetHeight > one.offsetWidth).map(String)"
"""Headings that are given so little room that they stand on end."""


async def test_on_a_phone_in_the_dark_nothing_is_wider_than_the_screen(
    phone: AbstractAsyncContextManager[Visitor], services: Services
) -> None:
    async with phone as visitor:
        token, _ = await services.admin.make_link()
        page = await visitor.open(f"{SIGN_IN}#{token}")
        await page.emulate_media(color_scheme="dark")
        for view in ("overview", "events", "keys", "nodes", "webhooks", "connect", "audit"):
            await open_view(page, view)
            await expect(page.get_by_role("main").get_by_role("status").filter(has_text="oading")).to_have_count(0)
            assert await page.evaluate("document.documentElement.scrollWidth") == 360, view
            assert await page.evaluate(SQUEEZED) == [], view
            assert await serious_faults(page) == [], view


async def test_the_line_goes_on_with_what_the_socket_counted_since_the_answer(dashboard: Page) -> None:
    grow = "([line, live, by]) => import('/admin/lib/stats.js').then(({grow}) => grow(line, live, 90, by))"
    line, live = [[0, 3], [60, 5]], [[50, 9], [70, 4], [80, 6]]
    assert await dashboard.evaluate(grow, [line, live, "minute"]) == [[0, 3], [60, 5], [70, 4], [80, 6], [90, 6]]
    assert await dashboard.evaluate(grow, [line, live, "day"]) == [[0, 3], [60, 6], [90, 6]]
    assert await dashboard.evaluate(grow, [[], live, "day"]) == live
