"""Invitations in SQL: one a user, of which only the hash is kept. A function is a verb on one transaction."""

from __future__ import annotations

from sqlalchemy import ColumnElement, delete, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from chatsrv.domain.users import User
from chatsrv.storage.schema import identities, invitations, users
from chatsrv.storage.users import to_user


async def replace_invitation(tx: AsyncConnection, user_id: int, token_hash: str, now: int, expires_at: int) -> None:
    """The user's row is locked."""
    await end_invitation(tx, user_id)
    values = {"user_id": user_id, "token_hash": token_hash, "created_at": now, "expires_at": expires_at}
    await tx.execute(insert(invitations).values(values))


async def end_invitation(tx: AsyncConnection, user_id: int) -> None:
    await tx.execute(delete(invitations).where(invitations.c.user_id == user_id))


async def find_invited(tx: AsyncConnection, token_hash: str, now: int) -> tuple[User, str | None] | None:
    """Whose invitation it is, of whatever app and in whatever state, and the password hash that their email has.

    In one statement: between two, another could accept, and a new password would look like a wrong one.
    """
    statement = (
        select(users, identities.c.password_hash)
        .join(invitations, invitations.c.user_id == users.c.id)
        .outerjoin(identities, identities.c.email_key == users.c.email_key)
    )
    row = (await tx.execute(statement.where(*_is_live(token_hash, now)))).one_or_none()
    return (to_user(row), row.password_hash) if row else None


async def hold_invited(tx: AsyncConnection, token_hash: str, now: int) -> User | None:
    """Whose invitation it is; the user's row stays ours until the transaction ends."""
    invited = select(invitations.c.user_id).where(*_is_live(token_hash, now), invitations.c.user_id == users.c.id)
    await tx.execute(select(users.c.id).where(invited.exists()).with_for_update())
    # asked anew, now that nobody else can accept it
    found = await find_invited(tx, token_hash, now)
    return found[0] if found else None


def _is_live(token_hash: str, now: int) -> tuple[ColumnElement[bool], ...]:
    return invitations.c.token_hash == token_hash, invitations.c.expires_at > now


async def delete_expired(tx: AsyncConnection, now: int, most: int) -> int:
    """Says how many those were."""
    over = select(invitations.c.user_id).where(invitations.c.expires_at <= now).limit(most)
    return (await tx.execute(delete(invitations).where(invitations.c.user_id.in_(over)))).rowcount
