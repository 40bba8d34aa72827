"""What is written to one connection in one turn of the loop goes out in one piece."""

from __future__ import annotations

import asyncio
from collections.abc import Collection


class Joiner:
    """A system call costs more than everything else about a frame, and loops make one for each write."""

    __slots__ = ("_waiting",)

    def __init__(self) -> None:
        self._waiting: dict[asyncio.Transport, bytes | list[bytes]] = {}

    def write(self, transport: asyncio.Transport, data: bytes) -> None:
        self.write_to_all((transport,), data)

    def write_to_all(self, transports: Collection[asyncio.Transport], data: bytes) -> None:
        """Goes out before the loop looks for what has come in."""
        waiting = self._waiting
        if not waiting:
            asyncio.get_running_loop().call_soon(self.flush)
            waiting.update(dict.fromkeys(transports, data))
            if len(waiting) == len(transports):
                return
            waiting.clear()  # somebody is named twice
        for transport in transports:
            before = waiting.get(transport)
            if before is None:
                waiting[transport] = data
            elif isinstance(before, list):
                before.append(data)
            else:
                waiting[transport] = [before, data]

    def flush(self) -> None:
        waiting, self._waiting = self._waiting, {}
        for transport, data in waiting.items():
            _write(transport, data)

    def hasten(self, transport: asyncio.Transport) -> None:
        """For what is to be written behind it, past this."""
        data = self._waiting.pop(transport, None)
        if data is not None:
            _write(transport, data)

    def drop(self, transport: asyncio.Transport) -> None:
        self._waiting.pop(transport, None)


def _write(transport: asyncio.Transport, data: bytes | list[bytes]) -> None:
    if not transport.is_closing():
        transport.write(data if isinstance(data, bytes) else b"".join(data))
