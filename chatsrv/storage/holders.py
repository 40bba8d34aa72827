"""Who holds the values that nobody else of an app may have."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from sqlalchemy import ColumnElement, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from chatsrv.domain.users import fold_case
from chatsrv.storage.schema import users
from chatsrv.storage.users import living

KEYS: Mapping[str, tuple[ColumnElement[Any], Callable[[str], str]]] = {
    "username": (users.c.username_key, fold_case),
    "email": (users.c.email_key, fold_case),
    "external_id": (users.c.external_id, str),
}
"""The column of each, and how a value is written there."""


async def find_holders(tx: AsyncConnection, app_id: str, values: Mapping[str, str]) -> dict[str, int]:
    """The id of whoever holds the value, by field; values that are free are left out."""
    wanted = {name: (KEYS[name][0], KEYS[name][1](value)) for name, value in values.items()}
    columns = [column.label(name) for name, (column, _) in wanted.items()]
    statement = select(users.c.id, *columns).where(
        living(app_id), or_(*(column == key for column, key in wanted.values()))
    )
    rows = (await tx.execute(statement)).all()
    return {name: row.id for row in rows for name, (_, key) in wanted.items() if getattr(row, name) == key}
