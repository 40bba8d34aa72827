"""A terminal on which a command draws, and what stands on it."""

from __future__ import annotations

import asyncio
import fcntl
import os
import pty
import struct
import termios
from asyncio.subprocess import Process
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

from tests.cli.shell import DEADLINE_S, FORKED, Shell, ended

ERASED = "\x1b[2K"


@dataclass(slots=True)
class Terminal:
    """`drawn`: everything that the command has written on it."""

    process: Process
    end: int
    drawn: str = ""

    @property
    def frame(self) -> str:
        """What stands there now: a table is erased line by line, and drawn anew."""
        return self.drawn.rpartition(ERASED)[2]

    async def wait_until(self, holds: Callable[[str], bool]) -> str:
        """The frame of which it holds."""
        async with asyncio.timeout(DEADLINE_S):
            while not holds(self.frame):
                await asyncio.sleep(0.02)
                self.read()
        return self.frame

    def read(self) -> None:
        # nothing new, or the other side has closed
        with suppress(OSError):
            self.drawn += os.read(self.end, 1 << 20).decode()

    async def stop(self, number: int) -> int:
        self.process.send_signal(number)
        status = await asyncio.wait_for(self.process.wait(), DEADLINE_S)
        self.read()
        return status


@asynccontextmanager
async def on_terminal(shell: Shell, *words: str, columns: int = 110, lines: int = 20) -> AsyncIterator[Terminal]:
    """The command's standard output and standard error are one."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
    os.set_blocking(ours, False)
    variables = {**shell.variables, "TERM": "xterm"}
    process = await Shell(shell.folder, variables).start(*words, program=FORKED, stdout=theirs, stderr=theirs)
    os.close(theirs)
    try:
        async with ended(process):
            yield Terminal(process, ours)
    finally:
        os.close(ours)
