"""What is loaded while the log goes on, while Redis loses its data, and while nobody knows of that yet."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest

from chatsrv.domain.clock import Clock
from chatsrv.domain.presence import SERVER, Claim, PresenceStatus, Source, Viewer
from chatsrv.domain.sessions import Device, NewSession
from chatsrv.services import Services
from chatsrv.storage.keys import SHARDS, shard_key
from chatsrv.storage.records import Snapshot
from tests.conftest import DemoApp

AT_ONCE_MS = 1
pytestmark = pytest.mark.parametrize("database_source", ["sqlite_template"], indirect=True)


async def follow(node: Services) -> None:
    """Until nothing is left to be read."""
    await node.announcements.flush()
    while await node.following.read(AT_ONCE_MS):
        pass


async def come_online(node: Services, name: str, session_id: str) -> None:
    user = await node.users.find("demo", name)
    session = NewSession(session_id, session_id, False, Device.WEB, None, "http", "")
    await node.presence.open(await node.apps.get("demo"), user, session)


async def say(node: Services, name: str, status: PresenceStatus, ttl_s: int | None = None) -> None:
    user = await node.users.find("demo", name)
    await node.claims.put(user, Claim(f"{name} {status}", Source.MANUAL, status), ttl_s, "", Viewer(None))


async def status(node: Services, name: str) -> PresenceStatus:
    return (await node.users.get("demo", name, SERVER)).presence.status


async def lose_data(node: Services) -> None:
    """As FLUSHALL does, for the keys of this test alone."""
    lane, prefix = node.presence._store._lane, node.settings.redis_prefix
    for shard in range(SHARDS):
        keys = await lane.call("KEYS", f"{shard_key(prefix, shard)}*")
        if keys:
            await lane.call("DEL", *keys)


@pytest.fixture
async def node(services: Services, demo: DemoApp) -> Services:
    """It follows the log; Anna is online by it, and Ben has never been."""
    services.upkeep.follow_anew = services.following.begin_anew

    async def end_recovery(shard: int) -> None:
        services.following.end_recovery(shard)

    services.upkeep.recovered = end_recovery
    for name in ("anna", "ben"):
        await services.users.create(demo.id, {"username": name}, SERVER)
    await services.upkeep.beat()
    await come_online(services, "anna", "s1")
    await services.following.begin()
    await follow(services)
    return services


def meanwhile(node: Services, act: Callable[[], Awaitable[object]]) -> None:
    """The next snapshot of everybody is long on its way: this happens, and the log tells of it, before it is here."""
    read = node.following._store.snapshot_all

    async def slowly(app_id: str) -> Snapshot:
        snapshot = await read(app_id)
        del node.following._store.snapshot_all
        await act()
        await follow(node)
        return snapshot

    node.following._store.snapshot_all = slowly  # type: ignore[method-assign]


@pytest.mark.parametrize("is_known", [True, False], ids=["an app that was known", "an app that was not"])
async def test_what_changes_while_a_snapshot_is_on_its_way_is_not_undone_by_it(
    node: Services, other: Services, is_known: bool
) -> None:
    if is_known:
        node.following.lapse()
    else:
        node.mirror._apps.clear()
        node.mirror.want("demo")
    await follow(node)
    meanwhile(node, lambda: say(other, "anna", PresenceStatus.DND))
    await node.following.load_missing()
    await follow(node)
    await node.following.load_missing()
    assert await status(node, "anna") is PresenceStatus.DND
    assert node.freshness.is_level("demo")


async def test_whoever_is_forgotten_while_a_snapshot_is_on_its_way_is_not_in_it(
    node: Services, other: Services
) -> None:
    node.following.lapse()
    await follow(node)
    anna = await node.users.find("demo", "anna")
    meanwhile(node, lambda: other.accounts.delete("demo", "anna"))
    await node.following.load_missing()
    await follow(node)
    assert anna.id not in node.mirror.read("demo", [anna.id])


async def test_a_state_without_a_version_is_known_too_once_somebody_has_one(
    services: Services, demo: DemoApp, other: Services
) -> None:
    """Who was never seen by others has no version, and so the app may have none when a node begins."""
    for name in ("anna", "ben"):
        await services.users.create(demo.id, {"username": name}, SERVER)
    await say(other, "ben", PresenceStatus.INVISIBLE, 60)
    await services.upkeep.beat()
    await services.following.begin()
    await follow(services)
    await come_online(other, "anna", "s1")
    await follow(services)
    assert await status(services, "ben") is await status(other, "ben") is PresenceStatus.INVISIBLE


async def test_nobody_is_offline_where_the_loss_of_all_data_is_noticed_by_the_mirror_first(node: Services) -> None:
    await lose_data(node)
    node.following.lapse()
    await follow(node)
    await node.following.load_missing()
    assert await status(node, "anna") is PresenceStatus.ONLINE
    await node.upkeep.beat()
    assert await status(node, "anna") is PresenceStatus.ONLINE


async def test_whoever_did_not_come_back_after_a_loss_of_data_is_remembered_by_nobody(
    node: Services, clock: Clock
) -> None:
    node.presence._local.remove("s1")
    await lose_data(node)
    await node.upkeep.beat()
    await follow(node)
    await node.following.load_missing()
    assert await status(node, "anna") is PresenceStatus.ONLINE
    mark = node.freshness.mark("demo", (await node.users.find("demo", "anna")).id)
    clock.advance(node.settings.node_dead_s + 1)
    await node.upkeep.beat()
    assert await status(node, "anna") is PresenceStatus.OFFLINE
    assert not mark.is_good
