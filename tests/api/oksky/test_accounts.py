"""Deactivating and reactivating those whom a request names, and ending access tokens."""

from __future__ import annotations

from typing import Any

import pytest

from chatsrv.services import Services
from tests.api.native.people import come_online
from tests.api.oksky.people import Sky, add, as_person, identifiers, ids_of, refused

pytestmark = pytest.mark.parametrize("database_source", ["sqlite_template"], indirect=True)


async def are_active(sky: Sky) -> list[bool]:
    return [one["attributes"]["is_active"] for one in (await sky.get("/users?sort=id")).json["data"]]


async def test_filters_or_the_body_name_who_is_deactivated(sky: Sky, services: Services) -> None:
    await add(services, "anna", "ben", "carl")
    uuid = (await services.users.find("demo", 2)).uuid
    for path, body, ids in (
        ("filter[id]=1,3", None, ["1", "3"]),
        (f"filter[uuid]={uuid}", None, ["2"]),
        ("filter[id]=2,99,abc", {"meta": {}}, ["2"]),
        ("", identifiers("users", "1", 2, "99"), ["1", "2"]),
        ("", identifiers("customers", "3"), ["3"]),
        ("filter[id]=99", None, []),
    ):
        expected = [str(number) not in ids for number in (1, 2, 3)]
        answer = await sky.patch(f"/users/deactivate?{path}", body)
        assert ids_of(answer) == ids
        assert answer.json["meta"] == {"record_count": len(ids)}
        assert [one["type"] for one in answer.json["data"]] == ["users"] * len(ids)
        assert not any(one["attributes"]["is_active"] for one in answer.json["data"])
        assert await are_active(sky) == expected
        again = await sky.get(answer.json["links"]["first"])
        assert ids_of(again) == ids
        back = await sky.patch(f"/users/reactivate?{path}", body)
        assert all(one["attributes"]["is_active"] for one in back.json["data"])
        assert await are_active(sky) == [True] * 3


async def test_the_answer_is_the_envelope_of_the_index(sky: Sky, services: Services) -> None:
    await add(services, "anna", "ben")
    answer = await sky.patch("/users/deactivate?filter[id]=1,2&page[size]=1&fields[users]=name,rooms&include=rooms")
    assert list(answer.json) == ["data", "meta", "links"]
    assert answer.json["meta"] == {"record_count": 2}
    (one,) = answer.json["data"]
    assert one["links"]["self"] == f"{sky.api.url}/rapi/v1/users/1"
    assert one["relationships"]["rooms"]["data"] == []
    assert answer.json["links"]["next"].startswith(f"{sky.api.url}/rapi/v1/users?fields%5Busers%5D=name%2Crooms&filter")
    assert await are_active(sky) == [False, False]


async def test_links_repeat_the_filter_that_was_sent_or_else_name_whom_the_body_named(
    sky: Sky, services: Services
) -> None:
    await add(services, "anna", "ben")
    uuid = (await services.users.find("demo", 2)).uuid
    for query, body, told in (
        (f"filter[uuid]={uuid}", None, f"filter%5Buuid%5D={uuid}"),
        ("filter[id]=abc,2", None, "filter%5Bid%5D=abc%2C2"),
        ("filter[id]=999999", None, "filter%5Bid%5D=999999"),
        ("filter[uuid]=&bogus=1", identifiers("users", "1", "99"), "filter%5Bid%5D=1"),
    ):
        for verb in ("deactivate", "reactivate"):
            links = (await sky.patch(f"/users/{verb}?{query}", body)).json["links"]
            assert links["first"] == f"{sky.api.url}/rapi/v1/users?{told}&page%5Bnumber%5D=1&page%5Bsize%5D=25"


async def test_somebody_must_be_named(sky: Sky, services: Services) -> None:
    await add(services, "anna")
    nobody: list[tuple[str, Any]] = [
        ("", None),
        ("", {}),
        ("", {"data": []}),
        ("filter[id]=", None),
        ("filter[uuid]=,", {}),
    ]
    for query, body in nobody:
        detail = "The required parameter, data, is missing."
        for verb in ("deactivate", "reactivate"):
            refused(await sky.patch(f"/users/{verb}?{query}", body), 400, 106, "Missing Parameter", detail)
    bad: list[tuple[Any, int, str]] = [
        ({"data": ["1"]}, 122, "Invalid data format"),
        ({"data": [{"id": "1"}]}, 106, "Missing Parameter"),
        ({"data": [{"type": "users"}]}, 109, "A key is required"),
        (identifiers("rooms", "1"), 101, "Invalid resource"),
    ]
    for body, code, title in bad:
        refused(await sky.patch("/users/deactivate", body), 400, code, title)
    refused(await sky.patch("/users/deactivate?filter[name]=x"), 400, 102, "Filter not allowed")
    assert await are_active(sky) == [True]


async def test_whoever_is_deactivated_is_offline_and_may_not_come_in(sky: Sky, services: Services) -> None:
    await add(services, "anna")
    await come_online(services, "anna")
    as_anna = await as_person(services, sky, "anna")
    assert (await as_anna.get("/users/1")).json["data"]["attributes"]["status"] == "online"
    assert (await sky.patch("/users/deactivate?filter[id]=1")).status == 200
    assert (await sky.get("/users/1")).json["data"]["attributes"]["status"] == "offline"
    assert (await as_anna.get("/users/1")).status in (401, 403)
    await sky.patch("/users/reactivate?filter[id]=1")
    assert (await (await as_person(services, sky, "anna")).get("/users/1")).status == 200


async def test_a_regenerated_token_is_dead_at_once(sky: Sky, services: Services) -> None:
    (anna, ben) = await add(services, "anna", "ben")
    as_anna = await as_person(services, sky, "anna")
    answer = await sky.put(f"/users/{anna}/regenerate_access_token")
    assert (answer.status, answer.body) == (204, b"")
    refused(await as_anna.get("/users/1"), 401, 401, "Unauthorized", "Unauthorized")
    as_anna = await as_person(services, sky, "anna")
    refused(await as_anna.put(f"/users/{ben}/regenerate_access_token"), 403, 403, "Forbidden")
    assert (await as_anna.put(f"/users/{anna}/regenerate_access_token")).status == 204
    refused(await as_anna.get("/users/1"), 401, 401, "Unauthorized", "Unauthorized")
    refused(await sky.put("/users/99/regenerate_access_token"), 404, 404, "Record not found")
