"""A `chatsrv` for shells that takes a tenth of the time: what it is asked for is done by a child of the nursery."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.cli.forking import ORDER_MAX, STREAMS, fork

CALLER = """\
#!{python} -IS
import json, os, signal, socket, sys
line = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
line.connect({line!r})
signal.signal(signal.SIGTERM, lambda *_: line.send(b"TERM"))
order = json.dumps([sys.argv[1:], os.getcwd(), dict(os.environ)])
socket.send_fds(line, [order.encode()], [0, 1, 2])
sys.exit(int(line.recv(16) or 1))
"""


@asynccontextmanager
async def quick_chatsrv() -> AsyncIterator[Path]:
    """The folder to be put on the PATH. What was started through it ends with whoever started it."""
    calls: set[asyncio.Task[None]] = set()
    with TemporaryDirectory(prefix="chatsrv-") as folder, socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as door:
        line = f"{folder}/line"
        door.bind(line)
        door.listen()
        door.setblocking(False)
        caller = Path(folder, "chatsrv")
        caller.write_text(CALLER.format(python=sys.executable, line=line))
        caller.chmod(0o700)
        answering = asyncio.create_task(_answer(door, calls))
        try:
            yield caller.parent
        finally:
            answering.cancel()
            await asyncio.wait([answering, *calls])


async def _answer(door: socket.socket, calls: set[asyncio.Task[None]]) -> None:
    while True:
        line, _ = await asyncio.get_running_loop().sock_accept(door)
        call = asyncio.create_task(_call(line))
        calls.add(call)
        call.add_done_callback(calls.discard)


async def _call(line: socket.socket) -> None:
    with line:
        line.setblocking(True)
        order, fds, _, _ = await asyncio.to_thread(socket.recv_fds, line, ORDER_MAX, STREAMS)
        line.setblocking(False)
        words, folder, variables = json.loads(order)
        process = await fork(words, Path(folder), variables, dict(zip(("stdin", "stdout", "stderr"), fds, strict=True)))
        for fd in fds:
            os.close(fd)
        obeying = asyncio.create_task(_obey(line, process))
        status = await process.wait()
        obeying.cancel()
        await asyncio.wait([obeying])
        with suppress(OSError):  # whoever called is gone
            line.send(str(status % 256).encode())


async def _obey(line: socket.socket, process: asyncio.subprocess.Process) -> None:
    """SIGTERM is passed on; whoever called and was killed takes what was called along."""
    while await asyncio.get_running_loop().sock_recv(line, 16):
        process.send_signal(signal.SIGTERM)
    process.kill()
