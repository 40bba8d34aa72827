"""Presence history in SQL, written. A function is a verb on one transaction, which moves a cursor of the log first."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec
from sqlalchemy import Select, Table, Update, bindparam, delete, func, insert, select, union_all, update
from sqlalchemy.dialects.postgresql import insert as postgres_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.ext.asyncio import AsyncConnection

from chatsrv.domain.changes import FIRST_POSITION, Position
from chatsrv.domain.history import Shown, Step
from chatsrv.domain.presence import INVISIBLE, Display
from chatsrv.domain.tallies import Bucket, Tally, Width
from chatsrv.storage.many import execute_many, in_parts
from chatsrv.storage.records import PLAIN, STATUSES
from chatsrv.storage.schema import (
    apps,
    presence_counts,
    presence_cursors,
    presence_now,
    presence_spans,
    presence_tallies,
    users,
)


@dataclass(frozen=True, slots=True)
class Cursor:
    """How far the log of a shard was read: up to `position` of this epoch, and all of it up to `known_at` (ms).

    `turn` grows with each write. A shard of which nothing was read has no epoch.
    """

    shard: int
    turn: int = 0
    epoch: str = ""
    position: Position = FIRST_POSITION
    known_at: int = 0


# How far the log was read


async def find_cursors(tx: AsyncConnection, shards: Collection[int]) -> dict[int, Cursor]:
    wanted = select(presence_cursors).where(presence_cursors.c.shard.in_(shards))
    found = {row.shard: row for row in await tx.execute(wanted)}
    return {shard: _to_cursor(found[shard]) if shard in found else Cursor(shard) for shard in shards}


def _to_cursor(row: Any) -> Cursor:
    return Cursor(row.shard, row.turn, row.epoch, (row.log_ms, row.log_count), row.known_at)


async def move_cursor(tx: AsyncConnection, old: Cursor, new: Cursor) -> bool:
    """Whether nobody else has written since `old` was read; if not, nothing is to be written along with it."""
    values = {
        "shard": new.shard,
        "turn": new.turn,
        "epoch": new.epoch,
        "log_ms": new.position[0],
        "log_count": new.position[1],
        "known_at": new.known_at,
    }
    wanted = (presence_cursors.c.shard == old.shard, presence_cursors.c.turn == old.turn)
    if (await tx.execute(update(presence_cursors).where(*wanted).values(values))).rowcount:
        return True
    if old.turn:
        return False
    insert_or = sqlite_insert if tx.dialect.name == "sqlite" else postgres_insert
    return bool((await tx.execute(insert_or(presence_cursors).values(values).on_conflict_do_nothing())).rowcount)


async def note_known(tx: AsyncConnection, cursors: Iterable[Cursor]) -> None:
    """Nothing was to be written since their last turn; where there was a later one it stands."""
    rows = [
        {
            "b_shard": one.shard,
            "b_turn": one.turn,
            "b_log_ms": one.position[0],
            "b_log_count": one.position[1],
            "b_known_at": one.known_at,
        }
        for one in cursors
    ]
    await execute_many(tx, NOTE_KNOWN, rows)


# Who is here


async def find_shown(tx: AsyncConnection, user_ids: Collection[int]) -> dict[int, Shown]:
    """Those of them who are not offline."""
    found: dict[int, Shown] = {}
    for part in in_parts(user_ids):
        found |= _read_shown(await tx.execute(select(presence_now).where(presence_now.c.user_id.in_(part))))
    return found


async def find_everybody(tx: AsyncConnection, app_id: str) -> dict[int, Shown]:
    """Everybody in the app who is not offline."""
    return _read_shown(await tx.execute(select(presence_now).where(presence_now.c.app_id == app_id)))


def _read_shown(rows: Iterable[Any]) -> dict[int, Shown]:
    return {
        user_id: Shown(app_id, read_display(status, text, emoji), since_at)
        for user_id, app_id, since_at, status, text, emoji in rows
    }


def read_display(status: int, text: str | None, emoji: str | None) -> Display:
    return PLAIN[status] if text is None and emoji is None else Display(STATUSES[status], text, emoji)


async def find_apps_with_people(tx: AsyncConnection) -> set[str]:
    """Also apps that have been deleted."""
    return set((await tx.execute(select(presence_now.c.app_id).distinct())).scalars())


async def put_shown(tx: AsyncConnection, people: Mapping[int, Shown | None]) -> None:
    """How these users show from now on; None: offline."""
    for part in in_parts(people):
        await tx.execute(delete(presence_now).where(presence_now.c.user_id.in_(part)))
    rows = [
        {"user_id": user_id, "app_id": one.app_id, "since_at": one.since_at, **_columns(one.display)}
        for user_id, one in people.items()
        if one is not None
    ]
    await execute_many(tx, ADD_SHOWN, rows)


def _columns(display: Display) -> dict[str, Any]:
    return {"status": display.status.value, "text": display.text, "emoji": display.emoji}


# What was


@dataclass(frozen=True, slots=True)
class Kept:
    """For how many days an app wants its history kept; None: it does not say."""

    history_days: int | None


async def find_apps(tx: AsyncConnection, app_ids: Collection[str]) -> dict[str, Kept]:
    """Those that exist."""
    rows = await tx.execute(select(apps.c.id, apps.c.settings).where(apps.c.id.in_(app_ids)))
    return {app_id: Kept(_decode_settings(settings).history_days) for app_id, settings in rows}


async def hold_apps(tx: AsyncConnection, app_ids: Collection[str]) -> set[str]:
    """Those that exist; they cannot be deleted before the transaction ends."""
    # before their users, as whoever deletes an app does
    held = select(apps.c.id).where(apps.c.id.in_(app_ids)).order_by(apps.c.id)
    return set((await tx.execute(held.with_for_update(read=True, key_share=True))).scalars())


async def hold_users(tx: AsyncConnection, user_ids: Collection[int]) -> dict[int, str]:
    """The names of those who exist, the discarded too; they cannot be deleted before the transaction ends."""
    found: dict[int, str] = {}
    # in order of id, as in users.change_many
    for part in in_parts(sorted(user_ids)):
        held = select(users.c.id, users.c.username).where(users.c.id.in_(part)).order_by(users.c.id)
        rows = await tx.execute(held.with_for_update(read=True, key_share=True))
        found |= {row.id: row.username for row in rows}
    return found


async def find_last_seen(tx: AsyncConnection, user_ids: Collection[int]) -> dict[int, int]:
    """As SQL knows it (ms), of those who exist."""
    rows = await tx.execute(select(users.c.id, users.c.last_seen_at).where(users.c.id.in_(user_ids)))
    return {row.id: row.last_seen_at for row in rows}


async def add_spans(tx: AsyncConnection, steps: Iterable[Step]) -> None:
    """How users of whom we hold the rows showed before these steps."""
    rows = [
        {
            "app_id": before.app_id,
            "user_id": step.move.user_id,
            "from_at": before.since_at,
            "to_at": max(step.move.at, before.since_at),
            **_columns(before.display),
        }
        for step in steps
        if (before := step.before) is not None
    ]
    await execute_many(tx, ADD_SPANS, rows)


async def find_last_public(tx: AsyncConnection, user_ids: Collection[int], since: int) -> dict[int, int]:
    """When others last saw these users leave or change, where that was no earlier than `since` (ms)."""
    ended = func.max(presence_spans.c.to_at).label("ended_at")
    spans = select(presence_spans.c.user_id, ended).group_by(presence_spans.c.user_id)
    found: dict[int, int] = {}
    for part in in_parts(user_ids):
        wanted = (presence_spans.c.user_id.in_(part), presence_spans.c.to_at >= since)
        rows = await tx.execute(spans.where(*wanted, presence_spans.c.status != INVISIBLE.value))
        found |= {row.user_id: row.ended_at for row in rows}
    return found


# How many there were


async def find_tallies(tx: AsyncConnection, app_ids: Collection[str]) -> dict[str, Tally]:
    rows = await tx.execute(select(presence_tallies).where(presence_tallies.c.app_id.in_(app_ids)))
    return {app_id: Tally(app_id, *values) for app_id, *values in rows}


async def put_tallies(tx: AsyncConnection, new_apps: Collection[str], tallies: Iterable[Tally]) -> None:
    """`new_apps`: those that have none yet."""
    known: list[dict[str, Any]] = []
    others: list[dict[str, Any]] = []
    for one in tallies:
        row = {"app_id": one.app_id, "online": one.online, "moved_at": one.moved_at, "since_at": one.since_at}
        (others if one.app_id in new_apps else known).append(row)
    await execute_many(tx, CHANGE_TALLY, [_bound(row) for row in known])
    await execute_many(tx, ADD_TALLY, others)


def _bound(row: Mapping[str, Any]) -> dict[str, Any]:
    """For a statement that changes rows: its values must not have the names of columns."""
    return {f"b_{name}": value for name, value in row.items()}


async def find_buckets(tx: AsyncConnection, app_ids: Collection[str]) -> list[Bucket]:
    """Those in which their apps' last change was."""
    wanted = [_current(width).where(presence_tallies.c.app_id.in_(app_ids)) for width in Width]
    return [to_bucket(row) for row in await tx.execute(union_all(*wanted))]


