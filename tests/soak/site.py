"""The server of a soak, as one starts it by hand, and what it takes of the machine."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aiohttp import ClientSession
from redis.asyncio import Redis

from tests.cli.shell import Shell
from tests.faults.cluster import FaultApp, create_app
from tests.faults.nodes import Node, running_node
from tests.postgres import fresh_database, running_postgres
from tests.soak.checks import Rest

GRACE_S = 5.0
PING_INTERVAL_S, PING_TIMEOUT_S = 10.0, 5.0
SETTINGS = {
    # what may fill by design is full soon, or its filling would look like a leak
    "ROW_CACHE_BYTES": 2 << 20,
    "ANSWER_CACHE_BYTES": 2 << 20,
    "CHANGELOG_S": 60,
    "FEED_MAX": 10_000,
    "DATABASE_POOL": 2,  # each connection fills a cache of pages and one of statements
    # shorter than usual, so that more people come and go in the same time
    "GRACE_S": GRACE_S,
    "PING_INTERVAL_S": PING_INTERVAL_S,
    "PING_TIMEOUT_S": PING_TIMEOUT_S,
    # all come from one address and with one key
    "KEY_RATE_PER_MINUTE": 10_000_000,
    "KEY_RATE_BURST": 1_000_000,
    "PANEL_RATE_PER_MINUTE": 100_000,
    "PULSE_RATE_PER_MINUTE": 100_000,
    "ADDRESS_RATE_PER_MINUTE": 10_000_000,
    "ADDRESS_RATE_BURST": 1_000_000,
    "SOCKETS_PER_ADDRESS": 0,
    "PRESENCE_SETS": 20,
    "DRAIN_S": 2,
    "ACCESS_LOG": "false",
    "LOG_FORMAT": "json",
    "LOG_LEVEL": "warning",
}
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
TICKS = os.sysconf("SC_CLK_TCK")
EMPTY_AT_REST = ("node", "ending", "unflushed")
"""Sorted sets in which somebody stands as long as they are here, or something of them is still to be done."""
GONE_AT_REST = ("sessions", "present")


@dataclass(slots=True)
class Site:
    """`processes`: those that serve, without the one that watches over workers, and without Valkey."""

    node: Node
    app: FaultApp
    folder: Path
    workers: int

    @property
    def processes(self) -> list[int]:
        if self.workers == 1:
            return [self.node.process.pid]
        pid = self.node.process.pid
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        return [int(one) for one in children if b"chatsrv.cli.workers" in Path(f"/proc/{one}/cmdline").read_bytes()]

    def rss_bytes(self) -> int:
        return sum(int(Path(f"/proc/{pid}/statm").read_text().split()[1]) for pid in self.processes) * PAGE_BYTES

    def cpu_s(self) -> float:
        """User and system time since the start."""
        stats = (Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split() for pid in self.processes)
        return sum(int(stat[11]) + int(stat[12]) for stat in stats) / TICKS

    def descriptors(self) -> int:
        return sum(len(os.listdir(f"/proc/{pid}/fd")) for pid in self.processes)

    def kinds_of_descriptors(self) -> Counter[str]:
        """For a report: what they are."""
        kinds: Counter[str] = Counter()
        for pid in self.processes:
            for entry in Path(f"/proc/{pid}/fd").iterdir():
                try:
                    kinds[re.sub(r"[:\[].*", "", entry.readlink().name)] += 1
                except OSError:
                    continue
        return kinds

    async def metrics(self) -> dict[str, float]:
        """Each line by its name with its labels. Asked on a connection of its own, which is closed."""
        headers = {"X-Api-Key": self.app.key, "Connection": "close"}
        async with ClientSession() as http, http.get(f"{self.node.url}/metrics", headers=headers) as answer:
            text = await answer.text()
            assert answer.status == 200, text
        lines = (line.rpartition(" ") for line in text.splitlines() if not line.startswith("#"))
        return {name: float(value) for name, _, value in lines}

    async def look(self) -> Rest:
        metrics = await self.metrics()
        socket = self.folder / "data" / "valkey" / "valkey.sock"
        async with Redis(unix_socket_path=str(socket), decode_responses=True) as redis:
            info: Any = await redis.info("memory")
            keys, entries = Counter[str](), Counter[str]()
            async for key in redis.scan_iter(count=1000):
                kind = str(key).split(":")[2]
                keys[kind] += 1
                if kind in EMPTY_AT_REST:
                    entries[kind] += int(await redis.zcard(key))
                elif kind in GONE_AT_REST:
                    entries[kind] += 1
        return Rest(
            self.rss_bytes(),
            self.descriptors(),
            int(metrics["chatsrv_tasks"]),
            int(metrics["chatsrv_sockets"]),
            int(info["used_memory"]),
            keys,
            entries,
        )

    def log_lines(self) -> tuple[list[str], Counter[str]]:
        """What was logged as an error, and how many warnings of each kind."""
        errors = [str(line) for line in self.node.errors()]
        return errors, Counter(line["event"] for line in self.node.logged(level="warning"))


@asynccontextmanager
async def running_site(workers: int, on_postgres: bool) -> AsyncIterator[Site]:
    """On the embedded stores, or PostgreSQL in the place of SQLite. Nothing of it is left after the block."""
    folder = Path(tempfile.mkdtemp(prefix="soak-"))  # a short path: that of Valkey's socket must fit
    variables = {f"CHATSRV_{name}": str(value) for name, value in SETTINGS.items()}
    try:
        async with AsyncExitStack() as stack:
            if on_postgres:
                server = await stack.enter_async_context(running_postgres(folder))
                variables["DATABASE_URL"] = await stack.enter_async_context(fresh_database(server))
            shell = Shell(folder, variables)
            app = await create_app(shell, "soak")
            words = ("--workers", str(workers)) if workers > 1 else ()
            node = await stack.enter_async_context(running_node(shell, "server", *words))
            yield Site(node, app, folder, workers)
            if node.is_running:
                await node.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
