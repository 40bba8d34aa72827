"""The presence scripts on a real Valkey: every transition, and what others see of it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

import pytest

from chatsrv.domain.changes import Changed, CloseOrdered
from chatsrv.domain.clock import Clock
from chatsrv.domain.presence import PresenceStatus
from chatsrv.domain.sessions import Device
from chatsrv.storage.keys import key, shard_key
from chatsrv.storage.presence_reads import PresenceReads
from chatsrv.storage.records import Snapshot
from tests.storage.keyspace import ANNA, APP, BERT, LEASE_MS, SHARD, Keyspace

ONLINE, OFFLINE, AWAY = PresenceStatus.ONLINE, PresenceStatus.OFFLINE, PresenceStatus.AWAY


async def test_a_first_session_makes_online_and_the_last_one_offline(space: Keyspace) -> None:
    opened = await space.open("s1")
    assert opened
    assert (opened.version, opened.resumed, opened.warm.truth.status) == (1, False, ONLINE)
    assert await space.close("s1")
    assert await space.status() is OFFLINE
    assert await space.changes() == [(ANNA, ONLINE), (ANNA, OFFLINE)]


async def test_a_second_device_is_no_change_in_either_direction(space: Keyspace) -> None:
    await space.open("phone", device=Device.MOBILE)
    await space.open("desk", device=Device.DESKTOP)
    assert (await space.warm()).truth.devices == ("desktop", "mobile")
    await space.close("phone")
    assert await space.changes() == [(ANNA, ONLINE)]
    assert await space.status() is ONLINE


async def test_only_background_sessions_make_away_and_never_pull_down_an_active_one(space: Keyspace) -> None:
    await space.open("phone", device=Device.MOBILE, background=True)
    assert await space.status() is AWAY
    await space.open("desk")
    assert await space.status() is ONLINE
    await space.close("desk")
    assert await space.changes() == [(ANNA, AWAY), (ANNA, ONLINE), (ANNA, AWAY)]


async def test_a_lost_connection_stays_online_until_its_grace_ends(space: Keyspace, clock: Clock) -> None:
    await space.open("s1")
    await space.close("s1", grace_s=15)
    left_at = clock.now()
    clock.advance(14)
    await space.sweep()
    assert await space.status() is ONLINE
    clock.advance(2)
    await space.sweep()
    assert await space.status() is OFFLINE
    assert await space.changes() == [(ANNA, ONLINE), (ANNA, OFFLINE)]
    last_seen_at = (await space.warm()).truth.clocks.last_seen_at
    assert abs(last_seen_at - left_at) < 1000, "seen when it left, not when its grace was over"


@pytest.mark.parametrize("client", ["tab-1", None])
async def test_coming_back_inside_the_grace_is_silent_and_no_login(
    space: Keyspace, clock: Clock, client: str | None
) -> None:
    first = await space.open("s1", client=client)
    await space.close("s1", grace_s=15)
    clock.advance(10)
    again = await space.open("s2", client=client)
    assert first
    assert again
    assert again.resumed
    assert again.warm.truth.clocks.last_login_at == first.warm.truth.clocks.last_login_at
    clock.advance(60)
    await space.sweep()
    assert await space.changes() == [(ANNA, ONLINE)]
    assert await space.close("s2")
    assert await space.status() is OFFLINE


async def test_another_device_coming_inside_the_grace_is_a_login_and_does_not_end_it(
    space: Keyspace, clock: Clock
) -> None:
    first = await space.open("s1", client="phone")
    await space.close("s1", grace_s=15)
    clock.advance(5)
    other = await space.open("s2", client="desk")
    assert first
    assert other
    assert not other.resumed
    assert other.warm.truth.clocks.last_login_at > first.warm.truth.clocks.last_login_at
    back = await space.open("s3", client="phone")
    assert back
    assert back.resumed


async def test_the_same_client_again_replaces_the_first_without_a_change(space: Keyspace) -> None:
    await space.open("s1", client="tab-1")
    await space.open("s2", client="tab-1", node="b")
    news = await space.news()
    assert [entry.session_id for entry in news if isinstance(entry, CloseOrdered)] == ["s1"]
    assert [entry.code for entry in news if isinstance(entry, CloseOrdered)] == [4001]
    assert not await space.close("s1"), "its late disconnect finds nothing to close"
    assert await space.status() is ONLINE


async def test_the_oldest_sessions_give_way_above_the_limit(space: Keyspace, clock: Clock) -> None:
    for number in range(4):
        await space.open(f"s{number}", most=3)
        clock.advance(1)
    orders = [entry for entry in await space.news() if isinstance(entry, CloseOrdered)]
    assert [(order.session_id, order.code) for order in orders] == [("s0", 4002)]
    assert await space.redis.hlen(key(shard_key(space.prefix, SHARD), "sessions", APP, ANNA)) == 3


async def test_a_session_that_goes_idle_alone_makes_away_and_comes_back(space: Keyspace) -> None:
    await space.open("s1")
    assert await space.touch("s1", idle=True)
    assert await space.status() is AWAY
    assert await space.touch("s1", idle=False)
    assert await space.changes() == [(ANNA, ONLINE), (ANNA, AWAY), (ANNA, ONLINE)]


async def test_an_idle_device_never_pulls_down_an_active_one(space: Keyspace) -> None:
    await space.open("s1")
    await space.open("s2")
    await space.touch("s1", idle=True)
    assert await space.changes() == [(ANNA, ONLINE)]
    await space.touch("s2", idle=False, background=True)
    assert await space.status() is AWAY


async def test_actions_move_the_clock_once_a_minute_and_exactly_at_the_close(space: Keyspace, clock: Clock) -> None:
    opened = await space.open("s1")
    assert opened
    first = opened.warm.truth.clocks.last_active_at
    clock.advance(30)
    await space.touch("s1", idle=False)
    assert (await space.warm()).truth.clocks.last_active_at == first
    clock.advance(31)
    await space.touch("s1", idle=False)
    assert (await space.warm()).truth.clocks.last_active_at > first + 60_000
    acted_at = clock.now() + 1000
    await space.store.close(APP, ANNA, "s1", 0, acted_at)
    assert (await space.warm()).truth.clocks.last_active_at == acted_at


async def test_a_session_that_has_ended_cannot_be_touched(space: Keyspace) -> None:
    await space.open("s1")
    await space.close("s1", grace_s=15)
    assert not await space.touch("s1", idle=True)
    assert not await space.touch("unheard", idle=True)
    assert await space.status() is ONLINE


async def test_closing_twice_is_closing_once(space: Keyspace) -> None:
    await space.open("s1")
    assert await space.close("s1")
    assert not await space.close("s1")
    assert len(await space.changes()) == 2


async def test_connecting_elsewhere_before_the_disconnect_is_processed_stays_online(space: Keyspace) -> None:
    await space.open("s1", node="a")
    await space.open("s2", node="b")
    await space.close("s1")
    assert await space.changes() == [(ANNA, ONLINE)]


async def test_a_purge_ends_all_sessions_and_orders_every_socket_closed(space: Keyspace) -> None:
    await space.open("s1")
    await space.open("s2", node="b")
    assert await space.store.purge(APP, ANNA, 4005, "bar") == 2
    news = await space.news()
    assert [entry.warm.truth.status for entry in news if isinstance(entry, Changed)] == [ONLINE, OFFLINE]
    order = news[-1]
    assert isinstance(order, CloseOrdered)
    assert (order.session_id, order.code) == (None, 4005)


async def test_who_is_barred_cannot_connect_until_admitted(space: Keyspace) -> None:
    await space.store.purge(APP, ANNA, 4005, "bar")
    assert await space.open("s1") is None
    assert await space.store.register(SHARD, "a", [space.registration("s1")]) == {"s1"}
    await space.store.admit(APP, ANNA)
    assert await space.open("s1")


async def test_a_grace_that_runs_when_a_user_is_purged_ends_nothing_twice(space: Keyspace, clock: Clock) -> None:
    await space.open("s1")
    await space.close("s1", grace_s=15)
    await space.store.purge(APP, ANNA, 4004, "forget")
    clock.advance(20)
    await space.sweep()
    assert await space.changes() == [(ANNA, ONLINE), (ANNA, OFFLINE)]
    assert await space.read(ANNA) == {}


async def test_flushed_clocks_of_somebody_offline_leave_redis_and_others_stay(space: Keyspace) -> None:
    await space.open("s1")
    await space.open("s2", user=BERT)
    await space.close("s1")
    items = await space.store.unflushed(SHARD)
    assert {item.user_id for item in items} == {ANNA, BERT}
    assert all(item.clocks.last_login_at for item in items)
    await space.store.mark_flushed(SHARD, items)
    assert await space.store.unflushed(SHARD) == []
    assert set(await space.read_all()) == {BERT}


async def test_a_clock_that_moves_while_it_is_flushed_is_flushed_again(space: Keyspace, clock: Clock) -> None:
    await space.open("s1")
    items = await space.store.unflushed(SHARD)
    clock.advance(1)
    await space.close("s1")
    await space.store.mark_flushed(SHARD, items)
    again = await space.store.unflushed(SHARD)
    assert [item.user_id for item in again] == [ANNA]
    assert again[0].clocks.last_seen_at > items[0].clocks.last_seen_at


async def test_nothing_is_left_behind_when_everybody_has_gone(space: Keyspace, clock: Clock) -> None:
    for user in range(5):
        await space.open(f"s{user}", user=user, node="a")
        await space.close(f"s{user}", user=user, grace_s=user)
    clock.advance(10)
    await space.sweep("b")
    clock.advance(LEASE_MS / 1000 + 1)
    await space.sweep("b")
    await space.store.mark_flushed(SHARD, await space.store.unflushed(SHARD))
    assert await space.keys() == {"epoch", "feed", "nodes", "reports", "versions", "changes:demo"}


async def test_a_snapshot_holds_states_versions_and_who_changed(space: Keyspace) -> None:
    await space.open("s1")
    await space.open("s2", user=BERT)
    await space.close("s1")
    snapshot = await space.store.snapshot(APP, [ANNA, BERT, 99])
    assert snapshot.version == 3
    assert {user: warm.truth.status for user, warm in snapshot.warm.items()} == {ANNA: OFFLINE, BERT: ONLINE}
    assert snapshot.changed_in == {ANNA: 3, BERT: 2}
    assert (await space.store.snapshot(APP, [])).version == 3


async def test_changes_since_a_version_are_the_newest_of_each_user_however_many_there_were(space: Keyspace) -> None:
    for _ in range(3):
        await space.open("s1")
        await space.close("s1")
    await space.open("s2", user=BERT)
    since = await space.store.changed_since(APP, 2)
    assert since.changed_in == {ANNA: 6, BERT: 7}
    assert since.is_complete_since(since.epoch, 2)
    assert not since.is_complete_since("another", 2)
    assert not since.is_complete_since(since.epoch, 8), "nobody can have seen what has not happened"
    assert (await space.store.changed_since(APP, 6)).changed_in == {BERT: 7}


class Interrupted(PresenceReads):
    """Something happens after it has read who changed, and before it reads how they show."""

    def __init__(self, space: Keyspace, meanwhile: Callable[[], Awaitable[object]]) -> None:
        super().__init__(space.lane, space.prefix)
        self._meanwhile = meanwhile

    async def _snapshot(self, app_id: str, user_ids: Sequence[int] | None) -> Snapshot:
        await self._meanwhile()
        return await super()._snapshot(app_id, user_ids)


async def test_who_changes_while_it_is_read_who_did_is_told_of_the_next_time(space: Keyspace) -> None:
    await space.open("s1")
    first = await Interrupted(space, lambda: space.open("s2", user=BERT)).changed_since(APP, 0)
    assert (first.version, first.changed_in) == (1, {ANNA: 1})
    second = await space.store.changed_since(APP, first.version)
    assert (second.version, second.changed_in) == (2, {BERT: 2})


async def test_what_was_read_of_a_keyspace_that_is_gone_completes_nothing(space: Keyspace) -> None:
    await space.open("s1")
    before = await space.store.snapshot(APP, [ANNA])

    async def lose_everything() -> None:
        await space.redis.delete(*await space.redis.keys(f"{space.prefix}*"))
        await space.open("s2", user=BERT)

    since = await Interrupted(space, lose_everything).changed_since(APP, 0)
    assert not since.is_complete_since(before.epoch, 0)


async def test_an_offline_change_is_known_after_the_user_left_redis(space: Keyspace) -> None:
    await space.open("s1")
    await space.close("s1")
    await space.store.mark_flushed(SHARD, await space.store.unflushed(SHARD))
    since = await space.store.changed_since(APP, 1)
    assert (since.changed_in, since.warm) == ({ANNA: 2}, {})


async def test_who_was_away_for_too_many_changes_is_told_that_they_are_not_all(space: Keyspace) -> None:
    for user in range(101):
        await space.open(f"s{user}", user=user)
    since = await space.store.changed_since(APP, 0)
    assert not since.is_complete_since(since.epoch, 0)
    assert since.is_complete_since(since.epoch, 1)
    assert len(since.changed_in) == 100


async def test_what_a_node_holds_can_be_listed_for_comparison(space: Keyspace) -> None:
    await space.open("s1", node="a")
    await space.open("s2", user=BERT, node="b")
    assert await space.store.stored_sessions(SHARD, "a") == {(APP, ANNA, "s1")}
