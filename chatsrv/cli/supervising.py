"""serve with several workers: a process that serves nothing itself. It keeps the ports, the embedded stores and the
lines between the workers, and keeps the workers running. It loads nothing of the web.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
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


async def supervise(settings: Settings, as_json: bool) -> None:
    if sys.platform == "win32":
        raise SetupError("workers are not for Windows: start without them")
    async with stop_signal() as stopped:
        check_folder(settings)
        with (
            reserve_ports(settings) as (public, own),
            opened_lines(settings.workers) as lines,
            TemporaryDirectory(prefix="chatsrv-", ignore_cleanup_errors=True) as folder,
            started_ahead(Yard(public, own, lines, folder)) as yard,
        ):
            async with shared_stores(settings) as shared:
                port = public[0].getsockname()[1]
                async with open_services(shared) as services:
                    welcome = await prepare(services, settings, port)

                def announce() -> None:
                    print_banner(welcome, as_json)
                    log.info("serving", host=settings.host, port=port, workers=settings.workers)

                pace = Pace(stop_s=settings.drain_s + settings.shutdown_timeout_s + STOP_BEYOND_S)
                crew = Crew(settings.workers, partial(yard.start, shared), yard.forget, pace)
                await crew.run(announce, stopped, yard.close_ports)
    log.info("stopped")


@dataclass(frozen=True, slots=True)
class Yard:
    """What workers are started with. `waiting` are processes that have no orders yet."""

    public: Sequence[socket.socket]
    metrics: Sequence[socket.socket]
    lines: Sequence[Line]
    folder: str
    waiting: list[Member] = field(default_factory=list)

    def start(self, settings: Settings, number: int) -> Member:
        member = self.waiting.pop() if self.waiting else self.spawn()
        orders = Orders(number, settings, _fds(self.public), _fds(self.metrics), self._inboxes[number], self._outboxes)
        member.line.setblocking(True)
        with suppress(OSError):  # one that has died already is found out by its end
            member.line.sendall(msgspec.json.encode(orders) + b"\n")
        member.line.setblocking(False)
        return member

    def spawn(self) -> Member:
        """A process that loads what it needs and then waits for its orders."""
        ours, theirs = socket.socketpair()
        with theirs:
            fds = (theirs.fileno(), *_fds(self.public), *_fds(self.metrics), *self._inboxes, *self._outboxes)
            process = subprocess.Popen(  # noqa: S603 - our own program
                [sys.executable, "-m", "chatsrv.cli.workers", str(theirs.fileno())],
                stdin=subprocess.DEVNULL,
                env={**os.environ, FOLDER: self.folder},
                pass_fds=fds,
                start_new_session=True,  # an interrupt from the terminal reaches the workers through us alone
            )
        return Member(process, ours)

    @property
    def _inboxes(self) -> tuple[int, ...]:
        return _fds(line.inbox for line in self.lines)

    @property
    def _outboxes(self) -> tuple[int, ...]:
        return _fds(line.outbox for line in self.lines)

    def forget(self, pid: int) -> None:
        forget_process(pid, self.folder)

    def close_ports(self) -> None:
        """Nobody new waits for workers that stop."""
        for one in (*self.public, *self.metrics):
            one.close()


@contextmanager
def started_ahead(yard: Yard) -> Iterator[Yard]:
    """The first workers load while the stores are opened; whoever gets no orders ends with its line."""
    yard.waiting.extend(yard.spawn() for _ in yard.lines)
    try:
        yield yard
    finally:
        for member in yard.waiting:
            member.line.close()
            member.process.wait()


def _fds(sockets: Iterable[socket.socket]) -> tuple[int, ...]:
    return tuple(one.fileno() for one in sockets)
