"""A Valkey of a test's own, which keeps nothing on disk: after a kill it comes back empty, at the same address."""

from __future__ import annotations

import asyncio
import signal
from asyncio.subprocess import DEVNULL, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import quote

from redis.asyncio import Redis
from redis.exceptions import RedisError

from chatsrv.storage.embedded import place_socket
from chatsrv.storage.valkey_binary import find_binary
from tests.faults.waiting import eventually


class OwnValkey:
    """`url` is redis-py's; it stays the same over all lives."""

    def __init__(self, socket: Path, folder: Path) -> None:
        self.url = f"unix://{quote(str(socket))}"
        self._socket = socket
        self._folder = folder
        self._process: Process | None = None

    def client(self, password: str | None = None) -> Redis:
        """To be used as a context."""
        return Redis(unix_socket_path=str(self._socket), password=password)

    async def start(self) -> None:
        """Returns when it answers; there is nothing in it."""
        options = ["--port", "0", "--save", "", "--appendonly", "no", "--daemonize", "no"]
        with (self._folder / "valkey.log").open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                find_binary(),
                *options,
                "--unixsocket",
                str(self._socket),
                cwd=self._folder,
                stdin=DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        await eventually(self._answers, "Valkey answers")

    async def _answers(self) -> bool:
        try:
            async with Redis(unix_socket_path=str(self._socket)) as client:
                return bool(await client.ping())
        except RedisError:
            return False

    async def kill(self) -> None:
        """SIGKILL; whoever is connected sees the connection end, and whoever connects is refused."""
        assert self._process is not None
        if self._process.returncode is None:
            self._process.kill()
            await self._process.wait()

    def pause(self) -> None:
        """SIGSTOP: connections stay, and nobody answers on them."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        self._signal(signal.SIGCONT)

    def _signal(self, number: signal.Signals) -> None:
        assert self._process is not None
        self._process.send_signal(number)


@asynccontextmanager
async def running_valkey(folder: Path) -> AsyncIterator[OwnValkey]:
    """Nothing of it is left after the block, whatever was done to it."""
    folder.mkdir(exist_ok=True)
    with place_socket(folder) as socket:
        valkey = OwnValkey(socket, folder)
        try:
            await valkey.start()
            yield valkey
        finally:
            await valkey.kill()
