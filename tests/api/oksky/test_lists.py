"""Lists: pages and their links, order, filters and sparse fields."""

from __future__ import annotations

import pytest

from chatsrv.domain.presence import SERVER
from chatsrv.services import Services
from tests.api.oksky.people import Sky, add, ids_of, new

pytestmark = pytest.mark.parametrize("database_source", ["sqlite_template"], indirect=True)


def at(sky: Sky, number: int, size: int, path: str = "users", before: str = "", after: str = "") -> str:
    return f"{sky.api.url}/rapi/v1/{path}?{before}page%5Bnumber%5D={number}&page%5Bsize%5D={size}{after}"


async def test_pages_hold_25_and_link_to_their_neighbours(sky: Sky, services: Services) -> None:
    await add(services, *(f"u{number}" for number in range(51)))
    first = await sky.get("/users")
    assert ids_of(first) == [str(number) for number in range(1, 26)]
    assert first.json["meta"] == {"record_count": 51}
    assert list(first.json) == ["data", "meta", "links"]
    assert first.json["links"] == {"first": at(sky, 1, 25), "next": at(sky, 2, 25), "last": at(sky, 3, 25)}
    second = await sky.get(first.json["links"]["next"])
    assert list(second.json["links"]) == ["first", "prev", "next", "last"]
    last = await sky.get(second.json["links"]["next"])
    assert ids_of(last) == ["51"]
    assert last.json["links"] == {"first": at(sky, 1, 25), "prev": at(sky, 2, 25), "last": at(sky, 3, 25)}
    beyond = await sky.get("/users?page[number]=9")
    assert (beyond.json["data"], beyond.json["meta"]) == ([], {"record_count": 51})
    assert beyond.json["links"] == {"first": at(sky, 1, 25), "prev": at(sky, 8, 25), "last": at(sky, 3, 25)}
    assert ids_of(await sky.get("/users?page=3")) == ["51"]
    assert ids_of(await sky.get(f"/users?page[number]={10**30}")) == []
    assert len(ids_of(await sky.get("/users?page[size]=100"))) == 51


async def test_an_empty_list_has_one_page(sky: Sky) -> None:
    for path in ("users", "administrators", "customers", "rooms", "members"):
        answer = await sky.get(f"/{path}")
        assert (answer.json["data"], answer.json["meta"]) == ([], {"record_count": 0})
        assert answer.json["links"] == {"first": at(sky, 1, 25, path), "last": at(sky, 1, 25, path)}


async def test_links_repeat_what_is_known_in_order_and_fully_encoded(sky: Sky, services: Services) -> None:
    await add(services, "anna", "ben")
    query = "sort=-id,username&bogus=1&include=rooms,members&page[size]=1&filter[id]=1,2&fields[users]=name,rooms"
    for asked in (query, query.replace("[", "%5B").replace("]", "%5D").replace(",", "%2C")):
        answer = await sky.get(f"/users?{asked}")
        before = "fields%5Busers%5D=name%2Crooms&filter%5Bid%5D=1%2C2&include=rooms%2Cmembers&"
        assert answer.json["links"]["next"] == at(sky, 2, 1, before=before, after="&sort=-id%2Cusername")
        assert ids_of(answer) == ["2"]
        assert ids_of(await sky.get(answer.json["links"]["next"])) == ["1"]


async def test_lists_are_sorted_by_attributes(sky: Sky, services: Services) -> None:
    await add(services, "carl", first_name="Z", email="a@example.com", timezone="Asia/Tokyo", role="Admin")
    await add(services, "Anna", first_name="X", last_name="B", email="c@example.com", language="ja")
    await add(services, "ben", first_name="X", last_name="A", email="b@example.com", language="de")
    await services.accounts.deactivate("demo", "Anna", SERVER)
    for sort, order in (
        ("username", "231"),
        ("-username", "132"),
        ("full_name", "321"),
        ("-full_name", "123"),
        ("name", "321"),
        ("email", "132"),
        ("-created_at", "321"),
        ("created_at_unix", "123"),
        ("-id", "321"),
        ("uuid", "123"),
        ("avatar_url,-id", "321"),
        ("timezone", "231"),
        ("language", "132"),
        ("is_active", "213"),
        ("-is_active", "132"),
        ("user_type,-id", "132"),
        ("-user_type,-id", "321"),
    ):
        assert "".join(ids_of(await sky.get(f"/users?sort={sort}"))) == order, sort


async def test_full_names_are_sorted_as_they_are_written(sky: Sky, services: Services) -> None:
    for number, name in enumerate(("Solo", "A B", "名 前", "Jean Claude Van Damme", "a a", None, "Tom")):
        assert (await sky.post("/users", new("users", username=f"u{number}", full_name=name))).status == 201
    assert "".join(ids_of(await sky.get("/users?sort=full_name"))) == "6524173"
    assert "".join(ids_of(await sky.get("/users?sort=-full_name"))) == "3714256"


async def test_filters_take_several_values(sky: Sky, services: Services) -> None:
    await add(services, "anna", "ben", "carl")
    uuids = [(await services.users.find("demo", number)).uuid for number in (1, 2, 3)]
    for query, expected in (
        ("filter[id]=1,3", ["1", "3"]),
        ("filter[id]=3,x,99,1", ["1", "3"]),
        ("filter[id][]=1&filter[id][]=2", ["1", "2"]),
        ("filter%5Bid%5D=2", ["2"]),
        (f"filter[uuid]={uuids[1]},{uuids[0].upper()}", ["1", "2"]),
        (f"filter[id]=1,2&filter[uuid]={uuids[1]}", ["2"]),
    ):
        answer = await sky.get(f"/users?{query}")
        assert ids_of(answer) == expected
        assert answer.json["meta"]["record_count"] == len(expected)


async def test_sparse_fields_limit_what_is_told(sky: Sky, services: Services) -> None:
    await add(services, "anna", role="admin")
    await add(services, "ben")
    both = (await sky.get("/users?fields[users]=name,rooms,id")).json["data"]
    assert [list(one["attributes"]) for one in both] == [["name"]] * 2
    assert [list(one["relationships"]) for one in both] == [["rooms"]] * 2
    anna, ben = (await sky.get("/users?fields[users]=name&fields[administrators]=email,memos")).json["data"]
    assert (list(anna["attributes"]), list(anna["relationships"])) == (["email"], ["memos"])
    assert (list(ben["attributes"]), "relationships" in ben) == (["name"], False)
    nothing = (await sky.get("/users/1?fields[users]=")).json["data"]
    assert nothing.keys() == {"id", "type", "links"}
    made = await sky.get("/users/2?fields[customers]=name")
    assert "email" in made.json["data"]["attributes"]
