"""Identities in SQL: who signs in, and as whom. A function is a verb on one transaction.

A user's row is locked before that of an identity, and several users in order of id.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Row, and_, delete, exists, insert, or_, select, update
from sqlalchemy.dialects.postgresql import insert as postgres_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.ext.asyncio import AsyncConnection
from uuid_utils import uuid7

from chatsrv.domain.identities import Account, Identity
from chatsrv.domain.instants import NEVER
from chatsrv.domain.users import AccountState, User, fold_case
from chatsrv.storage.bearers import end_bearers
from chatsrv.storage.schema import apps, identities, identity_users, users
from chatsrv.storage.users import to_user


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a sign-in needs to know of an identity."""

    id: int
    email: str
    password_hash: str
    last_app_id: str | None


async def find(tx: AsyncConnection, email: str) -> Credentials | None:
    """By email, whatever its case."""
    statement = select(identities).where(identities.c.email_key == fold_case(email))
    row = (await tx.execute(statement)).one_or_none()
    return _to_credentials(row) if row else None


async def hold(tx: AsyncConnection, identity_id: int) -> Credentials | None:
    """The row stays ours until the transaction ends, and nobody links a user to it or takes one from it."""
    statement = select(identities).where(identities.c.id == identity_id).with_for_update()
    row = (await tx.execute(statement)).one_or_none()
    return _to_credentials(row) if row else None


async def get(tx: AsyncConnection, identity_id: int) -> Identity | None:
    """With the accounts in which they are active."""
    row = (await tx.execute(select(identities).where(identities.c.id == identity_id))).one_or_none()
    if row is None:
        return None
    accounts = tuple(await _accounts_of(tx, identity_id))
    return Identity(row.id, row.uuid, row.email, row.last_app_id, row.created_at, row.updated_at, accounts)


async def _accounts_of(tx: AsyncConnection, identity_id: int) -> list[Account]:
    """Where they are active, in order of the user's id."""
    statement = (
        select(users, apps.c.name.label("app_name"))
        .join(identity_users, identity_users.c.user_id == users.c.id)
        .join(apps, apps.c.id == users.c.app_id)
        .where(identity_users.c.identity_id == identity_id, users.c.discarded_at == NEVER)
        .order_by(users.c.id)
    )
    found = [Account(row.app_id, row.app_name, to_user(row)) for row in await tx.execute(statement)]
    return [account for account in found if account.user.state is AccountState.ACTIVE]


async def hold_by_email(tx: AsyncConnection, email: str) -> list[User]:
    """Whoever has this email, in whatever app; the rows stay ours until the transaction ends."""
    statement = select(users).where(users.c.email_key == fold_case(email), users.c.discarded_at == NEVER)
    return [to_user(row) for row in await tx.execute(statement.order_by(users.c.id).with_for_update())]


async def add_or_hold(tx: AsyncConnection, email: str, password_hash: str, app_id: str, now: int) -> Credentials:
    """The identity of this email, new or as it is, held until the transaction ends. Nobody makes a second one."""
    insert_or = sqlite_insert if tx.dialect.name == "sqlite" else postgres_insert
    statement = insert_or(identities).values(
        uuid=str(uuid7()),
        email=email,
        email_key=fold_case(email),
        password_hash=password_hash,
        last_app_id=app_id,
        created_at=now,
        updated_at=now,
    )
    # what is there is written as it is: that holds the row, and gives it back
    as_it_is = {"email_key": identities.c.email_key}
    held = statement.on_conflict_do_update(index_elements=[identities.c.email_key], set_=as_it_is)
    row = (await tx.execute(held.returning(identities))).one()
    return _to_credentials(row)


async def is_used_elsewhere(tx: AsyncConnection, identity_id: int, app_id: str) -> bool:
    """Also by somebody who was deactivated or discarded there: they may come back."""
    statement = select(users.c.id).join(identity_users, identity_users.c.user_id == users.c.id)
    statement = statement.where(identity_users.c.identity_id == identity_id, users.c.app_id != app_id)
    return (await tx.execute(statement.limit(1))).one_or_none() is not None