def _current(width: Width) -> Select[Any]:
    """Asked for by its whole key, which neither database makes of one question for all three."""
    counts, tallies = presence_counts.c, presence_tallies.c
    place = (counts.width_ms == width.value) & (counts.at == tallies.moved_at - tallies.moved_at % width.value)
    return select(presence_counts).join(presence_tallies, (counts.app_id == tallies.app_id) & place)


def to_bucket(row: Any) -> Bucket:
    """Of a row of all columns."""
    app_id, width_ms, *rest = row
    return Bucket(app_id, Width(width_ms), *rest)


async def put_buckets(tx: AsyncConnection, old: Iterable[Bucket], new: Iterable[Bucket]) -> None:
    """`old`: those that are there."""
    places = {(one.app_id, one.width, one.at) for one in old}
    known: list[Bucket] = []
    others: list[Bucket] = []
    for one in new:
        (known if (one.app_id, one.width, one.at) in places else others).append(one)
    await execute_many(tx, CHANGE_BUCKET, [_bound(_row(one)) for one in known])
    await execute_many(tx, ADD_BUCKET, [_row(one) for one in others])


def _row(one: Bucket) -> dict[str, Any]:
    return {
        "app_id": one.app_id,
        "width_ms": one.width.value,
        "at": one.at,
        "opening": one.opening,
        "peak": one.peak,
        "peak_at": one.peak_at,
        "online": one.online,
        "moved_at": one.moved_at,
        "online_ms": one.online_ms,
        "users": one.users,
    }


