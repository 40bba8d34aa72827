"""Somebody who follows a page, word by word, in a folder of their own."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import signal
import socket
import sys
from asyncio.subprocess import DEVNULL, PIPE, STDOUT, Process
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import urlsplit

from tests.cli.shell import DEADLINE_S, Shell
from tests.docs.quick import quick_chatsrv

GRACE = {"CHATSRV_GRACE_S": "0.5", "CHATSRV_SWEEP_EVERY_S": "0.1"}
"""Pages tell to wait for who left without a word; here not so long."""

PATIENCE_S = 20.0


def free_ports(count: int) -> list[str]:
    """Which nobody has now, and nobody is given soon."""
    with ExitStack() as stack:
        taken = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)]
        return [str(one.getsockname()[1]) for one in taken]


@dataclass(frozen=True, slots=True)
class Reader:
    """`tools` is a folder on the PATH. `instead`: what is so on this machine, by what the page says. `key`: of the app
    demo, where there is one."""

    shell: Shell
    tools: Path
    instead: Mapping[str, str]
    key: str = ""

    def save(self, files: Mapping[str, str]) -> None:
        for name, text in files.items():
            path = self.shell.folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(self.here(text))

    def install(self, clients: Path) -> None:
        """What is there after `npm install`, wherever it is."""
        modules = self.shell.folder / "node_modules"
        if not modules.exists():
            modules.symlink_to(clients / "node_modules")

    async def paste(self, *scripts: str, **variables: str) -> str:
        """One after the other into one shell, which ends at the first failure; all that was said."""
        script = "set -e -o pipefail\n" + "\n".join(map(self.here, scripts))
        async with self._running(script, variables) as process:
            out, _ = await asyncio.wait_for(process.communicate(), DEADLINE_S)
        assert process.returncode == 0, out.decode()
        return out.decode()

    @asynccontextmanager
    async def letting_run(self, script: str, **variables: str) -> AsyncIterator[Process]:
        """In a terminal of its own, which is closed after the block."""
        async with self._running(self.here(script), variables) as process:
            yield process

    async def sees(self, process: Process, text: str) -> str:
        """What it says up to the line that holds this."""
        assert process.stdout
        said = ""
        try:
            async with asyncio.timeout(PATIENCE_S):
                while text not in said:
                    line = await process.stdout.readline()
                    assert line, f"it ended without saying {text!r}:\n{said}"
                    said += line.decode()
        except TimeoutError as error:
            raise AssertionError(f"it does not say {text!r}:\n{said}") from error
        return said

    async def paste_and_read(self, script: str, word: str, **variables: str) -> str:
        """What stands behind this word in what is said."""
        said = await self.paste(script, **variables)
        found = re.search(rf"^{word} +(\S+)", said, re.MULTILINE)
        assert found, said
        return found[1]

    async def until(self, holds: Callable[[], Awaitable[bool]]) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while not await holds():
                await asyncio.sleep(0.02)

    def here(self, text: str) -> str:
        """What the page says, as it is on this machine."""
        for written, meant in self.instead.items():
            text = text.replace(written, meant)
        return text

    @asynccontextmanager
    async def _running(self, script: str, variables: Mapping[str, str]) -> AsyncIterator[Process]:
        environment = {**self.shell.environment(), **variables}
        environment["PATH"] = f"{self.tools}:{environment['PATH']}"
        process = await asyncio.create_subprocess_exec(
            *("bash", "-c", script),
            cwd=self.shell.folder,
            env=environment,
            stdin=DEVNULL,
            stdout=PIPE,
            stderr=STDOUT,
            start_new_session=True,
        )
        try:
            yield process
        finally:
            with suppress(ProcessLookupError):  # all that is in the terminal
                os.killpg(process.pid, signal.SIGKILL)
            await process.communicate()


@asynccontextmanager
async def reading(shell: Shell, instead: Mapping[str, str]) -> AsyncIterator[Reader]:
    """With `chatsrv` and `python` on the PATH; `instead` as a reader has it."""
    async with quick_chatsrv() as tools:
        python = tools / "python"
        python.write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
        python.chmod(0o700)
        yield Reader(shell, tools, instead)


@asynccontextmanager
async def at_home(folder: Path, template: Path, **instead: str) -> AsyncIterator[Reader]:
    """Beside a server as `make run` starts it, but for its migrations, which the template has behind it."""
    shell = Shell(folder, GRACE)
    move_in(folder, template)
    async with AsyncExitStack() as stack:
        server = await stack.enter_async_context(shell.serving())
        instead = {"localhost:8080": urlsplit(server.url).netloc, **instead}
        reader = await stack.enter_async_context(reading(shell, instead))
        yield replace(reader, key=server.key)


def move_in(folder: Path, template: Path) -> None:
    (folder / "data").mkdir(mode=0o700)
    shutil.copy(template, folder / "data" / "chatsrv.db")
