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
from chatsrv.domain.users import ADMIN, ONBOARDING_STATES, AccountState, AccountStatus, User
from chatsrv.storage.clocks import CLOCKS_TO_OTHERS
from chatsrv.storage.filters import Key, Kind, matches
from chatsrv.storage.schema import apps, team_memberships, teams, users
from chatsrv.storage.teams import KEYS as TEAM_KEYS
from chatsrv.storage.users import FOLDED, living, to_user

StatusIds = Mapping[PresenceStatus, Iterable[int]]
"""Who shows which status other than offline, right now."""


async def page(
    tx: AsyncConnection, app_id: str, query: UserQuery, here: StatusIds, viewer: Viewer
) -> tuple[list[User], int, After | None]:
    """The users of one page, the exact total, and where the next page begins (None after the last)."""
    total = await count(tx, app_id, query if viewer == SERVER else _to_others(query), here)
    users, next_after = await users_of(tx, app_id, query, here, viewer)
    return users, total, next_after


async def count(tx: AsyncConnection, app_id: str, query: UserQuery, here: StatusIds) -> int:
    """How many there are on all pages."""
    return (await tx.execute(select(func.count()).where(_wanted(tx, app_id, query, here)))).scalar_one()


async def users_of(
    tx: AsyncConnection, app_id: str, query: UserQuery, here: StatusIds, viewer: Viewer
) -> tuple[list[User], After | None]:
    """The users of one page, and where the next page begins (None after the last)."""
    query = query if viewer == SERVER else _to_others(query)
    statement = _paged(select(users).where(_wanted(tx, app_id, query, here)), query).limit(query.limit + 1)
    rows = (await tx.execute(statement)).all()
    found = [to_user(row) for row in rows[: query.limit]]
    return found, _position(query, rows[query.limit - 1]) if len(rows) > query.limit else None


def _wanted(tx: AsyncConnection, app_id: str, query: UserQuery, here: StatusIds) -> ColumnElement[bool]:
    among = users.c.app_id == app_id if query.with_discarded else living(app_id)
    return and_(among, *(_matches(tx, item, here) for item in query.filters))


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
    return EXPRESSIONS[field].column if field in EXPRESSIONS else users.c[FOLDED.get(field, field)]


def _of_app(column: ColumnElement[Any]) -> ColumnElement[Any]:
    return select(column).where(apps.c.id == users.c.app_id).scalar_subquery()


FULL_NAME_KEY = case(
    (users.c.first_name_key == "", users.c.last_name_key),
    (users.c.last_name_key == "", users.c.first_name_key),
    else_=users.c.first_name_key + " " + users.c.last_name_key,
)
MAY_LACK = frozenset(("discarded_at", *CLOCKS_TO_OTHERS, *CLOCKS_TO_OTHERS.values()))
"""Instants that may not have happened."""

IS_GONE = or_(users.c.discarded_at != NEVER, users.c.status != AccountStatus.ACTIVE)

EXPRESSIONS: Mapping[str, Key] = {
    "uuid": Key(users.c.uuid, Kind.EXACT),
    "avatar": Key(func.coalesce(users.c.avatar, ""), Kind.EXACT, may_lack=True),
    "email": Key(func.coalesce(users.c.email_key, users.c.freed_email_key, ""), Kind.FOLDED, may_lack=True),
    "timezone": Key(func.coalesce(users.c.timezone, ""), Kind.EXACT, may_lack=True),
    "language": Key(func.coalesce(users.c.language, ""), Kind.EXACT, may_lack=True),
    "full_name": Key(FULL_NAME_KEY, Kind.FOLDED),
    "external_id": Key(users.c.external_id_key, Kind.FOLDED, may_lack=True),
    "display_name": Key(
        case(
            (users.c.name_key != "", users.c.name_key),
            (FULL_NAME_KEY != "", FULL_NAME_KEY),
            else_=users.c.username_key,
        ),
        Kind.FOLDED,
    ),
    "state": Key(
        case(
            (users.c.discarded_at != NEVER, AccountState.DELETED.value),
            (users.c.status != AccountStatus.ACTIVE, AccountState.DEACTIVATED.value),
            *((users.c.onboarding == step, state.value) for step, state in ONBOARDING_STATES.items()),
        ),
        Kind.FOLDED,
    ),
    "account.name": Key(_of_app(apps.c.name), Kind.EXACT),
    "account.created_at": Key(_of_app(apps.c.created_at), Kind.NUMBER),
    # those who are or may come, before those who are gone
    "alive": Key(case((IS_GONE, 1), else_=0), Kind.NUMBER),
    "is_active": Key(case((users.c.status == AccountStatus.ACTIVE, 1), else_=0), Kind.NUMBER),
    # administrators before everybody else
    "rank": Key(case((users.c.role_key == ADMIN, 0), else_=1), Kind.NUMBER),
}
"""Fields that are no column of their own: what a user has in other words, as it is compared."""

MEMBERSHIP_KEYS: Mapping[str, Key] = {
    **{f"teams.{field}": key for field, key in TEAM_KEYS.items()},
    "team_memberships.uuid": Key(team_memberships.c.uuid, Kind.EXACT),
    "team_memberships.team_uuid": Key(teams.c.uuid, Kind.EXACT),
    "team_memberships.created_at": Key(team_memberships.c.created_at, Kind.NUMBER),
    "team_memberships.updated_at": Key(team_memberships.c.updated_at, Kind.NUMBER),
}
"""What the teams of a user have: somebody is meant who is in at least one that matches."""


def _matches(tx: AsyncConnection, item: Filter, here: StatusIds) -> ColumnElement[bool]:
    if item.field == "presence_status":
        return _shows(tx, item, here)
    if item.field in MEMBERSHIP_KEYS:
        own = select(team_memberships.c.id).join(teams).where(team_memberships.c.user_id == users.c.id)
        return own.where(matches(MEMBERSHIP_KEYS[item.field], item)).exists()
    if item.field in EXPRESSIONS:
        return matches(EXPRESSIONS[item.field], item)
    if item.field in TEXT_FIELDS:
        return matches(Key(_key(item.field), Kind.FOLDED), item)
    return matches(Key(_key(item.field), Kind.NUMBER, may_lack=item.field in MAY_LACK), item)


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
