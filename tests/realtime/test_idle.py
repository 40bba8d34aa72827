"""Users who do nothing for long become away, and one active device is enough to be online."""

from __future__ import annotations

import pytest

from chatsrv.domain.clock import Clock
from chatsrv.domain.presence import SERVER
from chatsrv.services import Services
from tests.conftest import DemoApp
from tests.realtime.conftest import Client, Connect, changes

pytestmark = pytest.mark.parametrize("database_source", ["sqlite_template"], indirect=True)


@pytest.fixture
async def bert(connect: Connect, services: Services, demo: DemoApp) -> Client:
    """Watches anna, who has an app of five minutes' patience."""
    client = await connect("bert")
    await connect("anna", client_id="first")
    await client.io.call("presence:subscribe", {"usernames": ["anna"]})
    return client


async def pass_time(services: Services, clock: Clock, seconds: float) -> None:
    """As the loop of every node does, without waiting for it."""
    clock.advance(seconds)
    await services.presence.catch_up()


async def heard_of_anna(bert: Client) -> int:
    """Bert idles, too, and hears of himself."""
    while True:
        heard = await changes(bert)
        if "anna" in heard:
            return heard["anna"]


async def test_after_five_minutes_without_an_action_a_user_is_away(
    bert: Client, services: Services, clock: Clock
) -> None:
    await pass_time(services, clock, 299)
    assert (await bert.io.call("presence:query", {"usernames": ["anna"]}))["users"][0]["presence_status"] == 1
    await pass_time(services, clock, 2)
    assert await heard_of_anna(bert) == 3


async def test_an_action_makes_online_again_and_begins_the_time_anew(
    bert: Client, connect: Connect, services: Services, clock: Clock
) -> None:
    anna = await connect("anna", client_id="first")
    await pass_time(services, clock, 301)
    assert await heard_of_anna(bert) == 3
    assert await anna.io.call("presence:activity", {"active": True}) == {}
    assert await heard_of_anna(bert) == 1
    await pass_time(services, clock, 200)
    assert await anna.io.call("presence:activity", {"active": True}) == {}
    await pass_time(services, clock, 200)
    assert (await bert.io.call("presence:query", {"usernames": ["anna"]}))["users"][0]["presence_status"] == 1


async def test_saying_a_status_is_an_action(bert: Client, connect: Connect, services: Services, clock: Clock) -> None:
    anna = await connect("anna", client_id="first")
    await pass_time(services, clock, 301)
    assert await heard_of_anna(bert) == 3
    await anna.io.call("presence:set", {"status": "online"})
    assert await heard_of_anna(bert) == 1


async def test_one_active_device_is_enough(bert: Client, connect: Connect, services: Services, clock: Clock) -> None:
    second = await connect("anna", client_id="second")
    await pass_time(services, clock, 200)
    await second.io.call("presence:activity", {"active": True})
    await pass_time(services, clock, 200)
    assert (await bert.io.call("presence:query", {"usernames": ["anna"]}))["users"][0]["presence_status"] == 1
    await second.io.disconnect()
    assert await heard_of_anna(bert) == 3


async def test_an_app_may_have_more_patience_or_no_end_of_it(
    connect: Connect, services: Services, demo: DemoApp, clock: Clock
) -> None:
    await services.apps.change_setting(demo.id, "idle_after_s", "0")
    clock.advance(2)
    anna = await connect("anna")
    await pass_time(services, clock, 500)
    assert (await anna.io.call("presence:query", {"usernames": ["anna"]}))["users"][0]["presence_status"] == 1


async def test_what_redis_did_not_hear_is_told_again(
    bert: Client, connect: Connect, services: Services, clock: Clock
) -> None:
    """A write that was lost leaves its mark, and the next round makes good for it."""
    anna = await connect("anna", client_id="first")
    local = services.presence._local.get(anna.hello["session_id"])
    assert local
    local.is_idle, local.told_at = True, 0
    await services.presence.catch_up()
    assert await heard_of_anna(bert) == 3
    assert local.told_at == local.acted_at


async def test_who_was_idle_comes_back_idle_and_nobody_hears_of_it(bert: Client, connect: Connect) -> None:
    """A deploy must not wake those who sleep."""
    anna = await connect("anna", client_id="first")
    await anna.io.call("presence:activity", {"active": False, "background": True})
    assert await heard_of_anna(bert) == 3
    for _ in range(2):
        await anna.lose()
        anna = await connect("anna", client_id="first")
        assert (anna.hello["resumed"], anna.hello["user"]["presence_status"]) == (True, 3)
    await anna.io.call("presence:set", {"status": "dnd"})
    assert await heard_of_anna(bert) == 4


async def test_coming_back_is_no_action(bert: Client, connect: Connect, services: Services, clock: Clock) -> None:
    anna = await connect("anna", client_id="first")
    clock.advance(100)
    before = (await services.sight.see(await services.users.find("demo", "anna"), SERVER)).clocks.last_active_at
    await anna.lose()
    anna = await connect("anna", client_id="first")
    await anna.io.disconnect()
    assert await heard_of_anna(bert) == 0
    after = (await services.sight.see(await services.users.find("demo", "anna"), SERVER)).clocks.last_active_at
    assert after == before


async def test_who_comes_to_the_front_says_so_when_connecting(bert: Client, connect: Connect) -> None:
    anna = await connect("anna", client_id="first")
    await anna.io.call("presence:activity", {"active": True, "background": True})
    assert await heard_of_anna(bert) == 3
    await anna.lose()
    anna = await connect("anna", client_id="first", background=False)
    assert anna.hello["user"]["presence_status"] == 1
    assert await heard_of_anna(bert) == 1
