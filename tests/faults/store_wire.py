"""A TCP relay in front of a store's unix socket: the wire on which it is slow, silent, gone or cut in the middle."""

from __future__ import annotations

import asyncio
from asyncio import StreamReader, StreamWriter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

PIECE_BYTES = 65_536


class StoreWire:
    """`delay_s`: every answer comes so much later. `cut_after`: once, as the store gets these words, the connection of
    whoever sends them is cut."""

    def __init__(self, socket: Path) -> None:
        self._socket = socket
        self._server: asyncio.Server | None = None
        self._flows = asyncio.Event()
        self._flows.set()
        self._pairs: set[tuple[StreamWriter, StreamWriter]] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self.port = 0
        self.delay_s = 0.0
        self.cut_after = b""

    async def open(self) -> None:
        """Somebody listens, at the same port each time."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port, backlog=1024)
        self.port = self._server.sockets[0].getsockname()[1]

    def refuse(self) -> None:
        """Nobody listens; what is connected is cut."""
        if self._server:
            self._server.close()
            self._server = None
        self.cut()

    def cut(self) -> None:
        for client, store in self._pairs:
            client.transport.abort()
            store.transport.abort()

    def freeze(self) -> None:
        """Connections are accepted and stay, and nothing comes through, until it thaws."""
        self._flows.clear()

    def thaw(self) -> None:
        self._flows.set()

    @property
    def connections(self) -> int:
        return len(self._pairs)

    async def _serve(self, reader: StreamReader, client: StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        try:
            answers, store = await asyncio.open_unix_connection(str(self._socket))
        except OSError:
            client.transport.abort()
            return
        pair = client, store
        self._pairs.add(pair)
        try:
            await asyncio.gather(self._ask(reader, pair), self._answer(answers, client))
        except asyncio.CancelledError:
            pass  # the end of the test; the stream would log it
        finally:
            self._pairs.discard(pair)
            for writer in pair:
                writer.transport.abort()

    async def _ask(self, reader: StreamReader, pair: tuple[StreamWriter, StreamWriter]) -> None:
        client, store = pair
        with suppress(OSError):
            while piece := await reader.read(PIECE_BYTES):
                await self._flows.wait()
                if self.cut_after and self.cut_after in piece:
                    self.cut_after = b""
                    client.transport.abort()
                store.write(piece)
                await store.drain()
        with suppress(OSError):
            store.write_eof()

    async def _answer(self, answers: StreamReader, client: StreamWriter) -> None:
        """Late, but as many on the way at once as there are."""
        pieces: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue()
        bringing = asyncio.create_task(self._bring(pieces, client))
        try:
            with suppress(OSError):
                while piece := await answers.read(PIECE_BYTES):
                    pieces.put_nowait((self._now() + self.delay_s, piece))
            pieces.put_nowait((0, b""))
            await bringing
        finally:
            bringing.cancel()

    async def _bring(self, pieces: asyncio.Queue[tuple[float, bytes]], client: StreamWriter) -> None:
        with suppress(OSError):
            while True:
                due_at, piece = await pieces.get()
                await asyncio.sleep(due_at - self._now())
                await self._flows.wait()
                if not piece or client.transport.is_closing():
                    break
                client.write(piece)
                await client.drain()
        client.close()

    @staticmethod
    def _now() -> float:
        return asyncio.get_running_loop().time()

    async def end(self) -> None:
        self.thaw()
        self.refuse()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


@asynccontextmanager
async def wire_to(socket: Path) -> AsyncIterator[StoreWire]:
    wire = StoreWire(socket)
    await wire.open()
    try:
        yield wire
    finally:
        await wire.end()


def socket_of(url: str) -> Path:
    """Of a store of the tests, which listens on a unix socket alone."""
    parts = urlsplit(url)
    if parts.scheme == "unix":
        return Path(unquote(parts.path))
    return Path(parse_qs(parts.query)["host"][0]) / ".s.PGSQL.5432"
