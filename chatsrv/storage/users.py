"""Users in SQL. A function is a verb on one transaction; ids are those of the app given, or nobody's."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec
from sqlalchemy import Case, Row, bindparam, case, delete, func, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from chatsrv.domain.users import AccountStatus, Clocks, KeptClaims, Standing, User, fold_case
from chatsrv.storage.records import Unflushed
from chatsrv.storage.schema import users

FOLDED = {"username": "username_key", "first_name": "first_name_key", "last_name": "last_name_key", "role": "role_key"}
"""Columns that have a twin for comparing; a null is compared as the empty text."""

PARAMETERS = 8000
"""Values in one IN list: both databases take at least four times as many."""

CLOCKS_TO_OTHERS = {
    "last_login_at": "others_login_at",
    "last_active_at": "others_active_at",
    "last_seen_at": "others_seen_at",
    "presence_changed_at": "others_changed_at",
}
"""Each clock in truth, and as others see it."""


async def add(tx: AsyncConnection, app_id: str, values: Mapping[str, Any]) -> User:
    """Raises Conflict, at the transaction's edge, where username, email or external_id is taken."""
    row = (await tx.execute(insert(users).values(app_id=app_id, **_columns(values)).returning(users))).one()
    return to_user(row)


async def add_many(tx: AsyncConnection, app_id: str, items: Sequence[Mapping[str, Any]]) -> None:
    """Adds users that all have the same fields, in one statement."""
    if items:
        await tx.execute(insert(users), [{"app_id": app_id, **_columns(values)} for values in items])


async def get(tx: AsyncConnection, app_id: str, username: str) -> User | None:
    statement = select(users).where(users.c.app_id == app_id, users.c.username_key == fold_case(username))
    row = (await tx.execute(statement)).one_or_none()
    return to_user(row) if row else None


async def get_for_update(tx: AsyncConnection, app_id: str, username: str) -> User | None:
    """The row stays ours until the transaction ends (SQLite's writer has the whole file anyway)."""
    statement = select(users).where(users.c.app_id == app_id, users.c.username_key == fold_case(username))
    row = (await tx.execute(statement.with_for_update())).one_or_none()
    return to_user(row) if row else None


async def find_any(
    tx: AsyncConnection,
    app_id: str,
    *,
    usernames: Iterable[str],
    emails: Iterable[str],
    external_ids: Iterable[str],
    uuids: Iterable[str],
) -> list[User]:
    """Everybody who holds one of these; locked as in get_for_update."""
    statement = select(users).where(
        users.c.app_id == app_id,
        or_(
            users.c.username_key.in_([fold_case(name) for name in usernames]),
            users.c.email_key.in_([fold_case(email) for email in emails]),
            users.c.external_id.in_(list(external_ids)),
            users.c.uuid.in_(list(uuids)),
        ),
    )
    return [to_user(row) for row in await tx.execute(statement.order_by(users.c.id).with_for_update())]


async def find_by_username(tx: AsyncConnection, app_id: str, usernames: Iterable[str]) -> dict[str, User]:
    """Users by their folded names; who does not exist is left out."""
    # nobody's name holds a NUL, and PostgreSQL does not even take one to compare
    keys = list({fold_case(name) for name in usernames if "\0" not in name})
    found: dict[str, User] = {}
    for start in range(0, len(keys), PARAMETERS):
        part = keys[start : start + PARAMETERS]
        statement = select(users).where(users.c.app_id == app_id, users.c.username_key.in_(part))
        found |= {row.username_key: to_user(row) for row in await tx.execute(statement)}
    return found


async def hold(tx: AsyncConnection, ids: Iterable[int]) -> set[int]:
    """Those of them who exist; they cannot be deleted before the transaction ends."""
    # in order of id, as in change_many
    statement = select(users.c.id).where(users.c.id.in_(list(ids))).order_by(users.c.id)
    rows = await tx.execute(statement.with_for_update(read=True, key_share=True))
    return set(rows.scalars())


async def find_by_id(tx: AsyncConnection, ids: Iterable[int]) -> list[User]:
    """In order of id; who does not exist is left out."""
    wanted = sorted(ids)
    found: list[User] = []
    for start in range(0, len(wanted), PARAMETERS):
        part = wanted[start : start + PARAMETERS]
        statement = select(users).where(users.c.id.in_(part)).order_by(users.c.id)
        found += [to_user(row) for row in await tx.execute(statement)]
    return found


async def find_claims(tx: AsyncConnection, ids: Iterable[int]) -> dict[int, KeptClaims]:
    """What SQL keeps of the claims of those of the ids who have any, of whatever app."""
    statement = select(users.c.id, users.c.claims, users.c.claims_at)
    rows = await tx.execute(statement.where(users.c.id.in_(list(ids)), users.c.claims != ""))
    return {row.id: KeptClaims(row.claims, row.claims_at) for row in rows}


