"""The service desk: who supports whom, what is noted about users, and what they star, draft and set for themselves."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, TypeVar

from chatsrv.domain.channels import Channel, Membership
from chatsrv.domain.errors import Invalid, Problem
from chatsrv.domain.fields import Refused, read_text
from chatsrv.domain.instants import NEVER
from chatsrv.domain.presence import Viewer
from chatsrv.domain.users import User, UserRef

NAME_MAX = 191

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Support:
    """Somebody (the agent) looks after a customer in a channel; `customer` and `agent` are usernames."""

    id: int
    channel_id: int
    customer_id: int
    customer: str
    agent_id: int | None
    agent: str | None
    created_at: int
    closed_at: int

    @property
    def is_open(self) -> bool:
        return self.closed_at == NEVER

    def is_seen_by(self, viewer: Viewer) -> bool:
        return viewer.user_id in (None, self.customer_id, self.agent_id)


@dataclass(frozen=True, slots=True)
class SupportQuery:
    """None: whatever it is."""

    customer: UserRef | None = None
    agent: UserRef | None = None
    channel_id: int | None = None
    is_open: bool | None = None


@dataclass(frozen=True, slots=True)
class Memo:
    """What the author noted about a user; `username` and `author` are usernames."""

    id: int
    user_id: int
    username: str
    author_id: int | None
    author: str | None
    text: str
    created_at: int
    updated_at: int


@dataclass(frozen=True, slots=True)
class InChannel:
    id: int


@dataclass(frozen=True, slots=True)
class InSupport:
    id: int


Place = InChannel | InSupport
"""Where a message is to be sent."""


@dataclass(frozen=True, slots=True)
class Draft:
    """A message that a user has not sent yet; each user has at most one for a place."""

    id: int
    user_id: int
    place: Place
    text: str
    created_at: int
    updated_at: int

    @property
    def channel_id(self) -> int | None:
        return self.place.id if isinstance(self.place, InChannel) else None

    @property
    def support_id(self) -> int | None:
        return self.place.id if isinstance(self.place, InSupport) else None


@dataclass(frozen=True, slots=True)
class NamedValue:
    """An info about a user, which is a text, or a setting of their widget, which is any JSON."""

    id: int
    user_id: int
    name: str
    value: Any


class Relation(StrEnum):
    """What belongs to a user, and of which kind it is."""

    SUPPORTS = "supports"  # as the agent
    SUPPORTED = "supported"  # supports, as the customer
    SUPPORT_ROOMS = "support_rooms"  # channels of the supports
    MEMOS = "memos"  # about the user
    DRAFTS = "drafts"  # for channels
    SUPPORT_DRAFTS = "support_drafts"
    INFOS = "infos"
    WIDGET_SETTINGS = "widget_settings"
    STARRED_ROOMS = "starred_rooms"  # channels
    STARRED_CUSTOMERS = "starred_customers"  # users
    ROOMS = "rooms"  # channels of which the user is a member
    MEMBERS = "members"  # memberships of the user


Related = Support | Memo | Draft | NamedValue | Channel | Membership | User


# Rules of fields


def check_text(value: Any, limit: int) -> str:
    """What people write, in lines. Raises Invalid."""
    return _checked("text", lambda: _prose(value, 1, limit))


def check_name(value: Any) -> str:
    """Raises Invalid."""
    return _checked("name", lambda: _name(value))


def check_info(value: Any, limit: int) -> str:
    """Raises Invalid."""
    return _checked("value", lambda: _prose(value, 0, limit))


def check_setting(value: Any, max_bytes: int) -> Any:
    """Any JSON. Raises Invalid."""
    return _checked("value", lambda: _json(value, max_bytes))


CHECKS: Mapping[Relation, Callable[[Any, int], Any]] = {
    Relation.INFOS: check_info,
    Relation.WIDGET_SETTINGS: check_setting,
}
"""How the values of each kind that has names are checked."""


def _checked(field: str, rule: Callable[[], T]) -> T:
    try:
        return rule()
    except Refused as refusal:
        raise Invalid(Problem(field, str(refusal))) from refusal


def _prose(value: Any, least: int, most: int) -> str:
    if not isinstance(value, str):
        raise Refused("must be a string")
    if not least <= len(value) <= most:
        raise Refused(f"must have {least} to {most} characters")
    if any(char == "\0" or "\ud800" <= char <= "\udfff" for char in value):
        raise Refused("must have no NUL and no half of a surrogate pair")
    return value


def _name(value: Any) -> str:
    text = read_text(value, NAME_MAX)
    if not text.strip() or text != text.strip() or text in (".", ".."):
        raise Refused("must be a word that a URL can carry, without spaces around it")
    return text


def _json(value: Any, max_bytes: int) -> Any:
    if len(json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()) > max_bytes:
        raise Refused(f"must take at most {max_bytes} bytes as JSON")
    return value
