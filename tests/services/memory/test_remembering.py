"""What a node remembers of rows and of presence, beside another node that changes them."""

from __future__ import annotations

import asyncio

import pytest

from chatsrv.domain.clock import Clock
from chatsrv.domain.listing import Filter, Operator, Sort, UserQuery
from chatsrv.domain.presence import SERVER, Claim, PresenceStatus, Source, Viewer
from chatsrv.domain.sessions import Departure, Device, NewSession
from chatsrv.domain.users import Clocks, User
from chatsrv.services import Services, open_services
from chatsrv.storage import users as rows
from tests.conftest import DemoApp, MakeSettings

AT_ONCE_MS = 1
QUERY = UserQuery(50, with_presence=True)


@pytest.fixture
async def node(services: Services, demo: DemoApp) -> Services:
    """It follows the log, has Anna in its app, and remembers her."""
    services.freshness._now = lambda: 0.0  # however slow the machine is
    await services.users.create(demo.id, {"username": "anna"}, SERVER)
    await services.upkeep.beat()
    await services.following.begin()
    await follow(services)
    await services.following.load_missing()
    await services.users.find(demo.id, "anna")
    return services


async def follow(node: Services) -> None:
    """Until nothing is left to be read."""
    await node.announcements.flush()
    while await node.following.read(AT_ONCE_MS):
        pass


async def change_behind_its_back(node: Services, user: User | None = None, **values: object) -> None:
    """SQL alone is changed, and nobody hears of it. Without a user it is Anna."""
    user = user or await node.users.find("demo", "anna")
    node.db.on_commit = None
    async with node.db.write() as tx:
        await rows.change(tx, user, values)


async def first_name(node: Services, ref: str | int = "anna") -> str | None:
    return (await node.users.find("demo", ref)).first_name


async def come_online(node: Services, session_id: str = "s1") -> None:
    caller = await node.apps.find("demo")
    assert caller
    user = await node.users.find("demo", "anna")
    await node.presence.open(caller, user, NewSession(session_id, session_id, False, Device.WEB, None, "http", ""))


async def go_offline(node: Services) -> None:
    """In an epoch that is young nobody goes offline at once."""
    await node.presence.close("s1", Departure.LOGOUT)
    node.clock.advance(60)
    await node.upkeep.beat()
    await node.upkeep.sweep()


async def status(node: Services) -> PresenceStatus:
    return (await node.users.get("demo", "anna", SERVER)).presence.status


# Rows


async def test_a_user_is_read_from_sql_once(node: Services) -> None:
    await change_behind_its_back(node, first_name="Changed")
    anna = await node.users.find("demo", "ANNA")
    assert [await first_name(node), await first_name(node, anna.id)] == [None, None]


async def test_what_this_node_writes_it_reads_at_once(node: Services) -> None:
    await node.users.update("demo", "anna", {"first_name": "Anna"}, SERVER)
    assert await first_name(node) == "Anna"


async def test_what_another_node_writes_is_read_once_the_log_has_told(node: Services, other: Services) -> None:
    await other.users.update("demo", "anna", {"first_name": "Anna"}, SERVER)
    await other.announcements.flush()
    await follow(node)
    assert await first_name(node) == "Anna"


async def test_a_node_announces_what_it_wrote_when_it_ends(node: Services, make_settings: MakeSettings) -> None:
    async with open_services(make_settings(), node.clock) as short:
        await short.users.update("demo", "anna", {"first_name": "Anna"}, SERVER)
    await follow(node)
    assert await first_name(node) == "Anna"


async def test_a_name_that_was_given_to_somebody_else_is_theirs(node: Services, other: Services) -> None:
    await other.users.rename("demo", "anna", "old", SERVER)
    await other.users.create("demo", {"username": "anna", "first_name": "New"}, SERVER)
    await other.announcements.flush()
    await follow(node)
    assert [await first_name(node), await first_name(node, "old")] == ["New", None]


async def test_nothing_is_remembered_for_longer_than_the_setting_says(node: Services, clock: Clock) -> None:
    await change_behind_its_back(node, first_name="Changed")
    clock.advance(node.settings.row_cache_s)
    assert await first_name(node) == "Changed"


async def test_after_an_outage_of_the_log_rows_are_read_anew(node: Services) -> None:
    await change_behind_its_back(node, first_name="Changed")
    node.following.lapse()
    assert await first_name(node) == "Changed"


async def test_what_was_read_before_a_change_and_arrives_after_it_is_not_remembered(node: Services) -> None:
    since, before = node.freshness.changes, await node.users.find("demo", "anna")
    await node.users.update("demo", "anna", {"first_name": "Anna"}, SERVER)
    node.users._reads._row_cache.keep("demo", [before], since)
    assert await first_name(node) == "Anna"


async def test_the_oldest_give_way_where_the_memory_is_full(make_settings: MakeSettings, clock: Clock) -> None:
    async with open_services(make_settings(row_cache_bytes=5000), clock) as node:
        await node.apps.create("demo", None)
        for name in ("anna", "ben", "cleo"):
            await node.users.create("demo", {"username": name}, SERVER)
        await node.following.begin()
        await follow(node)
        for name in ("anna", "ben", "cleo"):
            await node.users.find("demo", name)
        cache = node.users._reads._row_cache
        assert [cache.find("demo", name) is not None for name in ("anna", "ben", "cleo")] == [False, True, True]


# Pages


