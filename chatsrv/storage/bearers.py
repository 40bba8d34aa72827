"""Bearers in SQL: which sign-ins live. Only hashes are kept. A function is a verb on one transaction."""

from __future__ import annotations

from sqlalchemy import delete, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from chatsrv.domain.instants import NEVER
from chatsrv.domain.users import User
from chatsrv.storage.schema import bearers, identities, identity_users, users
from chatsrv.storage.users import to_user


async def add_bearer(tx: AsyncConnection, identity_id: int, token_hash: str, now: int, expires_at: int) -> None:
    values = {"token_hash": token_hash, "identity_id": identity_id, "created_at": now, "expires_at": expires_at}
    await tx.execute(insert(bearers).values(values))


async def find_bearer(tx: AsyncConnection, token_hash: str, now: int) -> tuple[int, User] | None:
    """The identity's id, and its user in the app where it works, in whatever state."""
    statement = (
        select(users, identities.c.id.label("identity_id"))
        .join(identity_users, identity_users.c.user_id == users.c.id)
        .join(identities, identities.c.id == identity_users.c.identity_id)
        .join(bearers, bearers.c.identity_id == identities.c.id)
        .where(bearers.c.token_hash == token_hash, bearers.c.expires_at > now)
        .where(identities.c.last_app_id == users.c.app_id, users.c.discarded_at == NEVER)
    )
    row = (await tx.execute(statement)).one_or_none()
    return (row.identity_id, to_user(row)) if row else None


async def end_bearer(tx: AsyncConnection, token_hash: str) -> None:
    await tx.execute(delete(bearers).where(bearers.c.token_hash == token_hash))


async def end_bearers(tx: AsyncConnection, identity_id: int, but_hash: str = "") -> None:
    """All of the identity, which is held, but perhaps one."""
    others = (bearers.c.identity_id == identity_id, bearers.c.token_hash != but_hash)
    await tx.execute(delete(bearers).where(*others))


async def end_oldest(tx: AsyncConnection, identity_id: int, most: int) -> None:
    """The identity, which is held, keeps the newest ones."""
    own = select(bearers.c.token_hash).where(bearers.c.identity_id == identity_id)
    newest = own.order_by(bearers.c.created_at.desc(), bearers.c.token_hash).limit(most)
    await tx.execute(delete(bearers).where(bearers.c.identity_id == identity_id, bearers.c.token_hash.not_in(newest)))


async def delete_expired(tx: AsyncConnection, now: int, most: int) -> int:
    """Says how many those were."""
    over = select(bearers.c.token_hash).where(bearers.c.expires_at <= now).order_by(bearers.c.expires_at).limit(most)
    return (await tx.execute(delete(bearers).where(bearers.c.token_hash.in_(over)))).rowcount
