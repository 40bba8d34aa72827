"""Nodes over one Valkey and one database, with an app: what a test of faults is given."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from aiohttp import ClientSession, ClientTimeout, TCPConnector

from tests.cli.shell import Shell
from tests.client import ApiClient
from tests.faults.nodes import Node, running_node
from tests.faults.proxy import Proxy, running_proxy
from tests.faults.timings import TIMINGS
from tests.faults.valkey import OwnValkey, running_valkey


@dataclass(frozen=True, slots=True)
class FaultApp:
    """An app as `chatsrv app create` told of it."""

    id: str
    key: str
    jwt_secret: str


@dataclass(slots=True)
class Cluster:
    """`nodes` are those of the start, in order; `start_node` adds further ones, and nobody takes dead ones out.

    `http` is one client for all of a test: its connections are as many as there are sockets.
    """

    shell: Shell
    valkey: OwnValkey
    app: FaultApp
    http: ClientSession
    stack: AsyncExitStack
    nodes: list[Node] = field(default_factory=list)

    async def start_node(self) -> Node:
        node = await self.stack.enter_async_context(running_node(self.shell, f"node{len(self.nodes)}"))
        self.nodes.append(node)
        return node

    async def start_proxy(self, *targets: Node) -> Proxy:
        """In front of these nodes; without any, of all that there are now."""
        return await self.stack.enter_async_context(running_proxy(targets or self.nodes))

    async def create_app(self, app_id: str) -> FaultApp:
        """By the command line, beside the servers that run."""
        return await create_app(self.shell, app_id)

    def rest(self, node: Node, app: FaultApp | None = None) -> ApiClient:
        """That node's REST, asked with the app's server key; answers are held against the OpenAPI document."""
        key = (app or self.app).key
        return ApiClient(self.http, node.url, {"Authorization": f"Bearer {key}"})

    def assert_no_errors(self) -> None:
        """Whatever happened outside, no node may have logged an error or ended by itself."""
        found = {node.log.name: node.errors() for node in self.nodes if node.errors()}
        assert not found, found


async def create_app(shell: Shell, app_id: str) -> FaultApp:
    made = await shell.answer("app", "create", app_id)
    return FaultApp(made["app_id"], made["key"], made["jwt_secret"])


@dataclass(frozen=True, slots=True)
class Prepared:
    """A database with one app, to be copied."""

    database: Path
    app: FaultApp


@asynccontextmanager
async def running_cluster(folder: Path, prepared: Prepared, nodes: int, **settings: object) -> AsyncIterator[Cluster]:
    """`settings` go beside those of the timings, by their own names. Every process is gone after the block."""
    database = folder / "chatsrv.db"
    shutil.copy(prepared.database, database)
    async with AsyncExitStack() as stack:
        valkey = await stack.enter_async_context(running_valkey(folder / "valkey"))
        variables = {
            "DATABASE_URL": f"sqlite:///{database}",
            "REDIS_URL": valkey.url,
            "CHATSRV_ACCESS_LOG": "false",
            "CHATSRV_LOG_FORMAT": "json",
            # an outage is said once, and tests look at each round that is given up
            "CHATSRV_LOG_LEVEL": "debug",
            **TIMINGS.variables,
            **{f"CHATSRV_{name.upper()}": str(value) for name, value in settings.items()},
        }
        connector = TCPConnector(limit=0, force_close=False)
        timeout = ClientTimeout(total=TIMINGS.patience_s)
        http = await stack.enter_async_context(ClientSession(connector=connector, timeout=timeout))
        # what the test adds is ended before the client is closed
        own = await stack.enter_async_context(AsyncExitStack())
        cluster = Cluster(Shell(folder, variables), valkey, prepared.app, http, own)
        started = [running_node(cluster.shell, f"node{number}") for number in range(nodes)]
        cluster.nodes += await asyncio.gather(*(own.enter_async_context(one) for one in started))
        yield cluster
