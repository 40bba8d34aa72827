"""Infos about users and settings of their widgets in SQL, written. A function is a verb on one transaction."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
from sqlalchemy import Table, delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from chatsrv.domain.desk import Relation
from chatsrv.storage.schema import user_infos, user_widget_settings

TABLES: Mapping[Relation, Table] = {Relation.INFOS: user_infos, Relation.WIDGET_SETTINGS: user_widget_settings}


async def put(tx: AsyncConnection, app_id: str, user_id: int, relation: Relation, name: str, value: Any) -> int:
    """Of a user whose row is locked. Returns its id."""
    table, kept = TABLES[relation], _keep(relation, value)
    wanted = (table.c.user_id == user_id, table.c.name == name)
    old = (await tx.execute(update(table).where(*wanted).values(value=kept).returning(table.c.id))).scalar_one_or_none()
    if old is not None:
        return int(old)
    row = {"app_id": app_id, "user_id": user_id, "name": name, "value": kept}
    return int((await tx.execute(insert(table).values(row).returning(table.c.id))).scalar_one())


async def find(tx: AsyncConnection, user_id: int, relation: Relation, name: str) -> int | None:
    """Its id."""
    table = TABLES[relation]
    statement = select(table.c.id).where(table.c.user_id == user_id, table.c.name == name)
    return (await tx.execute(statement)).scalar_one_or_none()


async def count(tx: AsyncConnection, user_id: int, relation: Relation) -> int:
    table = TABLES[relation]
    statement = select(func.count()).select_from(table).where(table.c.user_id == user_id)
    return (await tx.execute(statement)).scalar_one()


async def remove(tx: AsyncConnection, user_id: int, relation: Relation, name: str) -> bool:
    """Says whether there was one."""
    table = TABLES[relation]
    statement = delete(table).where(table.c.user_id == user_id, table.c.name == name)
    return bool((await tx.execute(statement)).rowcount)


def _keep(relation: Relation, value: Any) -> str:
    """Infos are texts, settings are kept as JSON."""
    return value if relation is Relation.INFOS else msgspec.json.encode(value).decode()
