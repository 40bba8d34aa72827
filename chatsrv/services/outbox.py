"""The outbox: what happens in an app becomes an event of its webhooks, in the transaction in which it happens.

Events have numbers without gaps, and so those who write events of one app take turns: the numbers are taken last, just
before the commit. Apps that nobody wants to hear of cost a look into memory.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import msgspec
from uuid_utils import uuid7

from chatsrv.domain.clock import Clock
from chatsrv.domain.history import Noted, Seen, SessionSeen
from chatsrv.domain.instants import NEVER, to_text, to_text_or_none
from chatsrv.domain.users import AccountStatus, User
from chatsrv.domain.webhooks import USER_EVENTS, Draft, Event, EventType, Webhook, wanted_by
from chatsrv.settings import Settings
from chatsrv.storage import deliveries as delivery_rows
from chatsrv.storage import users as user_rows
from chatsrv.storage import webhooks as rows
from chatsrv.storage import written
from chatsrv.storage.database import Transaction
from chatsrv.storage.written import UserWritten, Written

REMEMBERED_MAX = 10_000
EVENT_PREFIX = "evt_"

TOLD = (
    "id",
    "uuid",
    "username",
    "first_name",
    "last_name",
    "name",
    "email",
    "external_id",
    "avatar",
    "role",
    "status",
    "state",
    "metadata",
    "language",
    "timezone",
)
"""What an event tells of a user, beside the instants; where one of these changes, an event tells so."""


class Outbox:
    """`stir` is called after each commit that leaves something to deliver."""

    def __init__(self, settings: Settings, clock: Clock) -> None:
        self._clock = clock
        self._give_up_ms = int(settings.webhook_give_up_s * 1000)
        self._trusted_ms = settings.credential_cache_s * 1000
        self._wanted: dict[str, tuple[int, frozenset[EventType]]] = {}
        self._changes = 0
        self.stir: Callable[[], None] = lambda: None

    def forget(self, app_id: str) -> None:
        """The app's webhooks may have changed."""
        self._changes += 1
        self._wanted.pop(app_id, None)

    async def note(self, tx: Transaction, app_id: str, changes: Sequence[Noted]) -> None:
        """What the change log says of presence and sessions: a listener of the chronicle."""
        wanted = await self._what_is_wanted(tx, app_id)
        for item in changes:
            type_ = _type_of(item)
            if type_ in wanted:
                at = item.changed_at if isinstance(item, Seen) else item.at
                written.note(tx, Draft(app_id, type_, at, _tell(item)))

    async def before_commit(self, tx: Transaction) -> Callable[[], None] | None:
        """Writes the events of whatever the transaction noted; returns what is to be called when it has committed."""
        by_app: dict[str, list[Written]] = {}
        for item in written.take(tx):
            by_app.setdefault(item.app_id, []).append(item)
        # always in the same order: two that wait for each other's numbers would lock each other out
        count = 0
        for app_id in sorted(by_app):
            count += await self._write_app(tx, app_id, by_app[app_id])
        return self.stir if count else None

    async def _write_app(self, tx: Transaction, app_id: str, items: Sequence[Written]) -> int:
        """How many events those are."""
        drafts = [item for item in items if isinstance(item, Draft)]
        people = [item for item in items if isinstance(item, UserWritten)]
        if people and not USER_EVENTS.isdisjoint(await self._what_is_wanted(tx, app_id)):
            drafts += await self._tell_of_users(tx, app_id, people)
        return await self._write(tx, app_id, drafts) if drafts else 0

    async def _what_is_wanted(self, tx: Transaction, app_id: str) -> frozenset[EventType]:
        """As of up to `credential_cache_s` ago, where no node told of a change."""
        now, changes = self._clock.now(), self._changes
        read_at, wanted = self._wanted.get(app_id, (NEVER, frozenset()))
        if read_at and 0 <= now - read_at < self._trusted_ms:
            return wanted
        wanted = wanted_by(await rows.find_all(tx, app_id))
        if len(self._wanted) >= REMEMBERED_MAX:
            self._wanted.clear()
        if changes == self._changes:  # else it may have been read just before the change
            self._wanted[app_id] = now, wanted
        return wanted

    async def _tell_of_users(self, tx: Transaction, app_id: str, items: Iterable[UserWritten]) -> list[Draft]:
        found = await _look_up(tx, app_id, items)
        now = self._clock.now()
        return [Draft(app_id, type_, now, data) for item in found for type_, data in _events_of(item)]

    async def _write(self, tx: Transaction, app_id: str, drafts: Sequence[Draft]) -> int:
        last = await rows.last_number(tx, app_id)
        # only now that nobody else can make or delete one
        webhooks = await rows.find_all(tx, app_id)
        aims = [(draft, _receivers(draft, webhooks)) for draft in drafts]
        meant = [(draft, receivers) for draft, receivers in aims if receivers]
        if last is None or not meant:
            return 0
        now = self._clock.now()
        made = [_make(draft, seq, now) for seq, (draft, _) in enumerate(meant, last + 1)]
        receivers = {event.id: ids for event, (_, ids) in zip(made, meant, strict=True)}
        await delivery_rows.add(tx, made, receivers, now + self._give_up_ms, now)
        await rows.take_numbers(tx, app_id, last + len(made))
        return len(made)


