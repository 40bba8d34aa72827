"""What the harness knows of a server, whichever it is."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from bench import people
from bench.people import Papers
from bench.tools import Tools

OURS = "chatsrv"


@dataclass(frozen=True, slots=True)
class Conditions:
    """`folder`: for this run alone. `ping_s`: ping interval, where the work wants another than each server's own.

    `users`: how many the database holds. `nodes`: so many processes of the server over one database and one Redis.
    """

    folder: Path
    ping_s: int | None = None
    has_watchers: bool = False
    users: int = people.COUNT
    nodes: int = 1


@dataclass(frozen=True, slots=True)
class Stock:
    """What all runs share. `database`: sqlite or postgres. `settings`: of chatsrv, beyond what a benchmark needs.

    `folder` is for this benchmark, `work` for all of them.
    """

    tools: Tools
    folder: Path
    work: Path
    database: str = "sqlite"
    postgres_url: str = ""
    has_embedded_redis: bool = False
    settings: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Target:
    """A server that runs. `expect` must be in every answer to a GET; `start_s` is how long it took to serve.

    `page_people`: how many are online for W2, where the server has another call for a page than chatsrv.
    `other_pid`: of a second node that nobody is connected to.
    """

    pid: int
    port: int
    papers: Papers
    start_s: float
    redis_pid: int = 0
    http_port: int = 0
    speech: str = "socketio"
    expect: str = "presence_status"
    page_people: int = 0
    redis_port: int = 0
    other_pid: int = 0


class Server(Protocol):
    """Made once for a benchmark, started once for each run."""

    def serving(self, conditions: Conditions) -> AbstractContextManager[Target]: ...
