"""The sockets of a node, as its namespace knows them."""

from __future__ import annotations

from dataclasses import dataclass

from chatsrv.domain.changes import Opened
from chatsrv.domain.presence import Person
from chatsrv.domain.sessions import CloseCode
from chatsrv.realtime.watchers import Watcher


@dataclass(slots=True, eq=False)
class Arrival:
    """What waits until a socket is in: its `hello`, and an order to close it that came too early."""

    hello: tuple[Person, Opened] | None = None
    condemned: CloseCode | None = None


@dataclass(slots=True, eq=False)
class Connection:
    """A socket that is coming or here. `address`: where its client is."""

    watcher: Watcher
    address: str
    arrival: Arrival | None
