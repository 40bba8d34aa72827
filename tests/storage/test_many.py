"""One statement for many rows."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import JSON, Boolean, Column, Integer, MetaData, String, Table, bindparam, insert, select, update

from chatsrv.storage.database import open_database, parse_url
from chatsrv.storage.many import execute_many

THINGS = Table(
    "things", MetaData(), Column("id", Integer, primary_key=True), Column("name", String), Column("is_new", Boolean)
)
PAPERS = Table("papers", MetaData(), Column("id", Integer, primary_key=True), Column("text", JSON))


async def test_rows_are_added_and_changed_as_by_statements_of_their_own(database_url: str) -> None:
    rename = update(THINGS).where(THINGS.c.id == bindparam("b_id")).values(name=bindparam("b_name"))
    async with open_database(parse_url(database_url, Path()), 1, 10) as db:
        async with db.write() as tx:
            await tx.run_sync(THINGS.create)
            await execute_many(
                tx, insert(THINGS), [{"id": number, "name": f"n{number}", "is_new": number > 1} for number in range(4)]
            )
            await execute_many(tx, rename, [{"b_name": "other", "b_id": 1}, {"b_name": "ö'", "b_id": 3}])
            await execute_many(tx, rename, [])
        async with db.read() as tx:
            rows = [tuple(row) for row in await tx.execute(select(THINGS).order_by(THINGS.c.id))]
    assert rows == [(0, "n0", False), (1, "other", False), (2, "n2", True), (3, "ö'", True)]


async def test_values_that_need_a_types_help_are_refused(database_url: str) -> None:
    async with open_database(parse_url(database_url, Path()), 1, 10) as db, db.write() as tx:
        with pytest.raises(TypeError, match="text"):
            await execute_many(tx, insert(PAPERS), [{"id": 1, "text": {}}])
