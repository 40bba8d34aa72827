"""Users in SQL. A function is a verb on one transaction; ids are those of the app given, or nobody's."""

from __future__ import annotations

import unicodedata
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import (
    ColumnElement,
    Select,
    and_,
    bindparam,
    delete,
    false,
    func,
    insert,
    or_,
    select,
    update,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from chatsrv.domain.instants import NEVER
from chatsrv.domain.users import (
    AccountStatus,
    ExternalId,
    Onboarding,
    Standing,
    User,
    UserRef,
    fold_case,
)
from chatsrv.storage.clocks import CLOCKS_TO_OTHERS
from chatsrv.storage.many import in_parts
from chatsrv.storage.records import keep_claims
from chatsrv.storage.schema import users
from chatsrv.storage.touched import touch
from chatsrv.storage.user_columns import to_user as to_user
from chatsrv.storage.written import UserWritten, note

FOLDED = {
    "username": "username_key",
    "first_name": "first_name_key",
    "last_name": "last_name_key",
    "name": "name_key",
    "external_id": "external_id_key",
    "role": "role_key",
}
"""Columns that have a twin for comparing; a null is compared as the empty text."""

ID_MAX = 2**63 - 1
"""No database takes a larger one, not even to compare."""


async def add(tx: AsyncConnection, app_id: str, values: Mapping[str, Any]) -> User:
    """Raises Conflict, at the transaction's edge, where username, email or external_id is taken."""
    row = (await tx.execute(insert(users).values(app_id=app_id, **_columns(values)).returning(users))).one()
    user = to_user(row)
    touch(tx, app_id, [user.id])
    note(tx, UserWritten(app_id, None, user))
    return user


async def add_many(tx: AsyncConnection, app_id: str, items: Sequence[Mapping[str, Any]]) -> None:
    """Adds users that all have the same fields, in one statement."""
    if items:
        await tx.execute(insert(users), [{"app_id": app_id, **_columns(values)} for values in items])
        touch(tx, app_id)
        for values in items:
            note(tx, UserWritten(app_id, None, uuid=values["uuid"]))


async def get(tx: AsyncConnection, app_id: str, ref: UserRef, *, with_discarded: bool = False) -> User | None:
    row = (await tx.execute(_meant(app_id, ref, with_discarded))).one_or_none()
    return to_user(row) if row else None


async def get_for_update(
    tx: AsyncConnection, app_id: str, ref: UserRef, *, with_discarded: bool = False
) -> User | None:
    """The row stays ours until the transaction ends (SQLite's writer has the whole file anyway)."""
    row = (await tx.execute(_meant(app_id, ref, with_discarded).with_for_update())).one_or_none()
    return to_user(row) if row else None


def living(app_id: str) -> ColumnElement[bool]:
    """Those of the app who were not discarded: for everybody else they are not there."""
    return and_(users.c.app_id == app_id, users.c.discarded_at == NEVER)


def _meant(app_id: str, ref: UserRef, with_discarded: bool) -> Select[Any]:
    among = users.c.app_id == app_id if with_discarded else living(app_id)
    return select(users).where(among, _is_meant(ref))


def _is_meant(ref: UserRef) -> ColumnElement[bool]:
    match ref:
        case UUID():
            return users.c.uuid == str(ref)
        case ExternalId():
            return users.c.external_id == unicodedata.normalize("NFC", ref)
        case int():
            return users.c.id == ref if 0 < ref <= ID_MAX else false()
    return users.c.username_key == fold_case(ref)


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
    keys = {fold_case(name) for name in usernames if "\0" not in name}
    found: dict[str, User] = {}
    for part in in_parts(keys):
        statement = select(users).where(living(app_id), users.c.username_key.in_(part))
        found |= {row.username_key: to_user(row) for row in await tx.execute(statement)}
    return found


async def hold(tx: AsyncConnection, ids: Iterable[int]) -> set[int]:
    """Those of them who exist; they cannot be deleted before the transaction ends."""
    # in order of id, as in change_many
    statement = select(users.c.id).where(users.c.id.in_(list(ids)), users.c.discarded_at == NEVER).order_by(users.c.id)
    rows = await tx.execute(statement.with_for_update(read=True, key_share=True))
    return set(rows.scalars())


async def lock(tx: AsyncConnection, ids: Collection[int]) -> set[int]:
    """Those of them who are here; whoever else locks them, or writes to them, waits until the transaction ends."""
    statement = select(users.c.id).where(users.c.id.in_(ids), users.c.discarded_at == NEVER).order_by(users.c.id)
    # less than get_for_update: rows that name them may still be written, or two who name each other would lock
    # each other out
    return set((await tx.execute(statement.with_for_update(key_share=True))).scalars())


async def find_by_id(tx: AsyncConnection, ids: Iterable[int], *, with_discarded: bool = False) -> list[User]:
    """In order of id; who does not exist is left out."""
    found: list[User] = []
    for part in in_parts(sorted(ids)):
        statement = select(users).where(users.c.id.in_(part)).order_by(users.c.id)
        statement = statement if with_discarded else statement.where(users.c.discarded_at == NEVER)
        found += [to_user(row) for row in await tx.execute(statement)]
    return found


async def find_standings(tx: AsyncConnection, ids: Iterable[int]) -> dict[int, Standing]:
    """Of those of the ids that exist, of whatever app."""
    statement = select(users.c.id, users.c.status, users.c.tokens_since)
    statement = statement.where(users.c.id.in_(list(ids)), users.c.discarded_at == NEVER)
    return {row.id: Standing(AccountStatus(row.status), row.tokens_since) for row in await tx.execute(statement)}


async def find_by_uuid(tx: AsyncConnection, app_id: str, uuids: Sequence[str]) -> list[User]:
    """In order of id; who does not exist is left out."""
    found: list[User] = []
    for part in in_parts(uuids):
        statement = select(users).where(users.c.app_id == app_id, users.c.uuid.in_(part))
        found += [to_user(row) for row in await tx.execute(statement.order_by(users.c.id))]
    return found


async def change(tx: AsyncConnection, old: User, values: Mapping[str, Any]) -> User:
    """Sets these fields of a user whose row is locked. Raises Conflict at the transaction's edge."""
    statement = update(users).where(users.c.id == old.id).values(**_columns(values)).returning(users)
    user = to_user((await tx.execute(statement)).one())
    touch(tx, user.app_id, [user.id])
    note(tx, UserWritten(user.app_id, old, user))
    return user


async def change_many(tx: AsyncConnection, app_id: str, items: Sequence[tuple[User, Mapping[str, Any]]]) -> None:
    """Sets fields of many users of the app, all the same fields, in one statement run for each."""
    if not items:
        return
    names = _columns(items[0][1])
    statement = update(users).where(users.c.id == bindparam("b_id"))
    statement = statement.values({name: bindparam(f"b_{name}") for name in names})
    # always in order of id: two transactions that lock rows in different orders can lock each other out
    ordered = sorted(items, key=lambda item: item[0].id)
    rows = ({"b_id": user.id} | {f"b_{k}": v for k, v in _columns(values).items()} for user, values in ordered)
    await tx.execute(statement, list(rows))
    touch(tx, app_id, [user.id for user, _ in items])
    for user, _ in items:
        note(tx, UserWritten(app_id, user, user_id=user.id))


async def remove(tx: AsyncConnection, user: User) -> None:
    """Deletes for good."""
    await tx.execute(delete(users).where(users.c.id == user.id))
    touch(tx, user.app_id, [user.id])
    note(tx, UserWritten(user.app_id, user, is_gone=True))


async def discard(tx: AsyncConnection, user: User, now: int) -> User:
    """Their username, email and external id are free for others from now on."""
    return await change(
        tx,
        user,
        {
            "discarded_at": now,
            "updated_at": now,
            # no username begins with a space
            "username_key": f" {user.id}",
            "name_key": fold_case(user.display_name),
            "email_key": None,
            "freed_email_key": fold_case(user.email) if user.email else None,
            "external_id": None,
            "freed_external_id": user.external_id,
        },
    )


async def restore(tx: AsyncConnection, user: User, now: int) -> User:
    """Raises Conflict at the transaction's edge where somebody else has a name, email or external id of theirs."""
    given = {name: getattr(user, name) for name in ("username", "name", "email", "external_id")}
    values = {"discarded_at": NEVER, "updated_at": now, "status": AccountStatus.ACTIVE, "onboarding": Onboarding.JOINED}
    return await change(tx, user, {**given, **values, "freed_external_id": None, "freed_email_key": None})


async def count(tx: AsyncConnection, app_id: str) -> int:
    return (await tx.execute(select(func.count()).where(living(app_id)))).scalar_one()


async def batch_after(tx: AsyncConnection, app_id: str, after: int, limit: int = 1000) -> list[User]:
    """The next users of the app in order of id."""
    statement = select(users).where(living(app_id), users.c.id > after).order_by(users.c.id).limit(limit)
    return [to_user(row) for row in await tx.execute(statement)]


def _columns(values: Mapping[str, Any]) -> dict[str, Any]:
    """Adds the twins, and writes metadata and claims as text.

    A clock that is written is one that everybody sees, unless `to_others` (Clocks) says what others do.
    """
    columns = dict(values)
    to_others = columns.pop("to_others", None)
    for name, twin in CLOCKS_TO_OTHERS.items():
        if name in columns:
            columns[twin] = getattr(to_others, name) if to_others else columns[name]
    if "claims" in columns:
        kept = keep_claims(columns["claims"])
        columns |= {"claims": kept.text, "claims_at": kept.changed_at}
    for field, twin in FOLDED.items():
        if field in columns:
            columns[twin] = fold_case(columns[field] or "")
    if "email" in columns:
        columns["email_key"] = fold_case(columns["email"]) if columns["email"] else None
    if columns.get("metadata") is not None:
        columns["metadata"] = msgspec.json.encode(columns["metadata"]).decode()
    return columns
