"""The works: what the load generator is told to do, and what is read off its report."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

Phase = Mapping[str, Any]
Phases = Mapping[str, Phase]


@dataclass(frozen=True, slots=True)
class Figure:
    """A row of the table. `read` takes the phases of one run; `is_cpu`: repeats on a noisy machine."""

    id: str
    title: str
    unit: str
    read: Callable[[Phases], float]
    more_is_better: bool = False
    is_cpu: bool = False
    digits: int = 0


@dataclass(frozen=True, slots=True)
class Work:
    """`requests`: which file of requests it sends, if any. `quick`: words for a smoke run, which override."""

    id: str
    alias: str
    words: tuple[str, ...]
    figures: tuple[Figure, ...]
    requests: str = ""
    ping_s: int | None = None
    quick: tuple[str, ...] = ()

    @property
    def has_watchers(self) -> bool:
        return self.words[0] in ("changes", "logins")


def _rate(phase: str) -> Callable[[Phases], float]:
    return lambda phases: float(phases[phase]["operations"] / phases[phase]["wall_us"] * 1e6)


def _cpu(phase: str) -> Callable[[Phases], float]:
    return lambda phases: float(phases[phase]["server_us"] / max(1, phases[phase]["operations"]))


def _ms(phase: str, part: str) -> Callable[[Phases], float]:
    return lambda phases: float(phases[phase][part] / 1000)


def _grown(phases: Phases) -> float:
    idle = phases["idle"]
    return float((idle["rss_after"] - idle["rss_before"]) / idle["operations"])


def _seconds(phases: Phases) -> float:
    return float(phases["closing"]["wall_us"] / 1e6)


def _rated(id_: str, title: str, unit: str, phase: str, digits: int) -> tuple[Figure, ...]:
    """Operations a second, and the server's CPU time for each."""
    return (
        Figure(f"{id_}.rate", title, f"{unit}/s", _rate(phase), more_is_better=True),
        Figure(f"{id_}.cpu", "  CPU of the server", f"us/{unit}", _cpu(phase), is_cpu=True, digits=digits),
    )


def _timed(id_: str, phase: str) -> tuple[Figure, ...]:
    return (
        Figure(f"{id_}.p50", "  p50", "ms", _ms(phase, "p50_us"), digits=1),
        Figure(f"{id_}.p99", "  p99", "ms", _ms(phase, "p99_us"), digits=1),
    )


QUICK_CROWD = ("--watchers", "100", "--seconds", "0.3")
WORKS = (
    Work(
        "W1",
        "get",
        ("rest",),
        _rated("W1", "W1 GET one user with presence", "req", "rest", 1) + _timed("W1", "rest"),
        requests="gets",
        quick=("--people", "50", "--seconds", "0.3"),
    ),
    Work(
        "W2",
        "page",
        ("rest",),
        _rated("W2", "W2 page of 50 with presence", "req", "rest", 1) + _timed("W2", "rest"),
        requests="pages",
        quick=("--people", "50", "--seconds", "0.3"),
    ),
    Work(
        "W3",
        "storm",
        ("storm", "--people", "5000"),
        _rated("W3", "W3 storm of 5,000 connects", "conn", "storm", 0),
        quick=("--people", "200"),
    ),
    Work(
        "W4",
        "idle",
        ("idle", "--people", "10000"),
        (
            Figure("W4.bytes", "W4 memory of an idle connection, of 10,000", "bytes", _grown),
            Figure("close.s", "closing 10,000 connections", "s", _seconds, digits=2),
            Figure("close.cpu", "  CPU of the server", "us/conn", _cpu("closing"), is_cpu=True),
        ),
        quick=("--people", "200"),
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
        (Figure("W6.cpu", "W6 CPU of a ping, 5,000 connections", "us/ping", _cpu("pings"), is_cpu=True),),
        ping_s=4,
        quick=("--people", "100", "--seconds", "2"),
    ),
)
START = Figure("start.s", "start until it serves", "s", lambda phases: float(phases["start"]["seconds"]), digits=2)


def find_works(words: str) -> list[Work]:
    """`W3,login` or `storm`; W5 alone means all three of them. Raises KeyError naming what is not known."""
    if not words:
        return list(WORKS)
    found: list[Work] = []
    for word in words.split(","):
        some = [work for work in WORKS if word in (work.id, work.alias) or (word == "W5" and work.id.startswith("W5"))]
        if not some:
            raise KeyError(word)
        found += some
    return found
