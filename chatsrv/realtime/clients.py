"""Who is connected to Socket.IO, and in which rooms."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from chatsrv.realtime.home import Stage
from chatsrv.realtime.session import Session


class Clients:
    """In the place of python-socketio's manager, which keeps two two-way dictionaries and a room for each client."""

    def __init__(self) -> None:
        self.by_sid: dict[str, Session] = {}
        self.rooms: dict[str, set[str]] = {}
        self._rooms_of: dict[str, set[str]] = {}

    def set_server(self, server: Any) -> None:
        """python-socketio introduces the server; nobody here asks it anything."""

    def add(self, session: Session, sid: str) -> None:
        session.client, session.stage = sid, Stage.ARRIVING
        self.by_sid[sid] = session

    def forget(self, session: Session) -> None:
        sid, session.client, session.stage = session.client, None, Stage.AWAY
        if sid is not None:
            del self.by_sid[sid]
            for room in list(self._rooms_of.get(sid, ())):
                self.leave(sid, room)

    def enter(self, sid: str, room: str) -> None:
        """Nothing happens for who is not here."""
        if sid in self.by_sid:
            self.rooms.setdefault(room, set()).add(sid)
            self._rooms_of.setdefault(sid, set()).add(room)

    def leave(self, sid: str, room: str) -> None:
        for index, key, value in ((self.rooms, room, sid), (self._rooms_of, sid, room)):
            members = index.get(key, set())
            members.discard(value)
            if not members:
                index.pop(key, None)

    def named(self, to: str | Iterable[str] | None) -> Iterable[str]:
        """The sids that are meant by sids or rooms; everybody by None. Each once."""
        if to is None:
            return list(self.by_sid)
        if isinstance(to, str):
            return list(self.rooms.get(to, (to,)))
        return list(dict.fromkeys(sid for name in to for sid in self.rooms.get(name, (name,))))
