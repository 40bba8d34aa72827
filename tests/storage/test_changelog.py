"""The change log as a node reads it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import pytest
from redis.asyncio import Redis
from structlog.testing import capture_logs

from chatsrv.domain.changes import FIRST_POSITION, Changed, CloseOrdered, Forgotten, Position, Renamed, Stored
from chatsrv.domain.presence import PresenceStatus
from chatsrv.storage.changelog import ChangeLog
from chatsrv.storage.keys import key, shard_key
from chatsrv.storage.lane import Lane, open_lane
from chatsrv.storage.records import read_position
from chatsrv.storage.redis import open_redis

STATE = '{"s":1,"l":5,"a":5,"n":0,"c":5,"d":"mobile,web","v":7}'


class Feeds:
    """The streams of one keyspace, written to as the scripts do."""

    def __init__(self, redis: Redis, lane: Lane) -> None:
        self.redis = redis
        self.prefix = f"t{uuid4().hex}"
        self.log = ChangeLog(lane, self.prefix)

    def name(self, shard: int) -> str:
        return key(shard_key(self.prefix, shard), "feed")

    async def write(self, shard: int, **fields: str | int) -> Position:
        entry: Any = fields
        entry_id: Any = await self.redis.xadd(self.name(shard), entry)
        return read_position(entry_id)

    async def change(self, shard: int, user: int) -> Position:
        return await self.write(shard, kind="change", app="demo", user=user, version=7, state=STATE)


@pytest.fixture
async def feeds(valkey_url: str) -> AsyncIterator[Feeds]:
    async with open_redis(valkey_url, 2, 5, True) as redis, open_lane(redis) as lane:
        yield Feeds(redis, lane)


async def test_a_reader_that_begins_sees_only_what_comes_then(feeds: Feeds) -> None:
    await feeds.change(3, user=1)
    await feeds.log.seek_end()
    await feeds.change(3, user=2)
    await feeds.change(5, user=3)
    read = await feeds.log.read(None)
    assert {entry.user_id for entry in read} == {2, 3}
    assert await feeds.log.read(None) == []


async def test_a_change_and_an_order_are_read_as_they_were_meant(feeds: Feeds) -> None:
    await feeds.log.seek_end()
    await feeds.change(0, user=1)
    await feeds.write(0, kind="close", app="demo", user=1, session="*", code=4004)
    await feeds.write(0, kind="close", app="demo", user=1, session="s1", code=4001)
    changed, everything, one = await feeds.log.read(None)
    assert isinstance(changed, Changed)
    assert (changed.warm.truth.status, changed.warm.version) == (PresenceStatus.ONLINE, 7)
    assert changed.warm.truth.devices == ("mobile", "web")
    assert everything == CloseOrdered("demo", 1, None, 4004)
    assert one == CloseOrdered("demo", 1, "s1", 4001)


@pytest.mark.parametrize(
    "poison",
    [
        {"kind": "change", "app": "demo"},
        {"kind": "change", "app": "demo", "user": "x", "state": STATE},
        {"kind": "change", "app": "demo", "user": 1, "state": "{}"},
        {"kind": "close", "app": "demo", "user": 1, "session": "*", "code": "soon"},
    ],
)
async def test_an_entry_that_cannot_be_read_is_passed_over_and_takes_no_other_with_it(
    feeds: Feeds, poison: dict[str, str | int]
) -> None:
    await feeds.log.seek_end()
    await feeds.change(0, user=1)
    await feeds.write(0, **poison)
    await feeds.change(0, user=2)
    assert [entry.user_id for entry in await feeds.log.read(None)] == [1, 2]


async def test_a_log_that_began_anew_is_read_from_its_beginning(feeds: Feeds) -> None:
    await feeds.change(4, user=1)
    await feeds.log.seek_end()
    feeds.log.rewind(4)
    assert [entry.user_id for entry in await feeds.log.read(None)] == [1]


async def test_every_entry_says_where_it_stands_and_the_reader_how_far_it_is(feeds: Feeds) -> None:
    await feeds.log.seek_end()
    assert feeds.log.position(4) == FIRST_POSITION
    written = [
        await feeds.change(4, user=1),
        await feeds.write(4, kind="renamed", app="demo", user=1, name="anne"),
        await feeds.write(4, kind="close", app="demo", user=1, session="*", code=4004),
        await feeds.write(4, kind="forgotten", app="demo", user=1),
        await feeds.write(4, kind="stored", app="demo", user=1),
    ]
    read = await feeds.log.read(None)
    assert [type(entry) for entry in read] == [Changed, Renamed, CloseOrdered, Forgotten, Stored]
    assert [entry.position for entry in read] == written == sorted(set(written))
    assert (feeds.log.position(4), feeds.log.position(5)) == (written[-1], FIRST_POSITION)


async def test_one_entry_may_speak_of_many_users_or_of_everybody(feeds: Feeds) -> None:
    await feeds.log.seek_end()
    await feeds.write(0, kind="stored", app="demo", user="3 1 2")
    await feeds.write(0, kind="forgotten", app="demo", user="*")
    assert await feeds.log.read(None) == [
        *(Stored("demo", user) for user in (3, 1, 2)),
        Forgotten("demo", None),
    ]


async def test_what_only_a_newer_version_writes_is_passed_over_without_a_word(feeds: Feeds) -> None:
    await feeds.log.seek_end()
    last = await feeds.write(0, kind="something new", app="demo", whatever="x")
    with capture_logs() as logs:
        assert await feeds.log.read(None) == []
    assert logs == []
    assert feeds.log.position(0) == last


async def test_a_reader_begins_where_the_log_ended_though_all_of_it_is_forgotten(feeds: Feeds) -> None:
    await feeds.change(4, user=1)
    last = await feeds.change(4, user=2)
    await feeds.redis.xtrim(feeds.name(4), maxlen=0)
    await feeds.log.seek_end()
    assert feeds.log.position(4) == last
