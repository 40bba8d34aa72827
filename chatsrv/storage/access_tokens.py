"""Access tokens in SQL: one a user, of which only the hash is kept. A function is a verb on one transaction."""

from __future__ import annotations

from sqlalchemy import delete, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from chatsrv.domain.instants import NEVER
from chatsrv.domain.users import User
from chatsrv.storage.schema import access_tokens, users
from chatsrv.storage.users import to_user


async def replace(tx: AsyncConnection, user_id: int, token_hash: str, now: int) -> None:
    """The user's row is locked."""
    await tx.execute(delete(access_tokens).where(access_tokens.c.user_id == user_id))
    await tx.execute(insert(access_tokens).values(user_id=user_id, token_hash=token_hash, created_at=now))


async def find_user(tx: AsyncConnection, token_hash: str) -> User | None:
    """Whose it is, of whatever app."""
    statement = select(users).join(access_tokens, access_tokens.c.user_id == users.c.id)
    found = await tx.execute(statement.where(access_tokens.c.token_hash == token_hash, users.c.discarded_at == NEVER))
    row = found.one_or_none()
    return to_user(row) if row else None
