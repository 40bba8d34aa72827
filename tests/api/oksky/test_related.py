"""What belongs to users: linkage in lists, related resources, and what comes along with include."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from chatsrv.api.oksky.table import USER_RELATIONSHIPS
from chatsrv.domain.clock import Clock
from chatsrv.domain.desk import InChannel, InSupport, Relation
from chatsrv.domain.presence import SERVER
from chatsrv.domain.sign_ins import NewSignIn
from chatsrv.services import Services
from tests.api.native.people import come_online
from tests.api.oksky.people import Sky, add, add_room, as_person, by_id, identifiers, ids_of, refused

pytestmark = pytest.mark.parametrize("database_source", ["sqlite_template"], indirect=True)

SHOWN_IN_LISTS = {
    "present_rooms",
    "support_rooms",
    "members",
    "supports",
    "rooms",
    "starred_rooms",
    "starred_customers",
}


@dataclass(frozen=True, slots=True)
class Desk:
    """Anna supports ben in the room, and everything belongs to one of the two."""

    anna: str
    ben: str
    room: str
    support: str
    linked: dict[str, dict[str, list[dict[str, str]]]]
    """The linkage of both, by relationship, then by user."""


@pytest.fixture
async def desk(services: Services, clock: Clock) -> Desk:
    (anna,) = await add(services, "anna", role="admin")
    (ben,) = await add(services, "ben")
    await use_up_ids(services, int(anna), int(ben))
    room = await add_room(services, "board", 1, anna, ben)
    support = str((await services.supports.open("demo", int(room), int(ben), int(anna))).id)
    await services.stars.star_channel("demo", int(anna), int(room))
    await services.stars.star_customer("demo", int(anna), int(ben))
    memo = await services.notes.add_memo("demo", int(ben), int(anna), "Call back.")
    draft = await services.notes.put_draft("demo", int(ben), InChannel(int(room)), "Hel")
    support_draft = await services.notes.put_draft("demo", int(anna), InSupport(int(support)), "Good mor")
    info = await services.named_values.put("demo", int(ben), Relation.INFOS, "country", "japan")
    setting = await services.named_values.put("demo", int(anna), Relation.WIDGET_SETTINGS, "theme", {"dark": True})
    session = await come_online(services, "ben")
    await services.channels.enter(await services.users.find("demo", "ben"), session, int(room))
    await services.sign_ins.flush()
    (event,) = (await services.sign_ins.page("demo", int(ben), SERVER, 9, 0))[0]
    members = {
        user: str((await services.channels.membership_of("demo", int(room), int(user))).id) for user in (anna, ben)
    }

    def link(type_: str, id_: Any) -> list[dict[str, str]]:
        return [{"type": type_, "id": str(id_)}]

    linked = {
        "support_draft_messages": {anna: link("support_draft_messages", support_draft.id), ben: []},
        "draft_messages": {anna: [], ben: link("draft_messages", draft.id)},
        "present_rooms": {anna: [], ben: link("rooms", room)},
        "support_rooms": {anna: link("rooms", room), ben: []},
        "members": {user: link("members", id_) for user, id_ in members.items()},
        "supports": {anna: link("supports", support), ben: []},
        "rooms": {anna: link("rooms", room), ben: link("rooms", room)},
        "starred_rooms": {anna: link("rooms", room), ben: []},
        "starred_customers": {anna: link("customers", ben), ben: []},
        "user_supported": {anna: [], ben: link("supports", support)},
        "memos": {anna: [], ben: link("memos", memo.id)},
        "user_events": {anna: [], ben: link("user_events", event.id)},
        "user_infos": {anna: [], ben: link("user_infos", info.id)},
        "user_widget_settings": {anna: link("user_widget_settings", setting.id), ben: []},
    }
    return Desk(anna, ben, room, support, linked)


async def use_up_ids(services: Services, anna: int, ben: int) -> None:
    """So that no two kinds of things have the same ones."""
    for number in range(1, 6):
        room = int(await add_room(services, "gone", 0, str(anna)))
        if number > 1:
            await services.supports.open("demo", room, ben, anna)
        if number > 2:
            await services.notes.delete_memo("demo", (await services.notes.add_memo("demo", ben, anna, "x")).id)
        if number > 3:
            await services.named_values.put("demo", ben, Relation.INFOS, "gone", "x")
            await services.named_values.delete("demo", ben, Relation.INFOS, "gone")
        if number > 4:
            await services.named_values.put("demo", anna, Relation.WIDGET_SETTINGS, "gone", 1)
            await services.named_values.delete("demo", anna, Relation.WIDGET_SETTINGS, "gone")
        await services.channels.delete("demo", room)


async def test_lists_show_the_linkage_of_seven_relationships_and_links_of_all(sky: Sky, desk: Desk) -> None:
    listed = (await sky.get("/users")).json["data"]
    for one in listed:
        assert set(one["relationships"]) == set(USER_RELATIONSHIPS) == set(desk.linked)
        for name, relationship in one["relationships"].items():
            own = f"{sky.api.url}/rapi/v1/{one['type']}/{one['id']}"
            links = {"self": f"{own}/relationships/{name}", "related": f"{own}/{name}"}
            data = {"data": desk.linked[name][one["id"]]} if name in SHOWN_IN_LISTS else {}
            assert relationship == {"links": links, **data}
    shown = (await sky.get(f"/users/{desk.anna}")).json["data"]["relationships"]
    assert all(relationship.keys() == {"links"} for relationship in shown.values())


async def test_every_link_of_every_relationship_leads_to_what_it_says(sky: Sky, desk: Desk) -> None:
    for path in ("/users", f"/users/{desk.ben}"):
        found = (await sky.get(path)).json["data"]
        for one in found if isinstance(found, list) else [found]:
            for name, relationship in one["relationships"].items():
                linkage = await sky.get(relationship["links"]["self"])
                assert linkage.json == {"links": relationship["links"], "data": desk.linked[name][one["id"]]}
                related = await sky.get(relationship["links"]["related"])
                assert [{"type": r["type"], "id": r["id"]} for r in related.json["data"]] == linkage.json["data"]
                assert related.json["meta"] == {"record_count": len(linkage.json["data"])}
                assert related.json["links"]["first"].startswith(relationship["links"]["related"] + "?page")
                for resource in related.json["data"]:
                    alone = (await sky.get(resource["links"]["self"])).json["data"]
                    assert alone["attributes"] == resource["attributes"]
                    assert (await sky.get(f"/{name}/{resource['id']}")).json["data"]["type"] == resource["type"]


async def test_every_relationship_can_be_included_and_is_linked_to_what_comes_along(sky: Sky, desk: Desk) -> None:
    for name, linked in desk.linked.items():
        for path in (f"/users?include={name}", f"/users/{desk.anna}?include={name}"):
            answer = (await sky.get(path)).json
            primary = answer["data"] if isinstance(answer["data"], list) else [answer["data"]]
            for one in primary:
                assert one["relationships"][name]["data"] == linked[one["id"]]
            wanted = {(item["type"], item["id"]) for one in primary for item in linked[one["id"]]}
            included = by_id(answer.get("included", []))
            assert included.keys() == wanted - by_id(primary).keys()
            assert len(included) == len(answer.get("included", []))


async def test_include_goes_deeper_and_brings_each_along_once(sky: Sky, desk: Desk) -> None:
    answer = (await sky.get("/users?include=members.room,rooms,memos,members.user.user_infos")).json
    included = by_id(answer["included"])
    assert {type_ for type_, _ in included} == {"members", "rooms", "memos", "user_infos"}
    assert len(answer["included"]) == len(included) == 5
    for key, member in included.items():
        if key[0] == "members":
            assert member["relationships"]["room"]["data"] == {"type": "rooms", "id": desk.room}
            assert member["relationships"]["user"]["data"]["id"] == str(member["attributes"]["user_id"])
    infos = {one["id"]: one["relationships"]["user_infos"].get("data") for one in answer["data"]}
    assert infos == desk.linked["user_infos"]


async def test_what_comes_along_has_the_documented_attributes(sky: Sky, desk: Desk, clock: Clock) -> None:
    included = (await sky.get(f"/users?include={','.join(desk.linked)}")).json["included"]
    found = {one["type"]: one["attributes"] for one in included}
    anna, ben, room = int(desk.anna), int(desk.ben), int(desk.room)
    for attributes in found.values():
        for name in ("created_at_unix", "updated_at_unix", "start_time_unix"):
            if name in attributes:
                assert abs(attributes.pop(name) - clock.now() // 1000) < 60
    assert found == {
        "rooms": {"name": "board", "kind": "private", "is_private": True},
        "members": {"room_id": room, "user_id": ben, "last_read_at_unix": 0, "unread_message_count": 0},
        "supports": {"room_id": room, "customer_id": ben, "user_id": anna, "end_time_unix": None},
        "memos": {"resource_id": ben, "resource_type": "User", "user_id": anna, "text": "Call back."},
        "draft_messages": {"room_id": room, "support_id": None, "user_id": ben, "message_content": "Hel"},
        "support_draft_messages": {
            "room_id": None,
            "support_id": int(desk.support),
            "user_id": anna,
            "message_content": "Good mor",
        },
        "user_events": {"resource_type": "User", "resource_id": ben, "kind": "signin"},
        "user_infos": {"user_id": ben, "name": "country", "value_data": "japan"},
        "user_widget_settings": {"user_id": anna, "name": "theme", "value": {"dark": True}},
    }


async def test_whoever_is_invisible_is_present_nowhere(sky: Sky, desk: Desk) -> None:
    key = {"X-Api-Key": sky.api.headers["X-Access-Token"]}
    answer = await sky.api.put("/v1/demo/users/ben/presence", {"status": "invisible"}, headers=key)
    assert answer.status == 200
    ben = (await sky.get(f"/users?filter[id]={desk.ben}")).json["data"][0]
    assert (ben["attributes"]["status"], ben["relationships"]["present_rooms"]["data"]) == ("offline", [])
    assert ids_of(await sky.get(f"/users/{desk.ben}/present_rooms")) == []


async def test_related_resources_come_by_the_page_in_any_order(sky: Sky, services: Services) -> None:
    (anna,) = await add(services, "anna")
    for name in ("c", "a", "b"):
        await add_room(services, name, 0, anna)
    path = f"/users/{anna}/rooms"
    assert ids_of(await sky.get(f"{path}?page[size]=2&page[number]=2")) == ["3"]
    assert ids_of(await sky.get(f"{path}?sort=name&page[size]=2")) == ["2", "3"]
    assert ids_of(await sky.get(f"{path}?sort=-name,id")) == ["1", "3", "2"]
    answer = await sky.get(f"{path}?filter[id]=1,3&fields[rooms]=kind&page[size]=1")
    assert answer.json["meta"] == {"record_count": 2}
    assert list(answer.json["data"][0]["attributes"]) == ["kind"]
    last = f"{sky.api.url}/rapi/v1/users/{anna}/rooms?fields%5Brooms%5D=kind&filter%5Bid%5D=1%2C3"
    assert answer.json["links"]["last"] == f"{last}&page%5Bnumber%5D=2&page%5Bsize%5D=1"
    refused(await sky.get(f"{path}?sort=bogus"), 400, 114, "Invalid sort criteria")
    assert (await sky.get(f"{path}?page[number]=9")).json["data"] == []


async def test_the_sign_in_log_is_read_newest_first_and_hides_what_was_hidden(sky: Sky, services: Services) -> None:
    (anna,) = await add(services, "anna")
    for second in range(30):
        services.sign_ins.note(NewSignIn(int(anna), 1_772_357_400_000 + 1000 * second, was_hidden=second == 29))
    answer = await sky.get(f"/users/{anna}/user_events")
    assert answer.json["meta"] == {"record_count": 29}
    newest = answer.json["data"][0]
    assert newest["attributes"]["created_at_unix"] == 1_772_357_428
    assert (await sky.get(f"/user_events/{newest['id']}")).json["data"] == newest
    refused(await sky.get(f"/user_events/{int(newest['id']) + 1}"), 404, 404, "Record not found")
    assert len(ids_of(await sky.get(f"/users/{anna}/user_events?page[number]=2"))) == 4


@pytest.mark.parametrize("path", ["users", "administrators", "customers"])
async def test_rooms_and_stars_are_given_and_taken(sky: Sky, services: Services, path: str) -> None:
    anna, ben = await add(services, "anna", "ben")
    one, two = await add_room(services, "one"), await add_room(services, "two", 1)
    for name, type_, ids in (
        ("rooms", "rooms", [one, two]),
        ("starred_rooms", "rooms", [one, int(two)]),
        ("starred_customers", "customers", [ben]),
    ):
        address = f"/{path}/{anna}/relationships/{name}"
        for _ in range(2):
            answer = await sky.post(address, identifiers(type_, *ids))
            assert (answer.status, answer.body) == (204, b"")
        expected = [{"type": type_, "id": str(id_)} for id_ in ids]
        assert (await sky.get(address)).json["data"] == expected
        for _ in range(2):
            assert (await sky.delete(address, identifiers(type_, ids[0]))).status == 204
        assert (await sky.get(address)).json["data"] == expected[1:]
    refused(await sky.post(f"/{path}/99/relationships/rooms", identifiers("rooms", one)), 404, 404, "Record not found")


async def test_a_customer_reads_public_rooms_and_what_is_their_own(sky: Sky, services: Services, desk: Desk) -> None:
    (carl,) = await add(services, "carl")
    open_room = await add_room(services, "open", 0, desk.anna, carl)
    as_ben, as_carl = await as_person(services, sky, "ben"), await as_person(services, sky, "carl")
    assert ids_of(await as_carl.get("/rooms")) == [open_room]
    assert ids_of(await as_ben.get("/rooms")) == [desk.room, open_room]
    refused(await as_carl.get(f"/rooms/{desk.room}"), 404, 404, "Record not found")
    hidden = {"members", "supports", "memos", "draft_messages", "user_widget_settings", "rooms", "present_rooms"}
    for user in (desk.anna, desk.ben):
        for name in desk.linked:
            seen = (await as_carl.get(f"/users/{user}/relationships/{name}")).json["data"]
            resources = await as_carl.get(f"/users/{user}/{name}")
            assert [{"type": r["type"], "id": r["id"]} for r in resources.json["data"]] == seen
            assert resources.json["meta"] == {"record_count": len(seen)}
            if name in hidden and user == desk.ben:
                assert seen == [], name
    own = (await as_ben.get(f"/users/{desk.ben}?include=draft_messages,rooms,members,present_rooms")).json
    assert {one["type"] for one in own["included"]} == {"draft_messages", "rooms", "members"}
    listed = (await as_carl.get("/users")).json["data"]
    assert [one["relationships"]["rooms"]["data"] for one in listed] == [
        [{"type": "rooms", "id": open_room}],
        [],
        [{"type": "rooms", "id": open_room}],
    ]


async def test_a_support_leads_to_its_room_its_customer_and_whoever_gives_it(sky: Sky, services: Services) -> None:
    anna, ben = await add(services, "anna", "ben")
    room = int(await add_room(services, "board"))
    given = await services.supports.open("demo", room, int(ben), int(anna))
    waiting = await services.supports.open("demo", room, int(anna), None)
    for support, expected in (
        (given, {"room": ("rooms", str(room)), "customer": ("customers", ben), "user": ("customers", anna)}),
        (waiting, {"room": ("rooms", str(room)), "customer": ("customers", anna), "user": None}),
    ):
        names = ",".join(expected)
        answer = (await sky.get(f"/supports/{support.id}?include={names}")).json
        assert by_id(answer["included"]).keys() == {found for found in expected.values() if found}
        for name, found in expected.items():
            identifier = {"type": found[0], "id": found[1]} if found else None
            assert answer["data"]["relationships"][name]["data"] == identifier
            links = answer["data"]["relationships"][name]["links"]
            assert (await sky.get(links["self"])).json == {"links": links, "data": identifier}
            related = (await sky.get(links["related"])).json["data"]
            assert (related and {"type": related["type"], "id": related["id"]}) == identifier
