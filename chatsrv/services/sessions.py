"""The sessions whose sockets this node holds: what it can put back into Redis, and what Redis is compared with."""

from __future__ import annotations

import sys
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any

import msgspec
from uuid_utils import uuid4

from chatsrv.domain.instants import NEVER
from chatsrv.domain.sessions import Device, Graces, NewSession
from chatsrv.domain.users import User
from chatsrv.storage.keys import shard_of
from chatsrv.storage.records import Registration


@dataclass(frozen=True, slots=True)
class Terms:
    """What the settings of an app said when a session was opened; it holds for as long as that is open."""

    graces: Graces
    orphan_grace_ms: int
    idle_after_ms: int


@dataclass(slots=True, eq=False)
class LocalSession:
    """`is_open` is False while it is being opened or closed: then Redis is right, whatever it says.

    `acted_at` is the last action of its user, `told_at` the last one that Redis knows: NEVER if Redis missed something.
    There is one for each socket: what many of them share they share.
    """

    id: str
    app_id: str
    user_id: int
    client_id: str
    has_own_client_id: bool
    device: Device
    background: bool | None
    transport: str
    address: str
    terms: Terms
    acted_at: int
    told_at: int
    opened_at: int = NEVER
    login_at: int = NEVER
    token_issued_at: int = NEVER
    signed_by: str = ""
    channels: tuple[int, ...] = ()
    is_open: bool = False
    is_idle: bool = False

    def has_idled(self, now: int) -> bool:
        """Whether the session is to become idle, for its user did nothing for so long (0: however long)."""
        after_ms = self.terms.idle_after_ms
        return bool(after_ms) and not self.is_idle and now - self.acted_at >= after_ms

    def record(self, node: str) -> bytes:
        """As fold.lua describes it and as the session is now: so it is opened, and put back where Redis loses data."""
        record: dict[str, Any] = {
            "n": node,
            "k": self.client_id,
            "w": int(self.has_own_client_id),
            "d": self.device.value,
            "i": int(self.is_idle),
            "t": self.transport,
            "p": self.address,
            "g": self.terms.orphan_grace_ms,
        }
        if self.background is not None:
            record["b"] = int(self.background)
        if self.opened_at != NEVER:
            record["o"], record["a"] = self.opened_at, self.acted_at
        if self.channels:
            record["r"] = [str(channel_id) for channel_id in self.channels]
        return msgspec.json.encode(record)


class LocalSessions:
    """`node` is an id of this boot: a restarted process never owns what its predecessor held."""

    def __init__(self) -> None:
        self.node = uuid4().hex[:16]
        self._by_id: dict[str, LocalSession] = {}

    def add(self, user: User, session: NewSession, terms: Terms, now: int) -> LocalSession:
        """Before Redis is told, or reconciliation would take it for one that was left behind there."""
        local = self._by_id[session.id] = LocalSession(
            id=session.id,
            app_id=user.app_id,
            user_id=user.id,
            client_id=session.client_id,
            has_own_client_id=session.has_own_client_id,
            device=session.device,
            background=session.background,
            transport=sys.intern(session.transport),
            address=sys.intern(session.address),
            terms=terms,
            acted_at=now,
            told_at=now,
        )
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

    def open_in(self, shard: int, besides: Collection[str] = ()) -> list[Registration]:
        """All that are open, but those of these ids."""
        return [
            Registration(item.app_id, item.user_id, item.id, item.record(self.node), item.login_at)
            for item in self._by_id.values()
            if item.is_open and item.id not in besides and shard_of(item.app_id) == shard
        ]

    def open_by_user(self) -> dict[tuple[str, int], list[str]]:
        """Session ids by (app, user)."""
        found: dict[tuple[str, int], list[str]] = {}
        for item in self.all_open():
            found.setdefault((item.app_id, item.user_id), []).append(item.id)
        return found

    def token_issued_at(self, session_id: str) -> int:
        item = self._by_id.get(session_id)
        return item.token_issued_at if item else NEVER

    def is_open(self, session_id: str) -> bool:
        item = self._by_id.get(session_id)
        return item is not None and item.is_open

    def all_open(self) -> Iterable[LocalSession]:
        return [item for item in self._by_id.values() if item.is_open]
