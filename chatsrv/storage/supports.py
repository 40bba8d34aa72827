"""Supports in SQL: what relations.py does not read, and what is written. A function is a verb on one transaction."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from sqlalchemy import ColumnElement, delete, false, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from chatsrv.domain.desk import Related
from chatsrv.domain.instants import NEVER
from chatsrv.storage import relations
from chatsrv.storage.kinds import CUSTOMERS, SUPPORT
from chatsrv.storage.schema import supports
from chatsrv.storage.users import ID_MAX


async def add(tx: AsyncConnection, app_id: str, values: Mapping[str, Any]) -> int:
    added = await tx.execute(insert(supports).values(app_id=app_id, **values).returning(supports.c.id))
    return int(added.scalar_one())


async def read_state(tx: AsyncConnection, support_id: int, *, lock: bool = False) -> tuple[int | None, int] | None:
    """Agent and when it was closed; with a lock nobody else changes it until the transaction ends."""
    is_meant = supports.c.id == support_id if 0 < support_id <= ID_MAX else false()
    statement = select(supports.c.agent_id, supports.c.closed_at).where(is_meant)
    row = (await tx.execute(statement.with_for_update() if lock else statement)).one_or_none()
    return (row.agent_id, row.closed_at) if row else None


async def change(tx: AsyncConnection, support_id: int, values: Mapping[str, Any]) -> None:
    if values:
        await tx.execute(update(supports).where(supports.c.id == support_id).values(values))


async def remove(tx: AsyncConnection, support_id: int) -> None:
    await tx.execute(delete(supports).where(supports.c.id == support_id))


async def count_open(tx: AsyncConnection, user_ids: Collection[int]) -> dict[int, int]:
    """As agents; everybody asked for is in it."""
    statement = select(supports.c.agent_id, func.count().label("open")).select_from(CUSTOMERS)
    statement = statement.where(supports.c.agent_id.in_(list(user_ids)), supports.c.closed_at == NEVER)
    rows = await tx.execute(statement.group_by(supports.c.agent_id))
    return dict.fromkeys(user_ids, 0) | {row.agent_id: row.open for row in rows}


async def page(
    tx: AsyncConnection, app_id: str, wanted: Mapping[str, int], is_open: bool | None, limit: int, offset: int
) -> tuple[list[Related], int]:
    """Those whose columns have these values; in order of id, with the exact total."""
    conditions: list[ColumnElement[bool]] = [supports.c.app_id == app_id]
    conditions += [supports.c[name] == value if 0 < value <= ID_MAX else false() for name, value in wanted.items()]
    if is_open is not None:
        conditions.append(supports.c.closed_at == NEVER if is_open else supports.c.closed_at != NEVER)
    return await relations.paged(tx, SUPPORT, conditions, limit, offset)
