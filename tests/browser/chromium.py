"""A headless Chromium of this machine, one for each test process, and what no page of ours may do in it."""

from __future__ import annotations

import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, BrowserContext, ConsoleMessage, Page, Request, async_playwright, expect

NAMES = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
"""The first has no windows to draw beside the page, which is a third of the others' work."""
PROGRAM = next(filter(None, map(shutil.which, NAMES)), None)
FLAGS = [
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-dev-shm-usage",  # containers have little of it
    "--disable-gpu",
    "--disable-quic",
    "--disable-sync",
    "--no-first-run",
    "--no-sandbox",  # tests run as root in containers, and open nothing but their own server
]
PATIENCE_MS = 20_000
expect.set_options(timeout=PATIENCE_MS)  # five seconds of its own are few where every core is busy

# where the whole suite must have run, a browser that is missing is a failure and no reason to leave tests out
needs_chromium = pytest.mark.skipif(
    PROGRAM is None and "CI" not in os.environ,
    reason="there is no Chromium here: apt-get install chromium-headless-shell",
)

WATCH = """
addEventListener("securitypolicyviolation", (event) => console.error("CSP refuses " + event.blockedURI + " " +
    event.violatedDirective))
"""


@asynccontextmanager
async def running_chromium() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=PROGRAM or "chromium", args=FLAGS)
        try:
            yield browser
        finally:
            await browser.close()


@dataclass  # without slots: Playwright keeps something of its own on whoever listens
class Visitor:
    """Somebody with a browser of their own at the server's address. `complaints`: what no page of ours may cause.

    `expected`: parts of console errors that a test brings about, such as those of a refused request.
    """

    context: BrowserContext
    url: str
    complaints: list[str] = field(default_factory=list)
    expected: list[str] = field(default_factory=list)

    async def open(self, path: str = "/") -> Page:
        page = await self.context.new_page()
        page.on("console", self._hear)
        page.on("pageerror", lambda error: self.complaints.append(f"an error that nobody caught: {error}"))
        page.on("request", self._see)
        await page.goto(self.url + path)
        return page

    def _hear(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning") and not any(part in message.text for part in self.expected):
            self.complaints.append(f"console {message.type}: {message.text} ({message.location.get('url')})")

    def _see(self, request: Request) -> None:
        parts = urlsplit(request.url)
        if parts.scheme not in ("data", "blob") and parts.netloc != urlsplit(self.url).netloc:
            self.complaints.append(f"asks somebody else: {request.url}")


@asynccontextmanager
async def visiting(browser: Browser, url: str, **device: object) -> AsyncIterator[Visitor]:
    """`device` as of Browser.new_context: viewport, color_scheme and so on. Whatever its pages did wrong fails here."""
    context = await browser.new_context(**device)  # type: ignore[arg-type]
    context.set_default_timeout(PATIENCE_MS)
    await context.add_init_script(WATCH)
    visitor = Visitor(context, url)
    try:
        yield visitor
    finally:
        await context.close()
    assert not visitor.complaints, visitor.complaints


async def serious_faults(page: Page) -> list[str]:
    """What axe finds that keeps people out: each rule with the places where it is broken."""
    found = (await Axe().run(page)).response["violations"]
    return [
        f"{rule['id']}: {', '.join(' '.join(map(str, node['target'])) for node in rule['nodes'])}"
        for rule in found
        if rule["impact"] in ("serious", "critical")
    ]
