"""Users as this dialect tells of them: the person, their profile and their open supports together."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any
from urllib.parse import quote
from zoneinfo import ZoneInfo

from chatsrv.api.dialect import Call
from chatsrv.domain.instants import EPOCH
from chatsrv.domain.listing import Filter, Operator, UserQuery
from chatsrv.domain.presence import Person, PresenceStatus, Viewer
from chatsrv.domain.profiles import Profile
from chatsrv.domain.users import AccountStatus, User

NOBODY = Viewer(0)
"""No user has this id: whoever is invisible is offline here to everybody, even to themselves."""

STATUS_WORDS: Mapping[PresenceStatus, str] = {
    PresenceStatus.ONLINE: "online",
    PresenceStatus.AWAY: "away",
    PresenceStatus.DND: "away",
}

DEFAULT_AVATAR = "data:image/svg+xml," + quote(
    "<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 8 8' fill='#999'>"
    "<circle cx='4' cy='3' r='1.7'/><path d='M1 8a3 3 0 0 1 6 0'/></svg>"
)
"""It carries its own picture: no server has to be asked for it."""


@dataclass(frozen=True, slots=True)
class Somebody:
    """A user with everything that their attributes tell."""

    person: Person
    profile: Profile
    active_supports: int

    @property
    def user(self) -> User:
        return self.person.user

    @property
    def id(self) -> int:
        return self.user.id


async def complete(call: Call, people: Sequence[Person]) -> list[Somebody]:
    """Two queries, however many they are."""
    ids = [person.user.id for person in people]
    profiles = await call.services.profiles.get_many(ids)
    active = await call.services.supports.count_active(ids)
    return [Somebody(person, profiles[person.user.id], active[person.user.id]) for person in people]


async def find(call: Call, ids: Sequence[int]) -> list[Somebody]:
    return await complete(call, await _find_people(call, ids, with_presence=True))


async def tell_types(call: Call, ids: Sequence[int]) -> Mapping[int, str]:
    people = await _find_people(call, ids, with_presence=False)
    return {person.user.id: name_type(person.user) for person in people}


async def _find_people(call: Call, ids: Sequence[int], *, with_presence: bool) -> tuple[Person, ...]:
    """In order of id."""
    if not ids:
        return ()
    query = UserQuery(len(ids), filters=(Filter("id", Operator.IN, tuple(ids)),), with_presence=with_presence)
    return (await call.services.users.page(call.app.id, query, NOBODY)).people


def name_type(user: User) -> str:
    return "administrators" if user.is_admin else "customers"


def type_of(somebody: Somebody) -> str:
    return name_type(somebody.user)


# Attributes


def _gravatar_id(email: str | None) -> str:
    return hashlib.md5(email.lower().encode(), usedforsecurity=False).hexdigest() if email else ""


def _local_time(at_ms: int, zone_name: str | None) -> str:
    """`2018-11-19T13:43:16.066+09:00`, or with `Z` where it is UTC."""
    local = (EPOCH + timedelta(milliseconds=at_ms)).astimezone(_zone(zone_name))
    return _write_utc(local) if local.tzinfo is UTC else local.isoformat(timespec="milliseconds")


def _write_utc(local: datetime) -> str:
    return local.replace(tzinfo=None).isoformat(timespec="milliseconds") + "Z"


def _zone(name: str | None) -> tzinfo:
    """UTC where nobody knows the zone: any text may have been written in another dialect."""
    if not name or name in ("UTC", "Etc/UTC"):
        return UTC
    try:
        return ZoneInfo(name)
    except (LookupError, ValueError, OSError):
        return UTC


ATTRIBUTES: Mapping[str, Callable[[Somebody], Any]] = {
    "uuid": lambda one: one.user.uuid,
    "username": lambda one: one.user.username,
    "full_name": lambda one: one.user.full_name or None,
    "name": lambda one: one.user.display_name,
    "gravatar_id": lambda one: _gravatar_id(one.user.email),
    "email": lambda one: one.user.email,
    "avatar_url": lambda one: one.user.avatar,
    "default_avatar_url": lambda _: DEFAULT_AVATAR,
    "user_type": lambda one: "Administrator" if one.user.is_admin else "Customer",
    "status": lambda one: STATUS_WORDS.get(one.person.presence.status, "offline"),
    "max_support_count": lambda one: one.profile.max_support_count,
    "active_supports_count": lambda one: one.active_supports,
    "timezone": lambda one: one.user.timezone,
    "in_training": lambda one: one.profile.in_training,
    "is_active": lambda one: one.user.status is AccountStatus.ACTIVE,
    "created_at": lambda one: _local_time(one.user.created_at, one.user.timezone),
    "created_at_unix": lambda one: one.user.created_at // 1000,
    "language": lambda one: one.user.language,
    "last_seen_location": lambda one: one.profile.last_seen_location,
    "recent_room_id": lambda one: _text_or_none(one.profile.recent_channel_id),
    "sound_notification": lambda one: one.profile.sound_notification,
    "info": lambda one: one.profile.info or {},
    "notification_email": lambda one: one.profile.notification_email,
}
"""In the order of the original documents."""


def _text_or_none(id_: int | None) -> str | None:
    return None if id_ is None else str(id_)
