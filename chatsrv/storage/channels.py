"""Channels and their members in SQL. A function is a verb on one transaction."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Row, and_, delete, false, func, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from chatsrv.domain.channels import Channel, ChannelType, Member, MemberRole, Membership
from chatsrv.domain.instants import NEVER
from chatsrv.domain.users import User
from chatsrv.storage.many import in_parts
from chatsrv.storage.schema import channel_members as members
from chatsrv.storage.schema import channels, users
from chatsrv.storage.users import ID_MAX, to_user

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
    statement = select(channels, COUNT).where(_is_meant(app_id, channel_id))
    row = (await tx.execute(statement)).one_or_none()
    return to_channel(row) if row else None


async def lock(tx: AsyncConnection, app_id: str, channel_id: int) -> bool:
    """Whether there is such a channel; its row stays ours until the transaction ends."""
    statement = select(channels.c.id).where(_is_meant(app_id, channel_id))
    return (await tx.execute(statement.with_for_update())).one_or_none() is not None


def _is_meant(app_id: str, channel_id: int) -> ColumnElement[bool]:
    return and_(channels.c.app_id == app_id, channels.c.id == channel_id) if 0 < channel_id <= ID_MAX else false()


async def page(
    tx: AsyncConnection, app_id: str, user_id: int | None, limit: int, offset: int
) -> tuple[list[Channel], int]:
    """In order of id, with the exact total; with a user only what that user may see."""
    wanted = [channels.c.app_id == app_id]
    if user_id is not None:
        wanted.append(visible_to(user_id))
    total = (await tx.execute(select(func.count()).select_from(channels).where(*wanted))).scalar_one()
    statement = select(channels, COUNT).where(*wanted).order_by(channels.c.id).limit(limit).offset(offset)
    return [to_channel(row) for row in await tx.execute(statement)], total


def visible_to(user_id: int) -> ColumnElement[bool]:
    """Public channels and their own."""
    own = select(members.c.channel_id).where(members.c.user_id == user_id)
    return or_(channels.c.type == ChannelType.PUBLIC, channels.c.id.in_(own))


async def change(tx: AsyncConnection, channel_id: int, values: Mapping[str, Any]) -> None:
    """Raises Conflict at the transaction's edge."""
    if values:
        await tx.execute(update(channels).where(channels.c.id == channel_id).values(values))


async def remove(tx: AsyncConnection, app_id: str, channel_id: int) -> bool:
    """Takes its memberships along; says whether there was such a channel."""
    statement = delete(channels).where(_is_meant(app_id, channel_id))
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


async def find_membership(tx: AsyncConnection, channel_id: int, user_id: int) -> Membership | None:
    statement = select(members).where(members.c.channel_id == channel_id, members.c.user_id == user_id)
    row = (await tx.execute(statement)).one_or_none()
    return to_membership(row) if row else None


async def lock_many(tx: AsyncConnection, app_id: str, channel_ids: Iterable[int]) -> set[int]:
    """Those of them that there are; as in `lock`."""
    # always in order of id: two transactions that lock rows in different orders can lock each other out
    statement = select(channels.c.id).where(channels.c.app_id == app_id, channels.c.id.in_(list(channel_ids)))
    return set((await tx.execute(statement.order_by(channels.c.id).with_for_update())).scalars())


async def join(tx: AsyncConnection, user_id: int, channel_ids: Sequence[int], role: MemberRole, now: int) -> None:
    """Channels that are locked, and of which the user is no member yet."""
    if channel_ids:
        row = {"user_id": user_id, "role": role.value, "created_at": now}
        await tx.execute(insert(members), [{**row, "channel_id": channel_id} for channel_id in channel_ids])


async def part(tx: AsyncConnection, user_id: int, channel_ids: Iterable[int]) -> None:
    wanted = (members.c.user_id == user_id, members.c.channel_id.in_(list(channel_ids)))
    await tx.execute(delete(members).where(*wanted))


async def remove_membership(tx: AsyncConnection, membership_id: int) -> bool:
    """Says whether there was one."""
    return bool((await tx.execute(delete(members).where(members.c.id == membership_id))).rowcount)


async def find_joined(tx: AsyncConnection, user_id: int, channel_ids: Iterable[int]) -> set[int]:
    """Those of the channels of which the user is a member."""
    wanted = (members.c.user_id == user_id, members.c.channel_id.in_(list(channel_ids)))
    return set((await tx.execute(select(members.c.channel_id).where(*wanted))).scalars())


async def find_existing(tx: AsyncConnection, app_id: str, channel_ids: Collection[int]) -> set[int]:
    wanted = (channels.c.app_id == app_id, channels.c.id.in_(list(channel_ids)))
    return set((await tx.execute(select(channels.c.id).where(*wanted))).scalars())


async def find_admitted(
    tx: AsyncConnection, app_id: str, wanted: Mapping[int, Collection[int]]
) -> dict[int, list[int]]:
    """Of the channels named for each user those into which they may go, in order; everybody asked for is in it."""
    named = sorted(set[int]().union(*wanted.values()))
    found: set[tuple[int | None, int, bool]] = set()
    for part in in_parts(wanted):
        found |= await _find_doors(tx, app_id, part, named)
    public = {channel_id for _, channel_id, is_public in found if is_public}
    joined = {(user_id, channel_id) for user_id, channel_id, _ in found}
    return {
        user_id: sorted(one for one in asked if one in public or (user_id, one) in joined)
        for user_id, asked in wanted.items()
    }


async def _find_doors(
    tx: AsyncConnection, app_id: str, user_ids: Sequence[int], channel_ids: Sequence[int]
) -> set[tuple[int | None, int, bool]]:
    """(member, channel, whether it is public) for each of these users who is one, and at least one for each channel."""
    own = and_(members.c.channel_id == channels.c.id, members.c.user_id.in_(user_ids))
    statement = select(members.c.user_id, channels.c.id, channels.c.type == ChannelType.PUBLIC)
    statement = statement.select_from(channels.outerjoin(members, own))
    rows = await tx.execute(statement.where(channels.c.app_id == app_id, channels.c.id.in_(channel_ids)))
    return {(user_id, channel_id, bool(is_public)) for user_id, channel_id, is_public in rows}


async def find_owners(tx: AsyncConnection, found: Iterable[Channel]) -> dict[int, User]:
    """The owners of these channels by their ids."""
    ids = {channel.owner_id for channel in found if channel.owner_id is not None}
    rows = await tx.execute(select(users).where(users.c.id.in_(ids), users.c.discarded_at == NEVER)) if ids else ()
    return {row.id: to_user(row) for row in rows}


def to_channel(row: Row[Any]) -> Channel:
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


def to_membership(row: Row[Any]) -> Membership:
    return Membership(
        id=row.id,
        channel_id=row.channel_id,
        user_id=row.user_id,
        role=MemberRole(row.role),
        created_at=row.created_at,
        last_read_at=row.last_read_at,
        unread_message_count=row.unread_message_count,
    )
