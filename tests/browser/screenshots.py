"""The pictures of the docs, made from the real pages: `make screenshots`.

A week of an app's life is lived through on a clock that runs ahead, so that its charts have something to show; those
who are here when the pictures are taken have real sockets.
"""

from __future__ import annotations

import asyncio
import random
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from playwright.async_api import Browser, Page, expect
from uuid_utils import uuid7

from chatsrv.cli.crowd.filling import fill, sign_tokens
from chatsrv.domain.admin import SIGN_IN
from chatsrv.domain.apps import App
from chatsrv.domain.clock import Clock
from chatsrv.domain.presence import SERVER, Claim, PresenceStatus, Source
from chatsrv.domain.sessions import Departure, Device, NewSession
from chatsrv.domain.users import User, fold_case
from chatsrv.services import Services, open_services
from chatsrv.services.migrations import migrate
from chatsrv.settings import Settings
from tests.browser.chromium import Visitor, running_chromium, visiting
from tests.listening import served_node
from tests.realtime.conftest import Client

IMAGES = Path(__file__).parents[2] / "docs" / "images"
APP_ID = "demo"
PEOPLE, HERE, DAYS = 300, 90, 7
STEP_S = 1200
BUSY = 3
TEXTS = (
    ("Deep work", "🎧"),
    ("At lunch", "🥪"),
    ("On the train", "🚆"),
    ("In a meeting", "📅"),
    ("Back at three", "☕"),
)
WIDE = {"viewport": {"width": 1280, "height": 860}}
PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True, "device_scale_factor": 2}


@dataclass(slots=True)
class Week:
    """The same one each time."""

    services: Services
    app: App
    users: Sequence[User]
    clock: Clock
    chance: random.Random
    here: dict[int, str]

    async def live(self) -> None:
        """Up to now."""
        while self.clock.offset_ms < 0:
            await self._step()
            self.clock.advance(min(STEP_S, -self.clock.offset_ms / 1000))
        for session_id in self.here.values():
            await self.services.presence.close(session_id, Departure.LOGOUT)
        await self.services.chronicle.run()

    async def _step(self) -> None:
        """By day most come, by night most go; everybody keeps hours of their own."""
        hour = self.clock.now() / 3_600_000 % 24
        for number, user in enumerate(self.users):
            works = 0 <= (hour - 6 - number % 5) % 24 < 6 + number % 7
            if works != (number in self.here) and self.chance.random() < 0.4:
                await (self._come(number, user) if works else self._go(number))
            elif number in self.here and self.chance.random() < 0.05:
                await self._claim(user)
        await self.services.chronicle.run()

    async def _come(self, number: int, user: User) -> None:
        session_id = uuid7().hex
        device = self.chance.choice((Device.WEB, Device.WEB, Device.DESKTOP, Device.MOBILE))
        session = NewSession(session_id, session_id, False, device, None, "websocket", "127.0.0.1")
        await self.services.presence.open(self.app, user, session)
        self.here[number] = session_id

    async def _go(self, number: int) -> None:
        await self.services.presence.close(self.here.pop(number), Departure.LOGOUT)

    async def _claim(self, user: User) -> None:
        status = self.chance.choice((PresenceStatus.AWAY, PresenceStatus.DND))
        text, emoji = self.chance.choice(TEXTS)
        until = self.clock.now() + 3_600_000
        claim = Claim(uuid7().hex, Source.MANUAL, status, text=text, emoji=emoji, expires_at=until)
        await self.services.claims.put(user, claim, None, "127.0.0.1", SERVER)


@asynccontextmanager
async def lived_in(folder: Path) -> AsyncIterator[tuple[Services, Sequence[User]]]:
    clock = Clock(-DAYS * 86_400_000)
    # the log is read once a step
    settings = Settings(data_dir=str(folder), access_log=False, drain_s=0, changelog_s=3 * STEP_S)
    async with open_services(settings, clock) as services:
        await migrate(services.db)
        crowd = await fill(services, APP_ID, PEOPLE)
        found = await services.users.find_many(APP_ID, [fold_case(name) for name in crowd.names])
        users = sorted(found.values(), key=lambda user: user.id)
        app = await services.apps.get(APP_ID)
        await services.chronicle.run()
        await Week(services, app, users, clock, random.Random(1), {}).live()
        yield services, users


