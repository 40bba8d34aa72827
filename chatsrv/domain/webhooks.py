"""Webhooks: what an app's backend may be told of, where it goes, and what its receivers have answered."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from chatsrv.domain.instants import NEVER

DESCRIPTION_MAX = 200


class EventType(StrEnum):
    """What an event tells. Words are never given another meaning."""

    USER_CREATED = "user.created"
    USER_UPDATED = "user.updated"
    USER_DEACTIVATED = "user.deactivated"
    USER_REACTIVATED = "user.reactivated"
    USER_DELETED = "user.deleted"
    USER_RESTORED = "user.restored"
    PRESENCE_CHANGED = "presence.changed"
    SESSION_OPENED = "session.opened"
    SESSION_CLOSED = "session.closed"
    PING = "ping"


USER_EVENTS = frozenset(one for one in EventType if one.startswith("user."))
SESSION_EVENTS = frozenset((EventType.SESSION_OPENED, EventType.SESSION_CLOSED))


@dataclass(frozen=True, slots=True)
class Webhook:
    """`events`: what it is told of; none at all is everything. `secret`: `whsec_...`, with which all is signed.

    What was replaced signs along until `old_secret_ends_at`. `failures`: attempts that failed since the last that did
    not; until `paused_until` none is made. `failing_since`: NEVER while the last one went well. Instants in ms.
    """

    id: int
    app_id: str
    url: str
    description: str
    events: tuple[EventType, ...]
    active: bool
    created_at: int
    updated_at: int
    secret: str = field(repr=False)
    old_secret: str | None = field(default=None, repr=False)
    old_secret_ends_at: int = NEVER
    disabled_reason: str | None = None
    last_delivery_at: int = NEVER
    failing_since: int = NEVER
    failures: int = 0
    paused_until: int = NEVER

    def wants(self, type_: EventType) -> bool:
        """Whether events of this type go there; a ping goes to whom it is meant for, whatever it wants."""
        return self.active and type_ is not EventType.PING and (not self.events or type_ in self.events)

    def secrets(self, now: int) -> tuple[str, ...]:
        """Those that sign now, the newest first."""
        is_old_good = self.old_secret and now < self.old_secret_ends_at
        return (self.secret, self.old_secret) if is_old_good and self.old_secret else (self.secret,)


def wanted_by(webhooks: Iterable[Webhook]) -> frozenset[EventType]:
    """Everything that any of them wants."""
    return frozenset(type_ for webhook in webhooks for type_ in EventType if webhook.wants(type_))


@dataclass(frozen=True, slots=True)
class Draft:
    """An event before it has its number. `data` is JSON; `only`: the one webhook that it is for. `at` in ms."""

    app_id: str
    type: EventType
    at: int
    data: Mapping[str, Any]
    only: int | None = None


@dataclass(frozen=True, slots=True)
class Event:
    """As it is kept: `body` is what is sent, word for word, at each attempt. `seq` counts the events of the app."""

    id: str
    app_id: str
    seq: int
    type: str
    created_at: int
    body: str


class DeliveryStatus(StrEnum):
    """`retrying`: at least one attempt failed, and another will be made."""

    PENDING = "pending"
    RETRYING = "retrying"
    DELIVERED = "delivered"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Delivery:
    """One event on its way to one webhook. `attempts`: since it was made or last replayed.

    `last_status`: what was answered last, None where nothing was. `next_attempt_at`: NEVER where there is none.
    """

    id: int
    webhook_id: int
    event_id: str
    seq: int
    type: str
    status: DeliveryStatus
    attempts: int
    last_status: int | None
    last_error: str | None
    next_attempt_at: int
    created_at: int
    delivered_at: int


@dataclass(frozen=True, slots=True)
class Due:
    """A delivery that may be attempted now. After `give_up_at` (ms) no further attempt is made."""

    id: int
    webhook_id: int
    event_id: str
    seq: int
    body: str
    attempts: int
    give_up_at: int


@dataclass(frozen=True, slots=True)
class DeliveryQuery:
    """The newest first. `before`: the id of the last one on the page before."""

    limit: int
    status: DeliveryStatus | None = None
    before: int | None = None


@dataclass(frozen=True, slots=True)
class Replay:
    """Which deliveries are made again: those of events from `since` up to and with `until` (ms; NEVER: no end)."""

    since: int = NEVER
    until: int = NEVER
    status: DeliveryStatus | None = None
