"""What a client connects with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from chatsrv.domain.errors import Distrust, Invalid, Problem, Unauthenticated
from chatsrv.domain.presence import PresenceStatus
from chatsrv.domain.presence_input import read_status
from chatsrv.domain.sessions import Device

CLIENT_ID_MAX = 128
AUTH_FIELDS = frozenset(("token", "client_id", "device", "background", "status"))
DEVICES = frozenset(Device)


@dataclass(frozen=True, slots=True)
class Credentials:
    """`status`: what to show from the first moment, if anything."""

    token: str
    client_id: str | None
    device: Device
    background: bool | None
    status: PresenceStatus | None


def read_auth(auth: Any) -> Credentials:
    """Raises Unauthenticated without a token, and Invalid naming the field that is wrong."""
    if auth is None or (isinstance(auth, Mapping) and not auth.get("token")):
        raise Unauthenticated(Distrust.MISSING, "Connect with auth: {token}.")
    if not isinstance(auth, Mapping):
        raise Invalid(Problem("auth", "must be an object"))
    device = auth.get("device", Device.WEB)
    problems = []
    if not isinstance(auth["token"], str):
        problems.append(Problem("token", "must be a string"))
    if not _is_client_id(auth.get("client_id")):
        problems.append(Problem("client_id", f"must be a string of 1 to {CLIENT_ID_MAX} characters"))
    if not isinstance(device, str) or device not in DEVICES:
        problems.append(Problem("device", f"must be one of {', '.join(Device)}"))
    if not isinstance(auth.get("background"), bool | None):
        problems.append(Problem("background", "must be true or false"))
    problems += [Problem(name, "is not known here") for name in auth if name not in AUTH_FIELDS]
    if problems:
        raise Invalid(*problems)
    return Credentials(
        token=auth["token"],
        client_id=auth.get("client_id"),
        device=Device(device),
        background=auth.get("background"),
        status=None if auth.get("status") is None else read_status(auth["status"]),
    )


def _is_client_id(value: Any) -> bool:
    return value is None or (isinstance(value, str) and 0 < len(value) <= CLIENT_ID_MAX)
