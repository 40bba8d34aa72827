"""Channels: rooms of people, which the OkSky dialect calls rooms; and the rules of their fields."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import IntEnum, StrEnum
from typing import Any

from chatsrv.domain.errors import Invalid, MetadataTooLarge, Problem
from chatsrv.domain.fields import check_each, is_storable, read_avatar, read_text
from chatsrv.domain.users import User

TEXT_MAX = 191


class ChannelType(IntEnum):
    """Anybody may enter a public channel; the others are for their members."""

    PUBLIC = 0
    PRIVATE = 1
    DIRECT = 2


class MemberRole(StrEnum):
    OWNER = "owner"
    PARTICIPANT = "participant"


@dataclass(frozen=True, slots=True)
class Channel:
    """A channel of one app; `uri` is unique there."""

    id: int
    app_id: str
    uri: str | None
    subject: str | None
    label: str | None
    metadata: str | None
    avatar: str | None
    type: ChannelType
    owner_id: int | None
    created_at: int
    members_count: int


@dataclass(frozen=True, slots=True)
class Member:
    """A user in a channel."""

    user: User
    role: MemberRole


@dataclass(frozen=True, slots=True)
class Membership:
    """That a user is in a channel; `last_read_at` is NEVER for who has read nothing there."""

    id: int
    channel_id: int
    user_id: int
    role: MemberRole
    created_at: int
    last_read_at: int
    unread_message_count: int


def check_channel(values: Mapping[str, Any], metadata_max_bytes: int) -> dict[str, Any]:
    """The values as they are stored. Raises Invalid with every field that breaks its rule, and MetadataTooLarge."""
    checked = check_each(values, _check_field)
    if len((checked.get("metadata") or "").encode()) > metadata_max_bytes:
        raise MetadataTooLarge(Problem("metadata", f"must have at most {metadata_max_bytes} bytes"))
    return checked


def _check_field(name: str, value: Any) -> Any:
    return None if value is None and name != "type" else RULES[name](value)


def read_role(value: Any) -> MemberRole:
    """Raises Invalid."""
    if not isinstance(value, str) or value not in tuple(MemberRole):
        raise Invalid(Problem("role", f"must be one of {', '.join(MemberRole)}"))
    return MemberRole(value)


def _text(value: Any) -> str:
    return read_text(value, TEXT_MAX)


def _metadata(value: Any) -> str:
    """Whatever the app keeps there; of text that no database takes there is none."""
    if not isinstance(value, str) or not is_storable(value):
        raise ValueError("must be a string without NUL")
    return value


def _type(value: Any) -> ChannelType:
    if type(value) is not int or value not in tuple(ChannelType):
        raise ValueError("must be 0 (public), 1 (private) or 2 (direct)")
    return ChannelType(value)


RULES: Mapping[str, Callable[[Any], Any]] = {
    "uri": _text,
    "subject": _text,
    "label": _text,
    "metadata": _metadata,
    "avatar": read_avatar,
    "type": _type,
}
"""What may be written, and how each value is checked."""