@asynccontextmanager
async def gathered(services: Services, url: str, users: Sequence[User]) -> AsyncIterator[str]:
    """Some of them with real sockets, some busy, some idle; the name of somebody busy."""
    async with AsyncExitStack() as stack:
        tokens = await sign_tokens(services, APP_ID, [user.username for user in users[:HERE]], 600)
        for number, token in enumerate(tokens.values()):
            client = Client(url)
            await client.connect({"token": token, "device": ("web", "mobile", "desktop")[number % 3]})
            stack.push_async_callback(client.io.disconnect)
            if number % 7 == BUSY:
                text, emoji = TEXTS[number % len(TEXTS)]
                status = ("away", "dnd")[number % 2]
                await client.io.call("presence:set", {"status": status, "text": text, "emoji": emoji})
        await services.upkeep.beat()  # which tells how many sockets a node has
        yield list(tokens)[BUSY]


async def signed_in(visitor: Visitor, services: Services) -> Page:
    token, _ = await services.admin.make_link()
    page = await visitor.open(f"{SIGN_IN}#{token}")
    await expect(page.get_by_role("button", name="Sign out", include_hidden=True)).to_be_attached()
    return page


async def look_at(page: Page, place: str, name: str) -> None:
    await page.evaluate("(place) => { location.hash = place; }", f"/apps/{APP_ID}/{place}")
    await expect(page.get_by_text("Live", exact=True).first).to_be_visible()
    await page.wait_for_load_state("networkidle")
    await expect(page.locator("[aria-busy=true]")).to_have_count(0)
    await page.evaluate("document.fonts.ready")
    await save(page, name)


async def look_at_demo(visitor: Visitor) -> None:
    """Ben's lid is shut: the grace in which Ada sees nothing of it."""
    page = await visitor.open("/demo")
    ada, ben = (page.get_by_role("region", name=name) for name in ("Ada", "Ben"))
    for pane in (ada, ben):
        await expect(pane.locator("[data-test=connection]")).to_contain_text("Connected")
    await ada.get_by_role("button", name="Do not disturb", exact=True).click()
    await ben.get_by_role("button", name="Shut the lid", exact=True).click()
    await expect(page.get_by_label("What you have just seen")).to_contain_text("Ben")
    await save(page, "demo")


async def save(page: Page, name: str) -> None:
    await page.screenshot(path=IMAGES / f"{name}.png", animations="disabled")
    print(f"docs/images/{name}.png")  # noqa: T201 - that is what the command tells


async def picture(browser: Browser, services: Services, url: str, somebody: str) -> None:
    async with visiting(browser, url, color_scheme="light", **WIDE) as visitor:
        page = await signed_in(visitor, services)
        await look_at(page, "overview", "overview-light")
        await look_at(page, "people", "people-light")
        await page.set_viewport_size({"width": 1280, "height": 1500})
        await look_at(page, f"people/{somebody}", "person")
        await look_at_demo(visitor)
    async with visiting(browser, url, color_scheme="dark", **WIDE) as visitor:
        page = await signed_in(visitor, services)
        await look_at(page, "overview", "overview-dark")
        await look_at(page, "people", "people-dark")
    async with visiting(browser, url, color_scheme="light", **PHONE) as visitor:
        page = await signed_in(visitor, services)
        await look_at(page, "people", "people-phone")
        await look_at(page, "overview", "overview-phone")


async def main() -> None:
    IMAGES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        async with (
            lived_in(Path(folder)) as (services, users),
            served_node(services) as url,
            gathered(services, url, users) as somebody,
            running_chromium() as browser,
        ):
            await picture(browser, services, url.replace("127.0.0.1", "localhost"), somebody)


if __name__ == "__main__":
    asyncio.run(main())
