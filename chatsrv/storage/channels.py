"""Channels and their members in SQL. A function is a verb on one transaction."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Row, delete, func, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from chatsrv.domain.channels import Channel, ChannelType, Member, MemberRole
from chatsrv.domain.instants import NEVER
from chatsrv.domain.users import User
from chatsrv.storage.schema import channel_members as members
from chatsrv.storage.schema import channels, users
from chatsrv.storage.users import to_user

COUNT = (
    select(func.count())
    .select_from(members.join(users, members.c.user_id == users.c.id))
    .where(members.c.channel_id == channels.c.id, users.c.discarded_at == NEVER)
    .correlate(channels)
    .scalar_subquery()
    .label("members_count")
)


async def add(tx: AsyncConnection, app_id: str, values: Mapping[str, Any]) -> int:
    """Raises Conflict, at the transaction's edge, where the uri is taken. Returns its id."""
    added = await tx.execute(insert(channels).values(app_id=app_id, **values).returning(channels.c.id))
    return int(added.scalar_one())


async def get(tx: AsyncConnection, app_id: str, channel_id: int) -> Channel | None:
    statement = select(channels, COUNT).where(channels.c.app_id == app_id, channels.c.id == channel_id)
    row = (await tx.execute(statement)).one_or_none()
    return _to_channel(row) if row else None


async def lock(tx: AsyncConnection, app_id: str, channel_id: int) -> bool:
    """Whether there is such a channel; its row stays ours until the transaction ends."""
    statement = select(channels.c.id).where(channels.c.app_id == app_id, channels.c.id == channel_id)
    return (await tx.execute(statement.with_for_update())).one_or_none() is not None


async def page(
    tx: AsyncConnection, app_id: str, user_id: int | None, limit: int, offset: int
) -> tuple[list[Channel], int]:
    """In order of id, with the exact total; with a user only what that user may see."""
    wanted = [channels.c.app_id == app_id]
    if user_id is not None:
        own = select(members.c.channel_id).where(members.c.user_id == user_id)
        wanted.append(or_(channels.c.type == ChannelType.PUBLIC, channels.c.id.in_(own)))
    total = (await tx.execute(select(func.count()).select_from(channels).where(*wanted))).scalar_one()
    statement = select(channels, COUNT).where(*wanted).order_by(channels.c.id).limit(limit).offset(offset)
    return [_to_channel(row) for row in await tx.execute(statement)], total


async def change(tx: AsyncConnection, channel_id: int, values: Mapping[str, Any]) -> None:
    """Raises Conflict at the transaction's edge."""
    if values:
        await tx.execute(update(channels).where(channels.c.id == channel_id).values(values))


async def remove(tx: AsyncConnection, app_id: str, channel_id: int) -> bool:
    """Takes its memberships along; says whether there was such a channel."""
    statement = delete(channels).where(channels.c.app_id == app_id, channels.c.id == channel_id)
    return bool((await tx.execute(statement)).rowcount)


async def find_roles(tx: AsyncConnection, channel_id: int, user_ids: Iterable[int]) -> dict[int, MemberRole]:
    """Of those of the users who are members."""
    statement = select(members.c.user_id, members.c.role)
    rows = await tx.execute(statement.where(members.c.channel_id == channel_id, members.c.user_id.in_(list(user_ids))))
    return {row.user_id: MemberRole(row.role) for row in rows}


async def add_members(
    tx: AsyncConnection, channel_id: int, user_ids: Sequence[int], role: MemberRole, now: int
) -> None:
    """Users who are no members yet, in a channel that is locked."""
    if user_ids:
        row = {"channel_id": channel_id, "role": role.value, "created_at": now}
        await tx.execute(insert(members), [{**row, "user_id": user_id} for user_id in user_ids])


async def change_role(tx: AsyncConnection, channel_id: int, user_ids: Iterable[int], role: MemberRole) -> None:
    wanted = (members.c.channel_id == channel_id, members.c.user_id.in_(list(user_ids)))
    await tx.execute(update(members).where(*wanted).values(role=role.value))


async def remove_members(tx: AsyncConnection, channel_id: int, user_ids: Iterable[int]) -> None:
    wanted = (members.c.channel_id == channel_id, members.c.user_id.in_(list(user_ids)))
    await tx.execute(delete(members).where(*wanted))


async def list_members(tx: AsyncConnection, channel_id: int, limit: int, offset: int) -> tuple[list[Member], int]:
    """In the order in which they came, with the exact total."""
    everyone = members.join(users, members.c.user_id == users.c.id)
    wanted = (members.c.channel_id == channel_id, users.c.discarded_at == NEVER)
    total = await tx.execute(select(func.count()).select_from(everyone).where(*wanted))
    statement = select(users, members.c.role.label("member_role")).select_from(everyone).where(*wanted)
    rows = await tx.execute(statement.order_by(members.c.id).limit(limit).offset(offset))
    return [Member(to_user(row), MemberRole(row.member_role)) for row in rows], total.scalar_one()


async def find_owners(tx: AsyncConnection, found: Iterable[Channel]) -> dict[int, User]:
    """The owners of these channels by their ids."""
    ids = {channel.owner_id for channel in found if channel.owner_id is not None}
    rows = await tx.execute(select(users).where(users.c.id.in_(ids), users.c.discarded_at == NEVER)) if ids else ()
    return {row.id: to_user(row) for row in rows}


def _to_channel(row: Row[Any]) -> Channel:
    return Channel(
        id=row.id,
        app_id=row.app_id,
        uri=row.uri,
        subject=row.subject,
        label=row.label,
        metadata=row.metadata,
        avatar=row.avatar,
        type=ChannelType(row.type),
        owner_id=row.owner_id,
        created_at=row.created_at,
        members_count=row.members_count,
    )
