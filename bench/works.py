"""The works: what the load generator is told to do, and what is read off its report."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from bench import people

Phase = Mapping[str, Any]
Phases = Mapping[str, Phase]


@dataclass(frozen=True, slots=True)
class Figure:
    """A row of the table. `read` takes the phases of one run; `is_cpu`: repeats on a noisy machine.

    Figures of the same `curve` differ in `at`, so many of what `axis` names.
    """

    id: str
    title: str
    unit: str
    read: Callable[[Phases], float]
    more_is_better: bool = False
    is_cpu: bool = False
    digits: int = 0
    curve: str = ""
    axis: str = ""
    at: int = 0


@dataclass(frozen=True, slots=True)
class Work:
    """`requests`: which file of requests it sends, if any. `quick`: words for a smoke run, which override.

    `users` are in the database, and so many `nodes` run. `is_own`: peers have nothing to do in it.
    """

    id: str
    alias: str
    words: tuple[str, ...]
    figures: tuple[Figure, ...]
    requests: str = ""
    ping_s: int | None = None
    quick: tuple[str, ...] = ()
    users: int = people.COUNT
    nodes: int = 1
    is_own: bool = False

    @property
    def has_watchers(self) -> bool:
        return self.words[0] in ("changes", "logins")


def rate(phase: str) -> Callable[[Phases], float]:
    return lambda phases: float(phases[phase]["operations"] / phases[phase]["wall_us"] * 1e6)


def cpu(phase: str) -> Callable[[Phases], float]:
    return lambda phases: float(phases[phase]["server_us"] / max(1, phases[phase]["operations"]))


def ms(phase: str, part: str) -> Callable[[Phases], float]:
    return lambda phases: float(phases[phase][part] / 1000)


def grown(phases: Phases) -> float:
    idle = phases["idle"]
    return float((idle["rss_after"] - idle["rss_before"]) / idle["operations"])


def _seconds(phases: Phases) -> float:
    return float(phases["closing"]["wall_us"] / 1e6)


def _rated(id_: str, title: str, unit: str, phase: str, digits: int) -> tuple[Figure, ...]:
    """Operations a second, and the server's CPU time for each."""
    return (
        Figure(f"{id_}.rate", title, f"{unit}/s", rate(phase), more_is_better=True),
        Figure(f"{id_}.cpu", "  CPU of the server", f"us/{unit}", cpu(phase), is_cpu=True, digits=digits),
    )


def _timed(id_: str, phase: str) -> tuple[Figure, ...]:
    return (
        Figure(f"{id_}.p50", "  p50", "ms", ms(phase, "p50_us"), digits=1),
        Figure(f"{id_}.p99", "  p99", "ms", ms(phase, "p99_us"), digits=1),
    )


THROUGH = ("rest", "--through", "1")
"""Each request is sent once before it counts: all servers may have filled their caches."""
QUICK_REST = ("--through", "0", "--people", "50", "--seconds", "0.3")
QUICK_CROWD = ("--watchers", "100", "--seconds", "0.3", "--rest", "0.2")
WORKS = (
    Work(
        "W1",
        "get",
        THROUGH,
        _rated("W1", "W1 GET one user with presence", "req", "rest", 1) + _timed("W1", "rest"),
        requests="gets",
        quick=QUICK_REST,
    ),
    Work(
        "W2",
        "page",
        THROUGH,
        _rated("W2", "W2 page of 50 with presence", "req", "rest", 1) + _timed("W2", "rest"),
        requests="pages",
        quick=QUICK_REST,
    ),
    Work(
        "W3",
        "storm",
        ("storm", "--people", "5000"),
        _rated("W3", "W3 storm of 5,000 connects", "conn", "storm", 0),
        quick=("--people", "200", "--rest", "0.2"),
    ),
    Work(
        "W4",
        "idle",
        ("idle", "--people", "10000", "--rest", "3"),
        (
            Figure("W4.bytes", "W4 memory of an idle connection, of 10,000", "bytes", grown),
            Figure("close.s", "closing 10,000 connections", "s", _seconds, digits=2),
            Figure("close.cpu", "  CPU of the server", "us/conn", cpu("closing"), is_cpu=True),
        ),
        quick=("--people", "200", "--rest", "0.2"),
    ),
    Work(
        "W5",
        "change",
        ("changes", "--changers", "1"),
        _rated("W5", "W5 one change to 1,000 watchers", "delivery", "changes", 2) + _timed("W5", "changes"),
        quick=QUICK_CROWD,
    ),
    Work(
        "W5x16",
        "flight",
        ("changes", "--changers", "16"),
        _rated("W5x16", "W5 with sixteen in flight", "delivery", "changes in flight", 2)
        + _timed("W5x16", "changes in flight"),
        quick=QUICK_CROWD,
    ),
    Work(
        "W5login",
        "login",
        ("logins",),
        _rated("W5login", "W5 login and logout, seen by 1,000", "delivery", "logins", 2) + _timed("W5login", "logins"),
        quick=QUICK_CROWD,
    ),
    Work(
        "W6",
        "ping",
        ("pings", "--people", "5000", "--seconds", "8"),
        (Figure("W6.cpu", "W6 CPU of a ping, 5,000 connections", "us/ping", cpu("pings"), is_cpu=True),),
        ping_s=4,
        quick=("--people", "100", "--seconds", "1.2"),
    ),
)
START = Figure("start.s", "start until it serves", "s", lambda phases: float(phases["start"]["seconds"]), digits=2)
