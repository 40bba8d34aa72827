"""serve with several workers: a process that serves nothing itself. It keeps the ports, the embedded stores and the
lines between the workers, and keeps the workers running. It loads nothing of the web.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from tempfile import TemporaryDirectory

import msgspec
import structlog

from chatsrv.cli.banner import print_banner
from chatsrv.cli.crew import Crew, Member, Pace
from chatsrv.cli.lines import Line, opened_lines
from chatsrv.cli.starting import prepare, reserve_ports, stop_signal
from chatsrv.domain.errors import SetupError
from chatsrv.metrics import FOLDER, forget_process
from chatsrv.services import check_folder, open_services
from chatsrv.services.stores import shared_stores
from chatsrv.settings import Settings

log = structlog.get_logger(__name__)

STOP_BEYOND_S = 15.0
"""What a worker may take to stop beyond the times that the settings give: then it hangs."""


class Orders(msgspec.Struct, frozen=True):
    """What a worker is told at its start. Descriptors, which it inherits, but for `number`, its own, and the settings,
    the stores' addresses included."""

    number: int
    settings: Settings
    public: tuple[int, ...]
    metrics: tuple[int, ...]
    inbox: int
    outboxes: tuple[int, ...]

    @property
    def descriptors(self) -> tuple[int, ...]:
        return (*self.public, *self.metrics, self.inbox, *self.outboxes)


async def supervise(settings: Settings, as_json: bool) -> None:
    if sys.platform == "win32":
        raise SetupError("workers are not for Windows: start without them")
    async with stop_signal() as stopped:
        check_folder(settings)
        with (
            reserve_ports(settings) as (public, own),
            opened_lines(settings.workers) as lines,
            TemporaryDirectory(prefix="chatsrv-", ignore_cleanup_errors=True) as folder,
        ):
            async with shared_stores(settings) as shared:
                port = public[0].getsockname()[1]
                async with open_services(shared) as services:
                    welcome = await prepare(services, settings, port)
                yard = Yard(shared, public, own, lines, folder)

                def announce() -> None:
                    print_banner(welcome, as_json)
                    log.info("serving", host=settings.host, port=port, workers=settings.workers)

                pace = Pace(stop_s=settings.drain_s + settings.shutdown_timeout_s + STOP_BEYOND_S)
                await Crew(settings.workers, yard.start, yard.forget, pace).run(announce, stopped, yard.close_ports)
    log.info("stopped")


@dataclass(frozen=True, slots=True)
class Yard:
    """All that workers are started with."""

    settings: Settings
    public: Sequence[socket.socket]
    metrics: Sequence[socket.socket]
    lines: Sequence[Line]
    folder: str

    def start(self, number: int) -> Member:
        orders = Orders(
            number,
            self.settings,
            tuple(one.fileno() for one in self.public),
            tuple(one.fileno() for one in self.metrics),
            self.lines[number].inbox.fileno(),
            tuple(line.outbox.fileno() for line in self.lines),
        )
        ours, theirs = socket.socketpair()
        with theirs:
            process = subprocess.Popen(  # noqa: S603 - our own program
                [sys.executable, "-m", "chatsrv.cli.workers", str(theirs.fileno())],
                stdin=subprocess.DEVNULL,
                env={**os.environ, FOLDER: self.folder},
                pass_fds=(theirs.fileno(), *orders.descriptors),
                start_new_session=True,  # an interrupt from the terminal reaches the workers through us alone
            )
        ours.sendall(msgspec.json.encode(orders) + b"\n")
        ours.setblocking(False)
        return Member(process, ours)

    def forget(self, pid: int) -> None:
        forget_process(pid, self.folder)

    def close_ports(self) -> None:
        """Nobody new waits for workers that stop."""
        for one in (*self.public, *self.metrics):
            one.close()
