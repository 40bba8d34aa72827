"""The bulk upsert: up to a thousand users in one request, of which a bad one spoils no other."""

from __future__ import annotations

from io import BytesIO
from typing import Any

import pytest

from tests.api.native.people import USERS, add
from tests.api.native.refusals import refused
from tests.client import Answer, ApiClient

pytestmark = pytest.mark.parametrize("database_source", ["sqlite_template"], indirect=True)

BULK = "/v1/demo/bulk/users"


async def upsert(api: ApiClient, *users: Any) -> list[dict[str, Any]]:
    answer = await api.post(BULK, {"users": list(users)})
    assert answer.status == 200, answer.json
    results: list[dict[str, Any]] = answer.json["results"]
    assert len(results) == len(users)
    return results


def blamed(result: dict[str, Any]) -> tuple[int, list[str]]:
    """The code and the fields of an item's error."""
    assert result.keys() == {"username", "status", "error"}
    assert result["status"] == "error"
    return result["error"]["code"], [error["field"] for error in result["error"].get("errors", [])]


async def test_new_users_are_created_and_known_ones_updated_in_the_order_sent(api: ApiClient) -> None:
    await add(api, "Anna", first_name="A", last_name="B")
    results = await upsert(api, {"username": "ben"}, {"username": "ANNA", "first_name": "X"}, {"username": "eve"})
    assert results == [
        {"username": "ben", "status": "created"},
        {"username": "Anna", "status": "updated"},
        {"username": "eve", "status": "created"},
    ]
    anna = (await api.get(f"{USERS}/anna?fields=username,first_name,last_name")).json
    assert anna == {"username": "Anna", "first_name": "X", "last_name": "B"}


async def test_an_update_by_bulk_moves_updated_at_alone(api: ApiClient) -> None:
    await add(api, "anna")
    before = (await api.get(f"{USERS}/anna?fields=*")).json
    await upsert(api, {"username": "anna", "name": None, "created_at": "2001-01-01", "status": 1})
    after = (await api.get(f"{USERS}/anna?fields=*")).json
    assert after["updated_at"] > before["updated_at"]
    assert after == {**before, "updated_at": after["updated_at"]}


async def test_a_bad_item_is_told_what_is_wrong_and_spoils_no_other(api: ApiClient) -> None:
    await add(api, "anna", email="a@b", external_id="x1")
    items: list[Any] = [
        {"username": "ok1"},
        {"username": " bad"},
        {"first_name": "nameless"},
        {"username": "ben", "email": "A@B"},
        {"username": "eve", "external_id": "x1"},
        {"username": "foo", "colour": "red", "shape": 1},
        {"username": "big", "metadata": {"a": "x" * 8192}},
        "no object",
        None,
        {"username": 7},
        {"username": "av", "avatar": "a", "avatar_url": "b"},
        {"username": "ok2"},
    ]
    results = await upsert(api, *items)
    assert [result["status"] for result in results] == ["created", *["error"] * 10, "created"]
    assert [blamed(result) for result in results[1:-1]] == [
        (40003, ["username"]),
        (40003, ["username"]),
        (40900, ["email"]),
        (40900, ["external_id"]),
        (40003, ["colour", "shape"]),
        (40013, ["metadata"]),
        (40000, []),
        (40000, []),
        (40003, ["username"]),
        (40003, ["avatar_url"]),
    ]
    assert [result["username"] for result in results[1:4]] == [" bad", None, "ben"]
    assert (await api.get(USERS)).headers["X-Total-Count"] == "3"


async def test_of_the_same_name_twice_the_later_wins(api: ApiClient) -> None:
    results = await upsert(
        api, {"username": "anna", "name": "1", "email": "a@b"}, {"username": "ANNA", "name": "2"}, {"username": "Anna"}
    )
    assert [result["status"] for result in results] == ["created", "updated", "updated"]
    assert (await api.get(f"{USERS}/anna?fields=username,name,email")).json == {
        "username": "anna",
        "name": "2",
        "email": "a@b",
    }


async def test_an_email_may_change_hands_within_one_request(api: ApiClient) -> None:
    await add(api, "anna", email="a@b")
    results = await upsert(
        api,
        {"username": "ben", "email": "a@b"},
        {"username": "anna", "email": None},
        {"username": "ben", "email": "A@b"},
    )
    assert blamed(results[0]) == (40900, ["email"])
    assert [result["status"] for result in results[1:]] == ["updated", "created"]


async def test_at_most_a_thousand_users_and_at_least_none(api: ApiClient) -> None:
    users = [{"username": f"u{number}"} for number in range(1001)]
    refused(await api.post(BULK, {"users": users}), 400, 40003, "users")
    assert await upsert(api) == []
    assert {result["status"] for result in await upsert(api, *users[:1000])} == {"created"}
    assert {result["status"] for result in await upsert(api, *users[:1000])} == {"updated"}


async def test_a_body_of_another_shape_is_refused(api: ApiClient) -> None:
    bodies: list[dict[str, Any]] = [{}, {"users": None}, {"users": {}}, {"users": "x"}]
    for body in bodies:
        refused(await api.post(BULK, body), 400, 40003, "users")
    refused(await api.post(BULK, {"users": [], "foo": 1}), 400, 40003, "foo")
    refused(await api.post(BULK, [{"username": "a"}]), 400, 40000)


async def test_a_bulk_body_may_have_8_mib(api: ApiClient) -> None:
    async def send(size: int) -> Answer:
        body = BytesIO(b'{"users": []}'.ljust(size))
        return await api.post(BULK, data=body, headers={"Content-Type": "application/json"})

    assert (await send(8 * 1024 * 1024)).status == 200
    refused(await send(8 * 1024 * 1024 + 1), 413, 41300)
