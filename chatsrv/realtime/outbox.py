"""What is on its way to one client."""

import asyncio
from typing import Any


class Overflow(Exception):
    """The client reads more slowly than it is written to, and the queue is full."""


class Outbox:
    """Engine.IO packets waiting for one client, with a ceiling on their number and on their characters.

    Without a ceiling one client that stops reading costs the memory of every event it is sent.
    """

    def __init__(self, max_packets: int, max_bytes: int) -> None:
        self._max_packets = max_packets
        self._max_bytes = max_bytes
        self._packets: list[Any] = []
        self._bytes = 0
        self._closed = False
        self._stirred = asyncio.Event()

    def put(self, packet: Any) -> None:
        """Raises Overflow when the packet does not fit; drops it when the outbox is closed."""
        if self._closed:
            return
        size = len(packet.encode())
        if len(self._packets) >= self._max_packets or self._bytes + size > self._max_bytes:
            raise Overflow
        self._packets.append(packet)
        self._bytes += size
        self._stirred.set()

    async def take(self, at_most: int) -> list[Any]:
        """The oldest packets, waiting for the first one; nothing once the outbox is closed."""
        while not self._packets and not self._closed:
            self._stirred.clear()
            await self._stirred.wait()
        taken, self._packets = self._packets[:at_most], self._packets[at_most:]
        self._bytes -= sum(len(packet.encode()) for packet in taken)
        return taken

    def close(self) -> None:
        """What nobody will read any more is dropped, and whoever waits is woken."""
        self._closed = True
        self._packets.clear()
        self._bytes = 0
        self._stirred.set()