async def test_a_page_is_read_from_sql_once_and_its_presence_is_new_each_time(node: Services) -> None:
    await node.users.page("demo", QUERY, SERVER)
    await change_behind_its_back(node, first_name="Changed")
    await come_online(node)
    await follow(node)
    (anna,) = (await node.users.page("demo", QUERY, SERVER)).people
    assert (anna.user.first_name, anna.presence.status) == (None, PresenceStatus.ONLINE)


async def test_a_new_user_is_on_the_next_page(node: Services, other: Services) -> None:
    assert (await node.users.page("demo", QUERY, SERVER)).total == 1
    await other.users.create("demo", {"username": "ben"}, SERVER)
    await other.announcements.flush()
    await follow(node)
    assert ((await node.users.page("demo", QUERY, SERVER)).total, await node.users.count("demo")) == (2, 2)


async def test_whoever_is_deleted_is_on_no_page_any_more(node: Services, other: Services) -> None:
    await node.users.page("demo", QUERY, SERVER)
    await other.accounts.delete("demo", "anna")
    await other.announcements.flush()
    await follow(node)
    assert (await node.users.page("demo", QUERY, SERVER)).total == 0


async def test_lists_by_what_presence_moves_are_never_remembered(node: Services) -> None:
    online = UserQuery(50, filters=(Filter("presence_status", Operator.EQ, (1,)),))
    by_login = UserQuery(50, sort=(Sort("last_login_at", True),))
    await node.users.create("demo", {"username": "aaron"}, SERVER)
    await follow(node)
    assert (await node.users.page("demo", online, SERVER)).total == 0
    assert [one.user.username for one in (await node.users.page("demo", by_login, SERVER)).people] == ["anna", "aaron"]
    await come_online(node)
    await follow(node)
    assert (await node.users.page("demo", online, SERVER)).total == 1
    assert [one.user.username for one in (await node.users.page("demo", by_login, SERVER)).people] == ["anna", "aaron"]


# Presence


async def test_presence_is_read_from_the_mirror_while_the_node_is_level(node: Services, other: Services) -> None:
    await come_online(node)
    await follow(node)
    await node.following.load_missing()
    await other.presence.forget_app("demo")
    assert await status(other) is PresenceStatus.OFFLINE
    assert await status(node) is PresenceStatus.ONLINE


async def test_what_this_node_changed_it_shows_at_once(node: Services) -> None:
    await come_online(node)
    assert not node.freshness.is_level("demo")
    assert await status(node) is PresenceStatus.ONLINE
    anna = await node.users.find("demo", "anna")
    await follow(node)
    claim = Claim("c", Source.MANUAL, PresenceStatus.DND)
    await node.claims.put(anna, claim, None, "", Viewer(None))
    assert await status(node) is PresenceStatus.DND


async def test_whatever_is_under_way_to_the_log_or_from_it_is_known(node: Services) -> None:
    assert node.following.quiet() is None
    coming = asyncio.create_task(come_online(node))
    while node.following.quiet() is None:
        await asyncio.sleep(0)
    quiet = node.following.quiet()
    assert quiet
    await coming
    assert not quiet.done()
    await follow(node)
    assert quiet.done()
    assert node.following.quiet() is None


async def test_what_another_node_changed_is_shown_once_the_log_has_told(node: Services, other: Services) -> None:
    await come_online(other)
    await follow(node)
    assert await status(node) is PresenceStatus.ONLINE
    await go_offline(other)
    await follow(node)
    assert await status(node) is PresenceStatus.OFFLINE


async def test_a_clock_that_moves_without_a_change_moves_in_the_mirror_too(
    node: Services, other: Services, clock: Clock
) -> None:
    await come_online(other)
    clock.advance(60)
    await come_online(other, "second device")
    await follow(node)
    assert node.freshness.is_level("demo")
    shown = (await node.users.get("demo", "anna", SERVER)).presence.clocks
    assert shown == (await other.users.get("demo", "anna", SERVER)).presence.clocks
    assert shown.last_login_at >= clock.now() - 30_000


async def test_clocks_that_have_gone_into_sql_alone_are_read_from_there(node: Services, other: Services) -> None:
    await come_online(other)
    await go_offline(other)
    await follow(node)
    before = (await node.users.get("demo", "anna", SERVER)).presence.clocks
    await other.clocks.flush()
    await follow(node)
    assert not node.mirror.read("demo", [(await node.users.find("demo", "anna")).id])
    assert (await node.users.get("demo", "anna", SERVER)).presence.clocks == before != Clocks()


async def test_a_node_that_begins_knows_who_was_there_before(
    node: Services, make_settings: MakeSettings, clock: Clock
) -> None:
    await come_online(node)
    async with open_services(make_settings(), clock) as late:
        await late.following.begin()
        await follow(late)
        assert late.freshness.is_level("demo")
        assert await status(late) is PresenceStatus.ONLINE


async def test_an_app_of_which_nothing_is_known_is_asked_for_and_known_then(services: Services, demo: DemoApp) -> None:
    await services.following.begin()
    await follow(services)
    await services.users.create(demo.id, {"username": "anna"}, SERVER)
    assert await status(services) is PresenceStatus.OFFLINE
    assert not services.mirror.knows("demo")
    await services.following.load_missing()
    assert services.mirror.knows("demo")


async def test_after_an_outage_of_the_log_the_mirror_is_used_again_once_it_has_been_loaded(
    node: Services, other: Services
) -> None:
    node.following.lapse()
    await come_online(other)
    await follow(node)
    assert (await status(node), node.freshness.is_level("demo")) == (PresenceStatus.ONLINE, False)
    await node.following.load_missing()
    assert node.freshness.is_level("demo")
    assert await status(node) is PresenceStatus.ONLINE
