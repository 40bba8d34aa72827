"""Keeping a number of processes running: started, started anew when they die, given up when that is no use, stopped."""

from __future__ import annotations

import asyncio
import socket
import subprocess
from collections.abc import Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass

import structlog

from chatsrv.domain.errors import SetupError

log = structlog.get_logger(__name__)

POLL_S = 0.01
READY = b"ready\n"
FAILED = b"failed "
STOP = b"stop\n"


@dataclass(frozen=True, slots=True)
class Member:
    """A process, and our end of the line to it."""

    process: subprocess.Popen[bytes]
    line: socket.socket


@dataclass(frozen=True, slots=True)
class Pace:
    """`attempts`: after so many lives in a row that were no longer than `steady_s` it is no use, unless another member
    is well. `stop_s`: what an orderly end may take."""

    stop_s: float
    steady_s: float = 10.0
    shortest_pause_s: float = 0.1
    longest_pause_s: float = 5.0
    attempts: int = 8

    def pause_s(self, failures: int) -> float:
        return float(min(self.shortest_pause_s * 2 ** (failures - 1), self.longest_pause_s))


class Crew:
    """`start(number)` starts a member, which says READY on its line when it is, and FAILED and why if it can; STOP asks
    it to end. `forget(pid)` is called after each end."""

    def __init__(self, count: int, start: Callable[[int], Member], forget: Callable[[int], None], pace: Pace) -> None:
        self._count = count
        self._start = start
        self._forget = forget
        self._pace = pace
        self._ready_since: dict[int, float] = {}
        self._is_complete = asyncio.Event()

    async def run(self, announce: Callable[[], None], stopped: asyncio.Event, before_stop: Callable[[], None]) -> None:
        """Until `stopped`. `announce` is called once all are ready; before that, whoever fails ends it all.

        Raises SetupError with a member's own reason where it is no use.
        """
        keepers = [asyncio.create_task(self._keep(number)) for number in range(self._count)]
        try:
            await _unless_one_fails(keepers, self._is_complete, stopped)
            if self._is_complete.is_set():
                announce()
            await _unless_one_fails(keepers, stopped)
            log.info("stopping")
        finally:
            before_stop()
            for keeper in keepers:
                keeper.cancel()
            await asyncio.gather(*keepers, return_exceptions=True)

    async def _keep(self, number: int) -> None:
        loop = asyncio.get_running_loop()
        failures = 0
        while True:
            began = loop.time()
            why = await self._live(number)
            failures = failures + 1 if loop.time() - began < self._pace.steady_s else 1
            if not self._is_complete.is_set() or (failures >= self._pace.attempts and not self._is_anybody_well()):
                raise SetupError(why)
            await asyncio.sleep(self._pace.pause_s(failures))

    def _is_anybody_well(self) -> bool:
        now = asyncio.get_running_loop().time()
        return any(now - since > self._pace.steady_s for since in self._ready_since.values())

    async def _live(self, number: int) -> str:
        """One life: returns why it ended unasked, and ends it when cancelled."""
        member = self._start(number)
        said = b""
        try:
            while heard := await asyncio.get_running_loop().sock_recv(member.line, 4096):
                said += heard
                if said == READY:
                    self._note_ready(number, member.process.pid)
        finally:
            self._ready_since.pop(number, None)
            await _to_its_end(self._end(member))
        status = member.process.returncode
        why = said.removeprefix(READY).removeprefix(FAILED).decode(errors="replace").strip()
        log.error("worker_died", worker=number, pid=member.process.pid, exit_status=status, reason=why)
        return why or f"worker {number} ended with the status {status}; the log may tell why"

    def _note_ready(self, number: int, pid: int) -> None:
        log.info("worker_ready", worker=number, pid=pid)
        self._ready_since[number] = asyncio.get_running_loop().time()
        if len(self._ready_since) == self._count:
            self._is_complete.set()

    async def _end(self, member: Member) -> None:
        """Asks it to, unless it has ended already, and kills it when that takes too long."""
        loop = asyncio.get_running_loop()
        give_up_at = loop.time() + self._pace.stop_s
        with member.line:
            with suppress(OSError):
                member.line.send(STOP)
            while member.process.poll() is None:
                if loop.time() > give_up_at:
                    log.error("worker_killed", pid=member.process.pid, why="it did not stop in time")
                    member.process.kill()
                await asyncio.sleep(POLL_S)
        self._forget(member.process.pid)


async def _to_its_end(work: Coroutine[None, None, None]) -> None:
    """Also where we are cancelled meanwhile: whoever dies just as all are stopped is waited for like the others."""
    task = asyncio.create_task(work)
    try:
        await asyncio.shield(task)
    finally:
        await task


async def _unless_one_fails(keepers: list[asyncio.Task[None]], *events: asyncio.Event) -> None:
    """Waits for one of the events. A keeper ends by failing alone, which is raised here."""
    waiting = [asyncio.create_task(event.wait()) for event in events]
    try:
        done, _ = await asyncio.wait([*keepers, *waiting], return_when=asyncio.FIRST_COMPLETED)
        if not any(event.is_set() for event in events):
            for keeper in done:
                keeper.result()
    finally:
        for task in waiting:
            task.cancel()
