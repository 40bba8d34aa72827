"""Presence history in SQL, read and tidied. A function is a verb on one transaction."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from sqlalchemy import delete, exists, func, or_, select, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from chatsrv.domain.history import After, Interval
from chatsrv.domain.presence import INVISIBLE
from chatsrv.domain.tallies import Bucket, Tally, Width
from chatsrv.storage.chronicle import to_bucket
from chatsrv.storage.records import STATUSES
from chatsrv.storage.schema import presence_counts, presence_now, presence_spans, presence_tallies

MINUTES_KEPT_MS = 48 * 60 * 60 * 1000
SPANS, NOW = presence_spans.c, presence_now.c


async def find_intervals(
    tx: AsyncConnection, user_id: int, from_at: int, to_at: int, after: After | None, most: int
) -> list[tuple[After, Interval]]:
    """Those that have ended and touch from_at <= t < to_at, oldest first, with where each stands in the list."""
    columns = (SPANS.id, SPANS.from_at, SPANS.to_at, SPANS.status, SPANS.text, SPANS.emoji)
    statement = select(*columns).where(SPANS.user_id == user_id, *_touch(from_at, to_at))
    if after:
        statement = statement.where(SPANS.to_at >= after[0], tuple_(SPANS.to_at, SPANS.id) > tuple_(*after))
    rows = await tx.execute(statement.order_by(SPANS.to_at, SPANS.id).limit(most))
    return [((row.to_at, row.id), _to_interval(row, row.to_at)) for row in rows]


def _touch(from_at: int, to_at: int) -> tuple[Any, ...]:
    # what began and ended in the same millisecond is nothing that anybody saw
    return SPANS.to_at > from_at, SPANS.from_at < to_at, SPANS.from_at < SPANS.to_at


async def find_present(tx: AsyncConnection, user_ids: Collection[int]) -> dict[int, Interval]:
    """What of these users has not ended."""
    columns = (NOW.user_id, NOW.since_at.label("from_at"), NOW.status, NOW.text, NOW.emoji)
    rows = await tx.execute(select(*columns).where(NOW.user_id.in_(user_ids)))
    return {row.user_id: _to_interval(row, None) for row in rows}


async def find_intervals_of(
    tx: AsyncConnection, user_ids: Collection[int], from_at: int, to_at: int
) -> list[tuple[int, Interval]]:
    """Of many users, by user and then the oldest first: those that have ended."""
    columns = (SPANS.user_id, SPANS.from_at, SPANS.to_at, SPANS.status, SPANS.text, SPANS.emoji)
    statement = select(*columns).where(SPANS.user_id.in_(user_ids), *_touch(from_at, to_at))
    rows = await tx.execute(statement.order_by(SPANS.user_id, SPANS.to_at, SPANS.id))
    return [(row.user_id, _to_interval(row, row.to_at)) for row in rows]


def _to_interval(row: Any, to_at: int | None) -> Interval:
    return Interval(row.from_at, to_at, STATUSES[row.status], row.text, row.emoji)


async def find_tally(tx: AsyncConnection, app_id: str, now: int) -> Tally:
    """Of an app in which nobody came or left yet: history begins now."""
    row = (await tx.execute(select(presence_tallies).where(presence_tallies.c.app_id == app_id))).one_or_none()
    if row:
        return Tally(*row)
    here = select(func.count()).select_from(presence_now).where(NOW.app_id == app_id, NOW.status != INVISIBLE.value)
    return Tally(app_id, (await tx.execute(here)).scalar_one(), now, now)


async def find_buckets(
    tx: AsyncConnection, app_id: str, width: Width, from_at: int, to_at: int
) -> tuple[dict[int, Bucket], Bucket | None]:
    """Those that begin in from_at <= at < to_at, by their beginning, and the first one after them."""
    counts = presence_counts.c
    wanted = select(presence_counts).where(counts.app_id == app_id, counts.width_ms == width.value).order_by(counts.at)
    kept = [to_bucket(row) for row in await tx.execute(wanted.where(counts.at >= from_at, counts.at < to_at))]
    row = (await tx.execute(wanted.where(counts.at >= to_at).limit(1))).one_or_none()
    return {bucket.at: bucket for bucket in kept}, to_bucket(row) if row else None


# What is kept no longer


def _old_counts(app_id: str, before: int, now: int) -> list[Any]:
    """What is too old of days, of hours, and of minutes, of which no more than the last two days are kept."""
    limits = {width: before - width.value for width in Width}
    limits[Width.MINUTE] = max(limits[Width.MINUTE], now - MINUTES_KEPT_MS)
    counts = presence_counts.c
    return [
        (counts.app_id == app_id) & (counts.width_ms == width.value) & (counts.at <= limit)
        for width, limit in limits.items()
    ]


async def is_stale(tx: AsyncConnection, app_id: str, before: int, now: int) -> bool:
    """Whether there is anything to forget, by `forget_spans` and `forget_counts`."""
    spans = exists().where(SPANS.app_id == app_id, SPANS.to_at < before)
    counts = exists().where(or_(*_old_counts(app_id, before, now)))
    return bool((await tx.execute(select(spans | counts))).scalar_one())


async def forget_spans(tx: AsyncConnection, app_id: str, before: int, most: int) -> int:
    """Deletes at most so many that ended earlier (ms); says how many those were."""
    old = select(SPANS.id).where(SPANS.app_id == app_id, SPANS.to_at < before).order_by(SPANS.to_at).limit(most)
    return (await tx.execute(delete(presence_spans).where(SPANS.id.in_(old)))).rowcount


async def forget_counts(tx: AsyncConnection, app_id: str, before: int, now: int) -> None:
    """The same for what was counted: some thousand rows at the most."""
    for old in _old_counts(app_id, before, now):
        await tx.execute(delete(presence_counts).where(old))
