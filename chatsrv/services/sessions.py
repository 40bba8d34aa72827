"""The sessions whose sockets this node holds: what it can put back into Redis, and what Redis is compared with."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import msgspec
from uuid_utils import uuid4

from chatsrv.domain.apps import App
from chatsrv.domain.instants import NEVER
from chatsrv.domain.sessions import NewSession
from chatsrv.domain.users import User
from chatsrv.storage.keys import shard_of
from chatsrv.storage.records import Registration


@dataclass(slots=True)
class LocalSession:
    """`is_open` is False while it is being opened or closed: then Redis is right, whatever it says.

    `acted_at` is the last action of its user, `told_at` the last one that Redis knows: NEVER if Redis missed something.
    """

    app: App
    session: NewSession
    registration: Registration
    acted_at: int
    told_at: int
    opened_at: int
    token_issued_at: int = NEVER
    idle_after_ms: int = 0
    channels: tuple[int, ...] = ()
    is_open: bool = False
    is_idle: bool = False
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    def has_idled(self, now: int) -> bool:
        """Whether the session is to become idle, for its user did nothing for so long (0: however long)."""
        return bool(self.idle_after_ms) and not self.is_idle and now - self.acted_at >= self.idle_after_ms


class LocalSessions:
    """`node` is an id of this boot: a restarted process never owns what its predecessor held."""

    def __init__(self) -> None:
        self.node = uuid4().hex[:16]
        self._by_id: dict[str, LocalSession] = {}

    def add(self, app: App, user: User, session: NewSession, record: Mapping[str, str | int], now: int) -> LocalSession:
        """Before Redis is told, or reconciliation would take it for one that was left behind there."""
        registration = Registration(app.id, user.id, session.id, msgspec.json.encode(record))
        local = self._by_id[session.id] = LocalSession(app, session, registration, now, now, now)
        return local

    def get(self, session_id: str) -> LocalSession | None:
        return self._by_id.get(session_id)

    def remove(self, session_id: str) -> None:
        self._by_id.pop(session_id, None)

    def __len__(self) -> int:
        return len(self._by_id)

    def __contains__(self, session_id: str) -> bool:
        return session_id in self._by_id

    def ids(self) -> list[str]:
        return list(self._by_id)

    def open_in(self, shard: int) -> list[Registration]:
        return [item.registration for item in self.all_open() if shard_of(item.app.id) == shard]

    def open_by_user(self) -> dict[tuple[str, int], list[str]]:
        """Session ids by (app, user)."""
        found: dict[tuple[str, int], list[str]] = {}
        for item in self.all_open():
            key = (item.registration.app_id, item.registration.user_id)
            found.setdefault(key, []).append(item.registration.session_id)
        return found

    def token_issued_at(self, session_id: str) -> int:
        item = self._by_id.get(session_id)
        return item.token_issued_at if item else NEVER

    def is_open(self, session_id: str) -> bool:
        item = self._by_id.get(session_id)
        return item is not None and item.is_open

    def all_open(self) -> Iterable[LocalSession]:
        return [item for item in self._by_id.values() if item.is_open]
