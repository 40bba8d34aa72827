"""Identities in SQL: who signs in, as whom, and which bearers are live. A function is a verb on one transaction."""

from __future__ import annotations

from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncConnection

from chatsrv.storage.schema import bearers, identities, identity_users, users


async def end_sign_ins(tx: AsyncConnection, user_id: int) -> None:
    """The bearers with which the user's identity works in the user's app are dead."""
    using = (
        select(identities.c.id)
        .join(identity_users, identity_users.c.identity_id == identities.c.id)
        .join(users, users.c.id == identity_users.c.user_id)
        .where(users.c.id == user_id, identities.c.last_app_id == users.c.app_id)
    )
    await tx.execute(delete(bearers).where(bearers.c.identity_id.in_(using)))


async def release(tx: AsyncConnection, user_id: int) -> None:
    """The user is about to be deleted: an identity that has no other user goes, too."""
    await end_sign_ins(tx, user_id)
    own = select(identity_users.c.identity_id).where(identity_users.c.user_id == user_id)
    identity_id = (await tx.execute(own)).scalar_one_or_none()
    if identity_id is None:
        return
    await tx.execute(delete(identity_users).where(identity_users.c.user_id == user_id))
    others = select(identity_users.c.user_id).where(identity_users.c.identity_id == identity_id)
    await tx.execute(delete(identities).where(identities.c.id == identity_id, ~others.exists()))
