"""The dashboard's files as they lie there."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest

from chatsrv.domain.admin import link_to
from tests.admin.test_pages import FILES, PAGES


class Page(HTMLParser):
    """What it loads, what it has inline, and which labels its fields have."""

    def __init__(self) -> None:
        super().__init__()
        self.loaded: set[str] = set()
        self.links: set[str] = set()
        self.inline: list[str] = []
        self.labelled: set[str] = set()
        self.fields: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {key: value or "" for key, value in attrs}
        if tag in ("script", "link", "img"):
            self.loaded.add(given.get("src") or given["href"])
        if tag == "a":
            self.links.add(given["href"])
        if tag == "label":
            self.labelled.add(given["for"])
        if tag in ("input", "select", "textarea"):
            self.fields.add(given["id"])
        self.inline += [key for key in given if key == "style" or key.startswith("on")]
        self.inline += [tag] if tag == "style" or (tag == "script" and "src" not in given) else []


@pytest.fixture
def page() -> Page:
    read = Page()
    read.feed((FILES / "index.html").read_text("utf-8"))
    return read


def test_the_page_has_nothing_inline_loads_its_own_files_and_leads_to_the_api(page: Page) -> None:
    assert page.inline == []
    assert page.loaded == {path for path in PAGES if path.startswith("/admin/")}
    assert "/docs" in page.links
    assert page.fields <= page.labelled


def test_what_people_wrote_can_be_put_in_as_text_alone() -> None:
    script = (FILES / "page.js").read_text("utf-8")
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(|Function\(|DOMParser", script)
    assert "://" not in script


def test_the_token_of_a_link_stands_where_no_browser_sends_it() -> None:
    before, _, behind = link_to("https://chat.example/", "secret").partition("#")
    assert (before, behind) == ("https://chat.example/signin", "secret")
