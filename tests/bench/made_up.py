"""Results that nobody measured, for tests of what is made of them."""

from __future__ import annotations

from typing import Any

from bench.growth import GROWTH
from bench.results import Result
from bench.rounds import Run
from bench.works import WORKS

PHASES = (
    "rest",
    "rest while others change",
    "storm",
    "idle",
    "closing",
    "changes",
    "changes in flight",
    "logins",
    "pings",
    "connects",
    "resting",
    "others change",
    "leaves",
)


def phases(server_us: int) -> dict[str, dict[str, Any]]:
    """A thousand operations a second, each of `server_us` / 1000, and a hundred bytes to and from Redis for each."""
    phase = {
        "operations": 1000,
        "wall_us": 1_000_000,
        "server_us": server_us,
        "other_us": server_us // 2,
        "load_us": 1000,
        "redis_us": 5000,
        "redis_commands": 2000,
        "redis_trips": 1000,
        "redis_bytes_in": 60_000,
        "redis_bytes_out": 40_000,
        "kept_waiting_us": 0,
        "rss_before": 0,
        "rss_after": 3_000_000,
        "p50_us": 1000,
        "p99_us": 2000,
    }
    nothing = dict.fromkeys(phase, 0) | {"operations": 1000, "wall_us": 1_000_000}
    return {**dict.fromkeys(PHASES, phase), "resting": nothing, "start": {"seconds": 0.5}}


def result(
    name: str, at: str, server_us: int, works: tuple[str, ...] = (), database: str = "sqlite", peer: str = "express"
) -> Result:
    """Of all works, or of these; the peer takes ten times as long, and has no part in what is chatsrv's own."""
    chosen = [work for work in (*WORKS, *GROWTH) if not works or work.id in works]
    runs = [Run("chatsrv", work.id, 1, phases(server_us)) for work in chosen]
    runs += [Run(peer, work.id, 1, phases(server_us * 10)) for work in chosen if not work.is_own]
    about = {
        "at": at,
        "work": "",
        "peers": peer,
        "rounds": 1,
        "database": database,
        "redis": "external",
        "settings": [],
        "python": "3.11.7",
        "machine": "x86_64",
        "cores": 2,
        "servers": ["chatsrv", peer],
    }
    return Result(name, about, tuple(runs))