async def _look_up(tx: Transaction, app_id: str, items: Iterable[UserWritten]) -> list[UserWritten]:
    """One for each user, from what they were at first to what they are at last."""
    merged: dict[str, UserWritten] = {}
    for item in items:
        known = item.before or item.after
        key = known.uuid if known else item.uuid
        first = merged.get(key)
        merged[key] = replace(item, before=first.before) if first else item
    ids = [item.user_id for item in merged.values() if not item.after and item.user_id]
    uuids = [item.uuid for item in merged.values() if not item.after and item.uuid]
    people = await user_rows.find_by_id(tx, ids, with_discarded=True) if ids else []
    people += await user_rows.find_by_uuid(tx, app_id, uuids) if uuids else []
    found: dict[int | str, User] = {user.id: user for user in people} | {user.uuid: user for user in people}
    return [
        item if item.after or item.is_gone else replace(item, after=found.get(item.user_id or item.uuid))
        for item in merged.values()
    ]


def _events_of(item: UserWritten) -> Iterator[tuple[EventType, dict[str, Any]]]:
    before, after = item.before, item.after
    if after is None:
        if before and item.is_gone:
            yield EventType.USER_DELETED, {**_describe(before), "permanent": True}
    elif before is None:
        yield EventType.USER_CREATED, _describe(after)
    elif before.discarded_at != after.discarded_at:
        yield _discarded_or_restored(after)
    else:
        yield from _changes_of(before, after)


def _discarded_or_restored(user: User) -> tuple[EventType, dict[str, Any]]:
    if user.discarded_at != NEVER:
        return EventType.USER_DELETED, {**_describe(user), "permanent": False}
    return EventType.USER_RESTORED, _describe(user)


def _changes_of(before: User, after: User) -> Iterator[tuple[EventType, dict[str, Any]]]:
    """One that is deactivated, or active again, has an event of its own; whatever else changed comes after it."""
    was, described = _describe(before), _describe(after)
    changed = {name: was[name] for name in TOLD if was[name] != described[name]}
    if before.status != after.status:
        is_active = after.status is AccountStatus.ACTIVE
        yield EventType.USER_REACTIVATED if is_active else EventType.USER_DEACTIVATED, described
        changed = {name: value for name, value in changed.items() if name not in ("status", "state")}
    if changed:
        yield EventType.USER_UPDATED, {**described, "before": changed}


def _describe(user: User) -> dict[str, Any]:
    """As the native dialect writes a user, without their presence, and with the word of their state."""
    told = {name: getattr(user, name) for name in TOLD}
    words = {"status": int(user.status), "state": user.state.value}
    return {**told, **words, "created_at": to_text(user.created_at), "updated_at": to_text(user.updated_at)}


def _type_of(item: Noted) -> EventType:
    if isinstance(item, Seen):
        return EventType.PRESENCE_CHANGED
    return EventType.SESSION_OPENED if item.kind == "opened" else EventType.SESSION_CLOSED


def _tell(item: Noted) -> dict[str, Any]:
    return _tell_presence(item) if isinstance(item, Seen) else _tell_session(item)


def _tell_presence(seen: Seen) -> dict[str, Any]:
    return {
        "username": seen.username,
        "presence_status": int(seen.after),
        "before": int(seen.before),
        "text": seen.text,
        "emoji": seen.emoji,
        "devices": list(seen.devices),
        "last_seen_at": to_text_or_none(seen.last_seen_at),
        "changed_at": to_text(seen.changed_at),
    }


def _tell_session(seen: SessionSeen) -> dict[str, Any]:
    is_closed = seen.kind == "closed"
    return {
        "username": seen.username,
        "session_id": seen.session_id,
        "device": seen.device,
        "client_id": seen.client_id,
        "transport": seen.transport,
        "opened_at": to_text_or_none(seen.opened_at),
        "closed_at": to_text(seen.at) if is_closed else None,
        "reason": seen.reason,
    }


def _receivers(draft: Draft, webhooks: Iterable[Webhook]) -> list[int]:
    if draft.only is not None:
        return [webhook.id for webhook in webhooks if webhook.id == draft.only]
    return [webhook.id for webhook in webhooks if webhook.wants(draft.type)]


def _make(draft: Draft, seq: int, now: int) -> Event:
    event_id = f"{EVENT_PREFIX}{uuid7().hex}"
    body: Mapping[str, Any] = {
        "id": event_id,
        "type": draft.type.value,
        "timestamp": to_text(draft.at),
        "app": draft.app_id,
        "seq": seq,
        "data": draft.data,
    }
    return Event(event_id, draft.app_id, seq, draft.type.value, now, msgspec.json.encode(body).decode())
