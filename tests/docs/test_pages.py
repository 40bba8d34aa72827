"""What holds for all pages: none is lost, and whatever can be run is run."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.docs.pages import TASKS, read_others

DOCS = TASKS.parent
ELSEWHERE = (
    "npm install",
    "pip install",
    "heroku",
    "curl https://my-chat.herokuapp.com",
    "sudo nginx -t",
    "redis-cli",
    "kill -9",
    "chatsrv serve",
    "CHATSRV_TRUSTED_PROXIES=1 chatsrv serve",
)
"""What begins a block that no test can run: others' services, installing, a server that a test starts itself."""


@pytest.mark.parametrize("page", sorted(path.name for path in TASKS.glob("*.md")))
def test_whatever_a_page_tells_to_run_is_run(page: str) -> None:
    for block in read_others(page):
        assert block.startswith(ELSEWHERE), f"{page} has a block that nobody tries:\n{block}"


def test_the_index_leads_to_every_page() -> None:
    linked = {(DOCS / target).resolve() for target in re.findall(r"\]\(([^)#:]+)\)", (DOCS / "index.md").read_text())}
    assert linked >= {*DOCS.glob("*.md"), *TASKS.glob("*.md")} - {DOCS / "index.md"}


def anchors_of(page: Path) -> set[str]:
    """As GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", re.sub(r"^```.*?^```$", "", page.read_text(), flags=re.M | re.S), re.M)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", [*DOCS.glob("*.md"), *TASKS.glob("*.md")], ids=lambda page: page.name)
def test_links_into_the_middle_of_a_page_find_their_heading(page: Path) -> None:
    for target, anchor in re.findall(r"\]\(([^)#:]*)#([^)]+)\)", page.read_text()):
        other = page.parent / target if target else page
        assert anchor in anchors_of(other), f"{page.name} links to {target}#{anchor}"
