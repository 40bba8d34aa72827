"""The feed of what happens."""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.async_api import Page, expect

from chatsrv.domain.apps import ALL_SCOPES
from chatsrv.services import Services
from tests.browser.chromium import needs_chromium, serious_faults
from tests.browser.coming import Coming, coming, open_view

__all__ = ("coming",)
pytestmark = needs_chromium

CAME = re.compile(r"anna (came|is) online \(web\)")
"""Whoever comes while the page asks who is here already is."""


@pytest.fixture
async def events(dashboard: Page) -> Page:
    await open_view(dashboard, "events")
    await expect(dashboard.locator("[data-test=live-state]")).to_have_text("Live")
    return dashboard


async def test_it_is_held_and_followed_again_and_counts_what_came_meanwhile(events: Page, coming: Coming) -> None:
    log = events.get_by_role("log")
    await events.get_by_label("Kind").select_option("Coming and going")
    async with coming("anna"):
        await expect(log).to_contain_text(CAME)
        await expect(log).to_have_attribute("aria-live", "polite")
        await events.get_by_role("button", name="Pause").click()
        await expect(log).to_have_attribute("aria-live", "off")
        async with coming("ben") as ben:
            follow = events.get_by_role("button", name="Follow (1 new)")
            await expect(follow).to_be_visible()
            await ben.io.emit("presence:set", {"status": "away", "text": "Lunch {what}"})
            await expect(log).not_to_contain_text("ben")
            await follow.click()
            await expect(log).to_contain_text("ben came online (web)")
            await events.get_by_label("Kind").select_option("Everything")
            await expect(log).to_contain_text("ben is away (web): “Lunch {what}”")


async def test_it_is_picked_from_by_person_kind_and_state(events: Page, coming: Coming) -> None:
    lines = events.get_by_role("log").get_by_role("listitem")
    async with coming("anna") as anna, coming("ben"):
        await expect(lines.filter(has_text="ben")).not_to_have_count(0)
        await anna.io.emit("presence:set", {"status": "dnd"})
        await expect(lines.filter(has_text="anna is on do not disturb")).to_be_visible()
        await events.get_by_label("Kind").select_option("States and words")
        await expect(lines.filter(has_text="on do not disturb")).to_be_visible()
        await events.get_by_label("Person").fill("BE")
        await expect(lines.filter(has_text="on do not disturb")).to_have_count(0)
        await events.get_by_label("State").select_option("Away")
        await expect(events.get_by_text("Nothing of that kind")).to_be_visible()
        await events.get_by_role("button", name="Show everything").click()
        await events.get_by_label("State").select_option("Do not disturb")
        await expect(lines).to_have_count(1)
    assert await serious_faults(events) == []


async def test_what_operators_and_keys_do_is_told_too(events: Page, services: Services) -> None:
    await services.apps.create_key("demo", "reports", ALL_SCOPES, (), None)
    await expect(events.get_by_role("log")).to_contain_text("The key reports was created by the server itself")


async def test_a_page_that_has_just_been_opened_tells_of_no_gap(events: Page, coming: Coming) -> None:
    async with coming("anna"):
        await expect(events.get_by_role("log")).to_contain_text(CAME)
        await expect(events.get_by_text("The connection had been lost")).to_have_count(0)


async def test_a_webhook_is_told_of_by_its_url_and_not_by_a_number(events: Page, services: Services) -> None:
    made = await services.webhooks.create("demo", {"url": "https://example.com/hook"})
    await services.webhooks.rotate_secret("demo", made.id)
    await expect(events.get_by_role("log")).to_contain_text("The webhook https://example.com/hook has another secret")


def person(status: int, text: str | None = None, devices: tuple[str, ...] = ("web",)) -> dict[str, Any]:
    return {"username": "anna", "presence_status": status, "text": text, "emoji": None, "devices": devices}


TOLD = [
    (person(0), person(1), "came online (web)"),
    (person(0), person(4, "Exam"), "came, and is on do not disturb (web): “Exam”"),
    (None, person(3), "is away (web)"),
    (person(3), person(1), "is back online (web)"),
    (person(2), person(1), "hides no more, and is online (web)"),
    (person(1), person(2), "hides (web)"),
    (person(1), person(0, devices=()), "left"),
    (person(1), person(1, "Lunch"), "now says “Lunch”"),
    (person(1, "Lunch"), person(1), "says nothing any more"),
    (person(1), person(1, devices=("web", "mobile")), "is here by web, mobile now"),
    (person(1), person(1), None),
    (person(0), person(0), None),
]


async def test_each_change_has_its_words_and_what_nobody_sees_has_none(dashboard: Page) -> None:
    read = "(pairs) => import('/admin/lib/feed.js').then(({tell}) => pairs.map(([a, b]) => tell(a, b)?.words ?? null))"
    words = await dashboard.evaluate(read, [[before, after] for before, after, _ in TOLD])
    assert words == [said and f"{{what}} {said}" for _, _, said in TOLD]
