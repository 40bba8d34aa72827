"""The nodes of the checker's world: which sockets are really open, and what each node does about them."""

from __future__ import annotations

from dataclasses import dataclass, field

import msgspec

from chatsrv.domain.clock import Clock
from chatsrv.domain.sessions import NewSession, Session
from chatsrv.domain.users import KeptClaims
from chatsrv.storage.records import Registration

APP = "checked"


@dataclass(slots=True)
class Socket:
    """`kept` is what SQL had of the user's claims when they connected."""

    user: int
    session: str
    record: dict[str, str | int]
    kept: KeptClaims

    @property
    def is_active(self) -> bool:
        return not self.record["i"] and not self.record["b"]

    @property
    def raw(self) -> bytes:
        return msgspec.json.encode(self.record)

    def take(self, found: Session) -> None:
        """As it is in Redis: who comes back inside the grace is as idle as they were."""
        self.record |= {"i": int(not found.is_active and not found.background), "b": int(found.background)}

    def registration(self, kept: KeptClaims) -> Registration:
        return Registration(APP, self.user, self.session, self.raw, claims=kept)


@dataclass(slots=True)
class Node:
    """`asleep`: it holds its sockets, but does nothing."""

    id: str
    sockets: dict[str, Socket] = field(default_factory=dict)
    epoch: str = ""
    asleep: bool = False
    beaten_at: int = 0


def new_record(node: Node, new: NewSession, orphan_grace_s: int, clock: Clock) -> dict[str, str | int]:
    return {
        "n": node.id,
        "k": new.client_id,
        "w": int(new.has_own_client_id),
        "d": new.device.value,
        "b": int(bool(new.background)),
        "i": 0,
        "t": new.transport,
        "p": new.address,
        "g": orphan_grace_s * 1000,
        "o": clock.now(),
        "a": clock.now(),
    }
