"""The chronicle: each change once, whoever writes and whatever dies. Both databases, where that makes a difference."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence

import pytest

from chatsrv.domain.clock import Clock
from chatsrv.domain.errors import Unavailable
from chatsrv.domain.history import Noted, Seen
from chatsrv.domain.presence import AWAY, INVISIBLE, OFFLINE, ONLINE, SERVER, PresenceStatus
from chatsrv.domain.tallies import Width
from chatsrv.domain.users import User
from chatsrv.services import Services, chronicle, open_services
from chatsrv.storage.database import Transaction
from tests.conftest import DemoApp, MakeSettings
from tests.services.visits import (
    begin,
    come,
    count_rows,
    go,
    hang_up,
    intervals_of,
    make_people,
    points_of,
    say,
    told_of,
)

sqlite_alone = pytest.mark.parametrize("database_source", ["sqlite_template"], indirect=True)


@pytest.fixture
async def people(services: Services, demo: DemoApp, clock: Clock) -> list[User]:
    await begin(services, clock)
    return await make_people(services, "anna", "bert", "carl")


@pytest.fixture
async def other(make_settings: MakeSettings, clock: Clock, people: list[User]) -> AsyncIterator[Services]:
    """Another process on the same stores."""
    async with open_services(make_settings(), clock) as opened:
        yield opened


LED_S = 11
"""For so long a worker leaves it to another."""


class Ear:
    """A listener that remembers, and fails when it is told to."""

    def __init__(self, services: Services) -> None:
        services.chronicle.listeners.append(self)
        self.heard: list[Noted] = []
        self.fails = False

    async def __call__(self, _tx: Transaction, app_id: str, changes: Sequence[Noted]) -> None:
        assert app_id == "demo"
        if self.fails:
            raise Unavailable("database")
        self.heard += changes

    @property
    def seen(self) -> list[tuple[str, PresenceStatus, PresenceStatus]]:
        return [(one.username, one.before, one.after) for one in self.heard if isinstance(one, Seen)]


@sqlite_alone
async def test_each_state_that_somebody_shows_is_an_interval(
    services: Services, people: list[User], clock: Clock
) -> None:
    anna, began = people[0], clock.now()
    await come(services, anna)
    clock.advance(60)
    await say(services, anna, AWAY)
    await services.chronicle.run()
    clock.advance(60)
    await say(services, anna, INVISIBLE)
    clock.advance(60)
    await go(services, anna)
    clock.advance(60)
    await come(services, anna)
    await services.chronicle.run()
    assert await told_of(services, anna, began) == [
        (0, 1, ONLINE),
        (1, 2, AWAY),
        (2, 3, INVISIBLE),
        (4, None, INVISIBLE),
    ]


@sqlite_alone
async def test_an_interval_has_the_words_that_were_shown(services: Services, people: list[User], clock: Clock) -> None:
    anna = people[0]
    await come(services, anna)
    clock.advance(1)
    await say(services, anna, AWAY, "lunch")
    clock.advance(1)
    await say(services, anna, AWAY, "tea")
    await services.chronicle.run()
    assert [(one.status, one.text) for one in await intervals_of(services, anna)] == [
        (ONLINE, None),
        (AWAY, "lunch"),
        (AWAY, "tea"),
    ]


@sqlite_alone
async def test_listeners_are_told_what_others_see_and_nothing_of_who_hides(
    services: Services, people: list[User]
) -> None:
    ear, (anna, bert, _) = Ear(services), people
    await come(services, anna)
    await come(services, bert, INVISIBLE)
    await say(services, bert, AWAY)
    await say(services, anna, INVISIBLE)
    await go(services, bert)
    await services.chronicle.run()
    assert ear.seen == [
        ("anna", OFFLINE, ONLINE),
        ("bert", OFFLINE, AWAY),
        ("anna", ONLINE, OFFLINE),
        ("bert", AWAY, OFFLINE),
    ]
    assert [point.peak for point in await points_of(services, Width.DAY)] == [2]


async def test_two_who_write_at_once_write_everything_once(
    services: Services, other: Services, people: list[User], clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chronicle, "BATCH", 4)
    ears = [Ear(services), Ear(other)]
    writers = [asyncio.create_task(_write_on(one)) for one in (services, other)]
    for _ in range(6):
        for user in people:
            await come(services, user)
        clock.advance(1)
        await go(services, *people)
        clock.advance(1)
    await asyncio.sleep(0)
    for writer in writers:
        writer.cancel()
    await asyncio.gather(*writers, return_exceptions=True)
    clock.advance(LED_S)  # whoever was cancelled as they committed takes themselves for somebody else
    await asyncio.gather(services.chronicle.run(), other.chronicle.run())
    heard = [one for ear in ears for one in ear.heard if isinstance(one, Seen)]
    for user in people:
        assert len(await intervals_of(services, user)) == 6
        ups = [one for one in heard if one.user_id == user.id and one.after is ONLINE]
        assert len(ups) == len({one.changed_at for one in ups}) == 6
    assert len(heard) == 36


async def _write_on(services: Services) -> None:
    while True:
        await services.chronicle.run()


async def test_where_a_listener_fails_nothing_is_written_and_everything_the_next_time(
    services: Services, people: list[User]
) -> None:
    ear, anna = Ear(services), people[0]
    await come(services, anna)
    ear.fails = True
    before = await count_rows(services)
    with pytest.raises(Unavailable):
        await services.chronicle.run()
    assert await count_rows(services) == before
    ear.fails = False
    await services.chronicle.run()
    await services.chronicle.run()
    assert ear.seen == [("anna", OFFLINE, ONLINE)]
    assert len(await intervals_of(services, anna)) == 1


async def test_whoever_dies_after_the_commit_leaves_nothing_to_write_again(
    services: Services, other: Services, people: list[User], clock: Clock
) -> None:
    """The other process knows nothing but what the database says."""
    anna = people[0]
    await come(services, anna)
    await services.chronicle.run()
    clock.advance(1)
    await go(services, anna)
    ear = Ear(other)
    await other.chronicle.run()
    assert ear.seen == [("anna", ONLINE, OFFLINE)]
    assert len(await intervals_of(services, anna)) == 1
    # and the first one, whose memory is behind now, writes nothing of it again
    late = Ear(services)
    await services.chronicle.run()
    await come(services, anna)
    clock.advance(LED_S)
    await services.chronicle.run()
    assert late.seen == [("anna", OFFLINE, ONLINE)]
    assert len(await intervals_of(services, anna)) == 2


async def test_of_several_workers_one_writes_and_the_others_leave_it_to_them_until_they_stop(
    services: Services, other: Services, people: list[User], clock: Clock
) -> None:
    ears = [Ear(services), Ear(other)]
    await other.chronicle.run()
    for user in people:
        await come(services, user)
        await services.chronicle.run()
        await other.chronicle.run()
    await say(services, people[0], AWAY)
    await other.chronicle.run()
    await services.chronicle.run()
    assert [len(ear.heard) for ear in ears] == [4, 0]
    # the first one is no more, and the second finds out
    await go(services, *people)
    for _ in range(2):
        clock.advance(LED_S)
        await other.chronicle.run()
    assert [len(ear.heard) for ear in ears] == [4, 3]


@sqlite_alone
async def test_what_is_wrong_in_one_app_keeps_nobody_from_the_others(services: Services, people: list[User]) -> None:
    """As long as they are on other shards."""
    await services.apps.create("shop", None)
    [dora] = await make_people(services, "dora", app_id="shop")
    await come(services, people[0])
    await come(services, dora)

    async def fail_at_the_first(_tx: Transaction, app_id: str, _changes: Sequence[Noted]) -> None:
        if app_id == "demo":
            raise LookupError

    services.chronicle.listeners.append(fail_at_the_first)
    with pytest.raises(LookupError):
        await services.chronicle.run()
    assert len(await intervals_of(services, dora)) == 1


async def test_a_cancelled_round_is_no_round(services: Services, people: list[User], clock: Clock) -> None:
    for user in people:
        await come(services, user)
    for delay_s in (0, 0.001, 0.002, 0.004, 0.008):
        round_ = asyncio.create_task(services.chronicle.run())
        await asyncio.sleep(delay_s)
        round_.cancel()
        await asyncio.gather(round_, return_exceptions=True)
    clock.advance(LED_S)
    await services.chronicle.run()
    assert [len(await intervals_of(services, user)) for user in people] == [1, 1, 1]
    assert [point.online for point in await points_of(services, Width.DAY)] == [3]


async def test_history_goes_with_whoever_is_deleted(services: Services, people: list[User], clock: Clock) -> None:
    ear, (anna, bert, _) = Ear(services), people
    for user in (anna, bert):
        await come(services, user)
    await say(services, anna, AWAY)
    await services.chronicle.run()
    clock.advance(60)
    await services.accounts.delete("demo", "anna")
    await services.chronicle.run()
    # of bert: that he is here
    found = await count_rows(services)
    assert (found["presence_now"], found.get("presence_spans")) == (1, None)
    assert [(point.peak, point.online, point.users) for point in await points_of(services, Width.DAY)] == [(2, 1, 2)]
    assert ear.seen == [("anna", OFFLINE, ONLINE), ("bert", OFFLINE, ONLINE), ("anna", ONLINE, AWAY)]


@sqlite_alone
async def test_whoever_comes_and_is_deleted_before_it_is_written_was_never_there(
    services: Services, people: list[User]
) -> None:
    await come(services, people[0])
    await services.accounts.delete("demo", "anna")
    await services.chronicle.run()
    assert (await count_rows(services)).keys() == {"presence_tallies", "presence_counts"}


async def test_history_goes_with_its_app(services: Services, people: list[User]) -> None:
    for user in people:
        await come(services, user)
    await services.chronicle.run()
    await services.users.empty("demo")
    await services.apps.delete("demo")
    await services.chronicle.run()
    assert await count_rows(services) == {}


async def test_whoever_is_deactivated_or_discarded_has_left(
    services: Services, people: list[User], clock: Clock
) -> None:
    began, (anna, bert, _) = clock.now(), people
    for user in (anna, bert):
        await come(services, user)
    clock.advance(60)
    await services.accounts.deactivate("demo", "anna", SERVER)
    await services.accounts.discard("demo", "bert", SERVER)
    await services.chronicle.run()
    assert await told_of(services, anna, began) == [(0, 1, ONLINE)]
    bert = (await services.accounts.restore("demo", bert.id, SERVER)).user
    assert await told_of(services, bert, began) == [(0, 1, ONLINE)]
    assert [point.online for point in await points_of(services, Width.DAY)][-1] == 0


@sqlite_alone
async def test_another_name_changes_nothing(services: Services, people: list[User], clock: Clock) -> None:
    anna = people[0]
    session_id = await come(services, anna)
    await services.chronicle.run()
    clock.advance(1)
    renamed = (await services.users.rename("demo", "anna", "anne", SERVER)).user
    await hang_up(services, session_id)
    await services.chronicle.run()
    assert len(await intervals_of(services, renamed)) == 1


@sqlite_alone
async def test_of_an_app_that_keeps_no_history_nothing_is_written_and_listeners_hear_it_all(
    services: Services, people: list[User], clock: Clock
) -> None:
    ear, anna = Ear(services), people[0]
    await services.apps.change_setting("demo", "history_days", "0")
    await come(services, anna)
    await say(services, anna, AWAY)
    await services.chronicle.run()
    assert len(ear.seen) == 2
    assert await count_rows(services) == {"presence_now": 1}
    assert await intervals_of(services, anna) == []
    assert await points_of(services, Width.DAY) == []


@sqlite_alone
async def test_history_that_is_switched_on_begins_with_who_is_here(
    services: Services, people: list[User], clock: Clock
) -> None:
    anna, bert, carl = people
    await come(services, anna)
    await services.chronicle.run()
    await services.apps.change_setting("demo", "history_days", "0")
    await come(services, bert)
    await services.chronicle.run()
    assert await count_rows(services) == {"presence_now": 2, "presence_counts": 3}
    clock.advance(60)
    await services.apps.change_setting("demo", "history_days", "")
    await come(services, carl)
    await services.chronicle.run()
    [hour, *_] = await points_of(services, Width.MINUTE)
    assert (hour.peak, hour.online) == (3, 3)
    assert [one.to_at for user in people for one in await intervals_of(services, user)] == [None] * 3


@sqlite_alone
async def test_without_the_presence_store_the_round_is_put_off(make_settings: MakeSettings) -> None:
    async with open_services(make_settings(redis_url="redis://127.0.0.1:1/0", redis_timeout_s=0.2)) as services:
        with pytest.raises(Unavailable):
            await services.chronicle.run()


@sqlite_alone
async def test_without_the_database_the_round_is_put_off_and_nothing_is_lost(
    services: Services, people: list[User], make_settings: MakeSettings, clock: Clock
) -> None:
    away = make_settings(database_url="postgres://nobody@127.0.0.1:1/none", database_timeout_s=0.2)
    await come(services, people[0])
    async with open_services(away, clock) as cut_off:
        with pytest.raises(Unavailable):
            await cut_off.chronicle.run()
    await services.chronicle.run()
    assert len(await intervals_of(services, people[0])) == 1
