"""The Pulse dialect through clients of JSON:API as they come from npm."""

from __future__ import annotations

from pathlib import Path

import pytest

from chatsrv.services import Services
from tests.client import ApiClient
from tests.clients.npm import needs_node, play
from tests.conftest import DemoApp

pytestmark = pytest.mark.parametrize("database_source", ["sqlite_template"], indirect=True)


@needs_node
async def test_kitsu_does_all_it_can(scripts: Path, api: ApiClient, demo: DemoApp) -> None:
    seen = await play(scripts, "kitsu.js", "pulse", api.url, demo.key)
    data = {step: answer["data"] for step, answer in seen.items() if "data" in answer}
    anna, ben = data["anna"], data["ben"]
    assert (anna["type"], anna["name"], anna["email"], anna["avatar"], anna["status"]) == (
        "user",
        "Anna Ray",
        "anna@example.com",
        "anna.png",
        "created",
    )
    assert ([user["name"] for user in data["page"]], seen["page"]["meta"]) == (["Anna Ray"], {"record_count": 2})
    assert [[user["id"] for user in data[step]] for step in ("named", "filtered")] == [[], [anna["id"]]]
    assert [user["id"] for user in data["alive"]] == [anna["id"], ben["id"]]
    assert set(data["sparse"][0]) - {"id", "type", "links"} == {"name"}
    assert set(data["one"]["meta"]["permissions"]["actions"]) == {"edit", "delete", "invite", "revoke_invitation"}
    included = data["included"]
    assert [team["name"] for team in included["teams"]["data"]] == ["crew"]
    assert [each["team_id"] for each in included["team_memberships"]["data"]] == [data["team"]["id"]]
    assert included["account"]["data"]["type"] == "account"
    assert [each["type"] for each in included["account_memberships"]["data"]] == ["account_membership"]
    assert [user["id"] for user in data["byTeam"]] == [anna["id"]]
    assert (data["updated"]["name"], data["updated"]["email"]) == ("Ann Ray", "anna@example.com")
    states = ("invited", "revoked", "deactivated", "reactivated", "deleted", "afterDeleting")
    assert [data[step]["status"] for step in states] == [
        "invited",
        "created",
        "deactivated",
        "active",
        "deleted",
        "deleted",
    ]
    refused = {step: answer["threw"] for step, answer in seen.items() if "threw" in answer}
    assert {step: errors[0]["status"] for step, errors in refused.items()} == {
        "notInvitable": "422",
        "statusWritten": "422",
        "invalid": "422",
        "noUuid": "404",
        "unknownFilter": "400",
        "unknownToken": "401",
    }
    assert refused["statusWritten"][0]["source"] == {"pointer": "/data/attributes/status"}
    assert refused["invalid"][0]["source"] == {"pointer": "/data/attributes/name"}
    assert refused["invalid"][0]["title"] == "muss ausgefüllt werden"
    assert refused["unknownFilter"][0]["source"] == {"parameter": "filter[bogus]"}


@needs_node
async def test_kitsu_accepts_invitations_signs_in_and_switches_accounts(
    scripts: Path, api: ApiClient, demo: DemoApp, services: Services
) -> None:
    _, another = await services.apps.create("another", None)
    seen = await play(scripts, "kitsu.js", "identities", api.url, demo.key, another)
    assert [user["status"] for user in seen["asAnna"]["data"]] == ["active"]
    identity = seen["signedIn"]["data"]
    assert (identity["type"], identity["id"]) == ("identity", seen["identity"]["data"]["id"])
    names = {account["name"]: account["user"]["name"] for account in identity["accounts"]}
    assert names == {"demo": "Anna Ray", "another": "Anna There"}
    assert "threw" not in seen["switched"]
    assert [user["name"] for user in seen["afterSwitching"]["data"]] == ["Anna There"]
    assert seen["signedOut"]["status"] == 204
    refused = {step: answer["threw"][0]["status"] for step, answer in seen.items() if "threw" in answer}
    assert refused == {"wrongPassword": "401", "afterSigningOut": "401"}


@needs_node
async def test_devour_does_all_it_can(scripts: Path, api: ApiClient, demo: DemoApp) -> None:
    seen = await play(scripts, "devour.js", "pulse", api.url, demo.key)
    data = {step: answer["data"] for step, answer in seen.items() if "data" in answer}
    anna, ben = data["anna"], data["ben"]
    assert (anna["type"], anna["name"], anna["email"], anna["status"]) == (
        "user",
        "Anna Ray",
        "anna@example.com",
        "created",
    )
    assert ([user["id"] for user in data["page"]], seen["page"]["meta"]) == ([ben["id"]], {"record_count": 2})
    assert [user["id"] for user in data["found"]] == [ben["id"]]
    assert [team["name"] for team in data["included"]["teams"]] == ["crew"]
    assert data["included"]["account"]["type"] == "account"
    assert data["updated"]["name"] == "Ann Ray"
    assert data["deactivated"]["status"] == "deactivated"
    # what a DELETE answers is in the document alone
    assert [seen[step]["document"]["data"]["attributes"]["status"] for step in ("reactivated", "deleted")] == [
        "active",
        "deleted",
    ]
    assert (data["afterDeleting"]["status"], data["afterDeleting"]["discarded_at"] is None) == ("deleted", False)
    assert set(seen["invalid"]["threw"]) == {"name", "email"}
    assert set(seen["noUuid"]["threw"]["0"]) == set(seen["unknownToken"]["threw"]["0"]) == {"title", "detail"}


@needs_node
async def test_spraypaint_does_all_it_can(scripts: Path, api: ApiClient, demo: DemoApp) -> None:
    seen = await play(scripts, "spraypaint.js", "pulse", api.url, demo.key)
    anna, ben = seen["anna"], seen["ben"]
    assert (anna["name"], anna["email"], anna["status"]) == ("Anna Ray", "anna@example.com", "created")
    page = seen["page"]
    assert ([user["id"] for user in page["users"]], page["meta"]) == ([ben["id"]], {"record_count": 2})
    assert [user["id"] for user in seen["found"]["users"]] == [ben["id"]]
    assert seen["account"]
    assert (seen["updated"]["saved"], seen["updated"]["user"]["name"]) == (True, "Ann Ray")
    assert (seen["deleted"], seen["afterDeleting"]["status"]) == (True, "deleted")
    assert [seen[step]["threw"] for step in ("noUuid", "unknownFilter", "unknownToken")] == [
        {"message": "record not found", "status": 404},
        {"message": "invalid json", "status": 400},
        {"message": "invalid json", "status": 401},
    ]
    invalid = seen["invalid"]
    assert (invalid["saved"], list(invalid["errors"])) == (False, ["email"])
    assert invalid["errors"]["email"]["message"] == "is invalid"
