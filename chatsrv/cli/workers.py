"""One of several processes that serve one port: `python -m chatsrv.cli.workers LINE`, started by a supervisor.

LINE is a descriptor of a socket to the supervisor. One JSON line comes first, the Orders; later STOP. What goes back
is READY, or FAILED and why. The line ends with the supervisor, however it ends, and a worker does not outlive it.
"""

from __future__ import annotations

import asyncio
import gc
import os
import shutil
import signal
import socket
import sys
import threading
import time
from contextlib import suppress

import msgspec
import structlog
from aiohttp import web

from chatsrv import logs
from chatsrv.api.probes import settle
from chatsrv.cli import explain
from chatsrv.cli.crew import FAILED, READY, STOP
from chatsrv.cli.serving import listening
from chatsrv.cli.starting import run
from chatsrv.cli.supervising import Orders
from chatsrv.metrics import FOLDER
from chatsrv.services import open_services
from chatsrv.wire import Passing

log = structlog.get_logger(__name__)

ORPHAN_S = 10.0
"""What a worker without its supervisor may take, beyond the time over which it closes its clients."""
SETTLE_EVERY_S = 1.0


def main() -> int:
    line = socket.socket(fileno=int(sys.argv[1]))
    text = b""
    while not text.endswith(b"\n"):
        heard = line.recv(65536)
        if not heard:
            return 0  # the supervisor has gone already
        text += heard
    orders = msgspec.json.decode(text, type=Orders)
    logs.configure(orders.settings.log_format, orders.settings.log_level)
    try:
        run(lambda: _serve(orders, line))
    except Exception as error:
        log.error("worker_failed", worker=orders.number, exc_info=error)
        with suppress(OSError):
            line.sendall(FAILED + explain(error).encode())
        return 1
    return 0


async def _serve(orders: Orders, line: socket.socket) -> None:
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):  # some platforms send it to every process
        loop.add_signal_handler(number, stopped.set)
    orphan_s = orders.settings.drain_s + ORPHAN_S
    threading.Thread(target=_obey, args=(line, loop, stopped, orphan_s), daemon=True).start()
    passing = Passing(orders.number, _socket(orders.inbox), [_socket(fd) for fd in orders.outboxes])
    public, own = [_socket(fd) for fd in orders.public], [_socket(fd) for fd in orders.metrics]
    async with open_services(orders.settings) as services, listening(services, public, own, passing) as app:
        settling = asyncio.create_task(_settle(app))
        line.sendall(READY)
        await stopped.wait()
        settling.cancel()


def _socket(fd: int) -> socket.socket:
    return socket.socket(fileno=fd)


def _obey(line: socket.socket, loop: asyncio.AbstractEventLoop, stopped: asyncio.Event, orphan_s: float) -> None:
    """In a thread of its own, so that a loop that hangs does not outlive its supervisor either."""
    is_told = _hear(line) == STOP
    with suppress(RuntimeError):  # the loop has ended already
        loop.call_soon_threadsafe(stopped.set)
    if is_told:
        _hear(line)
    # the supervisor was killed: nobody else can tidy up
    shutil.rmtree(os.environ[FOLDER], ignore_errors=True)
    if not is_told:
        time.sleep(orphan_s)
    os._exit(1)


def _hear(line: socket.socket) -> bytes:
    """A word; nothing when the other end is gone, which a supervisor that was killed may have left unread."""
    try:
        return line.recv(len(STOP))
    except OSError:
        return b""


async def _settle(app: web.Application) -> None:
    """Others tell our metrics too, and cannot ask us for what is not yet counted."""
    while True:
        settle(app)
        await asyncio.sleep(SETTLE_EVERY_S)


if __name__ == "__main__":
    try:
        sys.exit(main())
    finally:
        gc.freeze()  # as the command line does
