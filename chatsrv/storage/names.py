"""Names that begin with what somebody has typed."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from chatsrv.domain.users import fold_case
from chatsrv.storage.schema import apps, users
from chatsrv.storage.users import living

LAST = "\U0010ffff"
"""Behind every name that begins alike: both databases compare these columns by bytes."""


async def app_ids(tx: AsyncConnection, beginning: str, most: int) -> list[str]:
    """In order."""
    statement = select(apps.c.id).where(apps.c.id.between(beginning, beginning + LAST)).order_by(apps.c.id)
    return list((await tx.execute(statement.limit(most))).scalars())


async def usernames(tx: AsyncConnection, app_id: str, beginning: str, most: int) -> list[str]:
    """In order of their folded names, which also begin so."""
    key, folded = users.c.username_key, fold_case(beginning)
    statement = select(users.c.username).where(living(app_id), key.between(folded, folded + LAST)).order_by(key)
    return list((await tx.execute(statement.limit(most))).scalars())
