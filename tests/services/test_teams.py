"""Teams on both databases: no circles, no doubles, and nothing half done where two come at once."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable
from typing import Any
from uuid import UUID, uuid4

import pytest

from chatsrv.domain.clock import Clock
from chatsrv.domain.errors import ChatError, Conflict, Invalid, NotFound
from chatsrv.domain.listing import Filter, Operator, Sort, UserQuery
from chatsrv.domain.presence import SERVER
from chatsrv.domain.teams import Team, TeamMembership, TeamQuery
from chatsrv.domain.users import AccountState
from chatsrv.services import Services, open_services
from tests.conftest import DemoApp, MakeSettings

ROUNDS = 8


@pytest.fixture
async def other(services: Services, make_settings: MakeSettings, clock: Clock) -> AsyncIterator[Services]:
    """Another node on the same stores."""
    async with open_services(make_settings(), clock) as opened:
        yield opened


async def race(*attempts: Awaitable[Any]) -> Counter[type]:
    """What kinds of things came of them; what is no ChatError is a failure."""
    outcomes = await asyncio.gather(*attempts, return_exceptions=True)
    for outcome in outcomes:
        if isinstance(outcome, BaseException) and not isinstance(outcome, ChatError):
            raise outcome
    return Counter(type(outcome) for outcome in outcomes)


async def make_team(services: Services, name: str, parent: Team | None = None) -> Team:
    return await services.teams.create("demo", {"name": name, "parent_team_id": parent.uuid if parent else None})


async def make_user(services: Services, username: str) -> UUID:
    return UUID((await services.users.create("demo", {"username": username}, SERVER)).user.uuid)


def uuid_of(team: Team) -> UUID:
    return UUID(team.uuid)


async def put_under(services: Services, team: Team, parent: Team) -> Team:
    return await services.teams.update("demo", uuid_of(team), {"parent_team_id": parent.uuid})


async def test_a_name_is_there_once_whatever_its_case_and_may_be_kept_in_a_change(
    services: Services, demo: DemoApp
) -> None:
    night = await make_team(services, "Nacht Straße")
    for name in ("nacht strasse", "NACHT STRASSE"):
        with pytest.raises(Conflict) as conflict:
            await make_team(services, name)
        assert conflict.value.field == "name"
    renamed = await services.teams.update("demo", uuid_of(night), {"name": "NACHT STRASSE"})
    assert (renamed.name, renamed.uuid, renamed.updated_at > night.updated_at) == ("NACHT STRASSE", night.uuid, True)
    await services.apps.create("other", None)
    assert (await services.teams.create("other", {"name": "Nacht Straße"})).app_id == "other"
    # what a constraint says of its value must not pass for what it says of its column
    await make_team(services, "username_key")
    with pytest.raises(Conflict) as conflict:
        await make_team(services, "username_key")
    assert conflict.value.field == "name"


async def test_no_team_comes_under_itself_at_any_depth(services: Services, demo: DemoApp) -> None:
    teams = [await make_team(services, "0")]
    for number in range(1, 6):
        teams.append(await make_team(services, str(number), teams[-1]))
    for below in teams:
        with pytest.raises(Invalid):
            await put_under(services, teams[0], below)
    assert (await put_under(services, teams[5], teams[0])).parent_uuid == teams[0].uuid
    assert (await put_under(services, teams[1], teams[5])).parent_uuid == teams[5].uuid


async def test_two_moves_at_once_make_no_circle(services: Services, other: Services, demo: DemoApp) -> None:
    for number in range(ROUNDS):
        one, two = await make_team(services, f"a{number}"), await make_team(services, f"b{number}")
        outcomes = await race(put_under(services, one, two), put_under(other, two, one))
        assert outcomes == {Team: 1, Invalid: 1}


async def test_a_move_and_the_deletion_of_where_it_leads(services: Services, other: Services, demo: DemoApp) -> None:
    for number in range(ROUNDS):
        above = await make_team(services, f"a{number}")
        below = await make_team(services, f"b{number}", above if number % 2 else None)
        outcomes = await race(put_under(services, below, above), other.teams.delete("demo", uuid_of(above)))
        assert outcomes in ({Team: 2}, {Team: 1, Invalid: 1})
        assert (await services.teams.get("demo", uuid_of(below))).parent_uuid is None


async def test_whoever_joins_twice_at_once_is_in_it_once(services: Services, other: Services, demo: DemoApp) -> None:
    for number in range(ROUNDS):
        team, user = await make_team(services, f"t{number}"), await make_user(services, f"u{number}")
        attempts = [node.teams.add_member("demo", uuid_of(team), user, ["admin"]) for node in (services, other)]
        assert await race(*attempts) == {TeamMembership: 1, Conflict: 1}
        assert len(await services.teams.members_of([team], 10)) == 1


async def test_joining_against_the_end_of_the_user_or_the_team(
    services: Services, other: Services, demo: DemoApp
) -> None:
    for number in range(ROUNDS):
        team, user = await make_team(services, f"t{number}"), await make_user(services, f"u{number}")
        ends = [other.accounts.delete("demo", user), other.teams.delete("demo", uuid_of(team))]
        outcomes = await race(services.teams.add_member("demo", uuid_of(team), user, []), ends[number % 2])
        ends[1 - number % 2].close()
        assert not outcomes.keys() - {TeamMembership, Invalid, type(None), Team}
        assert await services.teams.members_of([team], 10) == []


async def test_what_is_deleted_takes_its_memberships_along_and_what_is_discarded_keeps_them(
    services: Services, demo: DemoApp
) -> None:
    team = await make_team(services, "Night")
    anna, ben, carl = [await make_user(services, name) for name in ("anna", "ben", "carl")]
    for user in (anna, ben, carl):
        await services.teams.add_member("demo", uuid_of(team), user, ["user", "user", "admin"])
    await services.accounts.delete("demo", anna)
    await services.accounts.discard("demo", ben, SERVER)
    members = await services.teams.members_of([team], 10)
    assert [(one.user.username, one.user.state, one.roles) for one in members] == [
        ("ben", AccountState.DELETED, ("user", "admin")),
        ("carl", AccountState.ACTIVE, ("user", "admin")),
    ]
    assert await services.teams.members_of([team], 1) == members[:1]
    assert await services.teams.memberships_of([one.user for one in members], 10) == members
    await services.teams.delete("demo", uuid_of(team))
    with pytest.raises(NotFound):
        await services.teams.get_membership("demo", UUID(members[0].uuid))


async def test_teams_are_listed_by_what_they_have(services: Services, demo: DemoApp) -> None:
    above = await make_team(services, "Über")
    for name in ("b", "A", "a%"):
        await make_team(services, name, above)
    await services.apps.create("other", None)
    await services.teams.create("other", {"name": "a"})

    async def listed(*filters: Filter, sort: tuple[Sort, ...] = (), **page: int) -> tuple[list[str], int]:
        query = TeamQuery(limit=page.get("limit", 10), offset=page.get("offset", 0), sort=sort, filters=filters)
        teams, total = await services.teams.page("demo", query)
        return [team.name for team in teams], total

    assert await listed() == (["Über", "b", "A", "a%"], 4)
    assert await listed(sort=(Sort("name"),)) == (["A", "a%", "b", "Über"], 4)
    assert await listed(sort=(Sort("parent_uuid", descending=True), Sort("name", descending=True)), limit=2) == (
        ["b", "a%"], 4,
    )  # fmt: skip
    assert await listed(limit=2, offset=3) == (["a%"], 4)
    assert await listed(Filter("name", Operator.BEGINS, ("a",))) == (["A", "a%"], 2)
    assert await listed(Filter("name", Operator.ENDS, ("%",))) == (["a%"], 1)
    assert await listed(Filter("parent_uuid", Operator.BLANK, ())) == (["Über"], 1)
    assert await listed(Filter("parent_uuid", Operator.EQ, (above.uuid,)), Filter("created_at", Operator.LT, (1,))) == (
        [],
        0,
    )


async def test_users_are_found_by_their_teams(services: Services, demo: DemoApp) -> None:
    night, day = await make_team(services, "Nächte"), await make_team(services, "Day")
    for name, teams in (("anna", [night, day]), ("ben", [day]), ("carl", [])):
        user = await make_user(services, name)
        for team in teams:
            await services.teams.add_member("demo", uuid_of(team), user, [])

    async def found(field: str, operator: Operator, *values: str | int) -> list[str]:
        query = UserQuery(10, filters=(Filter(field, operator, values),), sort=(Sort("alive"), Sort("username")))
        return [person.user.username for person in (await services.users.page("demo", query, SERVER)).people]

    assert await found("teams.name", Operator.CONTAINS, "NÄCHT") == ["anna"]
    assert await found("teams.name", Operator.NOT_EQ, "nächte") == ["anna", "ben"]
    assert await found("teams.uuid", Operator.IN, night.uuid, day.uuid) == ["anna", "ben"]
    assert await found("teams.parent_uuid", Operator.PRESENT) == []
    assert await found("teams.created_at", Operator.GT, 1) == ["anna", "ben"]
    assert await found("team_memberships.team_uuid", Operator.EQ, night.uuid) == ["anna"]
    assert await found("team_memberships.uuid", Operator.BEGINS, "x") == []
    assert await found("account.name", Operator.EQ, "demo") == ["anna", "ben", "carl"]
    assert await found("uuid", Operator.BLANK) == []
    assert await found("avatar", Operator.BLANK) == ["anna", "ben", "carl"]


async def test_nothing_of_another_app_is_found(services: Services, demo: DemoApp) -> None:
    team, user = await make_team(services, "Night"), await make_user(services, "anna")
    membership = await services.teams.add_member("demo", uuid_of(team), user, [])
    await services.apps.create("other", None)
    for attempt in (
        services.teams.get("other", uuid_of(team)),
        services.teams.delete("other", uuid_of(team)),
        services.teams.update("other", uuid_of(team), {"name": "x"}),
        services.teams.get_membership("other", UUID(membership.uuid)),
        services.teams.remove_member("other", UUID(membership.uuid)),
    ):
        with pytest.raises(NotFound):
            await attempt
    with pytest.raises(Invalid):
        await services.teams.add_member("other", uuid_of(team), user, [])
    with pytest.raises(Invalid):
        await services.teams.create("other", {"name": "x", "parent_team_id": team.uuid})
    assert await services.teams.parents_of("other", [team], 10) == []
    assert await services.teams.page("other", TeamQuery(10)) == ([], 0)
    with pytest.raises(NotFound):
        await services.teams.get("demo", uuid4())


async def test_roles_are_two_words_and_those_that_people_have(services: Services, demo: DemoApp) -> None:
    assert await services.teams.find_roles("demo") == ("admin", "user")
    for name, role in (("anna", "Guard"), ("ben", "guard"), ("carl", "Admin")):
        await services.users.create("demo", {"username": name, "role": role}, SERVER)
    assert await services.teams.find_roles("demo") == ("admin", "guard", "user")
