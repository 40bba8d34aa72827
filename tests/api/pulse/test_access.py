"""Who may do what: server keys by their scopes, administrators everything, others read and write themselves."""

from __future__ import annotations

import pytest

from chatsrv.domain.apps import Scope
from chatsrv.services import Services
from tests.api.pulse.people import (
    ACCOUNT_MEMBERSHIPS,
    TEAM_MEMBERSHIPS,
    TEAMS,
    USERS,
    add,
    add_team,
    as_person,
    as_pulse,
    attributes_of,
    document,
    join,
    refused,
)
from tests.client import ApiClient

pytestmark = pytest.mark.parametrize("database_source", ["sqlite_template"], indirect=True)


async def test_nobody_comes_in_without_a_credential_or_with_a_bad_one(pulse: ApiClient) -> None:
    for credential in (None, "x", "cb_x", "cb_" + "x" * 43, "a.b.c", "Basic"):
        for path in (USERS, TEAMS, "/api/v1/identity", f"{USERS}/1"):
            [error] = refused(await as_pulse(pulse, credential).get(path), 401)
            assert (error["code"], error["title"]) == ("unauthorized", "Unauthorized")


async def test_a_key_does_what_its_scopes_say(pulse: ApiClient, services: Services) -> None:
    anna = await add(pulse, "Anna")
    reader, writer, other = [
        as_pulse(pulse, (await services.apps.create_key("demo", "k", frozenset((scope,)), (), None))[1])
        for scope in (Scope.USERS_READ, Scope.USERS_WRITE, Scope.PRESENCE_READ)
    ]
    body = document("users", name="Anne")
    assert (await reader.get(f"{USERS}/{anna}")).status == 200
    refused(await reader.patch(f"{USERS}/{anna}", body), 403)
    refused(await writer.get(f"{USERS}/{anna}"), 403)
    assert (await writer.patch(f"{USERS}/{anna}", body)).status == 200
    refused(await other.get(USERS), 403)
    asked = (await reader.get(f"{USERS}/{anna}?meta[permissions]=actions")).json["data"]["meta"]["permissions"]
    assert not any(asked["actions"].values())


async def test_an_administrator_does_everything(pulse: ApiClient, api: ApiClient, services: Services) -> None:
    boss, id_ = await as_person(services, api, "boss", role="Admin")
    anna = await add(boss, "Anna", email="anna@mail.test")
    assert attributes_of(await boss.post(f"{USERS}/{anna}/invite"))["status"] == "invited"
    team = await add_team(boss, "Night")
    await join(boss, team, anna)
    assert (await boss.delete(f"{TEAMS}/{team}")).status == 200
    assert (await boss.delete(f"{USERS}/{anna}")).status == 200
    actions = (await boss.get(f"{USERS}/{id_}?meta[permissions]=actions")).json["data"]["meta"]["permissions"][
        "actions"
    ]
    assert all(actions.values())


async def test_others_read_and_write_themselves_alone(pulse: ApiClient, api: ApiClient, services: Services) -> None:
    ben, own = await as_person(services, api, "ben")
    anna, team = await add(pulse, "Anna", email="anna@mail.test"), await add_team(pulse, "Night")
    membership = await join(pulse, team, anna)
    for path in (USERS, f"{USERS}/{anna}", TEAMS, f"{TEAM_MEMBERSHIPS}/{membership}", "/api/v1/roles"):
        assert (await ben.get(path)).status == 200
    assert attributes_of(await ben.patch(f"{USERS}/{own.upper()}", document("users", name="Benno")))["name"] == "Benno"
    body = document("users", name="x")
    for method, path in [
        ("POST", USERS), ("PATCH", f"{USERS}/{anna}"), ("PUT", f"{USERS}/{anna}"), ("DELETE", f"{USERS}/{own}"),
        ("DELETE", f"{USERS}/{own}/discard"), ("POST", f"{USERS}/{own}/invite"), ("DELETE", f"{USERS}/{own}/invite"),
        ("POST", f"{USERS}/{own}/deactivate"), ("DELETE", f"{USERS}/{own}/deactivate"), ("POST", TEAMS),
        ("PATCH", f"{TEAMS}/{team}"), ("DELETE", f"{TEAMS}/{team}"), ("POST", TEAM_MEMBERSHIPS),
        ("DELETE", f"{TEAM_MEMBERSHIPS}/{membership}"), ("POST", ACCOUNT_MEMBERSHIPS),
    ]:  # fmt: skip
        [error] = refused(await ben.request(method, path, json=body), 403)
        assert error["code"] == "forbidden"
    listed = (await ben.get(f"{USERS}?meta[permissions]=actions&sort=name")).json["data"]
    nothing = {"edit": False, "delete": False, "invite": False, "revoke_invitation": False}
    assert [one["meta"]["permissions"]["actions"] for one in listed] == [nothing, {**nothing, "edit": True}]
    assert attributes_of(await pulse.get(f"{USERS}/{anna}"))["name"] == "Anna"


async def test_a_role_that_was_given_counts_at_once(pulse: ApiClient, api: ApiClient, services: Services) -> None:
    ben, own = await as_person(services, api, "ben")
    roles = {one["attributes"]["name"]: one["id"] for one in (await pulse.get("/api/v1/roles")).json["data"]}
    body = document("account_memberships", user_id=own, role_ids=[roles["admin"]])
    refused(await ben.post(ACCOUNT_MEMBERSHIPS, body), 403)
    assert (await pulse.post(ACCOUNT_MEMBERSHIPS, body)).status == 201
    assert (await ben.post(ACCOUNT_MEMBERSHIPS, body)).status == 201
