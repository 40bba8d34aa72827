"""Heartbeats on a real Valkey, and how what is over is forgotten."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from chatsrv.domain.changes import CloseOrdered
from chatsrv.domain.clock import Clock
from chatsrv.domain.presence import PresenceStatus
from chatsrv.storage.lane import open_lane
from chatsrv.storage.redis import open_redis
from tests.storage.keyspace import ANNA, APP, BERT, LEASE_MS, SHARD, Keyspace

OFFLINE, ONLINE, INVISIBLE, AWAY, DND = PresenceStatus


# Heartbeats


async def test_a_heartbeat_makes_online_until_it_is_not_renewed(still: Keyspace) -> None:
    assert (await still.beat_heart(30)).warm.truth.status is ONLINE
    beaten_at = still.clock.now()
    await still.pass_time(29)
    assert await still.status() is ONLINE
    await still.pass_time(1)
    assert await still.shown() == [ONLINE, OFFLINE]
    clocks = (await still.warm()).truth.clocks
    assert clocks == type(clocks)(beaten_at, beaten_at, beaten_at, still.clock.now()), "last seen when it last beat"


async def test_a_heartbeat_that_is_renewed_goes_on_silently_and_is_one_login(still: Keyspace) -> None:
    began_at = still.clock.now()
    for _ in range(4):
        claimed = await still.beat_heart(30)
        await still.pass_time(20)
    assert claimed.warm.truth.clocks.last_login_at == began_at
    assert claimed.warm.truth.clocks.last_active_at == still.clock.now() - 20_000
    assert await still.shown() == [ONLINE]
    (session,) = await still.store.sessions(APP, ANNA)
    assert (session.connected_at, session.ends_at) == (began_at, still.clock.now() + 10_000)


async def test_a_heartbeat_may_claim_something_at_once(still: Keyspace) -> None:
    await still.beat_heart(30, still.new_claim(DND))
    assert await still.shown() == [DND]


async def test_a_heartbeat_belongs_to_no_node_and_dies_with_none(still: Keyspace) -> None:
    await still.open("s1", node="b")
    await still.beat_heart(60)
    await still.pass_time(LEASE_MS / 1000 + 1)
    await still.pass_time(9)
    assert [session.id for session in await still.store.sessions(APP, ANNA)] == ["heartbeat"]
    assert await still.shown() == [ONLINE]


async def test_a_heartbeat_is_no_connection_that_others_evict_or_replace(still: Keyspace) -> None:
    await still.beat_heart(60)
    await still.open("s1", most=1)
    await still.open("s2", most=1)
    orders = [entry.session_id for entry in await still.news() if isinstance(entry, CloseOrdered)]
    assert orders == ["s1"]
    assert {session.id for session in await still.store.sessions(APP, ANNA)} == {"heartbeat", "s2"}


async def test_clearing_ends_the_heartbeat_at_once(still: Keyspace) -> None:
    await still.beat_heart(60)
    still.clock.advance(5)
    warm = await still.store.clear(APP, ANNA)
    assert warm
    assert warm.truth.status is OFFLINE
    assert warm.truth.clocks.last_seen_at == still.clock.now()
    assert not {"ending", "sessions:demo:1"} & await still.keys()


async def test_a_heartbeat_that_ends_after_a_data_loss_takes_nobody_offline_whose_socket_is_not_back(
    still: Keyspace,
) -> None:
    await still.open("s1")
    await still.lose_data()
    still.log.rewind(SHARD)
    still.store.hold_ms = LEASE_MS
    await still.beat_heart(60)
    await still.store.clear(APP, ANNA)
    await still.store.register(SHARD, "a", [still.registration("s1")])
    await still.pass_time(LEASE_MS / 1000)
    assert await still.shown() == [ONLINE]


# What is forgotten


async def test_that_claims_were_taken_back_is_kept_for_sql_however_long_sql_is_away(still: Keyspace) -> None:
    await still.claim(DND)
    await still.flush()
    await still.claim(ONLINE)
    cleared_at = (await still.kept()).changed_at
    for _ in range(3):
        await still.pass_time(3600)
    (item,) = await still.store.unflushed(SHARD)
    assert (item.claims.text, item.claims.changed_at) == ("", cleared_at)


@pytest.fixture
async def forgetful(valkey_url: str, clock: Clock) -> AsyncIterator[Keyspace]:
    """The log is dated by Redis itself: here time really passes."""
    async with open_redis(valkey_url, 4, 5.0, True) as redis, open_lane(redis) as lane:
        yield Keyspace(redis, lane, clock, changes_ms=50)


async def test_changes_that_are_too_old_to_be_asked_for_are_forgotten(forgetful: Keyspace) -> None:
    await forgetful.open("s1")
    await forgetful.open("s2", user=BERT)
    assert (await forgetful.store.changed_since(APP, 0)).changed_in == {ANNA: 1, BERT: 2}
    async with asyncio.timeout(10):
        while (await forgetful.store.changed_since(APP, 0)).changed_in:
            await forgetful.sweep()
    since = await forgetful.store.changed_since(APP, 0)
    assert (since.floor, since.version) == (2, 2)
    assert not since.is_complete_since(since.epoch, 1)
    assert since.is_complete_since(since.epoch, 2)
    await forgetful.claim(DND)
    since = await forgetful.store.changed_since(APP, 2)
    assert since.is_complete_since(since.epoch, 2)
    assert since.changed_in == {ANNA: 3}


async def test_what_only_the_users_own_sockets_saw_raises_no_floor(forgetful: Keyspace) -> None:
    await forgetful.claim(INVISIBLE)
    await forgetful.open("s1")
    await forgetful.claim(INVISIBLE, text="shh")
    feed = f"{forgetful.prefix}:{{{SHARD}}}:feed"
    async with asyncio.timeout(10):
        while await forgetful.redis.xlen(feed):
            await forgetful.sweep()
    assert (await forgetful.store.changed_since(APP, 0)).floor == 0
