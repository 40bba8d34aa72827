"""The sockets of a node, as its namespace knows them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

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
    """A socket that is coming or here. `address`: where its client is. `is_polling`: not on WebSocket, or not yet."""

    watcher: Watcher
    address: str
    arrival: Arrival | None
    is_polling: bool


class Count(Protocol):
    """Counts so many more sockets of an app, or fewer, by their transport."""

    def __call__(self, app_id: str, *, websocket: int = 0, polling: int = 0) -> None: ...


class Connections:
    """All of this node, by sid."""

    def __init__(self, count: Count) -> None:
        self._count = count
        self._by_sid: dict[str, Connection] = {}

    def find(self, sid: str) -> Connection | None:
        return self._by_sid.get(sid)

    def add(self, connection: Connection) -> None:
        self._by_sid[connection.watcher.sid] = connection
        self._tally(connection, 1)

    def remove(self, sid: str) -> Connection | None:
        """The one that there was, if any."""
        connection = self._by_sid.pop(sid, None)
        if connection:
            self._tally(connection, -1)
        return connection

    def note_upgrade(self, sid: str) -> None:
        """It is on WebSocket now. Who has not been added yet is added as it is then."""
        connection = self._by_sid.get(sid)
        if connection and connection.is_polling:
            self._tally(connection, -1)
            connection.is_polling = False
            self._tally(connection, 1)

    def _tally(self, connection: Connection, more: int) -> None:
        app_id = connection.watcher.own.app.id
        if connection.is_polling:
            self._count(app_id, polling=more)
        else:
            self._count(app_id, websocket=more)
