"""A UserQuery as SQL: filters, order, offset and keyset. The same rows in the same order on both databases."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

import msgspec
from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Select,
    and_,
    any_,
    bindparam,
    case,
    column,
    false,
    func,
    or_,
    select,
    true,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncConnection

from chatsrv.domain.instants import NEVER
from chatsrv.domain.listing import TEXT_FIELDS, After, Filter, FilterValue, Operator, UserQuery
from chatsrv.domain.presence import SERVER, PresenceStatus, Viewer
from chatsrv.domain.users import ONBOARDING_STATES, AccountState, AccountStatus, User, fold_case
from chatsrv.storage.clocks import CLOCKS_TO_OTHERS
from chatsrv.storage.schema import users
from chatsrv.storage.users import FOLDED, living, to_user

StatusIds = Mapping[PresenceStatus, Iterable[int]]
"""Who shows which status other than offline, right now."""


async def page(
    tx: AsyncConnection, app_id: str, query: UserQuery, here: StatusIds, viewer: Viewer
) -> tuple[list[User], int, After | None]:
    """The users of one page, the exact total, and where the next page begins (None after the last)."""
    query = query if viewer == SERVER else _to_others(query)
    among = users.c.app_id == app_id if query.with_discarded else living(app_id)
    wanted = and_(among, *(_matches(tx, item, here) for item in query.filters))
    total = (await tx.execute(select(func.count()).where(wanted))).scalar_one()
    rows = (await tx.execute(_paged(select(users).where(wanted), query).limit(query.limit + 1))).all()
    found = [to_user(row) for row in rows[: query.limit]]
    return found, total, _position(query, rows[query.limit - 1]) if len(rows) > query.limit else None


def _to_others(query: UserQuery) -> UserQuery:
    """Neither order nor membership may tell when somebody came who hides, not even to themselves."""
    return replace(
        query,
        sort=tuple(replace(sort, field=CLOCKS_TO_OTHERS.get(sort.field, sort.field)) for sort in query.sort),
        filters=tuple(replace(item, field=CLOCKS_TO_OTHERS.get(item.field, item.field)) for item in query.filters),
    )


def _paged(statement: Select[Any], query: UserQuery) -> Select[Any]:
    for sort in query.sort:
        key = _key(sort.field)
        statement = statement.order_by(key.desc() if sort.descending else key.asc())
    statement = statement.order_by(users.c.id)
    if query.after is not None:
        return statement.where(_beyond(query, query.after))
    return statement.offset(query.offset)


def _beyond(query: UserQuery, after: After) -> ColumnElement[bool]:
    """Rows behind `after`: greater in the first key that differs."""
    keys = [(_key(sort.field), value, sort.descending) for sort, value in zip(query.sort, after.values, strict=True)]
    keys.append((users.c.id, after.id, False))
    equal: list[ColumnElement[bool]] = []
    choices = []
    for key, value, descending in keys:
        choices.append(and_(*equal, key < value if descending else key > value))
        equal.append(key == value)
    return or_(*choices)


def _position(query: UserQuery, row: Any) -> After | None:
    """None also where the order goes by what is no column: such pages go by offset."""
    if any(sort.field in EXPRESSIONS for sort in query.sort):
        return None
    return After(tuple(getattr(row, _key(sort.field).name) for sort in query.sort), row.id)


def _key(field: str) -> ColumnElement[Any]:
    return EXPRESSIONS[field] if field in EXPRESSIONS else users.c[FOLDED.get(field, field)]


FULL_NAME_KEY = func.trim(users.c.first_name_key + " " + users.c.last_name_key)

EXPRESSIONS: Mapping[str, ColumnElement[Any]] = {
    "email": func.coalesce(users.c.email_key, users.c.freed_email_key, ""),
    "external_id": func.lower(func.coalesce(users.c.external_id, "")),
    "display_name": case(
        (users.c.name_key != "", users.c.name_key),
        (FULL_NAME_KEY != "", FULL_NAME_KEY),
        else_=users.c.username_key,
    ),
    "state": case(
        (users.c.discarded_at != NEVER, AccountState.DELETED.value),
        (users.c.status != AccountStatus.ACTIVE, AccountState.DEACTIVATED.value),
        *((users.c.onboarding == step, state.value) for step, state in ONBOARDING_STATES.items()),
    ),
}
"""Fields that are no column: what a user has in other words, as it is compared."""


def _matches(tx: AsyncConnection, item: Filter, here: StatusIds) -> ColumnElement[bool]:
    if item.field == "presence_status":
        return _shows(tx, item, here)
    key, is_text = _key(item.field), item.field in TEXT_FIELDS or item.field in EXPRESSIONS
    if item.operator in (Operator.BLANK, Operator.PRESENT):
        nothing = key == ("" if is_text else NEVER)
        return nothing if item.operator is Operator.BLANK else ~nothing
    values = [fold_case(str(value)) for value in item.values] if is_text else list(item.values)
    return COMPARE[item.operator](key, values)


COMPARE: Mapping[Operator, Callable[[ColumnElement[Any], list[Any]], ColumnElement[bool]]] = {
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


def _shows(tx: AsyncConnection, item: Filter, here: StatusIds) -> ColumnElement[bool]:
    """Whoever is not named by `here` is offline, so a filter that offline meets is 'not among the others'."""
    meets = [status for status in PresenceStatus if _meets(status, item.operator, item.values)]
    if PresenceStatus.OFFLINE in meets:
        others = [status for status in PresenceStatus if status not in meets]
        return ~_among(tx, _ids(here, others)) if _ids(here, others) else true()
    return _among(tx, _ids(here, meets)) if _ids(here, meets) else false()


def _meets(status: int, operator: Operator, values: tuple[FilterValue, ...]) -> bool:
    checks: Mapping[Operator, Callable[[Any], bool]] = {
        Operator.EQ: lambda value: status == value,
        Operator.NOT_EQ: lambda value: status != value,
        Operator.GTE: lambda value: status >= value,
        Operator.LTE: lambda value: status <= value,
        Operator.IN: lambda _: status in values,
    }
    return checks[operator](values[0])


def _ids(here: StatusIds, statuses: Iterable[PresenceStatus]) -> list[int]:
    return [user_id for status in statuses for user_id in here.get(status, ())]


def _among(tx: AsyncConnection, ids: list[int]) -> ColumnElement[bool]:
    """One parameter however many ids: an IN list of 100,000 would pass the limits of both databases."""
    if tx.dialect.name == "sqlite":
        each = func.json_each(bindparam(None, msgspec.json.encode(ids).decode())).table_valued(column("value"))
        return users.c.id.in_(select(each.c.value))
    return users.c.id == any_(bindparam(None, ids, type_=ARRAY(BigInteger)))
