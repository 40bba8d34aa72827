"""What presence keeps in Redis, as values: the records that the scripts write, and what is read in one go."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations

import msgspec

from chatsrv.domain.changes import FIRST_POSITION, Position
from chatsrv.domain.instants import NEVER
from chatsrv.domain.presence import Claim, Display, Presence, PresenceStatus, Source, Warm
from chatsrv.domain.sessions import Device, Session
from chatsrv.domain.users import Clocks, KeptClaims


@dataclass(frozen=True, slots=True)
class Registration:
    """A live socket's session as a node remembers it, so that it can put it back into Redis."""

    app_id: str
    user_id: int
    session_id: str
    record: bytes
    login_at: int = NEVER
    claims: KeptClaims = field(default_factory=KeptClaims)


@dataclass(frozen=True, slots=True)
class Unflushed:
    """Clocks and claims that SQL does not have yet; `score` tells whether they moved since they were read."""

    app_id: str
    user_id: int
    score: int
    clocks: Clocks
    clocks_to_others: Clocks
    claims: KeptClaims


@dataclass(frozen=True, slots=True)
class Swept:
    """What one call of the sweep did; `may_sweep` is False for a node whose own lease is over."""

    ended: int
    orphaned: int
    due: int
    has_more: bool

    @property
    def may_sweep(self) -> bool:
        return self.ended >= 0


@dataclass(frozen=True, slots=True)
class Beat:
    """A node's lease of a shard is renewed. `was_good`: it had not ended before.

    `position`: how far the change log of the shard goes.
    """

    epoch: str
    was_good: bool
    position: Position


def read_position(raw: bytes) -> Position:
    """The id of a stream's entry."""
    milliseconds, _, count = raw.partition(b"-")
    return int(milliseconds), int(count)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Users of an app at one version. `changed_in`: the version of each one's newest change that is still known.

    Whatever the change log of the shard says up to `position` is contained, and nothing that it says later.
    """

    epoch: str
    version: int
    floor: int
    warm: Mapping[int, Warm]
    changed_in: Mapping[int, int]
    position: Position = FIRST_POSITION

    def is_complete_since(self, epoch: str, version: int) -> bool:
        """Whether every change after that version is still known."""
        return epoch == self.epoch and self.floor <= version <= self.version


STATUSES = {status.value: status for status in PresenceStatus}
PLAIN = {status.value: Display(status) for status in PresenceStatus}
"""How most people show: without a word."""

DEVICES = {
    ",".join(classes): classes
    for count in range(len(Device) + 1)
    for classes in combinations(sorted(device.value for device in Device), count)
}
"""Every set of devices that somebody may be on, as fold.lua writes it."""


class _Face(msgspec.Struct):
    """Names as in fold.lua."""

    s: int
    l: int  # noqa: E741 - the name that it has in fold.lua
    a: int
    n: int
    c: int
    x: str | None = None
    e: str | None = None

    def presence(self, devices: tuple[str, ...], claimed_until: int) -> Presence:
        if self.x is None and self.e is None and not claimed_until:
            shown = PLAIN[self.s]
        else:
            shown = Display(STATUSES[self.s], self.x, self.e, claimed_until)
        return Presence(shown, Clocks(self.l, self.a, self.n, self.c), devices)


class _State(_Face):
    d: str = ""
    v: int = 0
    u: int = NEVER
    o: _Face | None = None


_decode = msgspec.json.Decoder(_State).decode


def read_warm(raw: bytes) -> Warm:
    """A state record as fold.lua writes it."""
    state = _decode(raw)
    devices = DEVICES.get(state.d)
    truth = state.presence(tuple(state.d.split(",")) if devices is None else devices, state.u)
    if state.o is None:
        return Warm(truth, truth, state.v)
    is_hidden = state.s == PresenceStatus.INVISIBLE
    to_others = state.o.presence(() if is_hidden else truth.devices, NEVER if is_hidden else state.u)
    return Warm(truth, to_others, state.v)


class _Record(msgspec.Struct):
    """Names as in fold.lua."""

    n: str
    k: str
    d: str
    b: int
    t: str
    p: str
    o: int
    a: int
    i: int = 0
    e: int = NEVER
    h: int = NEVER
    y: int = 0
    r: tuple[str, ...] = ()


_decode_record = msgspec.json.Decoder(_Record).decode


def read_session(session_id: str, raw: bytes) -> Session:
    record = _decode_record(raw)
    is_active = not record.i and not record.b
    live = "active" if is_active else "idle"
    return Session(
        session_id,
        record.k,
        record.d,
        live if not record.e else "orphan" if record.y else "closing",
        is_active,
        bool(record.b),
        record.n,
        record.t,
        record.p,
        record.o,
        record.a,
        record.e or record.h,
        tuple(map(int, record.r)),
    )


@dataclass(frozen=True, slots=True)
class Whereabouts:
    """How a user shows (None: as SQL knows them), and the channels that they are in."""

    warm: Warm | None
    channels: frozenset[int]


def read_whereabouts(state: bytes | None, sessions: Iterable[bytes]) -> Whereabouts:
    """A state record and session records as fold.lua writes them."""
    channels = (int(channel_id) for raw in sessions for channel_id in _decode_record(raw).r)
    return Whereabouts(read_warm(state) if state else None, frozenset(channels))


class _Claim(msgspec.Struct, omit_defaults=True):
    """Names as in claims.lua."""

    i: str
    f: Source
    s: PresenceStatus | None = None
    t: str | None = None
    m: str | None = None
    u: int = NEVER
    z: int = NEVER


class _Claims(msgspec.Struct):
    """Names as in claims.lua; the raw list is what SQL keeps."""

    k: int
    q: msgspec.Raw = msgspec.Raw(b"")
    w: int = NEVER
    p: _Claim | None = None


_decode_claims = msgspec.json.Decoder(_Claims).decode
_decode_claim_list = msgspec.json.Decoder(list[_Claim]).decode


@dataclass(frozen=True, slots=True)
class ClaimsRecord:
    """What Redis keeps of a user's claims; `waiting` will be set at `applies_at`."""

    kept: KeptClaims
    waiting: Claim | None = None
    applies_at: int = NEVER


