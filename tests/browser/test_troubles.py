"""What the page does while the server or one of its stores is away, and when it is back."""

from __future__ import annotations

import asyncio
import json

from playwright.async_api import Page, Route, expect

from chatsrv.domain.admin import SIGN_IN
from chatsrv.services import Services
from tests.browser.chromium import Visitor, needs_chromium
from tests.browser.coming import Coming, coming, open_view

__all__ = ("coming",)
pytestmark = needs_chromium

NODES = "**/admin/apps/demo/nodes"
COUNTS = "**/v1/demo/presence/counts"
DRAWN_AFTER_LATE = "late.then((it) => new Promise((done) => requestAnimationFrame(() => setTimeout(done, 0, it))))"
AWAY = {"status": 503, "type": "Unavailable", "code": 50301, "message": "The presence store does not answer right now."}


async def refuse(route: Route) -> None:
    await route.fulfill(status=503, content_type="application/json", body=json.dumps(AWAY))


async def look_at_presence(page: Page) -> None:
    await page.evaluate("""async () => {
        const { api } = await import("/admin/lib/api.js");
        await api("demo").get("presence/counts").catch(() => null);
    }""")


async def test_a_refusal_of_the_presence_store_makes_the_page_stale_at_once_until_it_is_surely_back(
    visitor: Visitor, dashboard: Page
) -> None:
    visitor.expected.append("503")
    badge = dashboard.locator("[data-test=live-state]")
    await expect(dashboard.locator("[data-test=newest]")).to_be_visible()  # the feed is heard from here on
    await open_view(dashboard, "audit")
    await expect(badge).to_have_text("Live")
    late: asyncio.Queue[Route] = asyncio.Queue()
    await dashboard.route(COUNTS, refuse)
    await dashboard.route(NODES, late.put)
    await dashboard.evaluate("""async () => {
        const { admin } = await import("/admin/lib/api.js");
        window.late = admin.get("apps/demo/nodes").catch((problem) => problem.status);
    }""")
    await look_at_presence(dashboard)
    await expect(badge).to_have_text("Stale", timeout=1_000)

    await dashboard.unroute(COUNTS)
    await expect(badge).to_have_text("Live")
    await refuse(await late.get())  # asked for while it was away: old news
    assert await dashboard.evaluate(DRAWN_AFTER_LATE) == 503
    assert await badge.inner_text() == "Live"
    await open_view(dashboard, "events")
    await expect(dashboard.get_by_text("The connection had been lost")).to_be_visible()


async def test_so_does_a_refusal_of_what_only_the_dashboard_asks_for(visitor: Visitor, dashboard: Page) -> None:
    visitor.expected.append("503")
    await expect(dashboard.locator("[data-test=live-state]")).to_have_text("Live")
    await dashboard.route(COUNTS, refuse)  # it does not answer these either, but is not asked for them now
    await dashboard.route(NODES, refuse)
    await open_view(dashboard, "nodes")
    await expect(dashboard.locator("[data-test=live-state]")).to_have_text("Stale", timeout=1_000)


async def test_what_could_not_be_loaded_comes_by_itself_when_the_server_is_back(
    visitor: Visitor, dashboard: Page
) -> None:
    visitor.expected += ["ERR_FAILED", "503"]
    badge = dashboard.locator("[data-test=live-state]")
    await expect(badge).to_have_text("Live")
    await dashboard.route(COUNTS, refuse)
    await dashboard.route("**/views/webhooks.js", lambda route: route.abort())
    await look_at_presence(dashboard)
    await expect(badge).to_have_text("Stale")
    await open_view(dashboard, "webhooks")
    await expect(dashboard.get_by_text("The server may be starting anew")).to_be_visible()
    await dashboard.unroute("**/views/webhooks.js")
    await dashboard.unroute(COUNTS)
    await expect(dashboard.get_by_text("There is no webhook yet")).to_be_visible()


