"""Processes on a leash: pinned to a core, ended by their pid, and never outliving this one."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.tools import Tools

SERVER_CORE = 0
LOAD_CORE = 1
READY_S = 60.0
STOP_S = 20.0


class BenchError(Exception):
    """What stopped a measurement, in words for the person who started it."""


@dataclass(frozen=True, slots=True)
class Started:
    """A process that runs, and where what it says on both streams goes."""

    process: subprocess.Popen[bytes]
    log: Path

    @property
    def pid(self) -> int:
        return self.process.pid

    def await_line(self, word: str) -> dict[str, Any]:
        """The first line of JSON that has this field."""
        end = time.monotonic() + READY_S
        while time.monotonic() < end:
            for line in self.log.read_text(errors="replace").split("\n")[:-1]:
                if line.startswith("{") and word in (told := json.loads(line)):
                    return dict(told)
            if self.process.poll() is not None:
                raise BenchError(f"{self.log.stem} ended:\n{self.log.read_text(errors='replace')[-2000:]}")
            time.sleep(0.002)
        raise BenchError(f"{self.log.stem} told nothing within {READY_S:.0f} s")


@contextmanager
def running(
    tools: Tools, core: int, words: list[str], log: Path, env: Mapping[str, str] | None = None, cwd: Path | None = None
) -> Iterator[Started]:
    """It is ended after the block: asked with SIGTERM, made to with SIGKILL."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("CHATSRV_", "BENCH_"))}
    for name in ("DATABASE_URL", "REDIS_URL", "PORT", "FORCE_COLOR"):
        clean.pop(name, None)
    with log.open("wb") as output:
        process = subprocess.Popen(
            [str(tools.leash), str(core), *words],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env={**clean, **(env or {})},
            cwd=cwd,
            start_new_session=True,
        )
    try:
        yield Started(process, log)
    finally:
        end(process)


def end(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def call(tools: Tools, core: int, words: list[str], deadline_s: float) -> str:
    """What it printed; raises BenchError with its complaint."""
    done = subprocess.run(
        [str(tools.leash), str(core), *words], capture_output=True, text=True, timeout=deadline_s, check=False
    )
    if done.returncode:
        raise BenchError(done.stderr.strip() or f"{words[0]} ended with {done.returncode}")
    return done.stdout


def find_child(pid: int, name: str) -> int:
    """The pid of the process of this name under `pid`, or 0."""
    for child in _children(pid):
        if Path(f"/proc/{child}/comm").read_text().strip() == name:
            return child
        if found := find_child(child, name):
            return found
    return 0


def _children(pid: int) -> list[int]:
    return [
        int(word) for task in Path(f"/proc/{pid}/task").iterdir() for word in (task / "children").read_text().split()
    ]
