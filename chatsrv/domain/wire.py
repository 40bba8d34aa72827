"""The native dialect's words, the same over REST and over sockets: error codes, and a person's fields."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from chatsrv.domain import errors
from chatsrv.domain.errors import ChatError, Distrust
from chatsrv.domain.instants import to_text, to_text_or_none
from chatsrv.domain.presence import Person, Presence, PresenceStatus

CODES: Mapping[type[ChatError], tuple[int, int, str]] = {
    errors.Malformed: (400, 40000, "BadRequest"),
    errors.Invalid: (400, 40003, "BadParam"),
    errors.WrongUser: (400, 40005, "BadUsernameInToken"),
    errors.MetadataTooLarge: (400, 40013, "TooLargeMetadata"),
    errors.Forbidden: (403, 40105, "NotAllowed"),
    errors.Inactive: (403, 40301, "InactiveUser"),
    errors.UserNotFound: (404, 40015, "UserNotExists"),
    errors.NotFound: (404, 40400, "ItemNotFound"),
    errors.MethodNotAllowed: (405, 40500, "MethodNotAllowed"),
    errors.Conflict: (409, 40900, "AlreadyExists"),
    errors.OwnsServers: (409, 40901, "OwnsServers"),
    errors.WrongState: (409, 40902, "WrongState"),
    errors.TooLarge: (413, 41300, "TooLarge"),
    errors.UnsupportedMediaType: (415, 41500, "UnsupportedMediaType"),
    errors.TooManyRequests: (429, 42900, "TooManyRequests"),
    errors.Unavailable: (503, 50300, "Unavailable"),
}

DISTRUST_CODES: Mapping[Distrust, tuple[int, str]] = {
    Distrust.MISSING: (1302, "Unauthorized"),
    Distrust.UNKNOWN_KEY: (1302, "Unauthorized"),
    Distrust.BAD_TOKEN: (1021, "InvalidToken"),
    Distrust.REVOKED_TOKEN: (1021, "InvalidToken"),
    Distrust.EXPIRED_TOKEN: (1020, "ExpiredToken"),
    Distrust.EARLY_TOKEN: (40103, "TokenNotActive"),
    Distrust.NO_SUCH_USER: (40015, "UserNotExists"),
}

INTERNAL = (500, 50001, "InternalError")


def code_of(error: Exception) -> tuple[int, int, str]:
    """HTTP status, code and type; what is no ChatError is an internal error."""
    if isinstance(error, errors.Unauthenticated):
        return (401, *DISTRUST_CODES[error.reason])
    return next((CODES[kind] for kind in type(error).__mro__ if kind in CODES), INTERNAL)


def describe(error: ChatError) -> dict[str, Any]:
    """`code`, `type`, `message`, and `errors` where single fields are wrong."""
    _, code, type_ = code_of(error)
    described: dict[str, Any] = {"code": code, "type": type_, "message": str(error)}
    if isinstance(error, errors.Invalid):
        described["errors"] = [{"field": problem.field, "message": problem.message} for problem in error.problems]
    if isinstance(error, errors.Conflict):
        described["errors"] = [{"field": error.field, "message": "has already been taken"}]
    return described


USER: tuple[str, ...] = (
    "username",
    "first_name",
    "last_name",
    "avatar",
    "created_at",
    "updated_at",
    "last_login_at",
    "presence_status",
)
"""The user, in the order of the original documents."""

SUMMARY: tuple[str, ...] = (
    "avatar",
    "created_at",
    "first_name",
    "last_name",
    "role",
    "status",
    "updated_at",
    "username",
)

FIELDS: Mapping[str, Callable[[Person], Any]] = {
    "id": lambda person: person.user.id,
    "uuid": lambda person: person.user.uuid,
    "username": lambda person: person.user.username,
    "first_name": lambda person: person.user.first_name,
    "last_name": lambda person: person.user.last_name,
    "name": lambda person: person.user.name,
    "email": lambda person: person.user.email,
    "external_id": lambda person: person.user.external_id,
    "avatar": lambda person: person.user.avatar,
    "role": lambda person: person.user.role,
    "status": lambda person: int(person.user.status),
    "metadata": lambda person: person.user.metadata,
    "language": lambda person: person.user.language,
    "timezone": lambda person: person.user.timezone,
    "created_at": lambda person: to_text(person.user.created_at),
    "updated_at": lambda person: to_text(person.user.updated_at),
    "last_login_at": lambda person: to_text_or_none(person.presence.clocks.last_login_at),
    "last_active_at": lambda person: to_text_or_none(person.presence.clocks.last_active_at),
    "last_seen_at": lambda person: to_text_or_none(person.presence.clocks.last_seen_at),
    "presence_changed_at": lambda person: to_text_or_none(person.presence.clocks.presence_changed_at),
    "presence_status": lambda person: int(person.presence.status),
    "text": lambda person: person.presence.display.text,
    "emoji": lambda person: person.presence.display.emoji,
    "devices": lambda person: list(person.presence.devices),
}
"""Every field that can be asked for."""

PRESENCE_FIELDS = frozenset(FIELDS) - {
    "id", "uuid", "username", "first_name", "last_name", "name", "email", "external_id", "avatar", "role", "status",
    "metadata", "language", "timezone", "created_at", "updated_at",
}  # fmt: skip
"""Those that need a look at the presence."""


def render_presence(person: Person) -> dict[str, Any]:
    """What one viewer is told of one user."""
    shown, clocks = person.presence.display, person.presence.clocks
    return {
        "username": person.user.username,
        "presence_status": int(shown.status),
        "text": shown.text,
        "emoji": shown.emoji,
        "expires_at": to_text_or_none(shown.expires_at),
        "last_login_at": to_text_or_none(clocks.last_login_at),
        "last_active_at": to_text_or_none(clocks.last_active_at),
        "last_seen_at": to_text_or_none(clocks.last_seen_at),
        "presence_changed_at": to_text_or_none(clocks.presence_changed_at),
        "devices": list(person.presence.devices),
    }


def render_change(username: str, presence: Presence) -> dict[str, Any]:
    """A change; `last_seen_at` is null while they are there, for that is now."""
    shown, clocks = presence.display, presence.clocks
    is_here = shown.status is not PresenceStatus.OFFLINE
    return {
        "username": username,
        "presence_status": int(shown.status),
        "text": shown.text,
        "emoji": shown.emoji,
        "last_active_at": to_text_or_none(clocks.last_active_at),
        "last_seen_at": None if is_here else to_text_or_none(clocks.last_seen_at),
        "changed_at": to_text_or_none(clocks.presence_changed_at),
        "devices": list(presence.devices),
    }


def render_roll(epoch: str, version: int, full: bool, people: Iterable[Person]) -> dict[str, Any]:
    """`users` in full, or `changes` alone."""
    head: dict[str, Any] = {"epoch": epoch, "version": version, "full": full}
    if full:
        return {**head, "users": [render_presence(person) for person in people]}
    return {**head, "changes": [render_change(person.user.username, person.presence) for person in people]}


def render(person: Person, fields: Iterable[str] = USER) -> dict[str, Any]:
    return {name: FIELDS[name](person) for name in fields}
