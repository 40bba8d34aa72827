"""Rooms and members, which are channels and memberships of the native dialect."""

from __future__ import annotations

import pytest

from chatsrv.domain.presence import SERVER
from chatsrv.services import Services
from tests.api.oksky.people import Sky, add, add_room, as_person, changed, ids_of, new, refused

pytestmark = pytest.mark.parametrize("database_source", ["sqlite_template"], indirect=True)


async def test_a_room_is_made_read_changed_and_deleted(sky: Sky) -> None:
    made = await sky.post("/rooms", new("rooms", name="board", kind="private"))
    assert made.status == 201, made.json
    assert made.headers["Location"] == f"{sky.api.url}/rapi/v1/rooms/1"
    assert made.json["data"] == {
        "id": "1",
        "type": "rooms",
        "links": {"self": f"{sky.api.url}/rapi/v1/rooms/1"},
        "attributes": {"name": "board", "kind": "private", "is_private": True},
    }
    assert (await sky.get("/rooms/1")).json == made.json
    for method in ("PUT", "PATCH"):
        answer = await sky.request(method, "/rooms/1", changed("rooms", "1", name=method))
        assert answer.json["data"]["attributes"] == {"name": method, "kind": "private", "is_private": True}
    assert (await sky.delete("/rooms/1", {})).status == 204
    refused(await sky.get("/rooms/1"), 404, 404, "Record not found")
    refused(await sky.patch("/rooms/1", changed("rooms", "1")), 404, 404, "Record not found")


async def test_kind_and_is_private_are_one_thing(sky: Sky) -> None:
    for given, kind, is_private in (
        ({}, "public", False),
        ({"kind": "direct"}, "direct", True),
        ({"is_private": True}, "private", True),
        ({"is_private": False}, "public", False),
        ({"is_private": True, "kind": "direct"}, "direct", True),
    ):
        answer = await sky.post("/rooms", new("rooms", **given))
        assert answer.json["data"]["attributes"] == {"name": None, "kind": kind, "is_private": is_private}
    for bad, field in (
        ({"kind": "bogus"}, "kind"),
        ({"kind": 1}, "kind"),
        ({"is_private": True, "kind": "public"}, "is_private"),
        ({"is_private": 2}, "is_private"),
        ({"is_private": "1", "kind": "public"}, "is_private"),
        ({"name": 5}, "name"),
    ):
        answer = await sky.post("/rooms", new("rooms", **bad))
        assert (answer.status, answer.json["errors"][0]["source"]) == (422, {"pointer": f"/data/attributes/{field}"})
    refused(await sky.post("/rooms", new("rooms", bogus=1)), 400, 105, "Param not allowed", "bogus is not allowed.")
    refused(await sky.post("/rooms", new("users")), 400, 101, "Invalid resource", "users is not a valid resource.")


async def test_a_room_is_the_channel_of_the_same_id(sky: Sky) -> None:
    await sky.post("/rooms", new("rooms", name="board", kind="direct"))
    key = {"X-Api-Key": sky.api.headers["X-Access-Token"]}
    channel = (await sky.api.get("/v1/demo/channels/1", headers=key)).json
    assert (channel["id"], channel["subject"], channel["type"], channel["owner"]) == (1, "board", 2, None)


async def test_the_person_who_makes_a_room_owns_it(sky: Sky, services: Services) -> None:
    await add(services, "anna", role="admin")
    made = await (await as_person(services, sky, "anna")).post("/rooms", new("rooms", name="board"))
    room = await services.channels.get("demo", int(made.json["data"]["id"]), SERVER)
    assert room.owner is not None
    assert room.owner.user.username == "anna"


