"""Members that die: started anew, ever more slowly, given up when it is no use, and stopped with the others."""

from __future__ import annotations

import asyncio
import select
import socket
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from chatsrv.cli.crew import FAILED, READY, Crew, Member, Pace
from chatsrv.domain.errors import SetupError
from tests.cli.shell import DEADLINE_S, wait_until

PACE = Pace(stop_s=20, steady_s=60, shortest_pause_s=0.001, longest_pause_s=0.004, attempts=4)
WELL = f"line.send({READY!r}); line.recv(9)"
POORLY = f"line.send({READY!r}); sys.exit(3)"
NEVER = f"line.send({FAILED!r} + b'no such thing'); sys.exit(1)"
DEAF = f"line.send({READY!r}); time.sleep(3600)"


@dataclass
class Stage:
    """`lives(number, life)` is the program of each life."""

    lives: Callable[[int, int], str]
    started: list[int] = field(default_factory=list)
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)
    lines: list[socket.socket] = field(default_factory=list)
    forgotten: list[int] = field(default_factory=list)
    announced: int = 0
    stopped: asyncio.Event = field(default_factory=asyncio.Event)

    def start(self, number: int) -> Member:
        program = self.lives(number, self.started.count(number))
        ours, theirs = socket.socketpair()
        with theirs:
            words = f"import socket, sys, time; line = socket.socket(fileno={theirs.fileno()}); {program}"
            process = subprocess.Popen([sys.executable, "-I", "-S", "-c", words], pass_fds=[theirs.fileno()])
        ours.setblocking(False)
        self.started.append(number)
        self.processes.append(process)
        self.lines.append(ours)
        return Member(process, ours)

    def announce(self) -> None:
        self.announced += 1

    async def lose_the_second(self) -> None:
        """Once all have been announced: before that, one that dies ends them all."""
        await wait_until(lambda: self.announced == 1)
        self.processes[self.started.index(1)].kill()

    async def run(self, pace: Pace = PACE) -> None:
        crew = Crew(2, self.start, self.forgotten.append, pace)
        async with asyncio.timeout(DEADLINE_S):
            await crew.run(self.announce, self.stopped, lambda: None)


def assert_all_ended(stage: Stage) -> None:
    assert all(process.returncode is not None for process in stage.processes)
    assert sorted(stage.forgotten) == sorted(process.pid for process in stage.processes)


async def test_members_are_announced_when_all_are_ready_and_stopped_when_asked() -> None:
    stage = Stage(lambda *_: WELL)
    running = asyncio.create_task(stage.run())
    await wait_until(lambda: stage.announced == 1)
    stage.stopped.set()
    await running
    assert sorted(stage.started) == [0, 1]
    assert [process.returncode for process in stage.processes] == [0, 0]
    assert_all_ended(stage)


async def test_one_that_cannot_start_ends_all_with_its_own_reason() -> None:
    stage = Stage(lambda number, _: NEVER if number else WELL)
    with pytest.raises(SetupError, match=r"^no such thing$"):
        await stage.run()
    assert stage.announced == 0
    assert_all_ended(stage)


async def test_one_that_dies_is_started_anew_and_nothing_is_announced_twice() -> None:
    stage = Stage(lambda number, life: POORLY if number and life == 1 else WELL)
    running = asyncio.create_task(stage.run())
    await stage.lose_the_second()
    await wait_until(lambda: stage.started.count(1) == 3)
    await wait_until(lambda: len(stage.forgotten) == 2)
    stage.stopped.set()
    await running
    assert stage.started.count(0) == 1
    assert stage.announced == 1
    assert_all_ended(stage)


async def test_one_that_dies_at_once_again_and_again_is_given_up_when_nobody_is_well() -> None:
    stage = Stage(lambda number, life: POORLY if number and life else WELL)
    running = asyncio.create_task(stage.run())
    await stage.lose_the_second()
    with pytest.raises(SetupError, match="worker 1 ended with the status 3"):
        await running
    assert stage.started.count(1) == PACE.attempts
    assert_all_ended(stage)


async def test_one_that_dies_again_and_again_beside_another_that_is_well_is_tried_for_ever() -> None:
    stage = Stage(lambda number, life: POORLY if number and life else WELL)
    soon_well = Pace(stop_s=20, steady_s=0, shortest_pause_s=0.001, longest_pause_s=0.004, attempts=1)
    running = asyncio.create_task(stage.run(soon_well))
    await stage.lose_the_second()
    await wait_until(lambda: stage.started.count(1) > 2 * PACE.attempts)
    stage.stopped.set()
    await running
    assert_all_ended(stage)


async def test_one_that_does_not_stop_in_time_is_killed() -> None:
    stage = Stage(lambda *_: DEAF)
    running = asyncio.create_task(stage.run(Pace(stop_s=0)))
    await wait_until(lambda: stage.announced == 1)
    stage.stopped.set()
    await running
    assert [process.returncode for process in stage.processes] == [-9, -9]
    assert_all_ended(stage)


async def test_whoever_is_asked_to_stop_while_members_still_start_stops_without_a_word() -> None:
    stage = Stage(lambda number, _: WELL if number else "line.recv(9)")
    running = asyncio.create_task(stage.run())
    await wait_until(lambda: len(stage.started) == 2)
    stage.stopped.set()
    await running
    assert stage.announced == 0
    assert_all_ended(stage)


async def test_one_that_dies_while_all_are_stopped_is_waited_for_like_the_others() -> None:
    """It lives on for a moment after its line has ended, and is cancelled in that moment."""
    stage = Stage(lambda number, life: "line.close(); time.sleep(0.3)" if number and life else WELL)
    running = asyncio.create_task(stage.run())
    await stage.lose_the_second()
    await wait_until(lambda: len(stage.lines) == 3 and has_hung_up(stage.lines[2]))
    stage.stopped.set()
    await running
    assert_all_ended(stage)


def has_hung_up(line: socket.socket) -> bool:
    poll = select.poll()
    poll.register(line, 0)
    return bool(poll.poll(0))
