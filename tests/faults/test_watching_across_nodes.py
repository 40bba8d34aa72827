"""What watchers know after others came and went, and after they themselves were away."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from random import Random

from tests.faults.conftest import LOG_SIZE
from tests.faults.crowd import Crowd, gathered
from tests.faults.nodes import Node
from tests.faults.raw import RawClient
from tests.faults.waiting import eventually
from tests.faults.watcher import Watcher

RESTLESS = 20
ROUNDS = 8
MOVES = 3
SUBSCRIBERS = 6


async def test_snapshot_and_frames_of_every_subscriber_agree_with_the_query_however_others_come_and_go(
    crowd: Crowd,
) -> None:
    names = await crowd.make_users("restless", RESTLESS)
    random = Random(7)
    watchers = await asyncio.gather(
        *(crowd.watch(crowd.cluster.nodes[number % 2].url, names) for number in range(SUBSCRIBERS))
    )
    for _ in range(ROUNDS):
        is_over = asyncio.Event()
        asking = asyncio.gather(*(subscribe_again_and_again(watcher, is_over) for watcher in watchers))
        staying = await asyncio.gather(*(come_and_go(crowd, name, random) for name in names))
        is_over.set()
        await asking
        truth = await crowd.statuses(names)
        assert set(truth.values()) == {0, 1}
        for watcher in watchers:
            await agrees(watcher, truth)
        await asyncio.gather(*(client.log_out() for client in staying if client))
    for watcher in watchers:
        watcher.assert_versions_grow()


async def agrees(watcher: Watcher, truth: Mapping[str, int]) -> None:
    await eventually(lambda: {name: watcher.view[name] for name in truth} == truth, "it knows what the query says")


async def come_and_go(crowd: Crowd, name: str, random: Random) -> RawClient | None:
    """Some stay at the end, and some do not."""
    for _ in range(MOVES):
        client = await crowd.join(random.choice(crowd.cluster.nodes).url, name)
        await asyncio.sleep(random.random() / 20)
        if random.random() < 0.2:
            return client
        await client.log_out()
    return None


async def subscribe_again_and_again(watcher: Watcher, is_over: asyncio.Event) -> None:
    """The last time may be just before, or just after, the last change."""
    while not is_over.is_set():
        await watcher.client.ask("presence:unsubscribe", {"usernames": watcher.usernames})
        await watcher.subscribe()


async def test_resuming_inside_the_log_brings_just_those_who_changed_meanwhile(crowd: Crowd) -> None:
    one, other = crowd.cluster.nodes
    stayed, left, came, back = [await crowd.make_users(stem, 3) for stem in ("stayed", "left", "came", "back")]
    await crowd.join_all(one.url, stayed)
    leaving, returning = await crowd.join_all(one.url, left), await crowd.join_all(one.url, back)
    watcher = await crowd.watch(one.url, [*stayed, *left, *came, *back])
    await watcher.client.end()

    await asyncio.gather(*(client.log_out() for client in leaving + returning))
    await crowd.join_all(other.url, [*came, *back])

    client = await crowd.join_stock(other.url, watcher.username)
    cursor = {"epoch": watcher.epoch, "version": watcher.cursor[1], "usernames": watcher.usernames}
    answer = await client.ask("presence:resume", cursor)
    assert answer["full"] is False
    changed = {change["username"]: change["presence_status"] for change in answer["changes"]}
    # back are those who left and came: both lie between, and the newest counts
    assert changed == {**dict.fromkeys(left, 0), **dict.fromkeys([*came, *back], 1)}


async def test_resuming_outside_the_log_or_in_an_unknown_epoch_brings_everybody(crowd: Crowd) -> None:
    # more changes than the log holds would push the users of other tests out of theirs: an app of its own
    app = await crowd.cluster.create_app("long")
    one, other = crowd.cluster.nodes
    async with gathered(crowd.cluster, app) as own:
        stayed, passing = await own.make_users("stayed", 3), await own.make_users("passing", LOG_SIZE + 1)
        await own.join_all(one.url, stayed)
        watcher = await own.watch(one.url, stayed)
        epoch, version = watcher.cursor
        await come_and_leave(own, other, passing)
        for cursor in ((epoch, version), ("0123456789abcdef", version)):
            asked = {"epoch": cursor[0], "version": cursor[1], "usernames": stayed}
            answer = await watcher.client.ask("presence:resume", asked)
            assert answer["full"] is True
            assert answer["epoch"] == epoch
            assert {user["username"]: user["presence_status"] for user in answer["users"]} == dict.fromkeys(stayed, 1)


async def come_and_leave(crowd: Crowd, node: Node, usernames: Sequence[str]) -> None:
    clients = await crowd.join_all(node.url, usernames)
    await asyncio.gather(*(client.log_out() for client in clients))
    await eventually(lambda: crowd.have_sessions(usernames, 0), "they are gone again")
