"""The OkSky dialect through clients of JSON:API as they come from npm."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.client import ApiClient
from tests.clients.npm import needs_node, play
from tests.conftest import DemoApp

pytestmark = pytest.mark.parametrize("database_source", ["sqlite_template"], indirect=True)


@needs_node
async def test_kitsu_does_all_it_can(scripts: Path, api: ApiClient, demo: DemoApp) -> None:
    seen = await play(scripts, "kitsu.js", "oksky", api.url, demo.key)
    anna, ben = seen["anna"]["data"], seen["ben"]["data"]
    assert (anna["type"], anna["username"], anna["full_name"], anna["info"]) == (
        "users",
        "anna",
        "Anna Ray",
        {"plan": "gold"},
    )
    assert [user["username"] for user in seen["page"]["data"]] == ["ben"]
    assert seen["page"]["meta"] == {"record_count": 3}
    assert set(seen["page"]["links"]) == {"first", "prev", "next", "last"}
    assert set(seen["sparse"]["data"][0]) - {"id", "type", "links"} == {"username", "email"}
    assert [user["username"] for user in seen["byId"]["data"]] == ["anna", "eve"]
    assert [user["id"] for user in seen["byUuid"]["data"]] == [ben["id"]]
    assert seen["one"]["data"]["uuid"] == anna["uuid"]
    room = seen["room"]["data"]
    assert (room["name"], seen["joined"]["status"]) == ("lobby", 204)
    assert seen["linkage"]["data"] == [{"type": "rooms", "id": room["id"]}]
    assert [each["name"] for each in seen["related"]["data"]] == ["lobby"]
    included = seen["included"]["data"]
    assert [each["name"] for each in included["rooms"]["data"]] == ["lobby"]
    assert [str(each["room_id"]) for each in included["members"]["data"]] == [room["id"]]
    assert [error["code"] for error in seen["replaced"]["threw"]] == ["403"]
    assert (seen["left"]["status"], seen["afterLeaving"]["data"]) == (204, [])
    assert (seen["updated"]["data"]["type"], seen["updated"]["data"]["full_name"]) == ("customers", "Ann Ray")
    assert [user["is_active"] for user in seen["deactivated"]["data"]] == [False, False]
    assert [user["is_active"] for user in seen["reactivated"]["data"]] == [True]
    assert (seen["deleted"]["status"], seen["gone"]["threw"][0]["title"]) == (204, "Record not found")
    assert seen["invalid"]["threw"] == [
        {
            "title": "has already been taken",
            "detail": "username - has already been taken",
            "code": "100",
            "source": {"pointer": "/data/attributes/username"},
            "status": "422",
        }
    ]
    codes = [seen[step]["threw"][0]["code"] for step in ("nobodyNamed", "readOnly", "unknownInclude", "unknownToken")]
    assert codes[1:] == ["105", "112", "401"]


@needs_node
async def test_devour_does_all_it_can(scripts: Path, api: ApiClient, demo: DemoApp) -> None:
    seen = await play(scripts, "devour.js", "oksky", api.url, demo.key)
    anna, ben, room = (seen[step]["data"] for step in ("anna", "ben", "room"))
    assert (anna["type"], anna["username"], anna["full_name"], anna["user_type"]) == (
        "users",
        "anna",
        "Anna Ray",
        "Customer",
    )
    assert ([user["username"] for user in seen["page"]["data"]], seen["page"]["meta"]) == (["ben"], {"record_count": 2})
    assert [user["id"] for user in seen["found"]["data"]] == [ben["id"]]
    assert [each["name"] for each in seen["included"]["data"]["rooms"]] == ["lobby"]
    assert [each["name"] for each in seen["related"]["data"]] == ["lobby"]
    assert [each["id"] for each in seen["linkage"]["data"]] == [room["id"]]
    assert seen["left"] == {"data": None, "document": ""}
    assert (seen["updated"]["data"]["type"], seen["updated"]["data"]["full_name"]) == ("customers", "Ann Ray")
    assert [user["username"] for user in seen["customers"]["data"]] == ["anna", "ben"]
    assert seen["deleted"] == seen["deletedWithBody"] == {"data": None, "document": ""}
    assert seen["gone"]["threw"]["0"]["title"] == "Record not found"
    assert seen["invalid"]["threw"] == {"username": {"title": "can't be blank", "detail": "username - can't be blank"}}
    assert seen["unknownToken"]["threw"] == {"0": {"title": "Unauthorized", "detail": "Unauthorized"}}


@needs_node
async def test_spraypaint_does_all_it_can(scripts: Path, api: ApiClient, demo: DemoApp) -> None:
    seen = await play(scripts, "spraypaint.js", "oksky", api.url, demo.key)
    anna, ben = seen["anna"], seen["ben"]
    assert (anna["username"], anna["fullName"], anna["userType"]) == ("anna", "Anna Ray", "Customer")
    assert ([user["username"] for user in seen["page"]["users"]], seen["page"]["meta"]) == (
        ["ben"],
        {"record_count": 2},
    )
    assert [user["id"] for user in seen["found"]["users"]] == [anna["id"], ben["id"]]
    assert (seen["first"]["username"], seen["joined"], seen["rooms"]) == ("anna", 204, ["lobby"])
    assert (seen["updated"]["saved"], seen["updated"]["user"]["fullName"]) == (True, "Ann Ray")
    assert seen["deleted"] is True
    assert seen["gone"]["threw"] == {"message": "record not found", "status": 404}
    # it reads the errors of Graphiti alone
    assert seen["invalid"]["threw"] == {"message": "validation failed", "status": 422}
    assert seen["unknownToken"]["threw"] == {"message": "invalid json", "status": 401}
