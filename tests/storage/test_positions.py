"""Where things stand in the change log: what a snapshot contains, and what whoever wrote is told."""

from __future__ import annotations

import pytest

from chatsrv.domain.changes import FIRST_POSITION, Changed, Forgotten, Position, Stored
from chatsrv.domain.presence import PresenceStatus, Warm
from chatsrv.domain.sessions import Device
from tests.storage.keyspace import ANNA, APP, BERT, SHARD, Keyspace

Written = list[tuple[int, Position]]


@pytest.fixture
def written(still: Keyspace) -> Written:
    """What whoever wrote was told."""
    told: Written = []
    still.store.on_written = lambda shard, position, *_: told.append((shard, position))
    return told


async def replay(space: Keyspace, states: dict[int, Warm]) -> dict[int, Warm]:
    """The states after what the log has said since the last call."""
    for entry in await space.log.read(None):
        if isinstance(entry, Changed):
            states[entry.user_id] = entry.warm
        elif isinstance(entry, Forgotten) and entry.user_id is not None:
            del states[entry.user_id]
    return states


async def test_whoever_wrote_is_told_how_far_the_log_goes_with_it(still: Keyspace, written: Written) -> None:
    await still.open("s1")
    [(shard, opened)] = written
    assert (shard, opened) == (SHARD, (await still.store.snapshot(APP, [ANNA])).position)
    await still.store.announce_name(APP, ANNA, "anne")
    await still.close("s1")
    positions = [position for _, position in written]
    assert positions == [entry.position for entry in await still.log.read(None)] == sorted(set(positions))


async def test_what_writes_nothing_into_the_log_says_nothing(still: Keyspace, written: Written) -> None:
    await still.store.beat(SHARD, "a")
    await still.store.is_held(SHARD)
    await still.store.admit(APP, ANNA)
    assert not await still.touch("nobody")
    await still.store.announce_stored(APP, [])
    assert written == []


async def test_before_anything_was_told_everything_stands_at_the_first_position(still: Keyspace) -> None:
    assert (await still.store.beat(SHARD, "a")).position == FIRST_POSITION
    assert (await still.store.snapshot_all(APP)).position == FIRST_POSITION
    assert (await still.store.snapshot(APP, [])).position == FIRST_POSITION


async def test_a_beat_and_a_snapshot_say_how_far_a_log_goes_of_which_nothing_is_left(
    still: Keyspace, written: Written
) -> None:
    await still.open("s1")
    await still.redis.xtrim(f"{still.prefix}:{{{SHARD}}}:feed", maxlen=0)
    last = written[-1][1]
    assert (await still.store.beat(SHARD, "a")).position == last
    assert (await still.store.snapshot_all(APP)).position == last
    assert (await still.store.changed_since(APP, 0)).position == last


async def test_whoever_replays_the_log_has_every_clock_and_device(still: Keyspace) -> None:
    states: dict[int, Warm] = {}
    await still.open("s1")
    for _ in range(2):
        still.clock.advance(61)
        await still.touch("s1")
        await still.open("phone", device=Device.MOBILE)
        assert await replay(still, states) == await still.read_all()
        await still.close("phone")
        await still.claim(PresenceStatus.DND, lasts_s=30)
        await still.claim(PresenceStatus.DND, lasts_s=300)
        await still.claim(PresenceStatus.INVISIBLE)
        assert await replay(still, states) == await still.read_all()
        await still.touch("s1", idle=True)
        await still.claim(PresenceStatus.ONLINE)
        assert await replay(still, states) == await still.read_all()


async def test_a_state_that_did_not_change_is_not_told_again(still: Keyspace, written: Written) -> None:
    await still.open("s1")
    await still.touch("s1", idle=True)
    del written[:]
    await still.store.register(SHARD, "a", [still.registration("s1")])
    await still.log.read(None)
    del written[:]
    await still.store.register(SHARD, "a", [still.registration("s1")])
    assert written == []
    assert await still.log.read(None) == []


async def test_that_a_state_is_dropped_is_told(still: Keyspace) -> None:
    for session, user in (("s1", ANNA), ("s2", BERT), ("s3", 3)):
        await still.open(session, user=user)
    await still.close("s1", user=ANNA)
    await still.close("s2", user=BERT)
    await still.log.read(None)
    await still.flush()
    dropped = await still.log.read(None)
    assert {(entry.user_id, type(entry)) for entry in dropped} == {(ANNA, Forgotten), (BERT, Forgotten)}
    await still.flush()
    assert await still.log.read(None) == []
    await still.store.purge(APP, 3, 4004, "forget")
    assert (await still.log.read(None))[-1] == Forgotten(APP, 3)
    await still.store.forget_app(APP)
    assert await still.log.read(None) == [Forgotten(APP, None)]
    assert await still.read_all() == {}


async def test_rows_that_changed_in_sql_are_told_of_in_one_entry(still: Keyspace, written: Written) -> None:
    await still.store.announce_stored(APP, range(1, 20_001))
    assert len(written) == 1
    assert await still.log.read(None) == [Stored(APP, user) for user in range(1, 20_001)]
    await still.store.announce_stored(APP, None)
    assert await still.log.read(None) == [Stored(APP, None)]
