"""The nodes, their leases and their sockets."""

from __future__ import annotations

from playwright.async_api import Page, expect

from tests.browser.chromium import needs_chromium, serious_faults
from tests.browser.coming import Coming, coming, open_view

__all__ = ("coming",)
pytestmark = needs_chromium


async def test_a_node_shows_its_lease_and_what_is_connected_to_it(dashboard: Page, coming: Coming) -> None:
    async with coming("anna"):
        await open_view(dashboard, "nodes")
        row = dashboard.get_by_role("table", name="Nodes").get_by_role("row").filter(has_text="Alive")
        await expect(row).to_contain_text("left")
        await expect(dashboard.locator("[data-test=sockets-websocket]")).to_have_text("1")
        await expect(row.get_by_role("cell").nth(2)).to_have_text("1")
    await expect(dashboard.locator("[data-test=sockets-websocket]")).to_have_text("0")
    assert await serious_faults(dashboard) == []
