"""Servers that users own, in SQL. A function is a verb on one transaction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Row, delete, func, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from chatsrv.domain.servers import Server
from chatsrv.storage.many import in_parts
from chatsrv.storage.schema import servers, users
from chatsrv.storage.users import ID_MAX

OWNED = select(servers, users.c.username.label("owner")).join(users, servers.c.owner_id == users.c.id)


async def add(tx: AsyncConnection, app_id: str, values: Mapping[str, Any]) -> int:
    """The owner's row must be held. Returns its id."""
    added = await tx.execute(insert(servers).values(app_id=app_id, **values).returning(servers.c.id))
    return int(added.scalar_one())


async def get(tx: AsyncConnection, app_id: str, server_id: int) -> Server | None:
    if not 0 < server_id <= ID_MAX:
        return None
    statement = OWNED.where(servers.c.app_id == app_id, servers.c.id == server_id)
    row = (await tx.execute(statement)).one_or_none()
    return _to_server(row) if row else None


async def page(tx: AsyncConnection, app_id: str, limit: int, offset: int) -> tuple[list[Server], int]:
    """In order of id, with the exact total."""
    of_app = servers.c.app_id == app_id
    total = (await tx.execute(select(func.count()).select_from(servers).where(of_app))).scalar_one()
    statement = OWNED.where(of_app).order_by(servers.c.id).limit(limit).offset(offset)
    return [_to_server(row) for row in await tx.execute(statement)], total


async def find_owned(tx: AsyncConnection, app_id: str, owner_ids: Sequence[int]) -> list[Server]:
    """In order of id for each owner."""
    found: list[Server] = []
    for part in in_parts(owner_ids):
        statement = OWNED.where(servers.c.app_id == app_id, servers.c.owner_id.in_(part))
        found += [_to_server(row) for row in await tx.execute(statement.order_by(servers.c.id))]
    return found


async def count_owned(tx: AsyncConnection, user_id: int) -> int:
    statement = select(func.count()).select_from(servers).where(servers.c.owner_id == user_id)
    return int((await tx.execute(statement)).scalar_one())


async def remove(tx: AsyncConnection, app_id: str, server_id: int) -> bool:
    """Says whether there was such a server."""
    if not 0 < server_id <= ID_MAX:
        return False
    statement = delete(servers).where(servers.c.app_id == app_id, servers.c.id == server_id)
    return bool((await tx.execute(statement)).rowcount)


def _to_server(row: Row[Any]) -> Server:
    return Server(
        id=row.id,
        app_id=row.app_id,
        uuid=row.uuid,
        name=row.name,
        owner_id=row.owner_id,
        owner=row.owner,
        created_at=row.created_at,
        updated_at=row.updated_at,
    )
