"""chatsrv as it is shipped: everything switched on but the log line for each request, and limits out of the way."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path

from bench import people
from bench.people import Papers
from bench.processes import LOAD_CORE, SERVER_CORE, find_child, running
from bench.servers.chatsrv_data import PROGRAM, App, prepare
from bench.servers.target import Conditions, Stock, Target
from bench.stores import Valkey, await_port, free_port, running_valkey

OUT_OF_THE_WAY = str(10**9)
SETTINGS = {
    "access_log": "false",
    "log_level": "warning",
    "key_rate_per_minute": OUT_OF_THE_WAY,
    "key_rate_burst": OUT_OF_THE_WAY,
    "address_rate_per_minute": OUT_OF_THE_WAY,
    "address_rate_burst": OUT_OF_THE_WAY,
    "sockets_per_address": "0",
    "socket_events_per_minute": OUT_OF_THE_WAY,
    "socket_events_burst": OUT_OF_THE_WAY,
    "presence_sets": OUT_OF_THE_WAY,
    "drain_s": "0",
}
"""The limits are counted all the same; the peers have none, and none of them logs requests. It is stopped at once,
which nobody measures."""


class Chatsrv:
    """Its databases are made once; SQLite's is copied for each run."""

    def __init__(self, stock: Stock) -> None:
        self._stock = stock
        self._ready: dict[int, tuple[App, Papers]] = {}

    @contextmanager
    def serving(self, conditions: Conditions) -> Iterator[Target]:
        app, papers = self._ready_for(conditions.users)
        url = _copied(app, conditions.folder)
        with ExitStack() as stack:
            valkey = None
            if not self._stock.has_embedded_redis:
                valkey = stack.enter_context(running_valkey(self._stock.tools, conditions.folder))
            target = stack.enter_context(self._started(conditions, url, valkey, papers))
            for number in range(2, conditions.nodes + 1):
                other = stack.enter_context(self._started(conditions, url, valkey, papers, number))
                target = replace(target, other_pid=other.pid)
            yield target

    def _ready_for(self, users: int) -> tuple[App, Papers]:
        if users not in self._ready:
            papers = people.papers_in(self._stock.folder, f"chatsrv-{users}")
            env = {**_environment(), "CHATSRV_DATA_DIR": str(self._stock.folder / "data")}
            app = prepare(self._stock, users, env)
            _write(papers, app, users)
            self._ready[users] = app, papers
        return self._ready[users]

    @contextmanager
    def _started(
        self, conditions: Conditions, database_url: str, valkey: Valkey | None, papers: Papers, number: int = 1
    ) -> Iterator[Target]:
        port, stock = free_port(), self._stock
        env = {
            **_environment(),
            **{f"CHATSRV_{name.upper()}": value for name, value in stock.settings.items()},
            "CHATSRV_DATA_DIR": str(conditions.folder / f"data{number}"),
            "DATABASE_URL": database_url,
        }
        if valkey:
            env["REDIS_URL"] = valkey.url
        if conditions.ping_s:
            env["CHATSRV_PING_INTERVAL_S"] = str(conditions.ping_s)
        words = [*PROGRAM, "serve", "--port", str(port), "--json"]
        log = conditions.folder / f"chatsrv{number}.log"
        begun = time.monotonic()
        with running(stock.tools, SERVER_CORE, words, log, env) as started:
            started.await_line("url")
            await_port(port)
            start_s = time.monotonic() - begun
            redis_pid = valkey.pid if valkey else _move_embedded(started.pid)
            redis_port = valkey.port if valkey else 0
            yield Target(started.pid, port, papers, start_s=start_s, redis_pid=redis_pid, redis_port=redis_port)


def _environment() -> dict[str, str]:
    return {f"CHATSRV_{name.upper()}": value for name, value in SETTINGS.items()}


def _copied(app: App, folder: Path) -> str:
    if not app.file:
        return app.url
    file = folder / "chatsrv.db"
    if not file.exists():
        shutil.copy(app.file, file)
    return f"sqlite:///{file}"


def _write(papers: Papers, app: App, users: int) -> None:
    people.write_tokens(papers.tokens, app.secret, users)
    people.write_gets(papers.gets, app.key)
    people.write_pages(papers.pages, app.key)
    people.write_cold(papers.cold, app.key, users)
    people.write_shallow(papers.shallow, app.key)
    people.write_deep(papers.deep, app.key, users, _cursor_after)


def _cursor_after(user_id: int) -> str:
    """As the link to the next page would carry it; the users are numbered from 1 in the order of their making."""
    from chatsrv.api.native.listing import write_cursor
    from chatsrv.domain.listing import After

    return write_cursor(After((), user_id), ())


def _move_embedded(pid: int) -> int:
    """The Valkey that chatsrv brought goes to the other core, where an external one would be."""
    valkey = find_child(pid, "valkey-server")
    if valkey:
        os.sched_setaffinity(valkey, {LOAD_CORE})
    return valkey
