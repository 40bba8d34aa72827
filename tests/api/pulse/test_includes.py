"""What comes along: linkage, `included`, fields and permissions."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import Engine, event

from tests.api.pulse.people import (
    ACCOUNT_MEMBERSHIPS,
    TEAM_MEMBERSHIPS,
    TEAMS,
    USERS,
    add,
    add_team,
    join,
    refused,
)
from tests.api.serving import serving
from tests.client import Answer, ApiClient
from tests.conftest import MakeSettings

pytestmark = pytest.mark.parametrize("database_source", ["sqlite_template"], indirect=True)


def included(answer: Answer) -> list[tuple[str, str]]:
    """Types and ids; each of them is what its own link leads to."""
    assert answer.status == 200, answer.body
    return [(resource["type"], resource["id"]) for resource in answer.json["included"]]


def linked(resource: Any, name: str) -> Any:
    data = resource["relationships"][name]["data"]
    return [(one["type"], one["id"]) for one in data] if isinstance(data, list) else data and (data["type"], data["id"])


async def test_an_include_fills_the_linkage_and_included(pulse: ApiClient) -> None:
    anna, team = await add(pulse, "Anna"), await add_team(pulse, "Night")
    membership = await join(pulse, team, anna)
    answer = await pulse.get(f"{USERS}/{anna}?include=account,account_memberships,teams,team_memberships")
    data = answer.json["data"]
    account = linked(data, "account")
    assert account[0] == "account"
    assert linked(data, "account_memberships") == [("account_membership", anna)]
    assert linked(data, "teams") == [("team", team)]
    assert linked(data, "team_memberships") == [("team_membership", membership)]
    assert included(answer) == [account, ("account_membership", anna), ("team", team), ("team_membership", membership)]
    for resource in answer.json["included"]:
        own = (await pulse.get(resource["links"]["self"])).json["data"]
        assert own == resource


async def test_what_is_not_included_says_so_and_nothing_is_null(pulse: ApiClient) -> None:
    anna = await add(pulse, "Anna")
    answer = await pulse.get(f"{USERS}/{anna}?include=teams")
    relationships = answer.json["data"]["relationships"]
    assert relationships.pop("teams") == {"data": []}
    assert set(relationships) == {"account", "account_memberships", "team_memberships"}
    assert all(one == {"meta": {"included": False}} for one in relationships.values())
    assert answer.json["included"] == []
    assert "included" not in (await pulse.get(f"{USERS}/{anna}")).json


async def test_each_resource_comes_once_however_many_ways_lead_to_it(pulse: ApiClient) -> None:
    anna, ben, team = await add(pulse, "Anna"), await add(pulse, "Ben"), await add_team(pulse, "Night")
    first, second = await join(pulse, team, anna), await join(pulse, team, ben)
    answer = await pulse.get(f"{USERS}?include=account,teams,team_memberships.team.users,team_memberships.user")
    found = included(answer)
    assert sorted(found[1:]) == sorted([("team", team), ("team_membership", first), ("team_membership", second)])
    assert found[0][0] == "account"
    [night] = [one for one in answer.json["included"] if one["type"] == "team"]
    assert linked(night, "users") == [("user", anna), ("user", ben)]


async def test_include_may_be_written_in_several_ways(pulse: ApiClient) -> None:
    anna = await add(pulse, "Anna")
    for spelling in ("include[]=account&include[]=teams", "include%5B%5D=account,teams", "include= teams , account"):
        relationships = (await pulse.get(f"{USERS}/{anna}?{spelling}")).json["data"]["relationships"]
        assert {name for name, one in relationships.items() if "data" in one} == {"account", "teams"}


async def test_writes_answer_with_what_is_included_and_a_bad_one_does_nothing(pulse: ApiClient) -> None:
    body = {"data": {"type": "users", "attributes": {"name": "Anna"}}}
    refused(await pulse.post(f"{USERS}?include=shoes", body), 400, "include")
    assert (await pulse.get(USERS)).json["data"] == []
    answer = await pulse.post(f"{USERS}?include=account", body)
    assert (answer.status, len(answer.json["included"])) == (201, 1)


async def test_teams_and_memberships_have_includes_of_their_own(pulse: ApiClient) -> None:
    anna, above = await add(pulse, "Anna"), await add_team(pulse, "Company")
    team = await add_team(pulse, "Night", parent_team_id=above)
    [role] = [one for one in (await pulse.get("/api/v1/roles")).json["data"] if one["attributes"]["name"] == "admin"]
    membership = await join(pulse, team, anna, role_ids=[role["id"]])
    answer = await pulse.get(f"{TEAMS}/{team}?include=account,parent_team,team_memberships.roles,users")
    assert linked(answer.json["data"], "parent_team") == ("team", above)
    assert linked(answer.json["data"], "users") == [("user", anna)]
    assert set(included(answer)[1:]) == {
        ("team", above), ("team_membership", membership), ("role", role["id"]), ("user", anna),
    }  # fmt: skip
    top = await pulse.get(f"{TEAMS}/{above}?include=parent_team")
    assert linked(top.json["data"], "parent_team") is None
    answer = await pulse.get(f"{TEAM_MEMBERSHIPS}/{membership}?include=team.parent_team,user,roles")
    assert set(included(answer)) == {("team", team), ("team", above), ("user", anna), ("role", role["id"])}
    answer = await pulse.get(f"{ACCOUNT_MEMBERSHIPS}/{anna}?include=account,user,roles")
    assert [kind for kind, _ in included(answer)] == ["account", "user", "role"]


async def test_an_answer_includes_only_so_much(make_settings: MakeSettings) -> None:
    async with serving(make_settings(pulse_included_max=3)) as (api, services):
        _, key = await services.apps.create("demo", None)
        pulse = api.speaking_as(key)
        pulse.headers["Content-Type"] = "application/vnd.api+json"
        anna = await add(pulse, "Anna")
        for number in range(4):
            await join(pulse, await add_team(pulse, f"Team {number}"), anna)
        refused(await pulse.get(f"{USERS}?include=teams"), 400, "include")
        assert len((await pulse.get(f"{USERS}?include=account")).json["included"]) == 1


@contextmanager
def noted_statements() -> Iterator[list[str]]:
    """What everybody asks of the tables of users and teams meanwhile."""
    statements: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if "users" in statement or "teams" in statement:
            statements.append(statement)

    event.listen(Engine, "before_cursor_execute", note)
    try:
        yield statements
    finally:
        event.remove(Engine, "before_cursor_execute", note)


async def test_a_page_asks_as_often_for_many_as_for_few(pulse: ApiClient) -> None:
    above = await add_team(pulse, "Company")
    team = await add_team(pulse, "Night", parent_team_id=above)
    for number in range(9):
        await join(pulse, team, await add(pulse, f"User {number}"))
    tree = "account_memberships.roles,teams.parent_team,teams.users,team_memberships.user,account"
    await pulse.get(f"{USERS}?page[size]=2")  # how many there are is remembered from then on

    async def count(size: int) -> int:
        with noted_statements() as statements:
            answer = await pulse.get(f"{USERS}?include={tree}&page[size]={size}&meta[permissions]=actions")
        assert len(answer.json["data"]) == size
        return len(statements)

    # the node's own loops may ask in between, but hardly three times
    few, many = [min([await count(size) for _ in range(3)]) for size in (1, 9)]
    assert few == many < 12


async def test_fields_leave_the_others_out(pulse: ApiClient) -> None:
    await add(pulse, "Anna", email="anna@mail.test")
    for spelling in ("fields[user]=name,teams,shoe", "fields[users]=name, teams"):
        answer = await pulse.get(f"{USERS}?{spelling}&include=teams,account&fields[account]=name")
        [anna] = answer.json["data"]
        assert anna["attributes"] == {"name": "Anna"}
        assert anna["relationships"] == {"teams": {"data": []}}
        assert answer.json["included"][0]["attributes"].keys() == {"name"}


async def test_permissions_come_only_where_they_are_asked_for(pulse: ApiClient) -> None:
    anna = await add(pulse, "Anna")
    actions = {"edit": True, "delete": True, "invite": True, "revoke_invitation": True}
    asked = await pulse.get(f"{USERS}/{anna}?meta[permissions]=actions")
    assert asked.json["data"]["meta"] == {"permissions": {"actions": actions}}
    listed = await pulse.get(f"{USERS}?meta%5Bpermissions%5D=actions")
    assert listed.json["data"][0]["meta"] == asked.json["data"]["meta"]
    assert "meta" not in (await pulse.get(f"{USERS}/{anna}")).json["data"]
    assert "meta" not in (await pulse.get(f"{TEAMS}?meta[permissions]=x")).json["data"]


async def test_an_account_brings_its_people_and_teams_along(pulse: ApiClient) -> None:
    user, team = await add(pulse, "Anna"), await add_team(pulse, "Night")
    account = (await pulse.get(f"{USERS}?include=account")).json["included"][0]
    answer = await pulse.get(f"{account['links']['self']}?include=users,teams,account_memberships")
    brought = [("user", user), ("team", team), ("account_membership", user)]
    assert included(answer) == brought
    names = ("users", "teams", "account_memberships")
    assert [linked(answer.json["data"], name) for name in names] == [[one] for one in brought]
