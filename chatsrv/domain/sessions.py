"""Sessions: what a connection is to presence, and how it ends."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum, StrEnum


class CloseCode(IntEnum):
    """Why the server ended a session for good; the names are the reasons on the wire."""

    REPLACED = 4001
    EVICTED = 4002
    SIGNED_OUT = 4003
    DELETED = 4004
    DEACTIVATED = 4005
    TOKEN_REVOKED = 4007
    TOKEN_EXPIRED = 4008
    RENAMED = 4009
    BAD_PACKETS = 4010
    FLOODING = 4011

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

    def after(self, departure: Departure, device: Device, background: bool | None) -> float:
        if departure in (Departure.LOGOUT, Departure.SIGNED_OUT):
            return 0.0
        if departure is Departure.HANDOFF:
            return self.handoff_s
        return self.mobile_s if device is Device.MOBILE or background else self.lost_s


@dataclass(frozen=True, slots=True)
class NewSession:
    """A connection that has proved who it is. Without a `client_id` of its own, one is made for it.

    `background` None: as it was, where it comes back inside its grace, else no.
    """

    id: str
    client_id: str
    has_own_client_id: bool
    device: Device
    background: bool | None
    transport: str
    address: str


@dataclass(frozen=True, slots=True)
class Session:
    """A session as Redis holds it. `state` is active, idle, closing (in its grace) or orphan (its node died).

    `is_active`: it counts as active, also in its grace. `node` is empty for a heartbeat. `ends_at`: the end of its
    grace, or of a heartbeat that is not renewed; NEVER for a socket that is open.
    """

    id: str
    client_id: str
    device: str
    state: str
    is_active: bool
    background: bool
    node: str
    transport: str
    address: str
    connected_at: int
    last_active_at: int
    ends_at: int
    channels: tuple[int, ...] = ()
