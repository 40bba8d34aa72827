"""Teams: making and changing them, and who is in them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NoReturn
from uuid import UUID

from uuid_utils import uuid7

from chatsrv.domain.clock import Clock
from chatsrv.domain.errors import Invalid, NotFound, Problem
from chatsrv.domain.teams import Team, TeamMembership, TeamQuery, check_team
from chatsrv.domain.users import ADMIN, User
from chatsrv.storage import teams as rows
from chatsrv.storage import users as user_rows
from chatsrv.storage.database import Database, Transaction

PARENT = "parent_team_id"


class Teams:
    """Every method that names an app takes the one that the caller proved to belong to."""

    def __init__(self, db: Database, clock: Clock) -> None:
        self._db = db
        self._clock = clock

    async def create(self, app_id: str, values: Mapping[str, Any]) -> Team:
        """`values` holds `name` and perhaps `parent_team_id`. Raises Invalid and Conflict."""
        checked, now = check_team(values), self._clock.now()
        uuid = UUID(str(uuid7()))
        async with self._db.write() as tx:
            await rows.lock_tree(tx, app_id)
            parent = await _hold_parent(tx, app_id, checked.get(PARENT))
            row = {"uuid": str(uuid), "name": checked["name"], "parent_id": parent.id if parent else None}
            await rows.add(tx, app_id, {**row, "created_at": now, "updated_at": now})
            return await rows.get(tx, app_id, uuid) or _no_team(uuid)

    async def get(self, app_id: str, uuid: UUID) -> Team:
        """Raises NotFound."""
        async with self._db.read() as tx:
            return await rows.get(tx, app_id, uuid) or _no_team(uuid)

    async def page(self, app_id: str, query: TeamQuery) -> tuple[list[Team], int]:
        """And how many there are on all pages."""
        async with self._db.read() as tx:
            return await rows.page(tx, app_id, query)

    async def update(self, app_id: str, uuid: UUID, values: Mapping[str, Any]) -> Team:
        """Sets the fields given. Raises NotFound, Conflict and Invalid, also where a team would be under itself."""
        checked = check_team(values)
        async with self._db.write() as tx:
            await rows.lock_tree(tx, app_id)
            team = await rows.hold(tx, app_id, uuid) or _no_team(uuid)
            await rows.change(tx, team.id, await self._changes(tx, team, checked))
            return await rows.get(tx, app_id, uuid) or _no_team(uuid)

    async def _changes(self, tx: Transaction, team: Team, checked: Mapping[str, Any]) -> dict[str, Any]:
        changes = {name: value for name, value in checked.items() if name != PARENT}
        if PARENT in checked:
            parent = await _hold_parent(tx, team.app_id, checked[PARENT])
            if parent and await rows.is_below(tx, parent.id, team.id):
                raise Invalid(Problem(PARENT, "must not be the team itself or one that is under it"))
            changes["parent_id"] = parent.id if parent else None
        # a clock that was set back must not move updated_at back with it
        return {**changes, "updated_at": max(self._clock.now(), team.updated_at + 1)}

    async def delete(self, app_id: str, uuid: UUID) -> Team:
        """As it was; the teams under it stand alone. Raises NotFound."""
        async with self._db.write() as tx:
            await rows.lock_tree(tx, app_id)
            team = await rows.hold(tx, app_id, uuid) or _no_team(uuid)
            await rows.remove(tx, team.id)
        return team

    async def add_member(self, app_id: str, team: UUID, user: UUID, roles: Sequence[str]) -> TeamMembership:
        """Raises Invalid where there is no such team or user, and Conflict for somebody who is in it already."""
        uuid, now = UUID(str(uuid7())), self._clock.now()
        row = {"uuid": str(uuid), "roles": " ".join(dict.fromkeys(roles)), "created_at": now, "updated_at": now}
        async with self._db.write() as tx:
            user_id = await _hold_user(tx, app_id, user)
            held = await rows.hold(tx, app_id, team) or _refuse("team_id", "is no team of this account")
            await rows.add_member(tx, {**row, "user_id": user_id, "team_id": held.id})
            return await rows.get_membership(tx, app_id, uuid) or _no_membership(uuid)

    async def get_membership(self, app_id: str, uuid: UUID) -> TeamMembership:
        """Raises NotFound."""
        async with self._db.read() as tx:
            return await rows.get_membership(tx, app_id, uuid) or _no_membership(uuid)

    async def remove_member(self, app_id: str, uuid: UUID) -> TeamMembership:
        """As it was. Raises NotFound."""
        async with self._db.write() as tx:
            membership = await rows.get_membership(tx, app_id, uuid) or _no_membership(uuid)
            await rows.remove_member(tx, membership.uuid)
        return membership

    async def memberships_of(self, users: Iterable[User], limit: int) -> list[TeamMembership]:
        """At most so many, in order of their making."""
        async with self._db.read() as tx:
            return await rows.memberships_of_users(tx, [user.id for user in users], limit)

    async def members_of(self, teams: Iterable[Team], limit: int) -> list[TeamMembership]:
        """At most so many, in order of their making."""
        async with self._db.read() as tx:
            return await rows.memberships_of_teams(tx, [team.id for team in teams], limit)

    async def parents_of(self, app_id: str, teams: Iterable[Team], limit: int) -> list[Team]:
        """Each once and at most so many."""
        wanted = {team.parent_uuid for team in teams if team.parent_uuid}
        async with self._db.read() as tx:
            return await rows.find_by_uuid(tx, app_id, wanted, limit)

    async def find_roles(self, app_id: str) -> tuple[str, ...]:
        """The words that say what people of the app are, folded and in order: two that always are, and its own."""
        async with self._db.read() as tx:
            return tuple(sorted({ADMIN, "user"} | await rows.find_role_words(tx, app_id)))


async def _hold_parent(tx: Transaction, app_id: str, uuid: UUID | None) -> Team | None:
    if uuid is None:
        return None
    return await rows.hold(tx, app_id, uuid) or _refuse(PARENT, "is no team of this account")


async def _hold_user(tx: Transaction, app_id: str, uuid: UUID) -> int:
    """Before the team is held: a deletion locks the user first, and then what is theirs."""
    user = await user_rows.get(tx, app_id, uuid)
    if user is None or user.id not in await user_rows.hold(tx, [user.id]):
        _refuse("user_id", "is no user of this account")
    return user.id


def _refuse(field: str, message: str) -> NoReturn:
    raise Invalid(Problem(field, message))


def _no_team(uuid: UUID) -> NoReturn:
    raise NotFound(f"There is no team {uuid}.")


def _no_membership(uuid: UUID) -> NoReturn:
    raise NotFound(f"There is no team membership {uuid}.")
