"""Runs of one server at a time: a fresh process, a fresh Valkey, one work."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.processes import LOAD_CORE, BenchError, call
from bench.servers.target import OURS, Conditions, Server, Target
from bench.tools import Tools
from bench.works import Work

DEADLINE_S = 60
RUN_S = 300.0
LOG_CHARS = 300


@dataclass(frozen=True, slots=True)
class Run:
    """One work on one server, once. `phases` is what the load generator told, plus `start`; `error` if it failed."""

    server: str
    work: str
    round: int
    phases: Mapping[str, Mapping[str, Any]]
    error: str = ""


def run_rounds(tools: Tools, servers: Mapping[str, Server], works: Sequence[Work], rounds: int) -> Iterator[Run]:
    """Interleaved: of each work every server has its turn before any has the next one."""
    for work in works:
        for number in range(1, rounds + 1):
            for name, server in servers.items():
                if name == OURS or not work.is_own:
                    yield _run_safely(tools, name, server, work, number)


def _run_safely(tools: Tools, name: str, server: Server, work: Work, number: int) -> Run:
    """A server that fails at one work is still measured at the others."""
    try:
        return Run(name, work.id, number, run_once(tools, server, work))
    except BenchError as error:
        return Run(name, work.id, number, {}, str(error))


def run_once(tools: Tools, server: Server, work: Work) -> dict[str, dict[str, Any]]:
    """The phases by name, and how long the server took to start."""
    with (
        scratch() as folder,
        _with_logs(folder),
        server.serving(Conditions(folder, work.ping_s, work.has_watchers, work.users, work.nodes)) as target,
    ):
        return run_on(tools, target, work) | {"start": {"seconds": target.start_s}}


def run_on(tools: Tools, target: Target, work: Work, is_quick: bool = False) -> dict[str, dict[str, Any]]:
    """The same on a server that runs."""
    words = [str(tools.load), *work.words, *(work.quick if is_quick else ()), *_about(target, work)]
    told = [json.loads(line) for line in call(tools, LOAD_CORE, words, RUN_S).splitlines()]
    return {phase["phase"]: phase for phase in told}


@contextmanager
def _with_logs(folder: Path) -> Iterator[None]:
    """The logs go with the folder: what failed takes their last words along."""
    try:
        yield
    except BenchError as error:
        words = [_last_words(file) for file in folder.glob("*.log") if file.stem != "valkey"]
        raise BenchError("\n".join([str(error), *words])) from error


def _last_words(log: Path) -> str:
    """The beginning of its last line: what it is about comes first, tracebacks last."""
    return (log.read_text(errors="replace").strip().splitlines() or [""])[-1][:LOG_CHARS]


def _about(target: Target, work: Work) -> list[str]:
    options = {
        "--port": target.port,
        "--http-port": target.http_port,
        "--server-pid": target.pid,
        "--redis-pid": target.redis_pid,
        "--redis-port": target.redis_port,
        "--other-pid": target.other_pid,
        "--speech": target.speech,
        "--tokens": target.papers.tokens,
        "--deadline": DEADLINE_S,
    }
    if work.requests:
        options |= {"--requests": getattr(target.papers, work.requests), "--expect": target.expect}
    if work.requests == "pages" and target.page_people:
        options["--people"] = target.page_people
    return [str(word) for option in options.items() for word in option]


@contextmanager
def scratch() -> Iterator[Path]:
    """A folder with a short path, for sockets have no long ones."""
    folder = Path(tempfile.mkdtemp(prefix="chatsrv-bench-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
