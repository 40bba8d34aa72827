"""Stars in SQL, written. A function is a verb on one transaction."""

from __future__ import annotations

from sqlalchemy import Column, ColumnElement, Table, delete, false, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from chatsrv.domain.desk import Relation
from chatsrv.storage.schema import starred_channels, starred_customers
from chatsrv.storage.users import ID_MAX

STARRED = {
    Relation.STARRED_ROOMS: (starred_channels, starred_channels.c.channel_id),
    Relation.STARRED_CUSTOMERS: (starred_customers, starred_customers.c.customer_id),
}


async def add(tx: AsyncConnection, relation: Relation, user_id: int, item_id: int) -> None:
    """Of a user whose row is locked; a second star on the same thing is the first one."""
    table, item = STARRED[relation]
    if (await tx.execute(select(table.c.id).where(*_is(table, item, user_id, item_id)))).one_or_none() is None:
        await tx.execute(insert(table).values({"user_id": user_id, item.name: item_id}))


async def remove(tx: AsyncConnection, relation: Relation, user_id: int, item_id: int) -> None:
    """What has no star stays without."""
    table, item = STARRED[relation]
    await tx.execute(delete(table).where(*_is(table, item, user_id, item_id)))


def _is(table: Table, item: Column[int], user_id: int, item_id: int) -> tuple[ColumnElement[bool], ...]:
    return table.c.user_id == user_id, item == item_id if 0 < item_id <= ID_MAX else false()