async def test_rooms_and_members_are_listed_by_the_page_in_both_directions(sky: Sky, services: Services) -> None:
    (anna,) = await add(services, "anna")
    for name in "abcde":
        await add_room(services, name, 0, anna)
    for path in ("/rooms", "/members"):
        for query, expected in (
            ("", "12345"),
            ("page[size]=2", "12"),
            ("page[size]=2&page[number]=3", "5"),
            ("sort=-id", "54321"),
            ("sort=-id&page[size]=2&page[number]=2", "32"),
            ("sort=-id&page[size]=2&page[number]=3", "1"),
            ("sort=-id&page[size]=2&page[number]=4", ""),
            ("filter[id]=5,x,2,99", "25"),
            ("filter[id]=5,2,1&sort=-id&page[size]=2", "52"),
        ):
            answer = await sky.get(f"{path}?{query}")
            assert "".join(ids_of(answer)) == expected, (path, query)
        assert (await sky.get(f"{path}?sort=-id&page[size]=2")).json["meta"] == {"record_count": 5}


async def test_a_member_is_made_read_and_removed(sky: Sky, services: Services) -> None:
    anna, ben = await add(services, "anna", "ben")
    room = await add_room(services, "board", 1)
    made = await sky.post("/members", new("members", room_id=int(room), user_id=anna))
    assert (made.status, made.headers["Location"]) == (201, f"{sky.api.url}/rapi/v1/members/1")
    member = made.json["data"]
    expected = {"room_id": int(room), "user_id": int(anna), "last_read_at_unix": 0, "unread_message_count": 0}
    assert (member["type"], member["attributes"]) == ("members", expected)
    assert (await sky.get("/members/1")).json == made.json
    assert (await sky.post("/members", new("members", room_id=room, user_id=int(anna)))).json == made.json
    await sky.post("/members", new("members", room_id=room, user_id=ben))
    assert ids_of(await sky.get(f"/members?filter[user_id]={ben},77")) == ["2"]
    assert ids_of(await sky.get(f"/members?filter[user_id]={ben}&filter[id]=1")) == []
    assert (await sky.delete("/members/1")).status == 204
    refused(await sky.get("/members/1"), 404, 404, "Record not found")
    refused(await sky.delete("/members/1"), 404, 404, "Record not found")
    assert ids_of(await sky.get(f"/users/{anna}/rooms")) == []


async def test_a_member_leads_to_its_room_and_its_user(sky: Sky, services: Services) -> None:
    (anna,) = await add(services, "anna")
    room = await add_room(services, "board", 0, anna)
    relationships = (await sky.get("/members/1")).json["data"]["relationships"]
    expected = {"room": ("rooms", room), "user": ("customers", anna)}
    assert relationships.keys() == expected.keys()
    for name, (type_, id_) in expected.items():
        links = relationships[name]["links"]
        assert (await sky.get(links["self"])).json == {"links": links, "data": {"type": type_, "id": id_}}
        related = (await sky.get(links["related"])).json["data"]
        assert (related["type"], related["id"]) == (type_, id_)
    included = (await sky.get("/members?include=room,user")).json["included"]
    assert [(one["type"], one["id"]) for one in included] == list(expected.values())


async def test_a_member_needs_a_room_and_a_user_that_there_are(sky: Sky, services: Services) -> None:
    (anna,) = await add(services, "anna")
    room = await add_room(services, "board")
    for room_id, user_id, field, message in (
        (None, anna, "room_id", "can't be blank"),
        (room, "", "user_id", "can't be blank"),
        (99, anna, "room_id", "must exist"),
        (room, "99", "user_id", "must exist"),
        (room, "abc", "user_id", "must exist"),
        (room, [1], "user_id", "must exist"),
        (True, anna, "room_id", "must exist"),
        (10**30, anna, "room_id", "must exist"),
    ):
        answer = await sky.post("/members", new("members", room_id=room_id, user_id=user_id))
        assert refused(answer, 422, 100, message, f"{field} - {message}")["source"]["pointer"].endswith(field)
    for given, details in (
        ({}, ["room_id - can't be blank", "user_id - can't be blank"]),
        ({"room_id": 99}, ["room_id - must exist", "user_id - can't be blank"]),
        ({"room_id": "99", "user_id": 99}, ["room_id - must exist", "user_id - must exist"]),
    ):
        answer = await sky.post("/members", new("members", **given))
        assert (answer.status, [error["detail"] for error in answer.json["errors"]]) == (422, details)
    bad = new("members", room_id=room, user_id=anna, unread_message_count=3)
    refused(await sky.post("/members", bad), 400, 105, "Param not allowed", "unread_message_count is not allowed.")
