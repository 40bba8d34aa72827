"""What presence keeps in Redis, as values: the records that the scripts write, and what is read in one go."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import msgspec

from chatsrv.domain.instants import NEVER
from chatsrv.domain.presence import PresenceStatus, Session, Warm
from chatsrv.domain.users import Clocks


@dataclass(frozen=True, slots=True)
class Registration:
    """A live socket's session as a node remembers it, so that it can put it back into Redis."""

    app_id: str
    user_id: int
    session_id: str
    record: bytes
    login_at: int = NEVER


@dataclass(frozen=True, slots=True)
class Unflushed:
    """Clocks that SQL does not have yet; `score` tells whether they moved since they were read."""

    app_id: str
    user_id: int
    score: int
    clocks: Clocks


@dataclass(frozen=True, slots=True)
class Swept:
    """What one call of the sweep did; `may_sweep` is False for a node whose own lease is over."""

    ended: int
    orphaned: int
    has_more: bool

    @property
    def may_sweep(self) -> bool:
        return self.ended >= 0


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Users of an app at one version. `changed_in`: the version of each one's newest change that is still known."""

    epoch: str
    version: int
    floor: int
    warm: Mapping[int, Warm]
    changed_in: Mapping[int, int]

    def is_complete_since(self, epoch: str, version: int) -> bool:
        """Whether every change after that version is still known."""
        return epoch == self.epoch and self.floor <= version <= self.version


class _State(msgspec.Struct):
    s: int
    l: int  # noqa: E741 - the names that fold.lua writes
    a: int
    n: int
    c: int
    d: str
    v: int


_decode = msgspec.json.Decoder(_State).decode


def read_warm(raw: bytes) -> Warm:
    """A state record as fold.lua writes it."""
    state = _decode(raw)
    devices = tuple(state.d.split(",")) if state.d else ()
    return Warm(PresenceStatus(state.s), Clocks(state.l, state.a, state.n, state.c), devices, state.v)


class _Record(msgspec.Struct):
    n: str
    k: str
    d: str
    b: int
    t: str
    p: str
    o: int
    a: int
    i: int = 0
    e: int = 0
    y: int = 0


_decode_record = msgspec.json.Decoder(_Record).decode


def read_session(session_id: str, raw: bytes) -> Session:
    record = _decode_record(raw)
    live = "idle" if record.i or record.b else "active"
    state = live if not record.e else "orphan" if record.y else "closing"
    return Session(
        id=session_id,
        client_id=record.k,
        device=record.d,
        state=state,
        background=bool(record.b),
        node=record.n,
        transport=record.t,
        address=record.p,
        connected_at=record.o,
        last_active_at=record.a,
    )
