"""Watching others over a socket: snapshot and changes fit together, and nothing is lost between them."""

from __future__ import annotations

import asyncio
from random import Random
from typing import Any

import pytest
from redis.asyncio import Redis

from chatsrv.domain.clock import Clock
from chatsrv.domain.presence import SERVER
from chatsrv.services import Services, open_services
from chatsrv.storage.keys import key, shard_key, shard_of
from tests.conftest import DemoApp, MakeSettings
from tests.realtime.conftest import Client, Connect, changes, eventually, running_node

pytestmark = pytest.mark.parametrize("database_source", ["sqlite_template"], indirect=True)

PRESENCE = [
    "username",
    "presence_status",
    "text",
    "emoji",
    "expires_at",
    "last_login_at",
    "last_active_at",
    "last_seen_at",
    "presence_changed_at",
    "devices",
]


async def test_subscribing_answers_how_they_are_and_then_tells_of_changes(connect: Connect) -> None:
    bert = await connect("bert")
    anna = await connect("anna")
    ack = await anna.io.call("presence:subscribe", {"usernames": ["BERT", "carl"]})
    assert list(ack) == ["epoch", "version", "full", "users", "unknown"]
    assert (ack["epoch"], ack["full"], ack["unknown"]) == (anna.hello["epoch"], True, ["carl"])
    assert list(ack["users"][0]) == PRESENCE
    assert ack["users"][0]["username"] == "bert"
    assert ack["users"][0]["presence_status"] == 1
    await bert.io.disconnect()
    diff = await anna.next("presence:diff")
    assert diff["version"] > ack["version"]
    change = diff["changes"][0]
    assert (change["username"], change["presence_status"]) == ("bert", 0)
    assert change["last_seen_at"] is not None
    await connect("bert")
    assert await changes(anna) == {"bert": 1}


async def test_who_does_not_subscribe_hears_of_nobody_else(connect: Connect) -> None:
    anna = await connect("anna")
    bert = await connect("bert")
    await bert.io.disconnect()
    await anna.io.call("presence:subscribe", {"usernames": []})
    assert anna.events.empty()


async def test_unsubscribing_counts_what_is_left_and_ends_the_changes(connect: Connect) -> None:
    bert, carl = await connect("bert"), await connect("carl")
    anna = await connect("anna")
    await anna.io.call("presence:subscribe", {"usernames": ["bert", "carl", "nobody"]})
    assert await anna.io.call("presence:unsubscribe", {"usernames": ["bert", "nobody"]}) == {"count": 1}
    await bert.io.disconnect()
    await carl.io.disconnect()
    assert await changes(anna) == {"carl": 0}


async def test_a_query_watches_nobody(connect: Connect) -> None:
    bert = await connect("bert")
    anna = await connect("anna")
    ack = await anna.io.call("presence:query", {"usernames": ["bert"]})
    assert list(ack) == ["epoch", "version", "users"]
    assert ack["users"][0]["presence_status"] == 1
    await bert.io.disconnect()
    await anna.io.call("presence:subscribe", {"usernames": []})
    assert anna.events.empty()


async def test_a_change_on_another_node_is_told_here(
    connect: Connect, make_settings: MakeSettings, clock: Clock, services: Services
) -> None:
    anna = await connect("anna")
    await services.users.create("demo", {"username": "bert"}, SERVER)
    await anna.io.call("presence:subscribe", {"usernames": ["bert"]})
    async with open_services(make_settings(), clock) as other, running_node(other) as url:
        bert = await connect("bert", url)
        assert await changes(anna) == {"bert": 1}
        await bert.io.disconnect()
        assert await changes(anna) == {"bert": 0}


async def test_a_user_who_was_renamed_is_told_of_under_the_new_name(
    connect: Connect, services: Services, demo: DemoApp
) -> None:
    early, bert = await connect("early"), await connect("bert")
    await early.io.call("presence:subscribe", {"usernames": ["bert"]})
    await services.users.rename(demo.id, "bert", "bertram", SERVER)
    assert await changes(early) == {"bert": 0}
    assert (await bert.next("session:close"))["code"] == 4009
    await connect("bertram")
    assert await changes(early) == {"bertram": 1}
    late = await connect("late")
    await late.io.call("presence:subscribe", {"usernames": ["bertram"]})
    await services.accounts.delete(demo.id, "bertram")
    assert await changes(early) == {"bertram": 0}
    assert await changes(late) == {"bertram": 0}


