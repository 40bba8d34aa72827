"""What comes along with a resource: `include` loads it, links to it and adds it to the document."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from chatsrv.api.dialect import Call
from chatsrv.api.jsonapi import Identifier, IncludeTree, Resource, identify, linkage, read_include
from chatsrv.api.pulse.errors import BadParameter
from chatsrv.api.pulse.render import SHAPES, AccountMembership, Role, Value, render, roles_of
from chatsrv.domain.apps import App
from chatsrv.domain.listing import UserQuery
from chatsrv.domain.teams import Team, TeamMembership, TeamQuery
from chatsrv.domain.users import User

DEPTH_MAX = 3

Load = Callable[[Call, Sequence[Any], int], Awaitable[list[list[Any]]]]
"""What belongs to each of the values, at most so many together."""


@dataclass(frozen=True, slots=True)
class Relation:
    target: type[Any]
    load: Load
    is_one: bool = False


async def _accounts(call: Call, values: Sequence[Any], _: int) -> list[list[App]]:
    return [[call.app] for _ in values]


async def _own_membership(_: Call, users: Sequence[User], __: int) -> list[list[AccountMembership]]:
    return [[AccountMembership(user)] for user in users]


async def _team_memberships(call: Call, users: Sequence[User], most: int) -> list[list[TeamMembership]]:
    found = await call.services.teams.memberships_of(users, most)
    return _sorted_out(found, lambda membership: membership.user.id, (user.id for user in users))


async def _teams(call: Call, users: Sequence[User], most: int) -> list[list[Team]]:
    return [[one.team for one in own] for own in await _team_memberships(call, users, most)]


async def _members(call: Call, teams: Sequence[Team], most: int) -> list[list[TeamMembership]]:
    found = await call.services.teams.members_of(teams, most)
    return _sorted_out(found, lambda membership: membership.team.id, (team.id for team in teams))


async def _people(call: Call, teams: Sequence[Team], most: int) -> list[list[User]]:
    return [[one.user for one in own] for own in await _members(call, teams, most)]


async def _parents(call: Call, teams: Sequence[Team], most: int) -> list[list[Team]]:
    found = await call.services.teams.parents_of(call.app.id, teams, most)
    return _sorted_out(found, lambda team: team.uuid, (team.parent_uuid for team in teams))


async def _user(_: Call, memberships: Sequence[Any], __: int) -> list[list[User]]:
    return [[membership.user] for membership in memberships]


async def _team(_: Call, memberships: Sequence[TeamMembership], __: int) -> list[list[Team]]:
    return [[membership.team] for membership in memberships]


async def _role(call: Call, memberships: Sequence[AccountMembership], _: int) -> list[list[Role]]:
    return [roles_of(call.app.id, (membership.user.role,)) for membership in memberships]


async def _roles(call: Call, memberships: Sequence[TeamMembership], _: int) -> list[list[Role]]:
    return [roles_of(call.app.id, membership.roles) for membership in memberships]


def _sorted_out(found: Iterable[Any], key: Callable[[Any], Any], keys: Iterable[Any]) -> list[list[Any]]:
    groups: defaultdict[Any, list[Any]] = defaultdict(list)
    for item in found:
        groups[key(item)].append(item)
    return [groups[one] for one in keys]


async def _account_people(call: Call, accounts: Sequence[App], most: int) -> list[list[User]]:
    return [await _everybody(call, account, most) for account in accounts]


async def _account_memberships(call: Call, accounts: Sequence[App], most: int) -> list[list[AccountMembership]]:
    return [[AccountMembership(user) for user in await _everybody(call, account, most)] for account in accounts]


async def _everybody(call: Call, account: App, most: int) -> list[User]:
    page = await call.services.users.page(account.id, UserQuery(most), call.viewer)
    return [person.user for person in page.people]


async def _account_teams(call: Call, accounts: Sequence[App], most: int) -> list[list[Team]]:
    return [(await call.services.teams.page(account.id, TeamQuery(most)))[0] for account in accounts]


RELATIONS: Mapping[type[Any], Mapping[str, Relation]] = {
    User: {
        "account": Relation(App, _accounts, is_one=True),
        "account_memberships": Relation(AccountMembership, _own_membership),
        "teams": Relation(Team, _teams),
        "team_memberships": Relation(TeamMembership, _team_memberships),
    },
    App: {
        "account_memberships": Relation(AccountMembership, _account_memberships),
        "teams": Relation(Team, _account_teams),
        "users": Relation(User, _account_people),
    },
    AccountMembership: {
        "account": Relation(App, _accounts, is_one=True),
        "user": Relation(User, _user, is_one=True),
        "roles": Relation(Role, _role),
    },
    Team: {
        "account": Relation(App, _accounts, is_one=True),
        "parent_team": Relation(Team, _parents, is_one=True),
        "team_memberships": Relation(TeamMembership, _members),
        "users": Relation(User, _people),
    },
    TeamMembership: {
        "team": Relation(Team, _team, is_one=True),
        "user": Relation(User, _user, is_one=True),
        "roles": Relation(Role, _roles),
    },
}


def read_tree(kind: type[Any], text: str) -> IncludeTree:
    """Raises BadParameter where a name is no relationship, or the path is too long."""
    tree = read_include(text)
    _check(kind, tree, DEPTH_MAX)
    return tree


def _check(kind: type[Any], tree: IncludeTree, depth: int) -> None:
    for name, below in tree.items():
        relation = RELATIONS.get(kind, {}).get(name)
        if relation is None:
            raise BadParameter("include", f"{name[:40]!r} is no relationship of {SHAPES[kind].type}.")
        if depth == 0:
            raise BadParameter("include", f"A path of include has at most {DEPTH_MAX} names.")
        _check(relation.target, below, depth - 1)


class Document:
    """The resources of one answer, each of them once however many ways lead to it."""

    def __init__(self, call: Call, values: Sequence[Value]) -> None:
        self._call = call
        self._room = call.services.settings.pulse_included_max
        self._known: dict[Identifier, Resource] = {}
        self.primary = [self._resource(value) for value in values]

    @property
    def included(self) -> list[Resource]:
        primary = {identify(resource) for resource in self.primary}
        return [resource for key, resource in self._known.items() if key not in primary]

    async def include(self, values: Sequence[Value], tree: IncludeTree) -> None:
        """`values` are of one type. Raises BadParameter where that is too much for one answer."""
        for name, below in tree.items() if values else ():
            relation = RELATIONS[type(values[0])][name]
            groups = await relation.load(self._call, values, self._room + 1)
            self._take_room(sum(map(len, groups)))
            for value, group in zip(values, groups, strict=True):
                links = linkage(self._resource(item) for item in group)
                data: Any = next(iter(links), None) if relation.is_one else links
                self._resource(value)["relationships"][name] = {"data": data}
            await self.include(self._each_once(item for group in groups for item in group), below)

    def _resource(self, value: Value) -> Resource:
        resource = render(value)
        return self._known.setdefault(identify(resource), resource)

    def _each_once(self, values: Iterable[Value]) -> list[Value]:
        return list({SHAPES[type(value)].id_of(value): value for value in values}.values())

    def _take_room(self, count: int) -> None:
        self._room -= count
        if self._room < 0:
            most = self._call.services.settings.pulse_included_max
            error = BadParameter("include", f"That brings more than {most} resources along; include less at a time.")
            raise error.over("pulse_included_max")
