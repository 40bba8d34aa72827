"""Moments in which a node could take for new what is old: it slept, its clock was set back, a commit was cut off."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Any

import pytest
from sqlalchemy import event

from chatsrv.domain.changes import Entry
from chatsrv.domain.clock import Clock
from chatsrv.domain.listing import UserQuery
from chatsrv.domain.presence import SERVER, Claim, PresenceStatus, Source, Viewer
from chatsrv.services import Services, open_services
from chatsrv.services.memory import announcements, freshness
from chatsrv.services.memory.freshness import Freshness
from chatsrv.storage import changelog, listing
from chatsrv.storage import users as rows
from chatsrv.storage.keys import shard_of
from tests.conftest import DemoApp, MakeSettings
from tests.services.memory.test_stale_loads import AT_ONCE_MS, come_online, follow, lose_data, say, status


@pytest.fixture
async def node(services: Services, demo: DemoApp) -> Services:
    """It follows the log; Anna is online by it, and known."""
    services.upkeep.follow_anew = services.following.begin_anew
    services.freshness._now = lambda: 0.0  # however slow the machine is
    await services.users.create(demo.id, {"username": "anna"}, SERVER)
    await services.upkeep.beat()
    await come_online(services, "anna", "s1")
    await services.following.begin()
    await follow(services)
    await services.users.find("demo", "anna")
    assert services.freshness.is_level("demo")
    return services


async def first_name(node: Services) -> str | None:
    return (await node.users.find("demo", "anna")).first_name


async def rename_behind_its_back(other: Services, name: str) -> None:
    """SQL alone is changed, and nobody hears of it."""
    anna = await other.users.find("demo", "anna")
    told, other.db.on_commit = other.db.on_commit, None
    async with other.db.write() as tx:
        await rows.change(tx, anna, {"first_name": name})
    other.db.on_commit = told


async def test_a_node_that_slept_over_an_answer_of_the_log_does_not_trust_it(node: Services, other: Services) -> None:
    """The answer lay there since it fell asleep; what came later is with the next one."""
    hands = [0.0]
    node.freshness._now = lambda: hands[0]
    node.freshness.renew(1.5)
    read = node.following._log.read

    async def fall_asleep(block_ms: int | None) -> list[Entry]:
        entries = await read(block_ms)
        await say(other, "anna", PresenceStatus.DND)
        hands[0] += 60
        return entries

    node.following._log.read = fall_asleep  # type: ignore[method-assign]
    await say(other, "anna", PresenceStatus.AWAY)
    await node.following.read(AT_ONCE_MS)
    node.following._log.read = read  # type: ignore[method-assign]
    assert not node.freshness.is_level("demo")
    assert await status(node, "anna") is PresenceStatus.DND
    await follow(node)
    assert node.freshness.is_level("demo")


async def test_a_node_is_not_level_while_there_may_be_more_to_read(
    node: Services, other: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(changelog, "READ_COUNT", 2)
    hands = [0.0]
    node.freshness._now = lambda: hands[0]
    await node.following.read(AT_ONCE_MS)
    for count in range(5):
        await say(other, "anna", PresenceStatus.DND if count % 2 else PresenceStatus.AWAY)
    hands[0] += 60
    seen = []
    while await node.following.read(AT_ONCE_MS):
        seen.append(node.freshness.is_level("demo"))
    assert seen == [False, False, True]


async def test_a_commit_that_was_cut_off_is_told_all_the_same(node: Services) -> None:
    def cancel(_connection: object) -> None:
        task = asyncio.current_task()
        assert task
        task.cancel()

    event.listen(node.db._writer.sync_engine, "commit", cancel)
    task = asyncio.create_task(node.users.update("demo", "anna", {"first_name": "Anna"}, SERVER))
    with suppress(asyncio.CancelledError):
        await task
    event.remove(node.db._writer.sync_engine, "commit", cancel)
    async with node.db.read() as tx:
        anna = await rows.get(tx, "demo", "anna")
    assert anna
    assert await first_name(node) == anna.first_name


async def test_a_clock_that_was_set_back_makes_nothing_younger(node: Services, other: Services, clock: Clock) -> None:
    await rename_behind_its_back(other, "Changed")
    assert await first_name(node) is None
    clock.advance(-3600)
    assert await first_name(node) == "Changed"


def test_marks_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(freshness, "MARKS_MAX", 3)
    fresh = Freshness()
    marks = [fresh.mark("demo", user_id) for user_id in range(4)]
    assert fresh.mark("demo", 3) is marks[3]
    assert [mark.is_good for mark in marks] == [False, False, False, True]


async def test_a_page_and_its_total_are_from_the_same_moment(node: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    """A user is made between the count, which is remembered, and the page."""
    users_of = listing.users_of

    async def late(*args: Any) -> Any:
        monkeypatch.undo()
        await node.users.create("demo", {"username": "ben"}, SERVER)
        return await users_of(*args)

    monkeypatch.setattr(listing, "users_of", late)
    page = await node.users.page("demo", UserQuery(50), SERVER)
    assert len(page.people) == page.total == 2


async def test_whoever_hides_stays_hidden_though_redis_loses_its_data_and_nobody_has_noticed(
    node: Services, other: Services
) -> None:
    """Anna hid on another node, after this one has read her row."""
    anna = await other.users.find("demo", "anna")
    await other.claims.put(anna, Claim("c", Source.MANUAL, PresenceStatus.INVISIBLE), None, "", Viewer(None))
    await other.announcements.flush()
    await follow(node)
    await lose_data(node)
    await come_online(node, "anna", "s2")
    stranger = Viewer(anna.id + 1)
    assert (await node.users.get("demo", "anna", stranger)).presence.status is PresenceStatus.OFFLINE


def test_what_this_node_writes_while_nobody_reads_the_log_takes_no_room_and_is_waited_for() -> None:
    fresh = Freshness(lambda: 0.0)
    shard = shard_of("demo")
    for count in range(1, 1000):
        fresh.write("demo", count, (count, 0))
    assert not any(fresh._written)
    fresh.loaded(shard)
    fresh.renew(1)
    fresh.see(shard, (998, 0))
    assert not fresh.is_level("demo", [1])
    fresh.see(shard, (999, 0))
    assert fresh.is_level("demo")


async def test_names_are_not_kept_of_users_for_whom_there_is_no_room(make_settings: MakeSettings, clock: Clock) -> None:
    async with open_services(make_settings(row_cache_bytes=0), clock) as node:
        await node.apps.create("demo", None)
        await node.users.create("demo", {"username": "anna"}, SERVER)
        await node.following.begin()
        await follow(node)
        await node.users.find("demo", "anna")
        assert not node.users._reads._row_cache._ids


async def test_of_more_than_anybody_wants_to_name_all_are_told_once_redis_is_back(
    node: Services, other: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(announcements, "WAITING_MAX", 3)
    await first_name(node)
    anna = await other.users.find("demo", "anna")
    other.announcements.note({"demo": frozenset((10, 11))})
    other.announcements.note({"demo": frozenset((12, 13))})
    assert other.announcements._waiting == {"demo": None}
    await rename_behind_its_back(other, "Changed")
    other.announcements.note({"demo": frozenset((anna.id,))})
    await other.announcements.flush()
    await follow(node)
    assert await first_name(node) == "Changed"
