"""What cannot be told as a change makes whoever watches an app ask anew, rather than know something wrong."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from chatsrv.domain.presence import SERVER
from chatsrv.realtime import observers
from chatsrv.services import Services
from chatsrv.storage.keys import shard_of
from tests.client import ApiClient
from tests.realtime.conftest import Connect, LoseData, Observe

pytestmark = [
    pytest.mark.parametrize("database_source", ["sqlite_template"], indirect=True),
    pytest.mark.usefixtures("in_a_hurry"),
]

OFFLINE, ONLINE, INVISIBLE, AWAY, DND = range(5)


async def test_a_new_name_a_deletion_and_a_lost_log_make_it_ask_anew(
    observe: Observe, connect: Connect, api: ApiClient, services: Services
) -> None:
    for name in ("anna", "ben"):
        await connect(name)
    acts: list[Callable[[], Awaitable[object]]] = [
        lambda: api.post("/v1/demo/users/anna/rename", {"username": "anne"}),
        lambda: api.request("DELETE", "/v1/demo/users/ben"),
        lambda: api.request("DELETE", "/v1/demo/users/offline"),
    ]
    await services.users.create("demo", {"username": "offline"}, SERVER)
    onlooker = await observe()
    for act in acts:
        await act()
        reset = await onlooker.hear_until("presence:reset")
        assert reset.keys() == {"epoch", "version"}
        await onlooker.watch()
    services.following.lapse()
    await onlooker.hear_until("presence:reset")
    told = len(onlooker.frames)
    await connect("cleo")
    await onlooker.watch()
    await connect("dora")
    await onlooker.sees(dora=ONLINE)
    assert "cleo" not in onlooker.people, "who was told to ask anew is told nothing before"
    assert len(onlooker.frames) > told
    listed = (await api.get("/v1/demo/presence")).json["users"]
    assert {user["username"] for user in listed} >= {"cleo", "dora"}


async def test_where_redis_loses_its_data_all_must_ask_anew_under_the_new_epoch(
    observe: Observe, connect: Connect, services: Services, lose_data: LoseData
) -> None:
    await connect("anna")
    onlooker = await observe()
    await lose_data()
    await services.upkeep.beat()
    reset = await onlooker.hear_until("presence:reset")
    assert reset["epoch"] != onlooker.begun["epoch"]
    assert (await onlooker.watch())["epoch"] == reset["epoch"]
    await connect("ben")
    await onlooker.sees(ben=ONLINE)


async def test_a_gap_in_the_log_makes_all_ask_anew(observe: Observe, connect: Connect, services: Services) -> None:
    anna = await connect("anna")
    onlooker = await observe()
    seen = onlooker.begun["version"]
    await anna.io.call("presence:set", {"status": "dnd"})
    await onlooker.sees(anna=DND)
    # as if two changes had been trimmed before they were read
    store = services.presence._store
    await store._lane.call("HINCRBY", store._key(shard_of("demo"), "versions"), "demo", 2)
    await anna.io.call("presence:set", {"status": "online"})
    reset = await onlooker.hear_until("presence:reset")
    assert reset["version"] > seen


async def test_deletions_in_a_row_do_not_make_it_ask_on_and_on(
    observe: Observe, services: Services, api: ApiClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(observers, "RESET_EVERY_S", 0.8)
    for number in range(30):
        await services.users.create("demo", {"username": f"u{number}"}, SERVER)
    onlooker = await observe()
    loop = asyncio.get_running_loop()
    resets: list[float] = []
    deleting = asyncio.ensure_future(delete_all(api, [f"u{number}" for number in range(30)]))
    while len(resets) < 2:
        await onlooker.hear_until("presence:reset")
        resets.append(loop.time())
        await onlooker.watch()
    await deleting
    assert resets[1] - resets[0] > observers.RESET_EVERY_S * 0.9


async def delete_all(api: ApiClient, names: list[str]) -> None:
    for name in names:
        await api.request("DELETE", f"/v1/demo/users/{name}")
        await asyncio.sleep(0.02)
