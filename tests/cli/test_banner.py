"""What people read when the server has started, and what becomes of it when they paste it."""

from __future__ import annotations

import asyncio
import json
import os
import re
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from chatsrv.cli.banner import TRY
from tests.cli.shell import DEADLINE_S, FORKED, Server, Shell, ended
from tests.cli.test_dashboard import sign_in
from tests.clients.npm import installed_clients, needs_node

ENDS = ("doctor", "3000);'")
"""In the last line of a banner: of a later one, and of the first."""


@dataclass(frozen=True, slots=True)
class Read:
    """A server, and what it says to people before its log goes on."""

    server: Server
    banner: str

    @property
    def link(self) -> str:
        found = re.search(r"^dashboard +(\S+)$", self.banner, re.M)
        assert found, self.banner
        return found[1]


@asynccontextmanager
async def started(shell: Shell, *words: str) -> AsyncIterator[Read]:
    """Its output goes to a pipe, as where a platform keeps it."""
    process = await shell.start("serve", "--port", "0", *words, program=FORKED)
    async with ended(process):
        assert process.stdout
        yield await _read(process, process.stdout)


@asynccontextmanager
async def started_at_a_terminal(shell: Shell, *words: str) -> AsyncIterator[Read]:
    ours, theirs = os.openpty()
    process = await shell.start("serve", "--port", "0", *words, program=FORKED, stdout=theirs, stderr=PIPE)
    os.close(theirs)
    screen = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    with os.fdopen(ours, "rb", 0) as end:
        await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(screen), end)
        async with ended(process):
            yield await _read(process, screen)
            with suppress(ProcessLookupError):
                process.terminate()
            await process.communicate()


async def _read(process: Process, screen: asyncio.StreamReader) -> Read:
    banner = ""
    async with asyncio.timeout(DEADLINE_S):
        while not any(end in banner for end in ENDS):
            line = await screen.readline()
            assert line, banner
            banner += line.decode().replace("\r\n", "\n")
    url = re.search(r"http://localhost:\d+", banner)
    assert url, banner
    return Read(Server(process, url[0], ""), banner)


def snippets_of(banner: str) -> list[str]:
    """The lines behind each comment, the first with the key before it."""
    key, curl, python, node = re.split(r"^# .*\n", banner[banner.index("KEY=") :], flags=re.M)
    return [key + curl, python, node]


@needs_node
async def test_the_three_snippets_of_the_first_banner_work_as_they_are_pasted(
    shell: Shell, tmp_path_factory: pytest.TempPathFactory
) -> None:
    modules = await installed_clients(tmp_path_factory) / "node_modules"
    shell = Shell(shell.folder, {"NODE_PATH": str(modules)})
    async with started(shell) as read:
        curl, python, node = snippets_of(read.banner)
        made = await shell.bash(curl)
        assert [result["status"] for result in json.loads(made.out)["results"]] == ["created", "created"], made.err
        anna = await shell.start("-c", python, program=("bash",))
        async with ended(anna):
            assert anna.stdout
            hello = (await asyncio.wait_for(anna.stdout.readline(), DEADLINE_S)).decode()
            assert "'hello'" in hello
            assert "'username': 'anna'" in hello
            ben = await shell.bash(node)
            assert (ben.status, ben.err) == (0, "")
            assert "hello {" in ben.out
            assert "username: 'ben'" in ben.out
            seen, complaints = (text.decode() for text in await asyncio.wait_for(anna.communicate(), DEADLINE_S))
    assert re.findall(r"'username': 'ben', 'presence_status': (\d)", seen) == ["1", "0"]
    assert (anna.returncode, complaints) == (0, "")


def test_the_first_banner_fits_a_window_and_so_do_its_lines() -> None:
    words = {"url": "http://localhost:8080", "key": f"cs_{'x' * 56}", "folder": Path("/home/somebody/work/chatsrv")}
    lines = TRY.format(chatsrv=".venv/bin/chatsrv", python=".venv/bin/python", **words).splitlines()
    assert max(map(len, lines)) <= 100
    assert len(lines) <= 24


async def test_every_start_at_a_terminal_has_a_link_that_signs_in(filled: Shell) -> None:
    for words in ((), ("--workers", "2")):
        async with started_at_a_terminal(filled, *words) as read:
            shown = read.banner.split("\n\n")[0].split()
            assert shown[:2] == ["dashboard", read.link]
            assert await sign_in(read.server, read.link) == 200
            assert (await filled.answer("dashboard"))["url"].startswith(f"{read.server.url}/signin#")
            assert "cs_" not in read.banner


async def test_where_words_are_kept_as_logs_there_is_no_link_but_the_way_to_one(filled: Shell) -> None:
    async with started(filled) as read:
        assert read.link == read.server.url
        assert "/signin" not in read.banner
        assert re.search(r"^To sign in to the dashboard: .*-m chatsrv dashboard$", read.banner, re.M)


async def test_server_stores_get_no_link_into_their_logs_even_at_the_first_start(shell: Shell, valkey_url: str) -> None:
    shell = Shell(shell.folder, {"REDIS_URL": valkey_url, "CHATSRV_REDIS_PREFIX": f"cli-{shell.folder.name}"})
    async with shell.serving() as server:
        assert (server.key, server.dashboard) == ("", "")


async def test_the_second_start_shows_no_key_and_says_how_to_get_one(filled: Shell) -> None:
    async with started(filled) as read:
        assert re.search(r"^a server key .*-m chatsrv key create demo$", read.banner, re.M)
        assert "cs_" not in read.banner
        assert await read.server.get("/healthz") == (200, {"status": "ok"})
        checks = {"database": "ok", "redis": "ok", "migrations": "ok"}
        assert await read.server.get("/readyz") == (200, {"status": "ok", "checks": checks})
