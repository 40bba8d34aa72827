"""What the docs say is so: settings, metrics, commands, dialects, links, and the README's tour as it stands."""

from __future__ import annotations

import asyncio
import re
import sys
from asyncio.subprocess import PIPE, STDOUT
from pathlib import Path

import click
import pytest

from chatsrv.api import DIALECTS
from chatsrv.cli import menu
from chatsrv.domain.audit import Action
from chatsrv.domain.sessions import CloseCode
from chatsrv.metrics import Metrics
from chatsrv.realtime.commands import COMMANDS
from tests import commands_page, settings_page

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]


def test_the_settings_page_is_made_from_the_settings() -> None:
    assert settings_page.PAGE.read_text() == settings_page.render(), "run: make docs"


def test_the_page_of_the_commands_is_made_from_the_commands() -> None:
    """And so has every command, with its options and an example."""
    assert commands_page.PAGE.read_text() == commands_page.render(), "run: make docs"


def test_every_metric_is_explained() -> None:
    page = (ROOT / "docs" / "operations.md").read_text()
    for metric in Metrics().registry.collect():
        name = metric.name + ("_total" if metric.type == "counter" else "")
        assert f"| `{name}` | {metric.documentation} |" in page


def test_every_act_of_the_audit_trail_is_explained() -> None:
    section = (ROOT / "docs" / "operations.md").read_text().partition("## Audit\n")[2].partition("\n## ")[0]
    for action in Action:
        assert f"`{action}`" in section


def test_every_dialect_is_in_the_readme() -> None:
    for dialect in DIALECTS:
        assert f"`/openapi/{dialect.name}.json`" in README


def test_every_socket_event_and_close_code_is_in_the_protocol() -> None:
    page = (ROOT / "docs" / "protocol.md").read_text()
    for event in COMMANDS:
        assert f"| `{event} {{" in page
    for code in CloseCode:
        assert f"| {code.value} | {code.name.lower()} | {'yes' if code.may_reconnect else 'no'}" in page


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_command_that_a_page_names_exists(page: Path) -> None:
    for words in re.findall(r"`(?:\.venv/bin/)?chatsrv ([a-z -]+)", page.read_text()):
        command: click.Command = menu
        for word in words.split():
            if not isinstance(command, click.Group):
                break
            assert word in command.commands, f"{page.name} names chatsrv {words}"
            command = command.commands[word]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_file_that_a_page_links_to_exists(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#:]+)\)", page.read_text()):
        assert (page.parent / target).exists(), f"{page.name} links to {target}"


def test_every_file_that_the_architecture_names_exists() -> None:
    named = set(re.findall(r"`([\w/.]+[.]py)`", (ROOT / "docs" / "architecture.md").read_text()))
    assert named
    files = {f"/{file.relative_to(ROOT)}" for file in [*ROOT.glob("chatsrv/**/*.py"), *ROOT.glob("tests/**/*.py")]}
    assert {name for name in named if not any(file.endswith(f"/{name}") for file in files)} == set()


def test_every_make_target_that_a_page_names_exists() -> None:
    makefile = (ROOT / "Makefile").read_text()
    for page in PAGES:
        for target in re.findall(r"(?:^|`)make ([a-z]+)", page.read_text(), re.MULTILINE):
            assert re.search(rf"^{target}:", makefile, re.MULTILINE), f"{page.name} names make {target}"


def test_every_test_that_proves_something_exists() -> None:
    named = re.findall(r"`(tests/[a-z_0-9/]+[.]py)(?:::(\w+))?`", (ROOT / "docs" / "security.md").read_text())
    assert named
    for file, name in named:
        path = ROOT / file
        assert path.exists(), file
        assert not name or f"def {name}(" in path.read_text(), f"{file}::{name}"


async def test_the_tour_of_the_readme_works_as_it_stands(tmp_path: Path) -> None:
    """A fresh server on embedded stores, the tour's lines pasted with the key that the banner shows."""
    server = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "chatsrv", "serve", "--port", "0", cwd=tmp_path, stdout=PIPE, stderr=PIPE
    )
    try:
        banner = await _read_banner(server)
        url = re.search(r"http://localhost:\d+", banner)
        key = re.search(r"cs_\w+-?[\w-]*", banner)
        assert url, banner
        assert key, banner
        answers = await _paste(_tour(), tmp_path, url[0], key[0])
    finally:
        server.terminate()
        await server.communicate()
    assert server.returncode == 0
    assert '"username":"anna","first_name":"Anna"' in answers
    assert '"token":' in answers
    assert '"total_count":1' in answers
    assert '"total_count":0' in answers


async def _read_banner(server: asyncio.subprocess.Process) -> str:
    assert server.stdout
    text = ""
    async with asyncio.timeout(30):
        while "ben.disconnect()" not in text:
            line = await server.stdout.readline()
            assert line, text
            text += line.decode()
    return text


def _tour() -> str:
    block = re.search(r"<!-- tour: begin -->\n```sh\n(.*?)```\n<!-- tour: end -->", README, re.DOTALL)
    assert block
    return block[1]


async def _paste(tour: str, folder: Path, url: str, key: str) -> str:
    tour = re.sub(r"^KEY=\S+", f"KEY={key}", tour, flags=re.MULTILINE)
    tour = tour.replace("http://localhost:8080", url)
    tour = tour.replace(".venv/bin/chatsrv", f"{sys.executable} -m chatsrv")
    shell = await asyncio.create_subprocess_exec("sh", "-e", "-c", tour, cwd=folder, stdout=PIPE, stderr=STDOUT)
    out, _ = await shell.communicate()
    assert shell.returncode == 0, out.decode()
    return out.decode()
