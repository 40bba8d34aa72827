"""What is on its way to a client that polls."""

import asyncio
from itertools import islice


class Overflow(Exception):
    """The client reads more slowly than it is written to, and the queue is full."""


class Outbox:
    """Engine.IO packets waiting for one client, with a ceiling on their number and on their characters.

    Without a ceiling one client that stops reading costs the memory of every event it is sent.
    """

    def __init__(self, max_packets: int, max_bytes: int) -> None:
        self._max_packets = max_packets
        self._max_bytes = max_bytes
        self._packets: list[str] = []
        self._bytes = 0
        self._closed = False
        self._stirred = asyncio.Event()

    def put(self, packet: str) -> None:
        """Raises Overflow when the packet does not fit; drops it when the outbox is closed."""
        if self._closed:
            return
        if len(self._packets) >= self._max_packets or self._bytes + len(packet) > self._max_bytes:
            raise Overflow
        self._packets.append(packet)
        self._bytes += len(packet)
        self._stirred.set()

    async def take(self, at_most: int) -> list[str]:
        """The oldest packets, waiting for the first one; nothing once the outbox is closed."""
        while not self._packets and not self._closed:
            self._stirred.clear()
            await self._stirred.wait()
        return self.take_now(at_most)

    def take_now(self, at_most: int | None = None) -> list[str]:
        """What there is, perhaps nothing."""
        taken = list(islice(self._packets, at_most))
        del self._packets[: len(taken)]
        self._bytes -= sum(map(len, taken))
        return taken

    def close(self) -> None:
        """What nobody will read any more is dropped, and whoever waits is woken."""
        self._closed = True
        self._packets.clear()
        self._bytes = 0
        self._stirred.set()
