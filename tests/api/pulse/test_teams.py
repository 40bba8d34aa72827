"""Teams, memberships, roles and the account."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest

from chatsrv.api.pulse.ids import account_id, role_id
from chatsrv.domain.presence import SERVER
from chatsrv.services import Services
from tests.api.pulse.people import (
    ACCOUNT_MEMBERSHIPS,
    NOBODY,
    TEAM_MEMBERSHIPS,
    TEAMS,
    USERS,
    add,
    add_team,
    attributes_of,
    document,
    id_of,
    join,
    names,
    refused,
)
from tests.client import ApiClient

pytestmark = pytest.mark.parametrize("database_source", ["sqlite_template"], indirect=True)


async def test_a_team_is_made_read_changed_and_deleted(pulse: ApiClient) -> None:
    answer = await pulse.post(TEAMS, document("team", name=" Night shift "))
    team = id_of(answer, 201)
    made = attributes_of(answer, 201)
    assert (made["name"], made["parent_team_id"]) == ("Night shift", None)
    assert answer.headers["Location"] == f"{TEAMS}/{team}"
    above = await add_team(pulse, "Company")
    for method, change in (("PUT", {"name": "Nights"}), ("PATCH", {"parent_team_id": above.upper()}), ("PATCH", {})):
        answer = await pulse.request(
            method, f"{TEAMS}/{team}", json={"data": {"type": "teams", "id": team, "attributes": change}}
        )
    changed = attributes_of(answer)
    assert (changed["name"], changed["parent_team_id"]) == ("Nights", above)
    assert changed["updated_at"] > changed["created_at"] == made["created_at"]
    assert names(await pulse.get(TEAMS)) == ["Nights", "Company"]
    assert attributes_of(await pulse.delete(f"{TEAMS}/{above}"))["name"] == "Company"
    refused(await pulse.get(f"{TEAMS}/{above}"), 404)
    assert attributes_of(await pulse.get(f"{TEAMS}/{team}"))["parent_team_id"] is None


async def test_what_a_team_cannot_be(pulse: ApiClient, services: Services) -> None:
    team, below = await add_team(pulse, "Night"), await add_team(pulse, "Straße")
    await services.apps.create("other", None)
    stranger = (await services.teams.create("other", {"name": "Night"})).uuid
    await pulse.patch(f"{TEAMS}/{below}", document("teams", parent_team_id=team))
    bad: list[tuple[dict[str, Any], str, str]] = [
        ({}, "name", "blank"),
        ({"name": " "}, "name", "blank"),
        ({"name": None}, "name", "blank"),
        ({"name": ["x"]}, "name", "invalid"),
        ({"name": "x" * 192}, "name", "too_long"),
        ({"name": "NIGHT"}, "name", "taken"),
        ({"name": "STRASSE"}, "name", "taken"),
        ({"name": "x", "parent_team_id": NOBODY}, "parent_team_id", "not_found"),
        ({"name": "x", "parent_team_id": stranger}, "parent_team_id", "not_found"),
        ({"name": "x", "parent_team_id": "1"}, "parent_team_id", "invalid"),
        ({"name": "x", "shoe": 1}, "shoe", "unknown"),
        ({"name": "x", "created_at": 1}, "created_at", "read_only"),
    ]
    for attributes, name, code in bad:
        [error] = refused(await pulse.post(TEAMS, document("teams", **attributes)), 422, f"/data/attributes/{name}")
        assert error["code"] == code, attributes
    for parent in (team, below):
        answer = await pulse.patch(f"{TEAMS}/{team}", document("teams", parent_team_id=parent))
        refused(answer, 422, "/data/attributes/parent_team_id")
    for id_ in (NOBODY, stranger, "1"):
        for method in ("GET", "PATCH", "DELETE"):
            refused(await pulse.request(method, f"{TEAMS}/{id_}", json=document("teams", name="x")), 404)


async def test_a_user_joins_and_leaves_a_team(pulse: ApiClient) -> None:
    anna, team = await add(pulse, "Anna"), await add_team(pulse, "Night")
    admin = role_id("demo", "admin")
    body = document("team_membership", team_id=team, user_id=anna, role_ids=[admin, admin.upper()])
    answer = await pulse.post(TEAM_MEMBERSHIPS, body)
    membership = id_of(answer, 201)
    made = attributes_of(answer, 201)
    assert (made["team_id"], made["user_id"], made["role_ids"]) == (team, anna, [admin])
    assert (await pulse.get(f"{TEAM_MEMBERSHIPS}/{membership}")).json == answer.json
    [error] = refused(await pulse.post(TEAM_MEMBERSHIPS, body), 422, "/data/attributes/user_id")
    assert error["code"] == "taken"
    assert attributes_of(await pulse.delete(f"{TEAM_MEMBERSHIPS}/{membership}")) == made
    refused(await pulse.delete(f"{TEAM_MEMBERSHIPS}/{membership}"), 404)
    await join(pulse, team, anna)


async def test_what_a_membership_cannot_be(pulse: ApiClient, services: Services) -> None:
    anna, gone, team = await add(pulse, "Anna"), await add(pulse, "Ben"), await add_team(pulse, "Night")
    await pulse.delete(f"{USERS}/{gone}")
    await services.apps.create("other", None)
    other_team = (await services.teams.create("other", {"name": "Night"})).uuid
    other_user = (await services.users.create("other", {"username": "anna"}, SERVER)).user.uuid
    good = {"team_id": team, "user_id": anna}
    bad: list[tuple[dict[str, Any], str]] = [
        ({"user_id": anna}, "team_id"),
        ({"team_id": team}, "user_id"),
        ({**good, "team_id": 1}, "team_id"),
        ({**good, "team_id": other_team}, "team_id"),
        ({**good, "user_id": other_user}, "user_id"),
        ({**good, "user_id": gone}, "user_id"),
        ({**good, "role_ids": [NOBODY]}, "role_ids"),
        ({**good, "role_ids": [role_id("other", "admin")]}, "role_ids"),
        ({**good, "role_ids": "admin"}, "role_ids"),
        ({**good, "role_ids": [{}]}, "role_ids"),
        ({**good, "roles": []}, "roles"),
    ]
    for attributes, name in bad:
        answer = await pulse.post(TEAM_MEMBERSHIPS, document("team_memberships", **attributes))
        refused(answer, 422, f"/data/attributes/{name}")
    refused(await pulse.post(TEAM_MEMBERSHIPS, document("users", **good)), 409, "/data/type")
    theirs = await services.teams.add_member("other", UUID(other_team), UUID(other_user), [])
    for id_ in (theirs.uuid, "x"):
        refused(await pulse.get(f"{TEAM_MEMBERSHIPS}/{id_}"), 404)
        refused(await pulse.delete(f"{TEAM_MEMBERSHIPS}/{id_}"), 404)


async def test_an_account_membership_says_what_a_user_is(pulse: ApiClient, services: Services) -> None:
    anna = await add(pulse, "Anna")
    await services.users.create("demo", {"username": "carl", "role": "Night.Guard"}, SERVER)
    roles = {one["attributes"]["name"]: one["id"] for one in (await pulse.get("/api/v1/roles")).json["data"]}
    assert list(roles) == ["admin", "night.guard", "user"]
    before = attributes_of(await pulse.get(f"{ACCOUNT_MEMBERSHIPS}/{anna}"))
    assert before["role_ids"] == [roles["user"]]
    body = document("account_memberships", user_id=anna, role_ids=[roles["night.guard"]])
    answer = await pulse.post(ACCOUNT_MEMBERSHIPS, body)
    assert (answer.status, answer.json["data"]["id"]) == (201, anna)
    assert (await pulse.get(answer.headers["Location"])).json == answer.json
    assert (await pulse.get("/v1/demo/users/anna?fields=role")).json == {"role": "night.guard"}
    assert attributes_of(await pulse.get(f"/api/v1/roles/{roles['admin']}")) == {"name": "admin"}
    refused(await pulse.get(f"/api/v1/roles/{role_id('other', 'admin')}"), 404)


async def test_what_an_account_membership_cannot_be(pulse: ApiClient) -> None:
    anna = await add(pulse, "Anna")
    admin, user = role_id("demo", "admin"), role_id("demo", "user")
    bad: list[tuple[dict[str, Any], str]] = [
        ({"role_ids": [admin]}, "user_id"),
        ({"user_id": anna}, "role_ids"),
        ({"user_id": anna, "role_ids": []}, "role_ids"),
        ({"user_id": anna, "role_ids": [admin, user]}, "role_ids"),
        ({"user_id": anna, "role_ids": ["admin"]}, "role_ids"),
        ({"user_id": NOBODY, "role_ids": [admin]}, "user_id"),
    ]
    for attributes, name in bad:
        answer = await pulse.post(ACCOUNT_MEMBERSHIPS, document("account_memberships", **attributes))
        refused(answer, 422, f"/data/attributes/{name}")
    refused(await pulse.get(f"{ACCOUNT_MEMBERSHIPS}/{NOBODY}"), 404)


async def test_the_account_is_the_app_and_the_only_one(pulse: ApiClient, services: Services) -> None:
    await services.apps.create("other", None)
    here = f"/api/v1/accounts/{account_id('demo')}"
    answer = await pulse.get(here)
    assert attributes_of(answer).keys() == {"name", "created_at"}
    assert (answer.json["data"]["type"], answer.json["data"]["links"]["self"]) == ("account", here)
    for id_ in (account_id("other"), NOBODY, "demo"):
        refused(await pulse.get(f"/api/v1/accounts/{id_}"), 404)
    refused(await pulse.get(f"{here}?include=roles"), 400, "include")