async def count_public(tx: AsyncConnection, app_id: str) -> int:
    """How many are not offline to others."""
    here = select(func.count()).select_from(presence_now).where(presence_now.c.app_id == app_id)
    return (await tx.execute(here.where(presence_now.c.status != INVISIBLE.value))).scalar_one()


async def forget_counts(tx: AsyncConnection, app_id: str) -> None:
    await tx.execute(delete(presence_counts).where(presence_counts.c.app_id == app_id))


async def forget_tallies(tx: AsyncConnection, app_ids: Collection[str]) -> None:
    if app_ids:
        await tx.execute(delete(presence_tallies).where(presence_tallies.c.app_id.in_(app_ids)))


class _Settings(msgspec.Struct):
    history_days: int | None = None


_decode_settings = msgspec.json.Decoder(_Settings).decode

ADD_SHOWN = insert(presence_now)
ADD_SPANS = insert(presence_spans)
ADD_TALLY = insert(presence_tallies)
ADD_BUCKET = insert(presence_counts)


def _changing(table: Table) -> Update:
    """The row of this primary key."""
    keys = (column == bindparam(f"b_{column.name}") for column in table.primary_key)
    return (
        update(table)
        .where(*keys)
        .values({column.name: bindparam(f"b_{column.name}") for column in table.c if not column.primary_key})
    )


CHANGE_TALLY = _changing(presence_tallies)
CHANGE_BUCKET = _changing(presence_counts)

NOTE_KNOWN = (
    update(presence_cursors)
    .where(
        presence_cursors.c.shard == bindparam("b_shard"),
        presence_cursors.c.turn == bindparam("b_turn"),
        presence_cursors.c.known_at < bindparam("b_known_at"),
    )
    .values({name: bindparam(f"b_{name}") for name in ("log_ms", "log_count", "known_at")})
)
