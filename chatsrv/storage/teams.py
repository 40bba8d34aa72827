"""Teams and who is in them, in SQL. A function is a verb on one transaction; ids are those of the app given."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Row, Select, and_, delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from chatsrv.domain.teams import Team, TeamMembership, TeamQuery
from chatsrv.domain.users import User, fold_case
from chatsrv.storage.filters import Key, Kind, matches
from chatsrv.storage.schema import apps, team_memberships, teams, users
from chatsrv.storage.users import find_by_id

PARENTS = teams.alias("parents")
PARENT_UUID = select(PARENTS.c.uuid).where(PARENTS.c.id == teams.c.parent_id).correlate(teams).scalar_subquery()

KEYS: Mapping[str, Key] = {
    "name": Key(teams.c.name_key, Kind.FOLDED),
    "uuid": Key(teams.c.uuid, Kind.EXACT),
    "parent_uuid": Key(func.coalesce(PARENT_UUID, ""), Kind.EXACT, may_lack=True),
    "created_at": Key(teams.c.created_at, Kind.NUMBER),
    "updated_at": Key(teams.c.updated_at, Kind.NUMBER),
}

TEAM = select(teams, PARENT_UUID.label("parent_uuid"))

MEMBERSHIP = select(
    team_memberships.c.uuid.label("membership_uuid"),
    team_memberships.c.user_id,
    team_memberships.c.roles,
    team_memberships.c.created_at.label("joined_at"),
    team_memberships.c.updated_at.label("changed_at"),
    teams,
    PARENT_UUID.label("parent_uuid"),
).join_from(team_memberships, teams)


async def lock_tree(tx: AsyncConnection, app_id: str) -> None:
    """Until the transaction ends nobody else changes the teams of the app.

    Two moves could make a circle together, and a move and a deletion could lock each other out.
    """
    # not FOR UPDATE, which would stop everybody who adds anything to the app
    await tx.execute(select(apps.c.id).where(apps.c.id == app_id).with_for_update(key_share=True))


async def add(tx: AsyncConnection, app_id: str, values: Mapping[str, Any]) -> int:
    """Raises Conflict, at the transaction's edge, where the name is taken. Returns its id."""
    added = await tx.execute(insert(teams).values(app_id=app_id, **_columns(values)).returning(teams.c.id))
    return int(added.scalar_one())


async def get(tx: AsyncConnection, app_id: str, uuid: UUID) -> Team | None:
    row = (await tx.execute(TEAM.where(_is_meant(app_id, uuid)))).one_or_none()
    return _to_team(row) if row else None


async def hold(tx: AsyncConnection, app_id: str, uuid: UUID) -> Team | None:
    """The team cannot be deleted before the transaction ends."""
    row = (await tx.execute(TEAM.where(_is_meant(app_id, uuid)).with_for_update(of=teams))).one_or_none()
    return _to_team(row) if row else None


async def find_by_uuid(tx: AsyncConnection, app_id: str, uuids: Iterable[str], limit: int) -> list[Team]:
    """In order of id, at most so many; who does not exist is left out."""
    wanted = TEAM.where(teams.c.app_id == app_id, teams.c.uuid.in_(list(uuids)))
    return [_to_team(row) for row in await tx.execute(wanted.order_by(teams.c.id).limit(limit))]


async def page(tx: AsyncConnection, app_id: str, query: TeamQuery) -> tuple[list[Team], int]:
    """The teams of one page, and how many there are on all."""
    wanted = and_(teams.c.app_id == app_id, *(matches(KEYS[item.field], item) for item in query.filters))
    total = (await tx.execute(select(func.count()).select_from(teams).where(wanted))).scalar_one()
    statement = _sorted(TEAM.where(wanted), query).limit(query.limit).offset(query.offset)
    return [_to_team(row) for row in await tx.execute(statement)], total


