"""What the connections of one listener share, and whom they ask."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from chatsrv.wire.asked import Recall
from chatsrv.wire.handler import Handler
from chatsrv.wire.heads import Head
from chatsrv.wire.websocket import Hearer, SocketRules, WebSocket
from chatsrv.wire.wheel import Wheel

if TYPE_CHECKING:
    from chatsrv.wire.front import Front


class Sockets(Protocol):
    """Who takes WebSockets over."""

    rules: SocketRules

    def admit(self, head: Head, peer: str) -> Hearer | None:
        """None: aiohttp gets the request, and its handler says why not."""

    def take_over(self, hearer: Hearer, socket: WebSocket) -> None:
        """The answer 101 is on its way, and nothing has been read yet."""


class Passing(Protocol):
    """Who passes connections on to other processes that serve the same port."""

    def pass_on(self, head: bytes, data: bytes, transport: asyncio.Transport) -> bool:
        """`data`: what has been read from this head on. True: the connection is another's, with these bytes."""


@dataclass(slots=True)
class Place:
    """What the connections of one listener have in common."""

    make_handler: Callable[[], Handler]
    wheel: Wheel
    keepalive_s: float
    line_max_bytes: int
    slowest_bytes_per_s: int
    recall: Recall | None = None
    sockets: Sockets | None = None
    passing: Passing | None = None
    on_slow: Callable[[], None] | None = None
    """Told when a connection ends because its client is too slow."""
    fronts: set[Front] = field(default_factory=set)
    is_closing: bool = False
