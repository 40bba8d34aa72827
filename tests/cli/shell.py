"""The command line, in a folder of its own and with nothing of this machine's settings.

What is said and done is tested inside the test process, which spares most of the time; what has to do with processes,
by real ones: several at once, signals, terminals, pipes, memory, and everything that serves.
"""

import asyncio
import json
import os
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aiohttp import ClientSession
from redis.asyncio import Redis

from tests.cli.forking import fork
from tests.cli.inside import run_inside

DEADLINE_S = 60
OURS = ("CHATSRV_", "DATABASE_URL", "REDIS_URL", "PORT", "WEB_CONCURRENCY", "FORCE_COLOR")
PROGRAM = (sys.executable, "-m", "chatsrv")
FORKED = ("forked",)
"""The same in a tenth of the time: see forking.py."""


@dataclass(frozen=True, slots=True)
class Result:
    """What a command left behind."""

    status: int
    out: str
    err: str

    @property
    def answer(self) -> Any:
        return json.loads(self.out)

    @property
    def complaint(self) -> str:
        """The one line on standard error."""
        [line] = self.err.splitlines()
        return line


@dataclass(frozen=True, slots=True)
class Shell:
    """A folder and the variables in it."""

    folder: Path
    variables: Mapping[str, str]

    def environment(self) -> dict[str, str]:
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(OURS)}
        return {**inherited, **self.variables}

    async def start(self, *words: str, program: tuple[str, ...] = PROGRAM, **streams: Any) -> Process:
        given = {"stdin": PIPE, "stdout": PIPE, "stderr": PIPE} | streams
        if program is FORKED:
            return await fork(words, self.folder, self.environment(), given)
        return await asyncio.create_subprocess_exec(
            *program, *words, cwd=self.folder, env=self.environment(), start_new_session=True, **given
        )

    async def run(self, *words: str, text: bytes = b"") -> Result:
        """Inside the test process. Not for what serves, which wants signals."""
        return Result(*await asyncio.to_thread(run_inside, words, text, self.folder, self.environment()))

    async def run_process(self, *words: str, text: bytes = b"", program: tuple[str, ...] = PROGRAM) -> Result:
        process = await self.start(*words, program=program)
        async with ended(process):
            out, err = await asyncio.wait_for(process.communicate(text), DEADLINE_S)
        assert process.returncode is not None
        return Result(process.returncode, out.decode(), err.decode())

    async def bash(self, script: str) -> Result:
        """`chatsrv` means this tree's in it."""
        prelude = f'set -o pipefail; chatsrv() {{ "{sys.executable}" -m chatsrv "$@"; }}\n'
        return await self.run_process(prelude + script, program=("bash", "-c"))

    async def answer(self, *words: str) -> Any:
        """What a command that succeeds answers with --json."""
        result = await self.run(*words, "--json")
        assert result.status == 0, result.err
        return result.answer

    @asynccontextmanager
    async def serving(self, *words: str) -> AsyncIterator["Server"]:
        """A server on a free port, from the moment in which it has told its address."""
        process = await self.start("serve", "--port", "0", "--json", *words, program=FORKED)
        async with ended(process):
            assert process.stdout is not None
            line = await asyncio.wait_for(process.stdout.readline(), DEADLINE_S)
            if not line:
                raise AssertionError((await process.communicate())[1].decode())
            told = json.loads(line)
            yield Server(process, told["url"], told.get("key", ""), told.get("dashboard", ""))


@dataclass(frozen=True, slots=True)
class Server:
    """A server that runs; `key` and `dashboard`, a link to sign in with, are there at the first start."""

    process: Process
    url: str
    key: str
    dashboard: str = ""

    async def get(self, path: str) -> tuple[int, Any]:
        headers = {"X-Api-Key": self.key} if self.key else {}
        async with ClientSession() as session, session.get(self.url + path, headers=headers) as response:
            return response.status, await response.json()

    async def stop(self, number: int = signal.SIGTERM) -> Result:
        self.process.send_signal(number)
        out, err = await asyncio.wait_for(self.process.communicate(), DEADLINE_S)
        assert self.process.returncode is not None
        return Result(self.process.returncode, out.decode(), err.decode())


@asynccontextmanager
async def ended(process: Process) -> AsyncIterator[None]:
    """Nothing of it is left after the block."""
    try:
        yield
    finally:
        if process.returncode is None:
            process.kill()
            await process.communicate()


@asynccontextmanager
async def hung_valkey(data: Path) -> AsyncIterator[None]:
    """The embedded one of a server that runs: connections are taken, and nobody answers on them."""
    async with Redis(unix_socket_path=str(data / "valkey" / "valkey.sock")) as client:
        pid = (await client.info("server"))["process_id"]
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


async def wait_until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(DEADLINE_S):
        while not holds():
            await asyncio.sleep(0.02)
