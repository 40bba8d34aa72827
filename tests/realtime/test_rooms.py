"""Being in a channel with a socket: who is there now, and who never was."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from chatsrv.domain.channels import ChannelType
from chatsrv.domain.clock import Clock
from chatsrv.domain.presence import SERVER
from chatsrv.services import Services, open_services
from tests.conftest import DemoApp, MakeSettings
from tests.realtime.conftest import Client, Connect, LoseData, eventually, running_node

pytestmark = pytest.mark.parametrize("database_source", ["sqlite_template"], indirect=True)

MakeChannel = Callable[..., Awaitable[int]]


@pytest.fixture
def make_channel(services: Services, demo: DemoApp) -> MakeChannel:
    """Of that type, with these members; returns its id."""

    async def make(type_: ChannelType = ChannelType.PUBLIC, *members: str) -> int:
        owned = await services.channels.create(demo.id, {"type": int(type_)}, None, SERVER)
        await services.channels.add_members(demo.id, owned.channel.id, members, None)
        return owned.channel.id

    return make


async def enter(client: Client, channel: Any) -> list[str]:
    return names(await client.io.call("room:enter", {"channel": channel}))


async def leave(client: Client, channel: Any) -> list[str]:
    return names(await client.io.call("room:leave", {"channel": channel}))


def names(ack: dict[str, Any]) -> list[str]:
    assert "error" not in ack, ack
    return [member["username"] for member in ack["members"]]


async def test_who_enters_is_told_who_is_there(connect: Connect, make_channel: MakeChannel) -> None:
    anna, bert = await connect("anna"), await connect("bert")
    channel = await make_channel()
    assert await enter(anna, channel) == ["anna"]
    assert await enter(bert, str(channel)) == ["anna", "bert"]
    assert await enter(bert, channel) == ["anna", "bert"]
    assert await leave(anna, channel) == ["bert"]
    assert await leave(anna, channel) == ["bert"]


async def test_members_come_as_presences(connect: Connect, make_channel: MakeChannel) -> None:
    anna = await connect("anna")
    await anna.io.call("presence:set", {"status": "dnd", "text": "Deep work"})
    ack = await anna.io.call("room:enter", {"channel": await make_channel()})
    queried = await anna.io.call("presence:query", {"usernames": ["anna"]})
    assert ack["members"] == queried["users"]


async def test_a_channel_that_is_not_public_is_for_its_members(connect: Connect, make_channel: MakeChannel) -> None:
    anna, bert = await connect("anna"), await connect("bert")
    for type_ in (ChannelType.PRIVATE, ChannelType.DIRECT):
        channel = await make_channel(type_, "anna")
        assert await enter(anna, channel) == ["anna"]
        error = (await bert.io.call("room:enter", {"channel": channel}))["error"]
        assert (error["code"], error["type"]) == (40105, "NotAllowed")
        assert (await bert.io.call("room:leave", {"channel": channel}))["error"]["code"] == 40400


@pytest.mark.parametrize("channel", [None, True, 1.5, "", "one", "-1", "1" * 19, [], {}])
async def test_what_is_no_id_is_refused(connect: Connect, channel: Any) -> None:
    anna = await connect("anna")
    for event in ("room:enter", "room:leave"):
        error = (await anna.io.call(event, {"channel": channel}))["error"]
        assert (error["code"], [one["field"] for one in error["errors"]]) == (40003, ["channel"])


async def test_a_channel_that_does_not_exist_or_is_the_neighbours_is_not_found(
    connect: Connect, services: Services
) -> None:
    anna = await connect("anna")
    await services.apps.create("next-door", None)
    foreign = (await services.channels.create("next-door", {}, None, SERVER)).channel.id
    for channel in (10**9, foreign):
        assert (await anna.io.call("room:enter", {"channel": channel}))["error"]["code"] == 40400


async def test_a_user_is_there_as_long_as_one_of_their_sockets_is(connect: Connect, make_channel: MakeChannel) -> None:
    first, second, bert = await connect("anna"), await connect("anna"), await connect("bert")
    channel = await make_channel()
    await enter(first, channel)
    assert await enter(second, channel) == ["anna"]
    await first.io.disconnect()
    assert await enter(bert, channel) == ["anna", "bert"]
    await second.io.disconnect()

    async def anna_has_left() -> bool:
        return await enter(bert, channel) == ["bert"]

    await eventually(anna_has_left, "anna is in it no more")


async def test_a_reload_inside_the_grace_leaves_nobody_out(connect: Connect, make_channel: MakeChannel) -> None:
    anna, bert = await connect("anna", client_id="tab"), await connect("bert")
    channel = await make_channel()
    await enter(anna, channel)
    await anna.lose()
    assert await enter(bert, channel) == ["anna", "bert"]
    again = await connect("anna", client_id="tab")
    assert again.hello["resumed"]
    assert await enter(bert, channel) == ["anna", "bert"]
    assert await leave(again, channel) == ["bert"]


async def test_who_hides_is_not_there_for_others(connect: Connect, make_channel: MakeChannel) -> None:
    anna, bert = await connect("anna", status="invisible"), await connect("bert")
    channel = await make_channel()
    assert await enter(anna, channel) == ["anna"]
    assert await enter(bert, channel) == ["bert"]


async def test_who_is_no_member_any_more_is_there_no_more(
    connect: Connect, make_channel: MakeChannel, services: Services
) -> None:
    anna, bert = await connect("anna"), await connect("bert")
    channel = await make_channel(ChannelType.PRIVATE, "anna", "bert")
    await enter(anna, channel)
    await services.channels.remove_members("demo", channel, ["anna"])
    assert await enter(bert, channel) == ["bert"]
    await services.channels.delete("demo", channel)
    assert (await bert.io.call("room:enter", {"channel": channel}))["error"]["code"] == 40400


async def test_a_socket_can_be_in_so_many_channels_and_no_more(
    make_settings: MakeSettings, demo: DemoApp, clock: Clock, connect: Connect, make_channel: MakeChannel
) -> None:
    async with open_services(make_settings(channels_per_socket=2), clock) as other, running_node(other) as url:
        anna = await connect("anna", url)
        one, two, three = [await make_channel() for _ in range(3)]
        await enter(anna, one)
        await enter(anna, two)
        error = (await anna.io.call("room:enter", {"channel": three}))["error"]
        assert (error["code"], [item["field"] for item in error["errors"]]) == (40003, ["channel"])
        await leave(anna, one)
        assert await enter(anna, three) == ["anna"]
        await anna.io.disconnect()


async def test_those_who_are_there_are_there_again_when_redis_lost_everything(
    connect: Connect, make_channel: MakeChannel, services: Services, lose_data: LoseData
) -> None:
    anna, bert = await connect("anna"), await connect("bert")
    channel = await make_channel()
    await enter(anna, channel)
    await lose_data()

    async def anna_is_there() -> bool:
        ack = await bert.io.call("room:enter", {"channel": channel})
        return [member["username"] for member in ack.get("members", ())] == ["anna", "bert"]

    await eventually(anna_is_there, "she is put back")
