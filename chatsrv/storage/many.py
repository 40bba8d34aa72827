"""One statement for many rows of numbers and texts, and many values in some statements."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import lru_cache
from operator import itemgetter
from typing import Any, TypeVar

from sqlalchemy import Boolean, Dialect, Insert, Update
from sqlalchemy.ext.asyncio import AsyncConnection

T = TypeVar("T")

PARAMETERS = 8000
"""Values in one IN list: both databases take at least four times as many."""


def in_parts(values: Collection[T]) -> Iterator[Sequence[T]]:
    """In their order, each part no more than fits into a statement."""
    every = list(values)
    return (every[start : start + PARAMETERS] for start in range(0, len(every), PARAMETERS))


async def execute_many(tx: AsyncConnection, statement: Insert | Update, rows: Sequence[Mapping[str, Any]]) -> None:
    """As `tx.execute(statement, rows)`, which spends more on each row than SQLite itself.

    Values go to the driver as they are, so they must not need a type's help. Two names or more; all rows have the same.
    """
    if rows:
        text, names = _written(statement, tx.dialect, tuple(rows[0]))
        values = itemgetter(*names)
        await tx.exec_driver_sql(text, [values(row) for row in rows])


@lru_cache(maxsize=32)
def _written(statement: Insert | Update, dialect: Dialect, names: tuple[str, ...]) -> tuple[str, tuple[str, ...]]:
    """Its text, and which values it takes in which order."""
    compiled: Any = statement.compile(dialect=dialect, column_keys=list(names))
    helped = [name for name in compiled._bind_processors if not isinstance(compiled.binds[name].type, Boolean)]
    if helped:
        raise TypeError(f"values of {helped} need a type's help")
    return compiled.string, tuple(compiled.positiontup)