async def test_resuming_inside_the_log_brings_what_was_missed_and_no_more(connect: Connect) -> None:
    bert, carl = await connect("bert"), await connect("carl")
    anna = await connect("anna")
    ack = await anna.io.call("presence:subscribe", {"usernames": ["bert", "carl", "dora"]})
    await anna.lose()
    await bert.io.disconnect()
    again = await connect("anna")
    seen = {"epoch": ack["epoch"], "version": ack["version"], "usernames": ["bert", "carl", "dora"]}

    async def bert_is_missed() -> bool:
        missed = await again.io.call("presence:resume", seen)
        assert missed["full"] is False
        assert missed["unknown"] == ["dora"]
        return [(one["username"], one["presence_status"]) for one in missed["changes"]] == [("bert", 0)]

    await eventually(bert_is_missed, "bert is among what was missed")
    while not again.events.empty():
        again.events.get_nowait()
    await carl.io.disconnect()
    assert await changes(again) == {"carl": 0}, "resuming subscribes"


async def test_resuming_outside_the_log_brings_everybody(connect: Connect) -> None:
    await connect("bert")
    anna = await connect("anna")
    for seen in ({"epoch": "another", "version": 1}, {"epoch": anna.hello["epoch"], "version": 10_000}):
        missed = await anna.io.call("presence:resume", {**seen, "usernames": ["bert"]})
        assert missed["full"] is True
        assert [one["username"] for one in missed["users"]] == ["bert"]


async def test_activity_makes_away_and_online_again_for_those_who_watch(connect: Connect) -> None:
    bert, anna = await connect("bert"), await connect("anna")
    await anna.io.call("presence:subscribe", {"usernames": ["bert"]})
    assert await bert.io.call("presence:activity", {"active": False}) == {}
    assert await changes(anna) == {"bert": 3}
    assert await changes(bert) == {"bert": 3}, "its own user arrives without subscribing"
    assert await bert.io.call("presence:activity", {"active": True, "background": False}) == {}
    assert await changes(anna) == {"bert": 1}
    await bert.io.call("presence:activity", {"active": True, "background": True})
    assert await changes(anna) == {"bert": 3}


async def test_a_version_that_this_node_never_saw_makes_watchers_ask_anew(
    connect: Connect, make_settings: MakeSettings, services: Services
) -> None:
    anna, bert = await connect("anna"), await connect("bert")
    await bert.io.call("presence:subscribe", {"usernames": ["anna"]})
    settings, seen = make_settings(), bert.hello["version"]
    state = f'{{"s":1,"l":1,"a":1,"n":0,"c":1,"d":"web","v":{seen + 5}}}'
    feed = key(shard_key(settings.redis_prefix, shard_of("demo")), "feed")
    nobody: Any = {"kind": "change", "app": "demo", "user": "0", "version": seen + 5, "state": state}
    async with Redis.from_url(settings.redis_url) as redis:
        await redis.xadd(feed, nobody)
    reset = await bert.next("presence:reset")
    assert reset == {"epoch": bert.hello["epoch"], "version": seen + 5}
    assert anna.events.empty(), "who watches nobody has nothing to ask anew"


BAD: list[tuple[str, Any, str]] = [
    ("presence:subscribe", None, "data"),
    ("presence:subscribe", ["anna"], "data"),
    ("presence:subscribe", {}, "usernames"),
    ("presence:subscribe", {"usernames": "anna"}, "usernames"),
    ("presence:subscribe", {"usernames": [1]}, "usernames"),
    ("presence:subscribe", {"usernames": ["x"] * 501}, "usernames"),
    ("presence:subscribe", {"usernames": [], "extra": 1}, "extra"),
    ("presence:query", {"usernames": ["x"] * 1001}, "usernames"),
    ("presence:activity", {}, "active"),
    ("presence:activity", {"active": 1}, "active"),
    ("presence:activity", {"active": True, "background": None}, "background"),
    ("presence:resume", {"epoch": 1, "version": 1, "usernames": []}, "epoch"),
    ("presence:resume", {"epoch": "x", "version": -1, "usernames": []}, "version"),
    ("presence:resume", {"epoch": "x", "version": True, "usernames": []}, "version"),
]


