"""Events and their way to webhooks, in SQL. A function is a verb on one transaction."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from chatsrv.domain.webhooks import Delivery, DeliveryQuery, DeliveryStatus, Due, Event, Replay
from chatsrv.storage.schema import webhook_deliveries as deliveries
from chatsrv.storage.schema import webhook_events as events
from chatsrv.storage.schema import webhooks

AGAIN = {"attempts": 0, "last_status": None, "last_error": None, "delivered_at": 0}
"""A delivery that begins anew."""


@dataclass(frozen=True, slots=True)
class Queue:
    """What is open of one webhook: how many, and when the oldest of them was made (ms)."""

    webhook_id: int
    length: int
    oldest_at: int


@dataclass(frozen=True, slots=True)
class Failing:
    """A webhook whose last attempt went wrong, and what its receiver said, as far as that is still known."""

    webhook_id: int
    app_id: str
    error: str


async def add(
    tx: AsyncConnection, made: Sequence[Event], receivers: Mapping[str, Collection[int]], give_up_at: int, now: int
) -> None:
    """Events whose numbers are held, and a delivery of each to each of its `receivers` (webhooks by event id)."""
    await tx.execute(insert(events), [asdict(event) for event in made])
    rows = [
        {
            "webhook_id": webhook_id,
            "event_id": event.id,
            "seq": event.seq,
            "status": DeliveryStatus.PENDING.value,
            **AGAIN,
            "next_attempt_at": now,
            "give_up_at": give_up_at,
            "created_at": now,
        }
        for event in made
        for webhook_id in receivers[event.id]
    ]
    await tx.execute(insert(deliveries), rows)


async def find_due(tx: AsyncConnection, webhook_id: int, now: int, most: int) -> list[Due]:
    """In the order of their numbers."""
    # chosen first: the bodies of a long queue would be read, and sorted, for the few at its head
    chosen = (
        select(deliveries.c.id)
        .where(deliveries.c.webhook_id == webhook_id, deliveries.c.next_attempt_at <= now)
        .order_by(deliveries.c.seq)
        .limit(most)
    )
    statement = (
        select(*(deliveries.c[field.name] for field in fields(Due) if field.name != "body"), events.c.body)
        .join(events, events.c.id == deliveries.c.event_id)
        .where(deliveries.c.id.in_(chosen))
        .order_by(deliveries.c.seq)
    )
    return [Due(**row._mapping) for row in await tx.execute(statement)]


async def settle(tx: AsyncConnection, due: Due, values: Mapping[str, Any]) -> bool:
    """What came of an attempt; False where somebody else has settled it, or replayed it, meanwhile."""
    statement = update(deliveries).where(
        deliveries.c.id == due.id, deliveries.c.attempts == due.attempts, deliveries.c.next_attempt_at.is_not(None)
    )
    return bool((await tx.execute(statement.values(**values))).rowcount)


async def page(tx: AsyncConnection, webhook_id: int, query: DeliveryQuery) -> list[Delivery]:
    statement = _deliveries().where(deliveries.c.webhook_id == webhook_id)
    if query.status is not None:
        statement = statement.where(deliveries.c.status == query.status.value)
    if query.before is not None:
        statement = statement.where(deliveries.c.id < query.before)
    found = await tx.execute(statement.order_by(deliveries.c.id.desc()).limit(query.limit))
    return [_to_delivery(row) for row in found]


async def get(tx: AsyncConnection, webhook_id: int, delivery_id: int) -> Delivery | None:
    statement = _deliveries().where(deliveries.c.id == delivery_id, deliveries.c.webhook_id == webhook_id)
    row = (await tx.execute(statement)).one_or_none()
    return _to_delivery(row) if row else None


async def replay(tx: AsyncConnection, webhook_id: int, which: Replay | int, now: int, give_up_at: int) -> int:
    """Makes them due once more, as if nobody had tried; how many. `which`: a range, or the id of one.

    What waits for its next attempt anyway is not hurried by a range, only by its own id.
    """
    statement = update(deliveries).where(deliveries.c.webhook_id == webhook_id, _is_meant(which))
    fresh = {**AGAIN, "status": DeliveryStatus.PENDING.value, "next_attempt_at": now, "give_up_at": give_up_at}
    return (await tx.execute(statement.values(**fresh))).rowcount


def _is_meant(which: Replay | int) -> ColumnElement[bool]:
    if isinstance(which, int):
        return deliveries.c.id == which
    meant = deliveries.c.next_attempt_at.is_(None) & (deliveries.c.created_at >= which.since)
    if which.until:
        meant &= deliveries.c.created_at <= which.until
    if which.status is not None:
        meant &= deliveries.c.status == which.status.value
    return meant


async def give_up(tx: AsyncConnection, webhook_id: int, why: str, most: int | None = None) -> int:
    """Makes no further attempt at what is open; at the oldest `most` of it, if that is given. How many."""
    open_ = select(deliveries.c.id).where(
        deliveries.c.webhook_id == webhook_id, deliveries.c.next_attempt_at.is_not(None)
    )
    if most is not None:
        open_ = open_.order_by(deliveries.c.seq).limit(most)
    return await _fail(tx, open_, why)


async def give_up_old(tx: AsyncConnection, now: int, why: str, most: int) -> int:
    """The same of what is over its time, where the receiver is failing: else it is tried once more."""
    over = (
        select(deliveries.c.id)
        .join(webhooks, webhooks.c.id == deliveries.c.webhook_id)
        .where(webhooks.c.failing_since != 0, deliveries.c.next_attempt_at.is_not(None))
        .where(deliveries.c.give_up_at < now, webhooks.c.leased_until <= now)
        .limit(most)
    )
    return await _fail(tx, over, why)


async def _fail(tx: AsyncConnection, ids: Select[tuple[int]], why: str) -> int:
    statement = update(deliveries).where(deliveries.c.id.in_(ids))
    failed = {"status": DeliveryStatus.FAILED.value, "next_attempt_at": None, "last_error": why}
    return (await tx.execute(statement.values(**failed))).rowcount


async def queues(tx: AsyncConnection) -> list[Queue]:
    """Of every webhook with anything open."""
    statement = (
        select(
            deliveries.c.webhook_id,
            func.count().label("length"),
            func.min(deliveries.c.created_at).label("oldest_at"),
        )
        .where(deliveries.c.next_attempt_at.is_not(None))
        .group_by(deliveries.c.webhook_id)
    )
    return [Queue(row.webhook_id, row.length, row.oldest_at) for row in await tx.execute(statement)]


async def failing(tx: AsyncConnection, most: int) -> list[Failing]:
    """Of those webhooks that are sent to, the first so many."""
    newest_error = (
        select(deliveries.c.last_error)
        .where(deliveries.c.webhook_id == webhooks.c.id, deliveries.c.last_error.is_not(None))
        .order_by(deliveries.c.id.desc())
        .limit(1)
        .scalar_subquery()
    )
    statement = select(webhooks.c.id, webhooks.c.app_id, func.coalesce(newest_error, ""))
    statement = statement.where(webhooks.c.active, webhooks.c.failing_since != 0).order_by(webhooks.c.id).limit(most)
    return [Failing(*row) for row in await tx.execute(statement)]


async def forget_before(tx: AsyncConnection, instant: int, most: int) -> int:
    """Deletes at most so many events that are older (ms), with their deliveries; how many those were."""
    old = select(events.c.id).where(events.c.created_at < instant).order_by(events.c.created_at).limit(most)
    return (await tx.execute(delete(events).where(events.c.id.in_(old)))).rowcount


def _deliveries() -> Select[Any]:
    names = (field.name for field in fields(Delivery) if field.name != "type")
    return select(*(deliveries.c[name] for name in names), events.c.type).join(
        events, events.c.id == deliveries.c.event_id
    )


def _to_delivery(row: Row[Any]) -> Delivery:
    values = dict(row._mapping)
    status, next_at = DeliveryStatus(values["status"]), values["next_attempt_at"] or 0
    return Delivery(**{**values, "status": status, "next_attempt_at": next_at})