async def test_so_does_what_a_view_asks_for_and_could_not_have(visitor: Visitor, dashboard: Page) -> None:
    visitor.expected += ["ERR_FAILED", "503"]
    await expect(dashboard.locator("[data-test=live-state]")).to_have_text("Live")
    await dashboard.route(COUNTS, refuse)
    await dashboard.route("**/admin/apps/demo/audit*", lambda route: route.abort())
    await look_at_presence(dashboard)
    await open_view(dashboard, "audit")
    await expect(dashboard.get_by_role("button", name="Try again")).to_be_visible()
    await dashboard.unroute("**/admin/apps/demo/audit*")
    await dashboard.unroute(COUNTS)
    await expect(dashboard.get_by_role("table", name="Audit trail")).to_be_visible()


async def test_a_view_that_could_not_be_loaded_is_tried_again_by_hand(visitor: Visitor, dashboard: Page) -> None:
    visitor.expected.append("ERR_FAILED")
    await expect(dashboard.locator("[data-test=live-state]")).to_have_text("Live")
    await dashboard.route("**/views/nodes.js", lambda route: route.abort())
    await open_view(dashboard, "nodes")
    await dashboard.get_by_role("button", name="Try again").focus()
    await dashboard.unroute("**/views/nodes.js")
    await dashboard.get_by_role("button", name="Try again").click()
    await expect(dashboard.get_by_role("table", name="Nodes")).to_be_visible()


async def test_what_passes_by_itself_is_told_in_a_small_line_where_something_older_stands(
    visitor: Visitor, dashboard: Page
) -> None:
    visitor.expected.append("ERR_FAILED")
    await open_view(dashboard, "audit")
    await expect(dashboard.get_by_role("table", name="Audit trail")).to_be_visible()
    await dashboard.route("**/admin/apps/demo/audit*", lambda route: route.abort())
    await dashboard.get_by_role("button", name="Refresh").click()
    await expect(dashboard.get_by_text("Not renewed since")).to_be_visible()
    await expect(dashboard.get_by_role("button", name="Try again")).to_have_count(0)


async def test_whoever_has_signed_out_asks_for_nothing_more(visitor: Visitor, services: Services) -> None:
    await visitor.context.clock.install()
    token, _ = await services.admin.make_link()
    page = await visitor.open(f"{SIGN_IN}#{token}")
    await expect(page.locator("[data-test=newest]")).to_be_visible()
    await page.get_by_role("button", name="Sign out").click()
    await expect(page.get_by_role("button", name="Sign in")).to_be_visible()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url.removeprefix(visitor.url)))
    await page.clock.run_for(10_000)
    await page.evaluate("fetch('/admin/session')")
    assert asked == ["/admin/session"]


async def test_an_app_that_does_not_exist_is_one_page_that_says_so(visitor: Visitor, dashboard: Page) -> None:
    visitor.expected.append("404")
    await expect(dashboard.get_by_role("heading", level=1, name="Overview")).to_be_visible()
    await dashboard.evaluate("location.hash = '/apps/nosuch/overview'")
    await expect(dashboard.get_by_role("heading", level=1, name="There is no app nosuch")).to_be_visible()
    await expect(dashboard.get_by_role("alert")).to_have_count(0)
    await dashboard.get_by_role("main").get_by_role("link", name="All apps").click()
    await expect(dashboard.get_by_role("heading", level=1, name="Apps")).to_be_visible()


async def test_on_a_small_screen_the_arrow_to_what_is_seen_begins_at_the_box_that_decides(
    dashboard: Page, coming: Coming
) -> None:
    await dashboard.set_viewport_size({"width": 390, "height": 900})
    async with coming("anna") as anna:
        await dashboard.evaluate("location.hash = '/apps/demo/people/anna'")
        decides = dashboard.locator(".flow-step.decides")
        for box in ("2. Connection", "4. The claim"):
            await expect(decides).to_contain_text(box)
            rail, start, end = [
                await one.bounding_box()
                for one in (dashboard.locator(".flow-join"), decides, dashboard.locator(".flow-step.result"))
            ]
            assert rail is not None
            assert start is not None
            assert end is not None
            assert rail["y"] == start["y"]
            assert rail["y"] + rail["height"] == end["y"] + end["height"]
            assert rail["x"] + rail["width"] <= start["x"]
            await anna.io.call("presence:set", {"status": "dnd"})
