"""How a filter's operator compares in SQL, whatever is listed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

from sqlalchemy import ColumnElement, and_, false, func, or_, true

from chatsrv.domain.instants import NEVER
from chatsrv.domain.listing import Filter, Operator
from chatsrv.domain.users import fold_case


class Kind(Enum):
    """What a key holds: a text that is folded, one that is taken as it is, or a number."""

    FOLDED = "folded"
    EXACT = "exact"
    NUMBER = "number"


@dataclass(frozen=True, slots=True)
class Key:
    """What is compared. It is never null: nothing is the empty text, or NEVER.

    Where it `may_lack`, nothing is neither less nor more than anything, and no part of it is found.
    """

    column: ColumnElement[Any]
    kind: Kind
    may_lack: bool = False

    @property
    def is_nothing(self) -> ColumnElement[bool]:
        return self.column == (NEVER if self.kind is Kind.NUMBER else "")


def matches(key: Key, item: Filter) -> ColumnElement[bool]:
    if item.operator in (Operator.BLANK, Operator.PRESENT):
        return key.is_nothing if item.operator is Operator.BLANK else ~key.is_nothing
    values = [fold_case(str(value)) for value in item.values] if key.kind is Kind.FOLDED else list(item.values)
    compare = EXACT_PARTS if key.kind is Kind.EXACT and item.operator in EXACT_PARTS else COMPARE
    found = compare[item.operator](key.column, values)
    return and_(~key.is_nothing, found) if key.may_lack and item.operator in OF_SOMETHING else found


def _holds(key: ColumnElement[Any], text: str) -> ColumnElement[bool]:
    return func.replace(key, text, "") != key if text else true()


Compare = Callable[[ColumnElement[Any], list[Any]], ColumnElement[bool]]

COMPARE: Mapping[Operator, Compare] = {
    Operator.EQ: lambda key, values: key == values[0],
    Operator.NOT_EQ: lambda key, values: key != values[0],
    Operator.GTE: lambda key, values: key >= values[0],
    Operator.LTE: lambda key, values: key <= values[0],
    Operator.GT: lambda key, values: key > values[0],
    Operator.LT: lambda key, values: key < values[0],
    Operator.IN: lambda key, values: key.in_(values),
    Operator.NOT_IN: lambda key, values: key.not_in(values),
    Operator.CONTAINS_ANY: lambda key, values: or_(
        false(), *(key.contains(value, autoescape=True) for value in values)
    ),
    Operator.NOT_CONTAINS: lambda key, values: ~key.contains(values[0], autoescape=True),
    Operator.CONTAINS: lambda key, values: key.contains(values[0], autoescape=True),
    Operator.BEGINS: lambda key, values: key.startswith(values[0], autoescape=True),
    Operator.ENDS: lambda key, values: key.endswith(values[0], autoescape=True),
}

OF_SOMETHING = frozenset(COMPARE) - {
    Operator.EQ,
    Operator.NOT_EQ,
    Operator.IN,
    Operator.NOT_IN,
    Operator.NOT_CONTAINS,
}
"""Operators that what is not there never meets."""

# LIKE has regard to case on PostgreSQL, and none on SQLite
EXACT_PARTS: Mapping[Operator, Compare] = {
    Operator.CONTAINS: lambda key, values: _holds(key, values[0]),
    Operator.NOT_CONTAINS: lambda key, values: ~_holds(key, values[0]),
    Operator.CONTAINS_ANY: lambda key, values: or_(false(), *(_holds(key, value) for value in values)),
    Operator.BEGINS: lambda key, values: func.substr(key, 1, len(values[0])) == values[0],
    Operator.ENDS: lambda key, values: func.substr(key, func.length(key) - len(values[0]) + 1) == values[0],
}
