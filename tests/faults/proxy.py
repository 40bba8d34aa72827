"""A TCP proxy in the test's own process: the load balancer in front of the nodes, and the wire that breaks."""

from __future__ import annotations

import asyncio
from asyncio import StreamReader, StreamWriter
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from tests.faults.nodes import Node

PIECE_BYTES = 65536


@dataclass(eq=False, slots=True)
class Wire:
    """One connection of a client. Frozen: all is swallowed both ways, and neither side hears of the other's end."""

    client: StreamWriter
    server: StreamWriter
    is_frozen: bool = False

    def abort(self) -> None:
        self.client.transport.abort()
        self.server.transport.abort()


class Proxy:
    """`targets` are tried in turn for each new connection; whoever finds none is refused. Change them at any time."""

    def __init__(self, targets: Iterable[Node]) -> None:
        self.targets = list(targets)
        self.url = ""
        self._turn = 0
        self._wires: set[Wire] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    def freeze(self) -> None:
        """The connections of this moment are silent for ever; new ones work."""
        for wire in self._wires:
            wire.is_frozen = True

    def refuse(self) -> None:
        """New connections are cut at once, until `targets` are given anew."""
        self.targets = []

    async def _serve(self, reader: StreamReader, client: StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        found = await self._connect()
        if found is None:
            client.transport.abort()
            return
        wire = Wire(client, found[1])
        self._wires.add(wire)
        try:
            await asyncio.gather(self._carry(reader, wire, wire.server), self._carry(found[0], wire, wire.client))
        finally:
            wire.abort()
            self._wires.discard(wire)

    async def _connect(self) -> tuple[StreamReader, StreamWriter] | None:
        """The next target that accepts."""
        self._turn += 1
        targets = list(self.targets)
        for offset in range(len(targets)):
            node = targets[(self._turn + offset) % len(targets)]
            try:
                return await asyncio.open_connection("127.0.0.1", node.port)
            except OSError:
                continue
        return None

    async def _carry(self, reader: StreamReader, wire: Wire, writer: StreamWriter) -> None:
        try:
            while piece := await reader.read(PIECE_BYTES):
                if not wire.is_frozen:
                    writer.write(piece)
                    await writer.drain()
        except OSError:
            pass
        if not wire.is_frozen:
            writer.close()

    async def end(self) -> None:
        for wire in self._wires:
            wire.abort()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


@asynccontextmanager
async def running_proxy(targets: Iterable[Node]) -> AsyncIterator[Proxy]:
    """In front of these nodes; every connection through it is gone after the block."""
    proxy = Proxy(targets)
    server = await asyncio.start_server(proxy._serve, "127.0.0.1", 0, backlog=1024)
    proxy.url = "http://{}:{}".format(*server.sockets[0].getsockname())
    try:
        yield proxy
    finally:
        server.close()
        await proxy.end()
