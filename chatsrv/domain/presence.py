"""Presence: the states, and how what Redis keeps warm is merged with what SQL keeps for good."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum, StrEnum

from chatsrv.domain.instants import NEVER
from chatsrv.domain.users import Clocks, User


class PresenceStatus(IntEnum):
    """The ints on the wire. INVISIBLE is never sent to another viewer, who gets OFFLINE."""

    OFFLINE = 0
    ONLINE = 1
    INVISIBLE = 2
    AWAY = 3
    DND = 4


class CloseCode(IntEnum):
    """Why the server ended a session for good; the names are the reasons on the wire."""

    REPLACED = 4001
    EVICTED = 4002
    SIGNED_OUT = 4003
    DELETED = 4004
    DEACTIVATED = 4005
    TOKEN_EXPIRED = 4008
    RENAMED = 4009
    BAD_PACKETS = 4010

    @property
    def may_reconnect(self) -> bool:
        """With a fresh token, that is."""
        return self in (CloseCode.TOKEN_EXPIRED, CloseCode.RENAMED)


class Device(StrEnum):
    """The device class of a session."""

    WEB = "web"
    DESKTOP = "desktop"
    MOBILE = "mobile"
    BOT = "bot"


class Departure(StrEnum):
    """Why a session ended; it decides how long others still see it."""

    LOGOUT = "logout"
    LOST = "lost"
    HANDOFF = "handoff"
    SIGNED_OUT = "signed_out"


@dataclass(frozen=True, slots=True)
class Graces:
    """How long a session stays after it ended, by reason, in seconds."""

    lost_s: float
    mobile_s: float
    handoff_s: float

    def after(self, departure: Departure, device: Device, background: bool) -> float:
        if departure in (Departure.LOGOUT, Departure.SIGNED_OUT):
            return 0.0
        if departure is Departure.HANDOFF:
            return self.handoff_s
        return self.mobile_s if device is Device.MOBILE or background else self.lost_s


@dataclass(frozen=True, slots=True)
class NewSession:
    """A connection that has proved who it is. Without a `client_id` of its own, one is made for it."""

    id: str
    client_id: str
    has_own_client_id: bool
    device: Device
    background: bool
    transport: str
    address: str


@dataclass(frozen=True, slots=True)
class Session:
    """A session as Redis holds it. `state` is active, idle, closing (in its grace) or orphan (its node died)."""

    id: str
    client_id: str
    device: str
    state: str
    background: bool
    node: str
    transport: str
    address: str
    connected_at: int
    last_active_at: int


@dataclass(frozen=True, slots=True)
class Warm:
    """What Redis knows of a user: the folded status (in truth) and the clocks that SQL may not have yet."""

    status: PresenceStatus
    clocks: Clocks
    devices: tuple[str, ...] = ()
    version: int = 0


@dataclass(frozen=True, slots=True)
class Presence:
    """What one viewer sees of one user. `last_seen_at` is NEVER while the user is online: that is now."""

    status: PresenceStatus
    clocks: Clocks
    devices: tuple[str, ...] = ()
    text: str | None = None
    emoji: str | None = None


@dataclass(frozen=True, slots=True)
class Person:
    """A user together with their presence."""

    user: User
    presence: Presence


@dataclass(frozen=True, slots=True)
class Opened:
    """What came of opening a session: `resumed` when it came back inside its grace, which others did not see."""

    epoch: str
    version: int
    resumed: bool
    warm: Warm


@dataclass(frozen=True, slots=True)
class Changed:
    """What others see of this user has changed; `warm.version` is the app's version that did it."""

    app_id: str
    user_id: int
    warm: Warm


@dataclass(frozen=True, slots=True)
class CloseOrdered:
    """Whoever holds this session (every session of the user if None) closes its socket with `code`."""

    app_id: str
    user_id: int
    session_id: str | None
    code: int


@dataclass(frozen=True, slots=True)
class Renamed:
    """From here on the user goes by this name."""

    app_id: str
    user_id: int
    username: str


Entry = Changed | CloseOrdered | Renamed


def newest(stored: Clocks, warm: Clocks) -> Clocks:
    """Clocks never run backwards, whichever store is behind."""
    return Clocks(
        last_login_at=max(stored.last_login_at, warm.last_login_at),
        last_active_at=max(stored.last_active_at, warm.last_active_at),
        last_seen_at=max(stored.last_seen_at, warm.last_seen_at),
        presence_changed_at=max(stored.presence_changed_at, warm.presence_changed_at),
    )


def see(user: User, warm: Warm | None) -> Presence:
    """The presence of `user` in truth; a user of whom nothing is warm has been offline for a while."""
    if warm is None:
        return Presence(PresenceStatus.OFFLINE, user.clocks)
    clocks = newest(user.clocks, warm.clocks)
    if warm.status is PresenceStatus.OFFLINE:
        return Presence(PresenceStatus.OFFLINE, clocks)
    here = Clocks(clocks.last_login_at, clocks.last_active_at, NEVER, clocks.presence_changed_at)
    return Presence(warm.status, here, warm.devices)
