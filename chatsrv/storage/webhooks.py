"""Webhooks in SQL: their rows, and the numbers of their app's events. A function is a verb on one transaction."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import fields
from typing import Any

from sqlalchemy import Row, delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from chatsrv.domain.webhooks import EventType, Webhook
from chatsrv.storage.schema import apps, event_sequences, webhook_deliveries, webhooks
from chatsrv.storage.touched import touch

NAMES = tuple(field.name for field in fields(Webhook))
COLUMNS = tuple(webhooks.c[name] for name in NAMES)
LASTING = frozenset(("url", "events", "active"))
"""What decides of which events there are rows: where it changes, all that is remembered of the app is old."""


async def add(tx: AsyncConnection, app_id: str, values: Mapping[str, Any]) -> Webhook:
    """The app is held. With its first webhook the app begins to count."""
    fresh = {
        "old_secret": None,
        "old_secret_ends_at": 0,
        "disabled_reason": None,
        "last_delivery_at": 0,
        "failing_since": 0,
        "failures": 0,
        "paused_until": 0,
        "leased_by": "",
        "leased_until": 0,
    }
    if await last_number(tx, app_id) is None:
        await tx.execute(insert(event_sequences).values(app_id=app_id, last=0))
    statement = insert(webhooks).values(app_id=app_id, **fresh, **_columns(values)).returning(*COLUMNS)
    row = (await tx.execute(statement)).one()
    touch(tx, app_id)
    return _to_webhook(row)


async def hold_app(tx: AsyncConnection, app_id: str) -> bool:
    """Whether there is such an app. Nobody else makes a webhook of it until the transaction ends; rows that name it may
    be written, or those who hold its numbers would be locked out.
    """
    statement = select(apps.c.id).where(apps.c.id == app_id).with_for_update(key_share=True)
    return (await tx.execute(statement)).one_or_none() is not None


async def get(tx: AsyncConnection, app_id: str, webhook_id: int) -> Webhook | None:
    row = (await tx.execute(select(*COLUMNS).where(_is(app_id, webhook_id)))).one_or_none()
    return _to_webhook(row) if row else None


async def get_for_update(tx: AsyncConnection, app_id: str, webhook_id: int) -> Webhook | None:
    """The row stays ours until the transaction ends; rows that name it may be written."""
    statement = select(*COLUMNS).where(_is(app_id, webhook_id)).with_for_update(key_share=True)
    row = (await tx.execute(statement)).one_or_none()
    return _to_webhook(row) if row else None


def _is(app_id: str, webhook_id: int) -> Any:
    return (webhooks.c.id == webhook_id) & (webhooks.c.app_id == app_id)


async def find_all(tx: AsyncConnection, app_id: str) -> list[Webhook]:
    """Of the app, the oldest first."""
    statement = select(*COLUMNS).where(webhooks.c.app_id == app_id).order_by(webhooks.c.id)
    return [_to_webhook(row) for row in await tx.execute(statement)]


async def count(tx: AsyncConnection, app_id: str) -> int:
    return (await tx.execute(select(func.count()).where(webhooks.c.app_id == app_id))).scalar_one()


async def find_active(tx: AsyncConnection) -> list[Webhook]:
    """Of all apps."""
    return [_to_webhook(row) for row in await tx.execute(select(*COLUMNS).where(webhooks.c.active))]


async def change(tx: AsyncConnection, webhook_id: int, values: Mapping[str, Any]) -> Webhook:
    """Sets these fields of a webhook whose row is locked."""
    statement = update(webhooks).where(webhooks.c.id == webhook_id).values(**_columns(values)).returning(*COLUMNS)
    webhook = _to_webhook((await tx.execute(statement)).one())
    if not LASTING.isdisjoint(values):
        touch(tx, webhook.app_id)
    return webhook


async def remove(tx: AsyncConnection, webhook: Webhook) -> None:
    """With all that was to go there. The app's numbers are held: nobody writes an event for it meanwhile."""
    await tx.execute(delete(webhooks).where(webhooks.c.id == webhook.id))
    touch(tx, webhook.app_id)


async def last_number(tx: AsyncConnection, app_id: str) -> int | None:
    """That of the app's newest event; nobody else takes one until the transaction ends. None where nobody counts."""
    statement = select(event_sequences.c.last).where(event_sequences.c.app_id == app_id)
    return (await tx.execute(statement.with_for_update(key_share=True))).scalar_one_or_none()


async def take_numbers(tx: AsyncConnection, app_id: str, last: int) -> None:
    """The newest event has this one now."""
    await tx.execute(update(event_sequences).where(event_sequences.c.app_id == app_id).values(last=last))


async def find_waiting(tx: AsyncConnection, now: int, most: int) -> list[int]:
    """Webhooks with something due to which nobody sends, those first that were served the longest ago."""
    has_due = select(webhook_deliveries.c.id).where(
        webhook_deliveries.c.webhook_id == webhooks.c.id, webhook_deliveries.c.next_attempt_at <= now
    )
    statement = select(webhooks.c.id).where(_is_free(now), has_due.exists())
    return list((await tx.execute(statement.order_by(webhooks.c.leased_until).limit(most))).scalars())


async def lease(tx: AsyncConnection, ids: Iterable[int], owner: str, now: int, until: int) -> list[Webhook]:
    """Those of them that nobody else took meanwhile are the owner's until then."""
    free = select(webhooks.c.id).where(webhooks.c.id.in_(list(ids)), _is_free(now))
    mine = (await tx.execute(free.with_for_update(key_share=True, skip_locked=True))).scalars().all()
    statement = update(webhooks).where(webhooks.c.id.in_(mine)).values(leased_by=owner, leased_until=until)
    return [_to_webhook(row) for row in await tx.execute(statement.returning(*COLUMNS))] if mine else []


def _is_free(now: int) -> Any:
    return webhooks.c.active & (webhooks.c.leased_until <= now) & (webhooks.c.paused_until <= now)


async def release(tx: AsyncConnection, owner: str, now: int, ids: Iterable[int]) -> None:
    """Others may send to those of them that are still the owner's from now on."""
    statement = update(webhooks).where(webhooks.c.leased_by == owner, webhooks.c.id.in_(list(ids)))
    await tx.execute(statement.values(leased_by="", leased_until=now))


async def note_success(tx: AsyncConnection, webhook_id: int, owner: str, now: int, until: int) -> None:
    """The receiver is well, whatever was before; the owner's lease goes on."""
    await tx.execute(
        update(webhooks)
        .where(webhooks.c.id == webhook_id)
        .values(last_delivery_at=now, failing_since=0, failures=0, paused_until=0)
    )
    await _renew(tx, webhook_id, owner, until)


async def note_failure(tx: AsyncConnection, webhook_id: int, owner: str, values: Mapping[str, Any], until: int) -> None:
    await tx.execute(update(webhooks).where(webhooks.c.id == webhook_id).values(**values))
    await _renew(tx, webhook_id, owner, until)


async def _renew(tx: AsyncConnection, webhook_id: int, owner: str, until: int) -> None:
    mine = update(webhooks).where(webhooks.c.id == webhook_id, webhooks.c.leased_by == owner)
    await tx.execute(mine.values(leased_until=until))


def _columns(values: Mapping[str, Any]) -> dict[str, Any]:
    columns = dict(values)
    if "events" in columns:
        columns["events"] = " ".join(columns["events"])
    return columns


def _to_webhook(row: Row[Any]) -> Webhook:
    values = dict(zip(NAMES, row, strict=True))
    return Webhook(**{**values, "events": tuple(EventType(word) for word in row.events.split())})