async def find_linked(tx: AsyncConnection, user_ids: Collection[int]) -> list[int]:
    """Those of the users who have an identity."""
    statement = select(identity_users.c.user_id).where(identity_users.c.user_id.in_(user_ids))
    return list((await tx.execute(statement)).scalars())


async def change(tx: AsyncConnection, identity_id: int, values: Mapping[str, Any]) -> None:
    """Sets these fields of an identity that is held. Raises Conflict at the transaction's edge."""
    columns = dict(values)
    if "email" in columns:
        columns["email_key"] = fold_case(columns["email"])
    await tx.execute(update(identities).where(identities.c.id == identity_id).values(**columns))


async def link(tx: AsyncConnection, identity_id: int, user: User) -> None:
    """The user's row and the identity are held. In the user's app the identity is nobody else from now on."""
    before = select(identity_users.c.identity_id).where(
        identity_users.c.user_id == user.id, identity_users.c.identity_id != identity_id
    )
    left = (await tx.execute(before)).scalars().all()
    in_app = select(users.c.id).where(users.c.app_id == user.app_id)
    was = and_(identity_users.c.identity_id == identity_id, identity_users.c.user_id.in_(in_app))
    await tx.execute(delete(identity_users).where(or_(was, identity_users.c.user_id == user.id)))
    await tx.execute(insert(identity_users).values(identity_id=identity_id, user_id=user.id))
    await _delete_unused(tx, left)


async def follow_email(tx: AsyncConnection, user: User) -> None:
    """The email of a user, whose row is locked, is another one now: so is that of an identity that is nobody else.

    Where they have no email any more, or somebody else signs in with that one, they have no identity any more, either.
    """
    statement = select(identities).join(identity_users, identity_users.c.identity_id == identities.c.id)
    row = (
        await tx.execute(statement.where(identity_users.c.user_id == user.id).with_for_update(of=identities))
    ).one_or_none()
    if row is None or await is_used_elsewhere(tx, row.id, user.app_id):
        return
    other = await find(tx, user.email) if user.email else None
    if user.email and (other is None or other.id == row.id):
        await change(tx, row.id, {"email": user.email})
    else:
        await release(tx, user.id)


async def end_sign_ins(tx: AsyncConnection, user_id: int) -> int | None:
    """The bearers with which the user's identity works in the user's app are dead. The user's row is locked.

    Returns the id of the identity, which is held until the transaction ends.
    """
    statement = (
        select(identities.c.id, identities.c.last_app_id, users.c.app_id)
        .join(identity_users, identity_users.c.identity_id == identities.c.id)
        .join(users, users.c.id == identity_users.c.user_id)
        .where(users.c.id == user_id)
    )
    # held wherever it works: a sign-in that comes at the same time may be about to move it here
    row = (await tx.execute(statement.with_for_update(of=identities))).one_or_none()
    if row is None:
        return None
    if row.last_app_id == row.app_id:
        await end_bearers(tx, row.id)
    return int(row.id)


async def release(tx: AsyncConnection, user_id: int) -> None:
    """The user is about to be deleted: an identity that has no other user goes, too. The user's row is locked."""
    identity_id = await end_sign_ins(tx, user_id)
    if identity_id is not None:
        await tx.execute(delete(identity_users).where(identity_users.c.user_id == user_id))
        await _delete_unused(tx, [identity_id])


async def delete_unused(tx: AsyncConnection, most: int) -> int:
    """Identities whose users are all gone, as with their app; says how many those were."""
    statement = select(identities.c.id).where(~_has_users()).order_by(identities.c.id).limit(most)
    held = (await tx.execute(statement.with_for_update(skip_locked=True))).scalars().all()
    await _delete_unused(tx, held)
    return len(held)


async def _delete_unused(tx: AsyncConnection, held: Sequence[int]) -> None:
    """A statement of its own, after they are held: it sees what others linked until then."""
    await tx.execute(delete(identities).where(identities.c.id.in_(held), ~_has_users()))


def _has_users() -> ColumnElement[bool]:
    return exists().where(identity_users.c.identity_id == identities.c.id)


def _to_credentials(row: Row[Any]) -> Credentials:
    return Credentials(row.id, row.email, row.password_hash, row.last_app_id)
