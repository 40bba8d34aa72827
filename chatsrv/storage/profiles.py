"""Profiles in SQL. A function is a verb on one transaction."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import msgspec
from sqlalchemy import Row, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from chatsrv.domain.profiles import FIELDS, NO_PROFILE, Profile
from chatsrv.storage.schema import profiles


async def find(tx: AsyncConnection, user_ids: Collection[int]) -> dict[int, Profile]:
    """Everybody asked for is in it."""
    rows = await tx.execute(select(profiles).where(profiles.c.user_id.in_(list(user_ids))))
    return dict.fromkeys(user_ids, NO_PROFILE) | {row.user_id: _to_profile(row) for row in rows}


async def change(tx: AsyncConnection, user_id: int, values: Mapping[str, Any]) -> None:
    """Sets these fields for a user whose row is locked, or whom nobody knows yet."""
    if not values:
        return
    columns = _columns(values)
    changed = await tx.execute(update(profiles).where(profiles.c.user_id == user_id).values(columns))
    if not changed.rowcount:
        begins_with = _columns({name: getattr(NO_PROFILE, name) for name in FIELDS})
        await tx.execute(insert(profiles).values(user_id=user_id, **{**begins_with, **columns}))


def _columns(values: Mapping[str, Any]) -> dict[str, Any]:
    if values.get("info") is None:
        return dict(values)
    return {**values, "info": msgspec.json.encode(values["info"]).decode()}


def _to_profile(row: Row[Any]) -> Profile:
    given = {name: getattr(row, name) for name in FIELDS}
    info = msgspec.json.decode(row.info) if row.info is not None else None
    return Profile(**{**given, "info": info})