def read_claims_record(raw: bytes | None) -> ClaimsRecord:
    """A record as claims.lua writes it; None is that of somebody who never claimed anything."""
    if raw is None:
        return ClaimsRecord(KeptClaims())
    record = _decode_claims(raw)
    kept = KeptClaims(bytes(record.q).decode(), record.k)
    return ClaimsRecord(kept, _to_claim(record.p) if record.p else None, record.w if record.p else NEVER)


@dataclass(frozen=True, slots=True)
class Examined:
    """Everything that decides what a user shows; `leases`: node -> end of its lease (ms)."""

    sessions: Sequence[Session]
    claims: ClaimsRecord
    warm: Warm | None
    leases: Mapping[str, int]


def read_claims(kept: KeptClaims) -> tuple[Claim, ...]:
    return tuple(_to_claim(item) for item in _decode_claim_list(kept.text)) if kept.text else ()


def keep_claims(claims: Sequence[Claim]) -> KeptClaims:
    """As SQL keeps them; they changed when the last of them was set."""
    if not claims:
        return KeptClaims()
    items = [_Claim(c.id, c.source, c.status, c.text, c.emoji, c.expires_at, c.set_at) for c in claims]
    return KeptClaims(msgspec.json.encode(items).decode(), max(claim.set_at for claim in claims))


def _to_claim(item: _Claim) -> Claim:
    return Claim(item.i, item.f, item.s, item.t, item.m, item.u, item.z)


def write_claim(claim: Claim) -> bytes:
    """As the scripts take it; they date it themselves."""
    item = _Claim(claim.id, claim.source, claim.status, claim.text, claim.emoji, claim.expires_at)
    return msgspec.json.encode(item)