@pytest.mark.parametrize(("event", "data", "field"), BAD)
async def test_bad_input_is_acked_with_code_and_field_and_the_socket_lives_on(
    connect: Connect, event: str, data: Any, field: str
) -> None:
    anna = await connect("anna")
    ack = await anna.io.call(event, data)
    assert (ack["error"]["code"], ack["error"]["type"]) == (40003, "BadParam")
    assert [one["field"] for one in ack["error"]["errors"]] == [field]
    assert await anna.io.call("presence:unsubscribe", {"usernames": []}) == {"count": 0}


async def test_an_unknown_event_is_acked_as_such(connect: Connect) -> None:
    anna = await connect("anna")
    assert (await anna.io.call("presence:unheard", {}))["error"]["code"] == 40400


async def test_twenty_bad_events_within_ten_seconds_end_the_socket(connect: Connect) -> None:
    anna = await connect("anna")
    for _ in range(20):
        await anna.io.emit("presence:unheard", {})
    closing = await anna.next("session:close")
    assert closing == {"code": 4010, "reason": "bad_packets", "reconnect": False}


async def test_bad_events_far_apart_end_nothing(connect: Connect, clock: Clock) -> None:
    anna = await connect("anna")
    for _ in range(25):
        await anna.io.call("presence:unheard", {})
        clock.advance(0.6)
    assert await anna.io.call("presence:unsubscribe", {"usernames": []}) == {"count": 0}


async def test_a_socket_may_watch_so_many_and_no_more(
    make_settings: MakeSettings, services: Services, clock: Clock, demo: DemoApp, connect: Connect
) -> None:
    for number in range(4):
        await services.users.create(demo.id, {"username": f"u{number}"}, SERVER)
    async with open_services(make_settings(subscriptions_per_socket=3), clock) as few, running_node(few) as url:
        anna = await connect("anna", url)
        await anna.io.call("presence:subscribe", {"usernames": ["u0", "u1"]})
        refused = await anna.io.call("presence:subscribe", {"usernames": ["u1", "u2", "u3"]})
        assert refused["error"]["code"] == 40003
        assert await anna.io.call("presence:unsubscribe", {"usernames": []}) == {"count": 2}


class Viewer:
    """What a client makes of the acks and frames it gets."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self.seen: dict[str, int] = {}
        self.versions: list[int] = []

    def note(self, people: list[dict[str, Any]]) -> None:
        self.seen.update({one["username"]: one["presence_status"] for one in people})

    async def subscribe(self, names: list[str]) -> None:
        self.note((await self.client.io.call("presence:subscribe", {"usernames": names}))["users"])

    def take(self) -> None:
        while not self.client.events.empty():
            event, diff = self.client.events.get_nowait()
            assert event == "presence:diff"
            self.versions.append(diff["version"])
            self.note(diff["changes"])

    async def agrees(self) -> bool:
        self.take()
        ack = await self.client.io.call("presence:query", {"usernames": list(self.seen)})
        return self.seen == {one["username"]: one["presence_status"] for one in ack["users"]}


async def test_subscribing_while_others_come_and_go_ends_with_what_a_query_says(
    connect: Connect, services: Services, demo: DemoApp
) -> None:
    random, names = Random(7), [f"u{number}" for number in range(12)]
    for name in names:
        await services.users.create(demo.id, {"username": name}, SERVER)
    viewer = Viewer(await connect("anna"))

    async def come_and_go(name: str) -> None:
        for _ in range(4):
            client = await connect(name)
            await asyncio.sleep(random.uniform(0, 0.05))
            await client.io.disconnect()

    async def watch() -> None:
        for start in range(0, len(names), 3):
            await viewer.subscribe(names[start : start + 3])
            await asyncio.sleep(0.03)

    await asyncio.gather(watch(), *(come_and_go(name) for name in names))
    stayed = [await connect(name) for name in names[:5]]
    assert len(stayed) == 5
    await eventually(viewer.agrees, "what the client was told is what a query says")
    assert viewer.versions == sorted(set(viewer.versions)), "the versions of the frames only grow"
