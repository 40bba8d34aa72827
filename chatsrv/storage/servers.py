"""Servers that users own, in SQL. A function is a verb on one transaction."""

from __future__ import annotations

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from chatsrv.storage.schema import servers


async def count_owned(tx: AsyncConnection, user_id: int) -> int:
    statement = select(func.count()).select_from(servers).where(servers.c.owner_id == user_id)
    return int((await tx.execute(statement)).scalar_one())
