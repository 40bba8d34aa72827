"""The API page asks nobody outside, runs under a strict policy and offers every document."""

from __future__ import annotations

import re
from functools import cache
from html.parser import HTMLParser
from pathlib import Path

import chatsrv

API = Path(chatsrv.__file__).parent / "api"
PAGE = API / "static" / "docs"


class Links(HTMLParser):
    """Collects what a page loads or links to, and what it has inline."""

    def __init__(self) -> None:
        super().__init__()
        self.links: set[str] = set()
        self.documents: set[str] = set()
        self.inline: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.links |= {value for key in ("href", "src") if (value := given.get(key))}
        self.documents |= {value} if (value := given.get("data-document")) else set()
        if tag == "style" or (tag == "script" and "src" not in given):
            self.inline.append(tag)
        self.inline += [key for key in given if key == "style" or key.startswith("on")]


@cache
def page() -> Links:
    links = Links()
    links.feed((PAGE / "index.html").read_text("utf-8"))
    return links


def test_the_page_has_nothing_inline_and_loads_only_files_that_are_there() -> None:
    assert page().inline == []
    assert all(link.startswith(("/docs", "/openapi/", "data:")) for link in page().links)
    files = {link.removeprefix("/docs/") for link in page().links if link.startswith("/docs/")}
    assert files == {"swagger-ui-bundle.js", "swagger-ui.css", "init.js", "page.css"}
    assert all((PAGE / name).is_file() for name in files)


def test_the_page_offers_every_document() -> None:
    assert page().documents == {f"/openapi/{path.stem}.json" for path in (API / "openapi").glob("*.yaml")}


def test_the_viewer_comes_with_its_version_and_licences() -> None:
    assert re.match(r"swagger-ui-dist \d+\.\d+\.\d+\n", (PAGE / "version.txt").read_text("utf-8"))
    assert "Apache License" in (PAGE / "LICENSE").read_text("utf-8")
    assert all((PAGE / name).is_file() for name in ("NOTICE", "swagger-ui-bundle.js.LICENSE.txt"))


def test_the_viewer_is_told_to_validate_nowhere() -> None:
    script = (PAGE / "init.js").read_text("utf-8")
    assert "validatorUrl: null" in script
    assert "://" not in script
