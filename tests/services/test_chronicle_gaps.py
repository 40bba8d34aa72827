"""Where the change log does not go on from the chronicle's cursor. Both databases, where it matters."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from redis.asyncio import Redis

from chatsrv.domain.clock import Clock
from chatsrv.domain.presence import AWAY, INVISIBLE, ONLINE
from chatsrv.domain.tallies import Width
from chatsrv.domain.users import User
from chatsrv.services import Services, chronicle, open_services
from chatsrv.storage.forgetting import delete_all
from chatsrv.storage.keys import key, shard_key, shard_of
from chatsrv.storage.redis import open_redis
from tests.conftest import DemoApp, MakeSettings
from tests.services.visits import (
    begin,
    come,
    go,
    hang_up,
    intervals_of,
    make_people,
    move_to_noon,
    points_of,
    say,
    told_of,
)

SETTLED_S = 23
"""A dead node is noticed, its sessions are in their grace, and the sweep comes round: after that the present counts."""

sqlite_alone = pytest.mark.parametrize("database_source", ["sqlite_template"], indirect=True)


@pytest.fixture
async def redis(valkey_url: str) -> AsyncIterator[Redis]:
    async with open_redis(valkey_url, 2, 5, True) as redis:
        yield redis


@pytest.fixture
async def people(services: Services, demo: DemoApp, clock: Clock) -> list[User]:
    await begin(services, clock)
    return await make_people(services, "anna", "bert", "carl")


async def trim(redis: Redis, services: Services) -> None:
    """Nobody can read any more what was in the log."""
    await redis.xtrim(key(shard_key(services.settings.redis_prefix, shard_of("demo")), "feed"), maxlen=0)


async def run_when_settled(services: Services, clock: Clock) -> None:
    await services.chronicle.run()
    clock.advance(SETTLED_S)
    await services.upkeep.beat()
    await services.chronicle.run()


async def test_after_a_gap_in_the_log_whoever_left_was_there_until_they_were_last_seen(
    services: Services, people: list[User], redis: Redis, clock: Clock
) -> None:
    began, (anna, bert, carl) = clock.now(), people
    for user in (anna, bert):
        await come(services, user)
    await services.chronicle.run()
    clock.advance(600)
    await go(services, anna)
    clock.advance(600)
    await come(services, carl, AWAY)
    await trim(redis, services)
    clock.advance(600)
    await services.clocks.flush()
    await run_when_settled(services, clock)
    assert await told_of(services, anna, began) == [(0, 10, ONLINE)]
    assert await told_of(services, bert, began) == [(0, None, ONLINE)]
    assert await told_of(services, carl, began) == [(20, None, AWAY)]
    assert [(point.peak, point.online, point.users) for point in await points_of(services, Width.DAY)] == [(2, 2, 3)]


@sqlite_alone
async def test_nobody_is_shown_through_a_gap_that_they_may_have_been_away_for(
    services: Services, people: list[User], redis: Redis, clock: Clock
) -> None:
    began, anna = clock.now(), people[0]
    await come(services, anna)
    await services.chronicle.run()
    clock.advance(600)
    await go(services, anna)
    clock.advance(600)
    await come(services, anna)
    await trim(redis, services)
    await run_when_settled(services, clock)
    assert await told_of(services, anna, began) == [(0, 0, ONLINE), (20, None, ONLINE)]


@sqlite_alone
async def test_a_quiet_log_that_was_trimmed_by_its_age_is_no_gap(
    services: Services, people: list[User], redis: Redis, clock: Clock
) -> None:
    anna, bert, _ = people
    await come(services, anna)
    await services.chronicle.run()
    for _ in range(5):
        clock.advance(200)
        await services.chronicle.run()
    await trim(redis, services)
    await services.chronicle.run()
    await come(services, bert)
    clock.advance(1)
    await go(services, bert)
    await services.chronicle.run()
    assert len(await intervals_of(services, bert)) == 1
    assert services.metrics.history_gaps._value.get() == 0


async def test_forty_thousand_who_are_forgotten_at_once_hold_nobody_up(
    redis: Redis, services: Services, people: list[User]
) -> None:
    """As after an outage of SQL in which most of a large app has left: no statement takes so many values."""
    anna, bert, _ = people
    feed = key(shard_key(services.settings.redis_prefix, shard_of("demo")), "feed")
    await come(services, anna)
    await services.chronicle.run()
    for start in range(10**6, 10**6 + 40_000, 500):
        users = " ".join(str(user_id) for user_id in range(start, start + 500))
        await redis.xadd(feed, {"kind": "forgotten", "app": "demo", "user": users})
    await come(services, bert)
    await services.chronicle.run()
    assert len(await intervals_of(services, bert)) == 1


@sqlite_alone
async def test_a_log_that_was_trimmed_by_its_number_is_a_gap(
    make_settings: MakeSettings, clock: Clock, redis: Redis, services: Services, people: list[User]
) -> None:
    anna, bert, _ = people
    feed = key(shard_key(services.settings.redis_prefix, shard_of("demo")), "feed")
    await come(services, anna)
    await services.chronicle.run()
    await go(services, anna)
    async with open_services(make_settings(feed_max=1000), clock) as small:
        for _ in range(1000):
            await redis.xadd(feed, {"kind": "from_the_future"})
        await redis.xtrim(feed, maxlen=1000, approximate=False)
        await come(small, bert)
        await run_when_settled(small, clock)
        assert small.metrics.history_gaps._value.get() == 1
    assert (await intervals_of(services, anna))[0].to_at is not None
    assert len(await intervals_of(services, bert)) == 1


@sqlite_alone
async def test_after_a_loss_of_data_whoever_stayed_never_left_and_the_others_left_at_the_last_known_moment(
    services: Services, people: list[User], redis: Redis, clock: Clock
) -> None:
    began, (anna, bert, _) = clock.now(), people
    await come(services, anna)
    session_id = await come(services, bert)
    clock.advance(60)
    await services.chronicle.run()
    clock.advance(60)
    await services.chronicle.run()
    await delete_all(redis, services.settings.redis_prefix)
    clock.advance(60)
    await hang_up(services, session_id)
    await services.upkeep.beat()
    await run_when_settled(services, clock)
    assert await told_of(services, anna, began) == [(0, None, ONLINE)]
    assert await told_of(services, bert, began) == [(0, 2, ONLINE)]
    assert [(point.peak, point.online) for point in await points_of(services, Width.DAY)] == [(2, 1)]


@sqlite_alone
async def test_until_nodes_had_the_time_to_put_their_sockets_back_nobody_is_said_to_have_left(
    services: Services, people: list[User], redis: Redis, clock: Clock
) -> None:
    anna = people[0]
    await come(services, anna)
    await services.chronicle.run()
    await delete_all(redis, services.settings.redis_prefix)
    async with services.db.read():  # somebody else begins the new epoch
        await services.presence.admit(anna)
    await services.chronicle.run()
    await services.upkeep.beat()
    await run_when_settled(services, clock)
    assert [one.to_at for one in await intervals_of(services, anna)] == [None]


async def test_after_everything_was_down_for_long_people_were_there_until_their_node_died(
    services: Services, make_settings: MakeSettings, people: list[User], clock: Clock
) -> None:
    began, (anna, bert, _) = clock.now(), people
    for user in (anna, bert):
        await come(services, user)
    clock.advance(60)
    await services.upkeep.beat()
    await services.chronicle.run()
    clock.advance(180 * 60)
    async with open_services(make_settings(), clock) as restarted:
        await restarted.upkeep.beat()
        # before anybody has noticed that the old node is dead
        await come(restarted, bert)
        await restarted.chronicle.run()
        for _ in range(3):
            clock.advance(SETTLED_S / 2)
            await restarted.upkeep.beat()
            await restarted.upkeep.sweep()
            await restarted.chronicle.run()
        assert await told_of(restarted, anna, began) == [(0, 1, ONLINE)]
        assert await told_of(restarted, bert, began) == [(0, 1, ONLINE), (181, None, ONLINE)]
        day = (await points_of(restarted, Width.DAY))[0]
        assert day.online_ms // 60_000 == 2
        # and everything goes on from there
        await go(restarted, bert)
        await restarted.chronicle.run()
        assert (await intervals_of(restarted, bert))[-1].to_at is not None


async def test_a_long_catching_up_that_was_broken_off_ends_the_same(
    services: Services,
    make_settings: MakeSettings,
    people: list[User],
    redis: Redis,
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(chronicle, "BATCH", 2)
    began = clock.now()
    for user in people:
        await come(services, user)
    await services.chronicle.run()
    for user in people:
        clock.advance(60)
        await say(services, user, INVISIBLE)
        await go(services, user)
        await come(services, user)
    await trim(redis, services)
    clock.advance(600)
    await services.chronicle.run()
    clock.advance(SETTLED_S)
    calls = 0

    async def die_in_the_second_batch(*_: object) -> None:
        nonlocal calls
        calls += 1
        if calls == 2:
            raise LookupError

    services.chronicle.listeners.append(die_in_the_second_batch)
    with pytest.raises(LookupError):
        await services.chronicle.run()
    async with open_services(make_settings(), clock) as other:
        await run_when_settled(other, clock)
        told = [await told_of(other, user, began) for user in people]
    assert [one[0][:2] for one in told] == [(0, 0)] * 3
    assert [one[-1][1] for one in told] == [None] * 3
    assert [len(one) for one in told] == [2, 2, 2]
    assert [point.online for point in await points_of(services, Width.DAY)] == [0]


@sqlite_alone
async def test_who_was_here_before_there_was_a_chronicle_is_here_since_then(
    services: Services, demo: DemoApp, clock: Clock
) -> None:
    move_to_noon(clock)
    began, [anna] = clock.now(), await make_people(services, "anna")
    await services.upkeep.beat()
    await come(services, anna)
    clock.advance(600)
    await services.chronicle.run()
    assert await told_of(services, anna, began) == [(0, None, ONLINE)]
    assert [(point.peak, point.users) for point in await points_of(services, Width.DAY)] == [(1, 1)]