def _sorted(statement: Select[Any], query: TeamQuery) -> Select[Any]:
    for sort in query.sort:
        key = KEYS[sort.field].column
        statement = statement.order_by(key.desc() if sort.descending else key.asc())
    return statement.order_by(teams.c.id)


async def change(tx: AsyncConnection, team_id: int, values: Mapping[str, Any]) -> None:
    """Raises Conflict at the transaction's edge."""
    await tx.execute(update(teams).where(teams.c.id == team_id).values(**_columns(values)))


async def is_below(tx: AsyncConnection, team_id: int, above_id: int) -> bool:
    """Whether the team is the other one, or under it at whatever depth."""
    upward = select(teams.c.id, teams.c.parent_id).where(teams.c.id == team_id).cte("upward", recursive=True)
    # a union without doubles ends even where there was a circle
    upward = upward.union(select(teams.c.id, teams.c.parent_id).where(teams.c.id == upward.c.parent_id))
    found = await tx.execute(select(upward.c.id).where(upward.c.id == above_id))
    return found.first() is not None


async def remove(tx: AsyncConnection, team_id: int) -> None:
    """Takes its memberships along; the teams below it stand alone."""
    await tx.execute(delete(teams).where(teams.c.id == team_id))


async def add_member(tx: AsyncConnection, values: Mapping[str, Any]) -> None:
    """Raises Conflict, at the transaction's edge, for somebody who is in the team already."""
    await tx.execute(insert(team_memberships).values(**values))


async def get_membership(tx: AsyncConnection, app_id: str, uuid: UUID) -> TeamMembership | None:
    found = await _memberships(tx, team_memberships.c.uuid == str(uuid), teams.c.app_id == app_id, limit=1)
    return found[0] if found else None


async def memberships_of_users(tx: AsyncConnection, user_ids: Iterable[int], limit: int) -> list[TeamMembership]:
    """Of whatever users, at most so many, in order of their making."""
    return await _memberships(tx, team_memberships.c.user_id.in_(list(user_ids)), limit=limit)


async def memberships_of_teams(tx: AsyncConnection, team_ids: Iterable[int], limit: int) -> list[TeamMembership]:
    """The same by team."""
    return await _memberships(tx, team_memberships.c.team_id.in_(list(team_ids)), limit=limit)


async def _memberships(tx: AsyncConnection, *wanted: ColumnElement[bool], limit: int) -> list[TeamMembership]:
    rows = (await tx.execute(MEMBERSHIP.where(*wanted).order_by(team_memberships.c.id).limit(limit))).all()
    people = {user.id: user for user in await find_by_id(tx, {row.user_id for row in rows}, with_discarded=True)}
    return [_to_membership(row, people[row.user_id]) for row in rows if row.user_id in people]


async def remove_member(tx: AsyncConnection, uuid: str) -> None:
    await tx.execute(delete(team_memberships).where(team_memberships.c.uuid == uuid))


async def find_role_words(tx: AsyncConnection, app_id: str) -> set[str]:
    """Folded, of everybody in the app."""
    return set((await tx.execute(select(users.c.role_key).where(users.c.app_id == app_id).distinct())).scalars())


def _is_meant(app_id: str, uuid: UUID) -> ColumnElement[bool]:
    return and_(teams.c.app_id == app_id, teams.c.uuid == str(uuid))


def _columns(values: Mapping[str, Any]) -> dict[str, Any]:
    """Adds the name as it is compared."""
    return {**values, "name_key": fold_case(values["name"])} if "name" in values else dict(values)


def _to_team(row: Row[Any]) -> Team:
    return Team(row.id, row.app_id, row.uuid, row.name, row.parent_uuid, row.created_at, row.updated_at)


def _to_membership(row: Row[Any], user: User) -> TeamMembership:
    roles = tuple(row.roles.split())
    return TeamMembership(row.membership_uuid, _to_team(row), user, roles, row.joined_at, row.changed_at)
