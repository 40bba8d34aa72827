"""The page at /demo: two real clients, and what the one sees of the other."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
from playwright.async_api import Locator, Page, expect

from chatsrv.domain.clock import Clock
from chatsrv.domain.presence import SERVER, PresenceStatus
from chatsrv.services import Services
from tests.browser.chromium import Visitor, needs_chromium, serious_faults
from tests.conftest import DemoApp
from tests.listening import served_node

pytestmark = needs_chromium


@dataclass(frozen=True, slots=True)
class Pane:
    """One of the two, as somebody in front of the screen has it."""

    page: Page
    box: Locator

    async def press(self, word: str) -> None:
        await self.box.get_by_role("button", name=word, exact=True).click()

    async def is_seen_as(self, words: str) -> None:
        """By the other one."""
        await expect(self.box.locator("[data-test=as-seen]")).to_have_text(words)

    async def is_really(self, words: str) -> None:
        await expect(self.box.locator("[data-test=as-is]")).to_have_text(words)

    async def is_connected(self, word: str) -> None:
        await expect(self.box.locator("[data-test=connection]")).to_contain_text(word)


def panes_of(page: Page) -> tuple[Pane, Pane]:
    ada, ben = (page.get_by_role("region", name=name) for name in ("Ada", "Ben"))
    return Pane(page, ada), Pane(page, ben)


async def tells(page: Page, words: str) -> None:
    await expect(page.get_by_label("What you have just seen")).to_contain_text(words)


@pytest.fixture
async def url(services: Services, demo: DemoApp, clock: Clock) -> AsyncIterator[str]:
    """A keyspace that is no longer new: in a new one, whoever goes is held for the lease of a node."""
    await services.upkeep.beat()
    clock.advance(services.settings.node_dead_s + 1)
    async with served_node(services) as url:
        yield url.replace("127.0.0.1", "localhost")


async def sign_in(visitor: Visitor, services: Services) -> None:
    link, _ = await services.admin.make_link()
    answer = await visitor.context.request.post(
        f"{visitor.url}/admin/session", data={"link": link}, headers={"Origin": visitor.url}
    )
    assert answer.status == 200


async def both_are_connected(page: Page) -> None:
    for pane in panes_of(page):
        await pane.is_connected("Connected")
        await pane.is_seen_as("Online")


@pytest.fixture
async def demo_page(visitor: Visitor, services: Services) -> Page:
    await sign_in(visitor, services)
    page = await visitor.open("/demo")
    await both_are_connected(page)
    return page


async def test_whoever_is_not_signed_in_is_told_how_and_nothing_is_made(visitor: Visitor, services: Services) -> None:
    page = await visitor.open("/demo")
    await expect(page.get_by_text("Nobody is signed in.")).to_be_visible()
    await expect(page.get_by_text("chatsrv dashboard", exact=True)).to_be_visible()
    assert await serious_faults(page) == []
    assert await services.users.count("demo") == 0


async def test_two_clients_see_each_other_and_a_log_out_shows_at_once(demo_page: Page, services: Services) -> None:
    ada, ben = panes_of(demo_page)
    for username in ("demo.ada", "demo.ben"):
        assert (await services.users.get("demo", username, SERVER)).presence.status is PresenceStatus.ONLINE
    await ben.press("Log out")
    await ben.is_connected("Logged out")
    await ben.is_seen_as("Offline")
    await tells(demo_page, "Ben logged out. That is said on purpose, so there is no grace")
    await expect(ada.box.get_by_text("(Ben is not connected: this was last)")).to_be_visible()
    await ben.press("Connect")
    await ben.is_seen_as("Online")
    await tells(demo_page, "Ben connected, and Ada's client heard of it")
    log = demo_page.get_by_role("log")
    await expect(log).to_have_attribute("aria-live", "polite")
    await expect(log.get_by_role("listitem").filter(has_text="Ada's client hears of Ben: offline")).to_have_count(1)
    await demo_page.get_by_label("Show the events").check()
    await expect(log.get_by_text('"presence_status":0').first).to_be_visible()


async def test_a_wire_that_is_cut_shows_when_the_grace_is_over_and_not_before(
    demo_page: Page, services: Services, clock: Clock
) -> None:
    _, ben = panes_of(demo_page)
    await demo_page.clock.install()
    opened: list[object] = []
    demo_page.on("websocket", lambda socket: opened.append(socket))
    await ben.press("Shut the lid")
    await ben.is_connected("Wire cut")
    await tells(demo_page, "that is the grace")
    await expect(ben.box.locator("[data-test=grace]")).to_contain_text("s of grace left")
    await demo_page.clock.fast_forward(9_000)  # in which a client that mends its wire would have tried to
    await ben.is_connected("Wire cut")
    assert opened == []
    await ben.is_seen_as("Online")
    await ben.press("Open the lid")
    await tells(demo_page, "Ben is back within the grace. Ada's client was told nothing at all")
    await ben.press("Shut the lid")
    await expect(ben.box.locator("[data-test=grace]")).to_contain_text("s of grace left")
    await ben.is_seen_as("Online")
    clock.advance(services.settings.grace_s + 1)
    await services.upkeep.sweep()
    await ben.is_seen_as("Offline")
    await tells(demo_page, "The grace was over after")


async def test_what_one_says_the_other_sees_and_whoever_is_invisible_alone_knows_it(demo_page: Page) -> None:
    ada, _ = panes_of(demo_page)
    await ada.box.get_by_label("Emoji").fill("🍜")
    await ada.box.get_by_label("Text").fill("Lunch")
    await demo_page.keyboard.press("Enter")
    await ada.is_seen_as("Online🍜 Lunch")
    await ada.press("Do not disturb")
    await ada.is_seen_as("Do not disturb")
    await ada.press("Invisible")
    await ada.is_seen_as("Offline")
    await ada.is_really("Invisible")
    await tells(demo_page, "Ada's own client knows the truth: invisible, and connected")
    await demo_page.reload()  # what was claimed would outlive the page: the next visit begins without
    await ada.is_seen_as("Online")


async def test_another_app_is_chosen_on_the_page_and_its_people_are_left_as_they_are(
    visitor: Visitor, services: Services
) -> None:
    await services.apps.create("shop", None)
    await services.users.create("demo", {"username": "demo.ben", "first_name": "Benedikt"}, SERVER)
    await sign_in(visitor, services)
    page = await visitor.open("/demo?app=shop")
    await both_are_connected(page)
    assert [await services.users.count(app) for app in ("shop", "demo")] == [2, 1]
    await page.get_by_label("App").select_option("demo")
    await expect(page).to_have_url(f"{visitor.url}/demo?app=demo")
    await both_are_connected(page)
    assert (await services.users.find("demo", "demo.ben")).first_name == "Benedikt"


async def test_an_app_that_is_missing_is_told_with_the_command_that_makes_it(
    visitor: Visitor, services: Services
) -> None:
    visitor.expected.append("404")
    await sign_in(visitor, services)
    page = await visitor.open("/demo?app=nowhere")
    await expect(page.get_by_role("alert")).to_contain_text("The app nowhere cannot be used")
    await expect(page.get_by_text("chatsrv app create nowhere")).to_be_visible()


async def test_it_keeps_nobody_out_in_the_light_in_the_dark_or_on_a_phone_where_the_panes_are_stacked(
    demo_page: Page,
) -> None:
    ada, ben = panes_of(demo_page)
    await ben.press("Shut the lid")
    await tells(demo_page, "that is the grace")
    assert await serious_faults(demo_page) == []
    await demo_page.emulate_media(color_scheme="dark")
    assert await serious_faults(demo_page) == []
    await demo_page.set_viewport_size({"width": 360, "height": 740})
    above, below = await ada.box.bounding_box(), await ben.box.bounding_box()
    assert above
    assert below
    assert above["y"] + above["height"] <= below["y"]
    assert await demo_page.evaluate("document.documentElement.scrollWidth") <= 360
    assert await serious_faults(demo_page) == []
