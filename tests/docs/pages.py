"""The pages of docs/tasks, taken apart: what a reader saves, what a reader pastes, and what a reader lets run.

A line above a block says what it is: `<!-- file: NAME -->`, `<!-- run -->` or `<!-- stay -->`, which nobody sees who
reads the page. A block without one is only looked at.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

TASKS = Path(__file__).parents[2] / "docs" / "tasks"
BLOCK = re.compile(
    r"^<!-- (?P<use>file: (?P<name>\S+)|run|stay) -->\n```\w+\n(?P<code>.*?)^```$", re.MULTILINE | re.DOTALL
)


@dataclass(frozen=True, slots=True)
class Page:
    """`files` by name; `runs` and `stays` in the order in which they stand."""

    files: dict[str, str]
    runs: list[str]
    stays: list[str]


def read_page(name: str) -> Page:
    page = Page({}, [], [])
    for block in BLOCK.finditer((TASKS / name).read_text()):
        match block["use"]:
            case "run":
                page.runs.append(block["code"])
            case "stay":
                page.stays.append(block["code"])
            case _:
                page.files[block["name"]] = block["code"]
    return page


def read_others(name: str) -> list[str]:
    """The blocks of commands and programs that are only looked at."""
    text = BLOCK.sub("", (TASKS / name).read_text())
    return re.findall(r"^```(?:sh|js|python|html)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
