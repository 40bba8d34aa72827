"""One node: a process of `chatsrv serve`, to be stopped, killed and paused."""

from __future__ import annotations

import asyncio
import json
import signal
from asyncio.subprocess import Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tests.cli.shell import DEADLINE_S, FORKED, Shell, ended

EXIT_S = 30.0
"""A platform kills what has not ended so long after SIGTERM."""


@dataclass(frozen=True, slots=True)
class Node:
    """It serves at `url`, on every address of this machine's loopback, until it is stopped or killed."""

    process: Process
    url: str
    log: Path

    @property
    def port(self) -> int:
        return urlsplit(self.url).port or 0

    @property
    def is_running(self) -> bool:
        return self.process.returncode is None

    async def kill(self) -> None:
        """SIGKILL: the kernel closes its connections, nobody says a word."""
        self.process.kill()
        await self.process.wait()

    async def stop(self) -> int:
        """SIGTERM; returns the exit status, which must come in time."""
        self.process.terminate()
        return await asyncio.wait_for(self.process.wait(), EXIT_S)

    def pause(self) -> None:
        """SIGSTOP: its connections stay open, and the kernel even accepts new ones."""
        self.process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        self.process.send_signal(signal.SIGCONT)

    def logged(self, **fields: str) -> list[dict[str, Any]]:
        """The lines of its log that have these fields, such as event="loop_postponed", loop="beat"."""
        return [line for line in self._read_log() if fields.items() <= line.items()]

    def errors(self) -> list[dict[str, Any]]:
        """What it logged as an error: outages are warnings, so that any of these is a defect."""
        return [line for line in self._read_log() if line.get("level", "error") == "error"]

    def _read_log(self) -> list[dict[str, Any]]:
        """What is no JSON is a crash's last words; the last line may be half written."""
        lines = self.log.read_text().split("\n")[:-1]
        return [json.loads(line) if line.startswith("{") else {"event": line} for line in lines]


@asynccontextmanager
async def running_node(shell: Shell, name: str, *words: str) -> AsyncIterator[Node]:
    """From the moment in which it has told its address; killed at the end if it still runs. `words` of `serve`."""
    log = shell.folder / f"{name}.log"
    with log.open("wb") as stderr:
        process = await shell.start("serve", "--port", "0", "--json", *words, program=FORKED, stderr=stderr)
    async with ended(process):
        assert process.stdout is not None
        line = await asyncio.wait_for(process.stdout.readline(), DEADLINE_S)
        assert line, log.read_text()
        yield Node(process, json.loads(line)["url"].replace("localhost", "127.0.0.1"), log)
