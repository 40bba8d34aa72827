"""Supports over REST: opened, listed, given away, closed. Stores: SQLite and Valkey."""

from __future__ import annotations

from typing import Any

import pytest

from tests.api.native.people import USERS, add, path_of
from tests.api.native.refusals import refused
from tests.client import ApiClient

pytestmark = pytest.mark.parametrize("database_source", ["sqlite_template"], indirect=True)

SUPPORTS = "/v1/demo/supports"


@pytest.fixture
async def room(api: ApiClient) -> int:
    await add(api, "anna", "bert", "carl")
    return int((await api.post("/v1/demo/channels", {})).json["id"])


async def make(api: ApiClient, room: int, **fields: Any) -> Any:
    answer = await api.post(SUPPORTS, {"channel_id": room, "customer": "anna", **fields})
    assert answer.status == 201, answer.json
    assert answer.headers["Location"] == f"{SUPPORTS}/{answer.json['id']}"
    return answer.json


async def ids(api: ApiClient, query: str = "") -> list[int]:
    answer = await api.get(SUPPORTS + query)
    assert answer.status == 200, answer.json
    return [item["id"] for item in answer.json["items"]]


async def test_a_support_goes_from_nobody_to_an_agent_to_its_end(api: ApiClient, room: int) -> None:
    made = await make(api, room)
    path = f"{SUPPORTS}/{made['id']}"
    assert (made["customer"], made["agent"], made["closed"], made["closed_at"]) == ("anna", None, False, None)
    taken = (await api.put(path, {"agent": "BERT"})).json
    assert taken == {**made, "agent": "bert"} == (await api.get(path)).json
    closed = (await api.put(path, {**taken, "closed": True})).json
    assert closed == {**taken, "closed": True, "closed_at": closed["closed_at"]}
    assert closed["closed_at"] >= closed["created_at"]
    assert (await api.put(path, {"closed": False, "agent": None})).json == made
    assert (await api.delete(path)).status == 204
    for method, body in (("GET", None), ("PUT", {}), ("DELETE", None)):
        refused(await api.request(method, path, json=body), 404, 40400)
    assert (await api.get(f"{path_of('anna')}/profile")).json["recent_channel_id"] == room


async def test_lists_are_narrowed_and_paged(api: ApiClient, room: int) -> None:
    first, second = await make(api, room, agent="bert"), await make(api, room, customer="carl", agent="bert")
    third = await make(api, room)
    await api.put(f"{SUPPORTS}/{second['id']}", {"closed": True})
    assert await ids(api) == [first["id"], second["id"], third["id"]]
    assert await ids(api, "?customer=ANNA") == [first["id"], third["id"]]
    assert await ids(api, "?agent=bert&closed=false") == [first["id"]]
    assert await ids(api, "?closed=true") == [second["id"]]
    assert await ids(api, f"?channel_id={room}&limit=1&offset=1") == [second["id"]]
    for query in ("?customer=nobody", "?agent=%00", f"?channel_id={room + 1}", "?channel_id=" + "9" * 18):
        assert await ids(api, query) == []
    for query, name in (
        ("?closed=1", "closed"),
        ("?channel_id=x", "channel_id"),
        ("?who=me", "who"),
        ("?limit=0", "limit"),
    ):
        refused(await api.get(SUPPORTS + query), 400, 40003, name)


async def test_an_agent_who_cannot_take_it_is_named(api: ApiClient, room: int) -> None:
    await api.patch(f"{USERS}/bert/profile", {"max_support_count": 1})
    await api.post(f"{USERS}/carl/deactivate")
    waiting, _ = await make(api, room), await make(api, room, agent="bert")
    for agent in ("bert", "carl", "anna"):
        refused(await api.post(SUPPORTS, {"channel_id": room, "customer": "anna", "agent": agent}), 400, 40003, "agent")
        refused(await api.put(f"{SUPPORTS}/{waiting['id']}", {"agent": agent}), 400, 40003, "agent")
    assert len(await ids(api)) == 2


async def test_what_is_no_support_is_refused(api: ApiClient, room: int) -> None:
    good = {"channel_id": room, "customer": "anna"}
    for body, fields in (
        ({}, ["channel_id"]),
        ({"channel_id": room}, ["customer"]),
        ({**good, "channel_id": str(room)}, ["channel_id"]),
        ({**good, "agent": 1}, ["agent"]),
        ({**good, "closed": True}, ["closed"]),
    ):
        refused(await api.post(SUPPORTS, body), 400, 40003, *fields)
    refused(await api.post(SUPPORTS, {**good, "channel_id": room + 1}), 404, 40400)
    refused(await api.post(SUPPORTS, {**good, "customer": "nobody"}), 404, 40015)
    refused(await api.post(SUPPORTS, {**good, "agent": "nobody"}), 404, 40015)
    made = await make(api, room)
    refused(await api.put(f"{SUPPORTS}/{made['id']}", {"closed": "yes"}), 400, 40003, "closed")
    refused(await api.put(f"{SUPPORTS}/{made['id']}", {"agent": "nobody"}), 404, 40015)
