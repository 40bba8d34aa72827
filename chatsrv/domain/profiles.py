"""Profiles: what a service desk knows of each of its users, and the rules of these fields."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import Any

from chatsrv.domain import user_fields
from chatsrv.domain.errors import Invalid, Problem
from chatsrv.domain.fields import Refused, check_each, read_text

LOCATION_MAX = 2048
SUPPORTS_MAX = 1_000_000


@dataclass(frozen=True, slots=True)
class Profile:
    """`max_support_count` None: there is no limit. Who has written none has this one."""

    in_training: bool = False
    max_support_count: int | None = None
    sound_notification: bool = True
    notification_email: str | None = None
    last_seen_location: str | None = None
    recent_channel_id: int | None = None
    info: Mapping[str, Any] | None = None


NO_PROFILE = Profile()
FIELDS = tuple(field.name for field in fields(Profile))


def check_profile(values: Mapping[str, Any], info_max_bytes: int) -> dict[str, Any]:
    """The values as they are kept; None is what everybody begins with. Raises Invalid with every bad field."""
    checked = check_each(values, _check_field)
    _check_size(checked.get("info"), info_max_bytes)
    return checked


def _check_field(name: str, value: Any) -> Any:
    return getattr(NO_PROFILE, name) if value is None else RULES[name](value)


def _check_size(info: Mapping[str, Any] | None, limit: int) -> None:
    if info and len(json.dumps(info, ensure_ascii=False, separators=(",", ":")).encode()) > limit:
        raise Invalid(Problem("info", f"must take at most {limit} bytes as JSON"))


def _flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise Refused("must be true or false")
    return value


def _count(value: Any) -> int:
    if type(value) is not int or not 0 <= value <= SUPPORTS_MAX:
        raise Refused(f"must be a number from 0 to {SUPPORTS_MAX}, or null for no limit")
    return value


def _location(value: Any) -> str:
    return read_text(value, LOCATION_MAX)


def _channel_id(value: Any) -> int:
    if type(value) is not int:
        raise Refused("must be the id of a channel")
    return value


def _object(value: Any) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise Refused("must be an object")
    return value


RULES: Mapping[str, Callable[[Any], Any]] = {
    "in_training": _flag,
    "max_support_count": _count,
    "sound_notification": _flag,
    "notification_email": user_fields.RULES["email"],
    "last_seen_location": _location,
    "recent_channel_id": _channel_id,
    "info": _object,
}
"""What may be written; whether there is such a channel, the database knows."""
