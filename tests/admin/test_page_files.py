"""The dashboard's files as they lie there."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from chatsrv.domain.admin import link_to
from tests.admin.test_pages import FILES, PAGES

OWN = sorted(file for file in FILES.rglob("*.js") if "vendor" not in file.parts)
STYLES = sorted(file for file in FILES.rglob("*.css") if "vendor" not in file.parts)
IMPORTED = re.compile(r"""(?:\bfrom |\bimport\()"(\.{1,2}/[^"]+)\"""")


class Page(HTMLParser):
    """What it loads, and what it has inline."""

    def __init__(self) -> None:
        super().__init__()
        self.loaded: set[str] = set()
        self.inline: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {key: value or "" for key, value in attrs}
        if tag in ("script", "link", "img"):
            self.loaded.add(given.get("src") or given["href"])
        self.inline += [key for key in given if key == "style" or key.startswith("on")]
        self.inline += [tag] if tag == "style" or (tag == "script" and "src" not in given) else []


def read(name: str) -> Page:
    page = Page()
    page.feed((FILES / name).read_text("utf-8"))
    return page


@pytest.fixture(params=["index.html", "demo/index.html"])
def page(request: pytest.FixtureRequest) -> Page:
    return read(request.param)


def test_the_page_has_nothing_inline_and_loads_files_that_are_there(page: Page) -> None:
    assert page.inline == []
    assert {"/admin/theme.js", "/admin/icon.svg"} < page.loaded
    assert page.loaded & {"/admin/app.js", "/admin/demo/demo.js"}
    assert page.loaded <= PAGES.keys()


def test_what_people_wrote_can_be_put_in_as_text_alone() -> None:
    for file in OWN:
        script = file.read_text("utf-8")
        forbidden = r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(|Function\(|DOMParser"
        assert not re.search(forbidden, script), file


def test_nothing_is_asked_of_another_host() -> None:
    for file in [*OWN, *STYLES]:
        assert not re.search(r"(?:https?:)?//[a-z0-9]", file.read_text("utf-8").replace("://localhost", "")), file


def test_every_import_leads_to_a_file_and_every_module_is_reached() -> None:
    begun = read("index.html").loaded | read("demo/index.html").loaded
    reached, waiting = set[Path](), [FILES / PAGES[path] for path in begun]
    while waiting:
        file = waiting.pop()
        assert file.is_file(), file
        if file not in reached and file in OWN:
            waiting += [(file.parent / target).resolve() for target in IMPORTED.findall(file.read_text("utf-8"))]
        reached.add(file)
    assert {FILES / "app.js", *OWN, *STYLES} <= reached


def test_the_token_of_a_link_stands_where_no_browser_sends_it() -> None:
    before, _, behind = link_to("https://chat.example/", "secret").partition("#")
    assert (before, behind) == ("https://chat.example/signin", "secret")
