"""Invisible over sockets: others are told of a departure and of nothing after it, one's own sockets of the truth."""

from __future__ import annotations

import pytest

from chatsrv.domain.clock import Clock
from chatsrv.domain.presence import SERVER, PresenceStatus
from chatsrv.services import Services
from tests.conftest import DemoApp
from tests.realtime.conftest import Client, Connect, changes, eventually

pytestmark = pytest.mark.parametrize("database_source", ["sqlite_template"], indirect=True)


@pytest.fixture
async def bert(connect: Connect, services: Services, demo: DemoApp) -> Client:
    """Watches anna, who was here once, and carl, by whom one can tell that nothing else is on its way."""
    await services.apps.change_setting(demo.id, "idle_after_s", "0")
    client = await connect("bert")
    for name in ("anna", "carl"):
        once = await connect(name)
        await once.io.disconnect()
        await eventually(lambda name=name: _is_offline(services, demo, name), f"{name} has gone")  # type: ignore[misc]
    await client.io.call("presence:subscribe", {"usernames": ["anna", "carl"]})
    return client


async def _is_offline(services: Services, demo: DemoApp, name: str) -> bool:
    return (await services.users.get(demo.id, name, SERVER)).presence.status is PresenceStatus.OFFLINE


async def hears_nothing_else(bert: Client, connect: Connect) -> None:
    """Whatever came before would be heard first."""
    carl = await connect("carl")
    assert await changes(bert) == {"carl": 1}
    await carl.io.disconnect()
    assert await changes(bert) == {"carl": 0}


async def test_hiding_is_told_as_a_departure_and_to_oneself_as_it_is(bert: Client, connect: Connect) -> None:
    anna, second = await connect("anna"), await connect("anna")
    assert await changes(bert) == {"anna": 1}
    ack = await anna.io.call("presence:set", {"status": "invisible", "text": "Hiding"})
    assert (ack["presence"]["presence_status"], ack["presence"]["text"]) == (2, "Hiding")
    told = (await bert.next("presence:diff"))["changes"][0]
    assert (told["presence_status"], told["text"], told["devices"]) == (0, None, [])
    assert told["last_seen_at"] == told["changed_at"]
    for own in (anna, second):
        change = (await own.next("presence:diff"))["changes"][0]
        assert (change["presence_status"], change["text"], change["last_seen_at"]) == (2, "Hiding", None)


async def test_nothing_that_a_hidden_user_does_is_told_to_others(
    bert: Client, connect: Connect, services: Services, clock: Clock
) -> None:
    anna = await connect("anna", status="invisible")
    assert anna.hello["user"]["presence_status"] == 2
    second = await connect("anna", device="mobile")
    await anna.io.call("presence:activity", {"active": False})
    await anna.io.call("presence:activity", {"active": True})
    await anna.io.call("presence:set", {"status": "invisible", "text": "Still here", "emoji": "🤫"})
    assert await changes(second) == {"anna": 2}
    await second.io.disconnect()
    await anna.io.disconnect()
    await hears_nothing_else(bert, connect)


async def test_versions_do_not_count_what_others_may_not_see(bert: Client, connect: Connect) -> None:
    """Or somebody could tell from a number that there is somebody."""
    before = await bert.io.call("presence:query", {"usernames": ["anna"]})
    anna = await connect("anna", status="invisible")
    await anna.io.call("presence:set", {"status": "invisible", "text": "Still here"})
    assert await bert.io.call("presence:query", {"usernames": ["anna"]}) == before
    resumed = await bert.io.call(
        "presence:resume", {"epoch": before["epoch"], "version": before["version"], "usernames": ["anna"]}
    )
    assert (resumed["changes"], resumed["version"]) == ([], before["version"])


async def test_coming_out_is_told_as_coming_in(bert: Client, connect: Connect, clock: Clock) -> None:
    anna = await connect("anna", status="invisible")
    clock.advance(30)
    await anna.io.call("presence:set", {"status": "online"})
    told = (await bert.next("presence:diff"))["changes"][0]
    assert (told["presence_status"], told["devices"]) == (1, ["web"])
    assert told["last_active_at"] == told["changed_at"]
    assert await changes(anna) == {"anna": 1}


async def test_a_subscriber_sees_the_truth_of_themselves_alone(bert: Client, connect: Connect) -> None:
    anna = await connect("anna", status="invisible")
    seen = await anna.io.call("presence:subscribe", {"usernames": ["anna", "bert"]})
    assert [one["presence_status"] for one in seen["users"]] == [2, 1]
    seen = await bert.io.call("presence:subscribe", {"usernames": ["anna", "bert"]})
    assert [one["presence_status"] for one in seen["users"]] == [0, 1]


async def test_own_words_that_others_may_not_see_arrive_in_order_and_last(bert: Client, connect: Connect) -> None:
    anna = await connect("anna", status="invisible")
    second = await connect("anna")
    for text in ("one", "two", "three"):
        await anna.io.call("presence:set", {"status": "invisible", "text": text})
    versions = []
    while True:
        diff = await second.next("presence:diff")
        versions.append(diff["version"])
        if diff["changes"][0]["text"] == "three":
            break
    assert versions == sorted(versions)
    await hears_nothing_else(bert, connect)