async def find_standings(tx: AsyncConnection, ids: Iterable[int]) -> dict[int, Standing]:
    """Of those of the ids that exist, of whatever app."""
    statement = select(users.c.id, users.c.status, users.c.tokens_since).where(users.c.id.in_(list(ids)))
    return {row.id: Standing(AccountStatus(row.status), row.tokens_since) for row in await tx.execute(statement)}


async def change(tx: AsyncConnection, user_id: int, values: Mapping[str, Any]) -> User:
    """Sets these fields of a user whose row is locked. Raises Conflict at the transaction's edge."""
    statement = update(users).where(users.c.id == user_id).values(**_columns(values)).returning(users)
    return to_user((await tx.execute(statement)).one())


async def change_many(tx: AsyncConnection, items: Sequence[tuple[int, Mapping[str, Any]]]) -> None:
    """Sets fields of many users, all the same fields, in one statement run for each."""
    if not items:
        return
    names = _columns(items[0][1])
    statement = update(users).where(users.c.id == bindparam("b_id"))
    statement = statement.values({name: bindparam(f"b_{name}") for name in names})
    # always in order of id: two transactions that lock rows in different orders can lock each other out
    ordered = sorted(items, key=lambda item: item[0])
    rows = ({"b_id": user_id} | {f"b_{k}": v for k, v in _columns(values).items()} for user_id, values in ordered)
    await tx.execute(statement, list(rows))


async def remove(tx: AsyncConnection, app_id: str, username: str) -> User | None:
    """Deletes for good and returns who it was."""
    statement = delete(users).where(users.c.app_id == app_id, users.c.username_key == fold_case(username))
    row = (await tx.execute(statement.returning(users))).one_or_none()
    return to_user(row) if row else None


async def keep_presence(tx: AsyncConnection, items: Iterable[Unflushed]) -> None:
    """Moves clocks forward, never back, and keeps claims that are newer; users that are gone are passed over."""
    # in order of id, as in change_many
    rows = [_presence_row(item) for item in sorted(items, key=lambda item: item.user_id)]
    if rows:
        await tx.execute(KEEP_PRESENCE, rows)


def _presence_row(item: Unflushed) -> dict[str, Any]:
    row = {"b_id": item.user_id, "b_claims": item.claims.text, "b_claims_at": item.claims.changed_at}
    for name, twin in CLOCKS_TO_OTHERS.items():
        row[f"b_{name}"] = getattr(item.clocks, name)
        row[f"b_{twin}"] = getattr(item.clocks_to_others, name)
    return row


def _later(name: str, newer: str) -> Case[Any]:
    """The value given where the row's `newer` is behind the one given."""
    return case((users.c[newer] < bindparam(f"b_{newer}"), bindparam(f"b_{name}")), else_=users.c[name])


KEEP_PRESENCE = (
    update(users)
    .where(users.c.id == bindparam("b_id"))
    .values({name: _later(name, name) for pair in CLOCKS_TO_OTHERS.items() for name in pair})
    .values({"claims": _later("claims", "claims_at"), "claims_at": _later("claims_at", "claims_at")})
)


async def count(tx: AsyncConnection, app_id: str) -> int:
    return (await tx.execute(select(func.count()).where(users.c.app_id == app_id))).scalar_one()


async def batch_after(tx: AsyncConnection, app_id: str, after: int, limit: int = 1000) -> list[User]:
    """The next users of the app in order of id."""
    statement = select(users).where(users.c.app_id == app_id, users.c.id > after).order_by(users.c.id).limit(limit)
    return [to_user(row) for row in await tx.execute(statement)]


def _columns(values: Mapping[str, Any]) -> dict[str, Any]:
    """Adds the twins, and writes metadata as text. A clock that is written is one that everybody sees."""
    columns = dict(values)
    columns |= {twin: columns[name] for name, twin in CLOCKS_TO_OTHERS.items() if name in columns}
    for field, twin in FOLDED.items():
        if field in columns:
            columns[twin] = fold_case(columns[field] or "")
    if "email" in columns:
        columns["email_key"] = fold_case(columns["email"]) if columns["email"] else None
    if columns.get("metadata") is not None:
        columns["metadata"] = msgspec.json.encode(columns["metadata"]).decode()
    return columns


def to_user(row: Row[Any]) -> User:
    return User(
        id=row.id,
        app_id=row.app_id,
        uuid=row.uuid,
        username=row.username,
        first_name=row.first_name,
        last_name=row.last_name,
        name=row.name,
        email=row.email,
        external_id=row.external_id,
        avatar=row.avatar,
        role=row.role,
        status=AccountStatus(row.status),
        metadata=msgspec.json.decode(row.metadata) if row.metadata is not None else None,
        language=row.language,
        timezone=row.timezone,
        created_at=row.created_at,
        updated_at=row.updated_at,
        clocks=Clocks(row.last_login_at, row.last_active_at, row.last_seen_at, row.presence_changed_at),
        clocks_to_others=Clocks(row.others_login_at, row.others_active_at, row.others_seen_at, row.others_changed_at),
        claims=KeptClaims(row.claims or "", row.claims_at),
        tokens_since=row.tokens_since,
    )
