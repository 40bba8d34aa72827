"""Presence history as it is asked for, against what the change log said; and how it is forgotten."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Sequence

import pytest
from sqlalchemy import select

from chatsrv.domain.changes import Changed
from chatsrv.domain.clock import Clock
from chatsrv.domain.errors import UserNotFound
from chatsrv.domain.history import Interval
from chatsrv.domain.instants import LATEST
from chatsrv.domain.presence import AWAY, INVISIBLE, OFFLINE, ONLINE, PresenceStatus
from chatsrv.domain.tallies import DAY_MS, HOUR_MS, MINUTE_MS, Point, Width
from chatsrv.domain.users import User
from chatsrv.services import Services, chronicle, open_services, tidying
from chatsrv.storage.changelog import ChangeLog
from chatsrv.storage.lane import open_lane
from chatsrv.storage.redis import open_redis
from chatsrv.storage.schema import presence_counts
from tests.conftest import DemoApp, MakeSettings
from tests.domain.counted import Happened, by_hand
from tests.services.visits import begin, come, count_rows, go, intervals_of, make_people, points_of, say, told_of

STATUSES = (ONLINE, AWAY, INVISIBLE, PresenceStatus.DND)
sqlite_alone = pytest.mark.parametrize("database_source", ["sqlite_template"], indirect=True)


@pytest.fixture
async def demo(services: Services, clock: Clock) -> DemoApp:
    await begin(services, clock)
    app, key = await services.apps.create("demo", None)
    return DemoApp(app.id, key)


@pytest.fixture
async def patient(make_settings: MakeSettings, clock: Clock, demo: DemoApp) -> AsyncIterator[Services]:
    """To which days between two rounds are no gap."""
    async with open_services(make_settings(changelog_s=1000 * 86_400.0), clock) as opened:
        yield opened


async def read_log(services: Services) -> list[Changed]:
    """All that it ever said."""
    settings = services.settings
    async with open_redis(settings.redis_url, 2, 5, True) as redis, open_lane(redis) as lane:
        log, found = ChangeLog(lane, settings.redis_prefix), []
        for shard in range(16):
            log.rewind(shard)
        while entries := await log.read(None):
            found += [entry for entry in entries if isinstance(entry, Changed)]
    return found


def intervals_by_hand(log: Sequence[Changed], user: User) -> list[tuple[int, int | None, PresenceStatus]]:
    shown, since, found = OFFLINE, 0, []
    for entry in log:
        truth = entry.warm.truth
        if entry.user_id == user.id and truth.status is not shown:
            at = truth.clocks.presence_changed_at
            found += [(since, at, shown)] if shown is not OFFLINE and since < at else []
            shown, since = truth.status, at
    return [*found, *([(since, None, shown)] if shown is not OFFLINE else [])]


def happened(log: Sequence[Changed]) -> list[Happened]:
    here: set[int] = set()
    found: list[Happened] = []
    for entry in log:
        is_here = entry.warm.to_others.status is not OFFLINE
        if is_here != (entry.user_id in here):
            at = entry.warm.truth.clocks.presence_changed_at
            found.append((at, entry.user_id, 1 if is_here else -1))
            here ^= {entry.user_id}
    return found


def points_by_hand(told: Sequence[Happened], width: Width, now: int) -> list[Point]:
    began = told[0][0]
    first = max(width.begin(began), width.begin(now - 2 * DAY_MS) if width is Width.MINUTE else 0)
    return [by_hand(began, (), told, width, at, now) for at in range(first, now + 1, width.value)]


@pytest.mark.parametrize(
    ("seed", "database_source"),
    [(0, "sqlite_template"), (1, "sqlite_template"), (2, "postgres_url")],
    indirect=["database_source"],
)
async def test_whatever_happened_in_days_is_told_as_the_log_has_it(
    patient: Services, services: Services, clock: Clock, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    chance = random.Random(seed)
    people = await make_people(patient, "anna", "bert", "carl", "dora")
    for _ in range(70):
        monkeypatch.setattr(chronicle, "BATCH", chance.randint(1, 6))
        await _do_something(patient, chance, chance.choice(people))
        clock.advance(chance.choice((0, 0.001, 1, 60, 3600, 6 * 3600)))
        if chance.random() < 0.4:
            await patient.chronicle.run()
    await patient.chronicle.run()
    log = await read_log(patient)
    for user in people:
        told = [(one.from_at, one.to_at, one.status) for one in await intervals_of(patient, user)]
        assert told == intervals_by_hand(log, user)
    for width in Width:
        found = await points_of(patient, width)
        now = clock.now()
        expected = {point.at: point for point in points_by_hand(happened(log), width, now)}
        assert [point.at for point in found] == list(expected)
        for point in found[:-1]:  # the last one goes on while it is looked at
            wanted = expected[point.at]
            assert (point.peak, point.peak_at, point.online) == (wanted.peak, wanted.peak_at, wanted.online)
            if width is Width.DAY:
                assert (point.users, point.online_ms) == (wanted.users, wanted.online_ms)
        assert (found[-1].peak, found[-1].online) == (expected[found[-1].at].peak, expected[found[-1].at].online)


async def _do_something(services: Services, chance: random.Random, user: User) -> None:
    match chance.randrange(4):
        case 0 | 1:
            await come(services, user, chance.choice((None, None, *STATUSES)))
        case 2:
            await go(services, user)
        case _:
            await say(services, user, chance.choice(STATUSES))


@sqlite_alone
async def test_who_is_there_at_midnight_is_there_on_both_days(
    patient: Services, services: Services, clock: Clock
) -> None:
    anna, bert = await make_people(patient, "anna", "bert")
    await come(patient, anna)
    clock.advance(18 * 3600)
    await come(patient, bert)
    await go(patient, anna)
    await patient.chronicle.run()
    first, second = await points_of(patient, Width.DAY)
    assert (first.peak, first.users, round(first.online_ms / HOUR_MS)) == (1, 1, 12)
    assert (second.peak, second.users, round(second.online_ms / HOUR_MS)) == (2, 2, 6)


async def test_of_a_user_a_page_is_told_and_where_the_next_one_begins(
    patient: Services, services: Services, clock: Clock
) -> None:
    [anna] = await make_people(patient, "anna")
    app, began = await patient.apps.get("demo"), clock.now()
    for _ in range(5):
        await come(patient, anna)
        clock.advance(60)
        await go(patient, anna)
        clock.advance(60)
    await come(patient, anna)
    await patient.chronicle.run()
    whole = await intervals_of(patient, anna)
    found: list[Interval] = []
    after = None
    for _ in range(3):
        page = await patient.history.page(app, "anna", 0, LATEST, 2, after)
        found += page.intervals
        after = page.next_after
    assert (found, after) == (whole, None)
    assert len(whole) == 6
    # whatever touches the time that is asked for, whole
    part = await patient.history.page(
        app, "ANNA", began + 3 * MINUTE_MS - 30_000, began + 4 * MINUTE_MS + 30_000, 9, None
    )
    assert list(part.intervals) == whole[1:3]
    with pytest.raises(UserNotFound):
        await patient.history.page(app, "nobody", 0, LATEST, 2, None)


@sqlite_alone
async def test_the_export_has_everybody_who_was_ever_there(
    patient: Services, services: Services, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("chatsrv.services.history.EXPORT_USERS", 2)
    people = await make_people(patient, "anna", "bert", "carl", "dora")
    for user in people[:3]:
        await come(patient, user)
    clock.advance(60)
    await go(patient, people[0])
    await patient.chronicle.run()
    app = await patient.apps.get("demo")
    rows = [row async for rows in patient.history.export(app, 0, LATEST) for row in rows]
    assert [(name, one.to_at is None) for name, one in rows] == [("anna", False), ("bert", True), ("carl", True)]


async def test_what_is_old_is_forgotten_by_and_by(
    patient: Services, services: Services, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tidying, "BATCH", 2)
    [anna] = await make_people(patient, "anna")
    began = clock.now()
    for _ in range(6):
        await come(patient, anna)
        clock.advance(12 * 3600)
        await go(patient, anna)
        clock.advance(12 * 3600)
    await patient.chronicle.run()
    await patient.apps.change_setting("demo", "history_days", "3")
    told = await told_of(patient, anna, began)
    await patient.tidying.tidy()
    assert await told_of(patient, anna, began) == told
    assert [one[0] // (24 * 60) for one in told] == [3, 4, 5]
    found = await count_rows(patient)
    assert found["presence_spans"] == 3
    async with patient.db.read() as tx:
        kept = (await tx.execute(select(presence_counts.c.width_ms, presence_counts.c.at))).all()
    now = clock.now()
    assert min(at for width, at in kept if width == Width.MINUTE.value) >= now - 2 * DAY_MS
    assert min(at for width, at in kept if width != Width.MINUTE.value) >= now - 4 * DAY_MS
    assert len(await points_of(patient, Width.DAY)) == 4
    # and where nothing of a day is kept, it is known from the next one how it was
    assert [point.online for point in await points_of(patient, Width.HOUR)][:12].count(1) > 0


@sqlite_alone
async def test_of_an_app_that_keeps_no_history_any_more_all_of_it_is_forgotten(
    patient: Services, services: Services
) -> None:
    [anna] = await make_people(patient, "anna")
    await come(patient, anna)
    await say(patient, anna, AWAY)
    await patient.chronicle.run()
    await patient.apps.create("other", None)
    await patient.apps.change_setting("demo", "history_days", "0")
    await patient.tidying.tidy()
    assert await count_rows(patient) == {"presence_now": 1}


@sqlite_alone
async def test_an_app_in_which_nobody_was_yet_has_a_point_of_now(patient: Services, services: Services) -> None:
    [point] = await points_of(patient, Width.HOUR)
    assert (point.peak, point.online) == (0, 0)
