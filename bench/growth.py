"""What grows: curves over connections, users, nodes, watchers and changes elsewhere, and what Redis has to do.

A work here is one point of its curves. The machine allows a process 20,000 files, so that connections end at 18,000.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from math import nan

from bench import people
from bench.works import THROUGH, Figure, Phase, Phases, Work, cpu, grown, ms, rate

CONNECTIONS = (1_000, 5_000, 18_000)
USERS = (10_002, 100_000, 1_000_000)
POSTGRES_USERS_MAX = 100_000
NODES = (1, 2, 4)
WATCHERS = (10, 100, 1_000)
CHANGES = (10, 100, 1_000)
WATCHERS_AMONG = 100
ENOUGH_USERS = 20_000
LEDGER_PEOPLE = 5_000
NODE_PEOPLE = 1_000
REDIS_COSTS = {
    "redis_us": ("CPU of Redis", "us"),
    "redis_commands": ("commands, those of scripts too,", "each"),
    "redis_trips": ("round trips", "each"),
    "redis_bytes": ("bytes between Redis and all nodes", "B"),
}
NODE_EVENTS = {
    "connect": ("connects", "a connect"),
    "change": ("others change", "a change"),
    "leave": ("leaves", "a logout"),
}
LEDGER_WORDS = ("ledger", "--people", str(LEDGER_PEOPLE), "--seconds", "10", "--churn", "200", "--rest", "2")
QUICK_LEDGER = ("--people", "40", "--seconds", "0.4", "--churn", "100", "--rest", "0.2")


def _connections() -> Iterator[Work]:
    for at in CONNECTIONS:
        point = _Point("connections", "connections", at, users=ENOUGH_USERS)
        people_words = ("--people", str(at))
        memory = point.figure("memory", "memory of an idle connection", "bytes", grown)
        yield point.work("memory", ("idle", *people_words, "--rest", "3"), memory)
        ping = point.cpu("ping", "CPU of a ping", "us/ping", "pings", 1)
        yield replace(point.work("ping", ("pings", *people_words, "--seconds", "8"), ping), ping_s=4)
        delivery = point.cpu("delivery", f"CPU of a delivery to {WATCHERS_AMONG} of them", "us/delivery", "changes", 2)
        crowd = ("--watchers", str(WATCHERS_AMONG), "--crowd", str(at - WATCHERS_AMONG - 1))
        yield point.work("delivery", ("changes", *crowd), delivery)
        get = point.cpu("get", "CPU of W1 meanwhile", "us/req", "rest", 1)
        yield replace(point.work("get", (*THROUGH, *people_words), get), requests="gets")


def _users() -> Iterator[Work]:
    kinds = {
        "gets": "W1 of the same 10,002",
        "cold": "W1 of anybody, nobody twice",
        "shallow": "W2, the first 20 pages",
        "deep": "W2 behind a cursor, anywhere",
    }
    for at in USERS:
        point = _Point("users", "users", at, users=at, is_own=True)
        for kind, title in kinds.items():
            figures = [point.cpu(kind, f"CPU of {title}", "us/req", "rest", 1)]
            figures.append(point.figure(f"{kind}.p99", f"p99 of {title}", "ms", ms("rest", "p99_us"), 1))
            if kind == "gets":
                figures.append(point.figure("start", "start until it serves", "s", _start_s, 2))
                figures.append(point.figure("resident", "memory of the server afterwards", "MB", _resident_mb))
            words = ("rest", "--in-order", "1") if kind == "cold" else ("rest",) if kind == "deep" else THROUGH
            yield replace(point.work(kind, words, *figures), requests=kind)


def _nodes() -> Iterator[Work]:
    words = ("ledger", "--people", str(NODE_PEOPLE), "--seconds", "5", "--churn", "1000")
    for at in NODES:
        point = _Point("nodes", "nodes", at, nodes=at, is_own=True)
        figures = [
            point.cpu("change", "CPU of a change where it is made", "us/change", "others change", 1),
            point.cpu("connect", "CPU of a connect where it is made", "us/conn", "connects", 1),
            point.cpu("leave", "CPU of a logout where it is made", "us/conn", "leaves", 1),
            *(
                point.figure(f"{key}.{field}", f"{title} for {name}", unit, per(field, phase), 1)
                for key, (phase, name) in NODE_EVENTS.items()
                for field, (title, unit) in REDIS_COSTS.items()
            ),
            point.figure("rest.bytes", "bytes a second between Redis and all nodes, all idle", "B/s", _idle_bytes),
            point.figure("rest.commands", "commands a second, all idle", "1/s", _idle_commands, 1),
            point.figure("rest.cpu", "CPU of a node with 1,000 idle", "us/s", _idle_cpu),
        ]
        if at > 1:
            figures += [
                point.figure("change.other", "CPU of a change on another node", "us/change", _followed, 1),
                point.figure("connect.other", "CPU of a connect on another node", "us/conn", _connect_followed, 1),
                point.figure("leave.other", "CPU of a logout on another node", "us/conn", _leave_followed, 1),
            ]
        yield point.work("ledger", words, *figures)


def _watchers() -> Iterator[Work]:
    for at in WATCHERS:
        point = _Point("watchers", "watchers", at)
        figures = (
            point.cpu("cpu", "CPU of a delivery", "us/delivery", "changes", 2),
            point.figure("p50", "change until it is seen, p50", "ms", ms("changes", "p50_us"), 1),
        )
        yield point.work("changes", ("changes", "--watchers", str(at)), *figures)


def _churn() -> Iterator[Work]:
    for at in CHANGES:
        point = _Point("churn", "changes/s", at)
        for requests, title in (("gets", "W1"), ("pages", "W2")):
            made = point.figure(f"{requests}.made", f"{title}: changes that were made", "1/s", _made, 0)
            figures = (
                made,
                point.cpu(f"{requests}.cpu", f"{title}: CPU of a request and its changes", "us/req", "rest", 1),
                replace(
                    point.figure(f"{requests}.rate", f"{title}: requests", "req/s", rate("rest")), more_is_better=True
                ),
            )
            yield replace(point.work(requests, (*THROUGH, "--churn", str(at)), *figures), requests=requests)


def _ledger() -> Iterator[Work]:
    """One point, not a curve: what the section on a million users is computed from."""
    events = {"connects": "a connect", "others change": "a change", "leaves": "a logout"}
    figures = [Figure("ledger.idle", "Redis for 5,000 idle: commands", "1/s", _per_second("redis_commands"), digits=1)]
    figures.append(Figure("ledger.idle.bytes", "Redis for 5,000 idle: bytes", "1/s", _per_second("redis_bytes")))
    figures.append(Figure("ledger.idle.cpu", "CPU of 5,000 idle", "us/s", _per_second("server_us"), is_cpu=True))
    for phase, name in events.items():
        key = phase.split()[-1]
        rows = {"server_us": ("CPU of the server", "us"), "other_us": ("CPU of another node", "us"), **REDIS_COSTS}
        for field, (title, unit) in rows.items():
            figures.append(
                Figure(f"ledger.{key}.{field}", f"{name}: {title.rstrip(',')}", unit, per(field, phase), digits=1)
            )
    yield Work("ledger", "redis", LEDGER_WORDS, tuple(figures), nodes=2, is_own=True, quick=QUICK_LEDGER)


class _Point:
    """Where on the curves of `group` a work stands."""

    def __init__(self, group: str, axis: str, at: int, users: int = people.COUNT, nodes: int = 1, is_own: bool = False):
        self._group, self._axis, self._at = group, axis, at
        self._users, self._nodes, self._is_own = users, nodes, is_own

    def work(self, name: str, words: tuple[str, ...], *figures: Figure) -> Work:
        quick = (
            QUICK_LEDGER
            if words[0] == "ledger"
            else ("--through", "0", "--people", "50", "--watchers", "20", "--seconds", "0.3")
        )
        id_ = f"{self._group}-{name}-{self._at}"
        return Work(
            id_, self._group, words, figures, quick=quick, users=self._users, nodes=self._nodes, is_own=self._is_own
        )

    def figure(self, name: str, title: str, unit: str, read: Callable[[Phases], float], digits: int = 0) -> Figure:
        curve = f"{self._group}.{name}"
        return Figure(
            f"{curve}@{self._at}", title, unit, read, digits=digits, curve=curve, axis=self._axis, at=self._at
        )

    def cpu(self, name: str, title: str, unit: str, phase: str, digits: int) -> Figure:
        return replace(self.figure(name, title, unit, cpu(phase), digits), is_cpu=True)


def _start_s(phases: Phases) -> float:
    return float(phases["start"]["seconds"])


def _resident_mb(phases: Phases) -> float:
    return float(phases["rest"]["rss_after"] / 1e6)


def per(field: str, phase: str) -> Callable[[Phases], float]:
    """Of one operation, less what goes on anyway while everybody rests; `redis_bytes` are those of both ways."""
    return lambda phases: _beyond_rest(phases, field, phase)


def _beyond_rest(phases: Phases, field: str, phase: str) -> float:
    of, rest = phases[phase], phases["resting"]
    beyond: float = _sum(of, field) - _sum(rest, field) / rest["wall_us"] * of["wall_us"]
    return max(beyond, 0.0) / float(max(1, of["operations"]))


def _sum(phase: Phase, field: str) -> float:
    names = ("redis_bytes_in", "redis_bytes_out") if field == "redis_bytes" else (field,)
    # a Redis that cannot be asked has no such fields
    return float(sum(phase.get(name, nan) for name in names))


def _per_second(field: str) -> Callable[[Phases], float]:
    return lambda phases: _sum(phases["resting"], field) / phases["resting"]["wall_us"] * 1e6


_made = rate("rest while others change")
_idle_bytes = _per_second("redis_bytes")
_idle_commands = _per_second("redis_commands")
_idle_cpu = _per_second("server_us")
_followed = per("other_us", "others change")
_connect_followed = per("other_us", "connects")
_leave_followed = per("other_us", "leaves")
GROWTH = (*_connections(), *_users(), *_nodes(), *_watchers(), *_churn(), *_ledger())
