"""The change log as a node reads it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import pytest
from redis.asyncio import Redis

from chatsrv.domain.changes import Changed, CloseOrdered
from chatsrv.domain.presence import PresenceStatus
from chatsrv.storage.changelog import ChangeLog
from chatsrv.storage.keys import key, shard_key
from chatsrv.storage.redis import open_redis

STATE = '{"s":1,"l":5,"a":5,"n":0,"c":5,"d":"mobile,web","v":7}'


class Feeds:
    """The streams of one keyspace, written to as the scripts do."""

    def __init__(self, redis: Redis) -> None:
        self.redis = redis
        self.prefix = f"t{uuid4().hex}"
        self.log = ChangeLog(redis, self.prefix)

    async def write(self, shard: int, **fields: str | int) -> None:
        entry: Any = fields
        await self.redis.xadd(key(shard_key(self.prefix, shard), "feed"), entry)

    async def change(self, shard: int, user: int) -> None:
        await self.write(shard, kind="change", app="demo", user=user, version=7, state=STATE)


@pytest.fixture
async def feeds(valkey_url: str) -> AsyncIterator[Feeds]:
    async with open_redis(valkey_url, 2, 5, True) as redis:
        yield Feeds(redis)


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
