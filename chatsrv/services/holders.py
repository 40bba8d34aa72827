"""Which values are taken, for dialects that name every mistake at once; the database itself has the last word."""

from __future__ import annotations

from collections.abc import Mapping

from chatsrv.domain.fields import is_storable
from chatsrv.storage.database import Database
from chatsrv.storage.holders import find_holders


class Holders:
    def __init__(self, db: Database) -> None:
        self._db = db

    async def find_taken(self, app_id: str, values: Mapping[str, str], own_id: int | None = None) -> frozenset[str]:
        """Of `username`, `email` and `external_id` those whose value somebody else than `own_id` has now."""
        storable = {name: value for name, value in values.items() if is_storable(value)}
        if not storable:
            return frozenset()
        async with self._db.read() as tx:
            holders = await find_holders(tx, app_id, storable)
        return frozenset(name for name, user_id in holders.items() if user_id != own_id)
