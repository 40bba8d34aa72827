"""What a session needs of its surroundings."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from enum import Enum, auto
from typing import TYPE_CHECKING, Protocol

from chatsrv.realtime.limits import WireLimits
from chatsrv.realtime.reasons import Reason
from chatsrv.wire import Joiner, Wheel

if TYPE_CHECKING:
    from chatsrv.realtime.probe import Probe
    from chatsrv.realtime.session import Session


class Stage(Enum):
    """Where a client is in Socket.IO. An Engine.IO session begins and may end without."""

    AWAY = auto()
    ARRIVING = auto()
    """Its `connect` handler runs."""
    IN = auto()
    LEAVING = auto()
    """Its `disconnect` handler runs."""


class Home(Protocol):
    """What a session needs of its server."""

    limits: WireLimits
    wheel: Wheel
    joiner: Joiner

    def spawn(self, work: Coroutine[None, None, None]) -> asyncio.Task[None]: ...
    async def handle(self, session: Session, message: str) -> None: ...
    async def handle_end(self, session: Session, reason: Reason) -> None:
        """Once, after every handler."""

    def note_limit(self, limit: str) -> None:
        """Somebody came up against this setting."""

    def note_upgrade(self, session: Session) -> None:
        """It is on WebSocket now, and began without."""

    def note_gone(self, hearer: Session | Probe) -> None:
        """It is at the end of no WebSocket any more."""


class Upgrade(Protocol):
    """A polling session's way to a WebSocket."""

    def abandon(self) -> None:
        """The session has ended on its way."""
