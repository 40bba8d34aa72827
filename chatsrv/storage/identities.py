"""Identities in SQL: who signs in, as whom, and which bearers are live. A function is a verb on one transaction.

Locks are taken on users before identities, and on users in order of id.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Row, delete, exists, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection
from uuid_utils import uuid7

from chatsrv.domain.identities import Account, Identity
from chatsrv.domain.instants import NEVER
from chatsrv.domain.users import AccountState, User, fold_case
from chatsrv.storage.schema import apps, bearers, identities, identity_users, invitations, users
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
    return _credentials((await tx.execute(statement)).one_or_none())


async def hold(tx: AsyncConnection, identity_id: int) -> Credentials | None:
    """The row stays ours until the transaction ends, and nobody links a user to it or takes one from it."""
    statement = select(identities).where(identities.c.id == identity_id).with_for_update()
    return _credentials((await tx.execute(statement)).one_or_none())


async def get(tx: AsyncConnection, identity_id: int) -> Identity | None:
    """With the accounts in which they are active."""
    row = (await tx.execute(select(identities).where(identities.c.id == identity_id))).one_or_none()
    if row is None:
        return None
    accounts = tuple(await accounts_of(tx, identity_id))
    return Identity(row.id, row.uuid, row.email, row.last_app_id, row.created_at, row.updated_at, accounts)


async def accounts_of(tx: AsyncConnection, identity_id: int) -> list[Account]:
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


async def hold_users(tx: AsyncConnection, identity_id: int) -> None:
    """What the accounts of its users are stays true until the transaction ends."""
    statement = select(users.c.id).join(identity_users, identity_users.c.user_id == users.c.id)
    statement = statement.where(identity_users.c.identity_id == identity_id).order_by(users.c.id)
    await tx.execute(statement.with_for_update(read=True, of=users))


async def add_or_hold(tx: AsyncConnection, email: str, password_hash: str, app_id: str, now: int) -> Credentials:
    """The identity of this email, new or as it is, held until the transaction ends."""
    found = await _hold_by_email(tx, email)
    if found is None:
        await _add_if_absent(tx, email, password_hash, app_id, now)
        # ours, or that of whoever was quicker
        found = await _hold_by_email(tx, email)
    assert found  # noqa: S101 - held or just written
    return found
