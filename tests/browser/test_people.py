"""People as they come and go, and one of them."""

from __future__ import annotations

from playwright.async_api import Page, expect

from chatsrv.domain.presence import SERVER
from chatsrv.services import Services
from tests.browser.chromium import Visitor, needs_chromium, serious_faults
from tests.browser.coming import Coming, coming, open_view
from tests.conftest import DemoApp

pytestmark = needs_chromium
__all__ = ["coming"]


async def test_somebody_comes_and_goes_before_ones_eyes(
    dashboard: Page, services: Services, demo: DemoApp, coming: Coming
) -> None:
    await services.users.create(demo.id, {"username": "anna"}, SERVER)
    await open_view(dashboard, "people")
    row = dashboard.get_by_role("row").filter(has_text="anna")
    await expect(row).to_contain_text("Offline")
    async with coming("anna") as anna:
        await expect(row).to_contain_text("Online")
        await anna.io.call("presence:set", {"status": "dnd", "text": "Deep work", "emoji": "🎧"})
        await expect(row).to_contain_text("Do not disturb")
        await expect(row).to_contain_text("Deep work")
    await expect(row).to_contain_text("Offline")
    assert await serious_faults(dashboard) == []


async def test_a_list_is_searched_and_filtered_by_presence(dashboard: Page, coming: Coming, services: Services) -> None:
    await services.users.create("demo", {"username": "Ben"}, SERVER)
    async with coming("anna"), coming("cleo"):
        await open_view(dashboard, "people")
        names = dashboard.get_by_role("table", name="People").get_by_role("link")
        await expect(names).to_have_text(["anna", "Ben", "cleo"])
        await dashboard.get_by_role("button", name="Online", exact=True).click()
        await expect(names).to_have_text(["anna", "cleo"])
        await dashboard.get_by_label("Search", exact=True).fill("LE")
        await expect(names).to_have_text(["cleo"])
        assert "text=LE" in dashboard.url  # an address to send to somebody else
        await dashboard.get_by_label("Search", exact=True).fill("nobody")
        await expect(dashboard.get_by_text("Nobody fits in username")).to_be_visible()


async def test_whoever_comes_joins_a_list_that_is_filtered(dashboard: Page, coming: Coming) -> None:
    async with coming("anna"):
        await open_view(dashboard, "people")
        await dashboard.get_by_role("button", name="Online", exact=True).click()
        names = dashboard.get_by_role("table", name="People").get_by_role("link")
        await expect(names).to_have_text(["anna"])
        async with coming("ben"):
            await expect(names).to_have_text(["anna", "ben"])


async def test_a_session_is_signed_out_by_hand(dashboard: Page, coming: Coming) -> None:
    async with coming("anna") as anna:
        await open_view(dashboard, "people")
        await dashboard.get_by_role("link", name="anna").click()
        await dashboard.get_by_role("button", name="Sign out Web").click()
        assert (await anna.next("session:close"))["reason"] == "signed_out"
        await expect(dashboard.get_by_text("Not connected")).to_be_visible()
        await expect(dashboard.locator("[data-test=presence-now]")).to_contain_text("Offline")


async def test_it_is_drawn_why_somebody_shows_as_they_do(dashboard: Page, coming: Coming) -> None:
    async with coming("anna") as anna:
        await open_view(dashboard, "people")
        await dashboard.get_by_role("link", name="anna").click()
        why = dashboard.get_by_role("region", name="Why they show so")
        await expect(why).to_contain_text("Online.")
        await anna.io.call("presence:set", {"status": "invisible"})
        await expect(why).to_contain_text("To others")
        await expect(why).to_contain_text("Invisible")
        assert await serious_faults(dashboard) == []


async def test_somebody_is_created_changed_and_deleted(
    visitor: Visitor, dashboard: Page, services: Services, demo: DemoApp
) -> None:
    visitor.expected.append("400")
    await open_view(dashboard, "people")
    await dashboard.get_by_role("button", name="Create user").first.click()
    form = dashboard.get_by_role("dialog")
    await form.get_by_label("Username").fill(" anna")
    await form.get_by_role("button", name="Create").click()
    await expect(form).to_contain_text("space")
    await form.get_by_label("Username").fill("anna")
    await form.get_by_role("button", name="Create").click()
    await expect(dashboard.get_by_role("heading", level=1, name="anna")).to_be_visible()
    await dashboard.get_by_role("button", name="Edit").click()
    await dashboard.get_by_role("dialog").get_by_label("First name").fill("Anna")
    await dashboard.get_by_role("dialog").get_by_role("button", name="Save").click()
    await expect(dashboard.get_by_role("region", name="Profile")).to_contain_text("Anna")
    assert (await services.users.find(demo.id, "anna")).first_name == "Anna"
    await dashboard.get_by_role("button", name="Delete").click()
    sure = dashboard.get_by_role("dialog")
    await expect(sure.get_by_role("button", name="Delete")).to_be_disabled()
    await sure.get_by_role("textbox").fill("anna")
    await sure.get_by_role("button", name="Delete").click()
    await expect(dashboard.get_by_text("Nobody is here yet")).to_be_visible()


async def test_somebody_who_was_never_here_is_told_so_once_and_gets_a_token_for_an_hour(
    dashboard: Page, services: Services, demo: DemoApp
) -> None:
    await services.users.create(demo.id, {"username": "_3dora"}, SERVER)
    await open_view(dashboard, "people")
    await dashboard.get_by_role("link", name="_3dora").click()
    await expect(dashboard.get_by_text("Never here", exact=True)).to_be_visible()
    await expect(dashboard.locator(".face")).to_have_text("D")
    await dashboard.get_by_role("button", name="Mint token").click()
    await dashboard.get_by_label("Good for").select_option("8 hours")
    await dashboard.get_by_role("dialog").get_by_role("button", name="Mint").click()
    await expect(dashboard.get_by_role("dialog", name="Token")).to_contain_text("It ends in 7 h")
    await dashboard.keyboard.press("Escape")
    await expect(dashboard.get_by_text("Copy it, then press Done")).to_be_visible()
