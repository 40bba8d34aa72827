"""Nodes on a real Valkey: how they die, sleep, register and sweep, and what a data loss may not show."""

from __future__ import annotations

from chatsrv.domain.clock import Clock
from chatsrv.domain.presence import PresenceStatus
from tests.storage.keyspace import ANNA, APP, BERT, LEASE_MS, SHARD, Keyspace

ONLINE, OFFLINE, AWAY = PresenceStatus.ONLINE, PresenceStatus.OFFLINE, PresenceStatus.AWAY


async def test_a_dead_node_is_swept_by_another_and_its_users_get_their_grace(space: Keyspace, clock: Clock) -> None:
    await space.store.beat(SHARD, "a")
    await space.store.beat(SHARD, "b")
    await space.open("s1", node="a")
    await space.open("s2", user=BERT, node="b")
    died_at = clock.now()
    clock.advance(LEASE_MS / 1000 + 1)
    await space.sweep("b")
    assert await space.status() is ONLINE
    clock.advance(9)
    await space.sweep("b")
    assert await space.status() is OFFLINE
    assert await space.changes() == [(ANNA, ONLINE), (BERT, ONLINE), (ANNA, OFFLINE)]
    last_seen_at = (await space.warm()).truth.clocks.last_seen_at
    assert abs(last_seen_at - died_at) < 1000, "the node's last heartbeat"


async def test_users_of_a_dead_node_who_come_back_inside_the_grace_cause_no_change(
    space: Keyspace, clock: Clock
) -> None:
    await space.open("s1", node="a", client="tab")
    clock.advance(LEASE_MS / 1000 + 1)
    await space.sweep("b")
    back = await space.open("s2", node="b", client="tab")
    assert back
    assert back.resumed
    clock.advance(5)
    await space.sweep("b")
    assert await space.changes() == [(ANNA, ONLINE)]


async def test_a_node_that_slept_past_its_lease_may_not_sweep_before_it_registered(
    space: Keyspace, clock: Clock
) -> None:
    await space.store.beat(SHARD, "a")
    await space.open("s1", node="a")
    clock.advance(LEASE_MS / 1000 + 1)
    assert not (await space.store.sweep(SHARD, "a")).may_sweep
    assert not (await space.store.beat(SHARD, "a")).was_good
    await space.store.register(SHARD, "a", [space.registration("s1")])
    await space.sweep("a")
    assert await space.changes() == [(ANNA, ONLINE)]


async def test_a_thousand_sessions_of_a_dead_node_are_swept_in_batches(space: Keyspace, clock: Clock) -> None:
    for user in range(1200):
        await space.open(f"s{user}", user=user, node="a")
    clock.advance(LEASE_MS / 1000 + 1)
    await space.store.beat(SHARD, "b")
    assert (await space.store.sweep(SHARD, "b")).orphaned == 500
    await space.sweep("b")
    clock.advance(9)
    await space.sweep("b")
    assert not [warm for warm in (await space.read_all()).values() if warm.truth.status is not OFFLINE]
    assert "node:a" not in await space.keys()


async def test_registering_takes_the_nodes_lease_so_that_its_death_is_noticed(space: Keyspace, clock: Clock) -> None:
    await space.store.register(SHARD, "a", [space.registration("s1")])
    assert await space.status() is ONLINE
    clock.advance(LEASE_MS / 1000 + 1)
    await space.sweep("b")
    clock.advance(9)
    await space.sweep("b")
    assert await space.status() is OFFLINE


async def test_opening_takes_the_nodes_lease_too(space: Keyspace, clock: Clock) -> None:
    await space.open("s1", node="never-beaten")
    clock.advance(LEASE_MS / 1000 + 1)
    await space.sweep("b")
    clock.advance(9)
    await space.sweep("b")
    assert await space.status() is OFFLINE


async def test_after_a_data_loss_nobody_goes_offline_before_the_other_nodes_have_registered(
    space: Keyspace, clock: Clock
) -> None:
    await space.open("phone", node="a")
    await space.open("desk", node="b")
    await space.news()
    await space.lose_data()
    space.store.hold_ms = LEASE_MS
    await space.store.register(SHARD, "a", [space.registration("phone")])
    space.log.rewind(SHARD)
    await space.close("phone")
    await space.sweep("a")
    assert await space.status() is ONLINE, "the desk may not have been registered again yet"
    await space.store.register(SHARD, "b", [space.registration("desk", node="b")])
    clock.advance(LEASE_MS / 1000 + 1)
    await space.store.beat(SHARD, "b")
    await space.sweep("b")
    assert await space.status() is ONLINE
    assert await space.changes() == [(ANNA, ONLINE)]


async def test_after_a_data_loss_signing_one_device_out_leaves_those_that_are_not_registered_again(
    space: Keyspace,
) -> None:
    await space.open("phone", node="a")
    await space.open("desk", node="b")
    await space.lose_data()
    space.log.rewind(SHARD)
    space.store.hold_ms = LEASE_MS
    await space.store.register(SHARD, "a", [space.registration("phone")])
    assert await space.store.sign_out(APP, ANNA, "phone", 4003)
    await space.store.register(SHARD, "b", [space.registration("desk", node="b")])
    assert await space.changes() == [(ANNA, ONLINE)]


async def test_a_data_loss_shows_as_another_epoch(space: Keyspace) -> None:
    before = (await space.store.beat(SHARD, "a")).epoch
    assert (await space.store.beat(SHARD, "a")).epoch == before
    await space.lose_data()
    assert (await space.store.beat(SHARD, "a")).epoch != before
