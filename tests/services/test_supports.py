"""Supports: opened, taken over, closed, and never more than an agent may have. Both databases."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from chatsrv.domain.channels import MemberRole
from chatsrv.domain.clock import Clock
from chatsrv.domain.desk import Relation, Support, SupportQuery
from chatsrv.domain.errors import ChatError, Invalid, NotFound, UserNotFound
from chatsrv.domain.presence import SERVER
from chatsrv.domain.users import User
from chatsrv.services import Services, open_services
from tests.conftest import DemoApp, MakeSettings

HUGE = 2**70


@pytest.fixture
async def people(services: Services, demo: DemoApp) -> dict[str, User]:
    names = ("anna", "bert", "carl", "dora")
    return {name: (await services.users.create("demo", {"username": name}, SERVER)).user for name in names}


@pytest.fixture
async def room(services: Services, people: dict[str, User]) -> int:
    return (await services.channels.create("demo", {}, None, SERVER)).channel.id


async def may_have(services: Services, username: str, most: int | None) -> None:
    await services.profiles.update("demo", username, {}, {"max_support_count": most}, SERVER)


async def ids(services: Services, **query: Any) -> list[int]:
    found, total = await services.supports.page("demo", SupportQuery(**query), 50, 0)
    assert total == len(found)
    return [support.id for support in found]


async def test_a_support_is_opened_taken_over_closed_and_opened_again(
    services: Services, people: dict[str, User], room: int, clock: Clock
) -> None:
    anna, bert = people["anna"], people["bert"]
    made = await services.supports.open("demo", room, anna.id)
    assert made == Support(made.id, room, anna.id, "anna", None, None, made.created_at, 0)
    taken = await services.supports.update("demo", made.id, {"agent": "bert"})
    assert (taken.agent_id, taken.agent, taken.is_open) == (bert.id, "bert", True)
    clock.advance(60)
    closed = await services.supports.update("demo", made.id, {"closed": True})
    assert closed.closed_at >= made.created_at + 60_000
    clock.advance(60)
    assert await services.supports.update("demo", made.id, {"closed": True}) == closed
    again = await services.supports.update("demo", made.id, {"closed": False, "agent": None})
    assert again == made == await services.supports.get("demo", made.id)
    await services.supports.delete("demo", made.id)
    with pytest.raises(NotFound):
        await services.supports.get("demo", made.id)


async def test_a_support_makes_its_channel_the_customers_most_recent_one(
    services: Services, people: dict[str, User], room: int
) -> None:
    await services.supports.open("demo", room, "anna", "bert")
    assert (await services.profiles.get("demo", "anna")).recent_channel_id == room
    assert (await services.profiles.get("demo", "bert")).recent_channel_id is None


async def test_lists_go_by_agent_customer_channel_and_state(
    services: Services, people: dict[str, User], room: int
) -> None:
    other = (await services.channels.create("demo", {}, None, SERVER)).channel.id
    first = await services.supports.open("demo", room, "anna", "bert")
    second = await services.supports.open("demo", other, "anna", "carl")
    third = await services.supports.open("demo", room, "dora", "bert")
    await services.supports.update("demo", third.id, {"closed": True})
    assert await ids(services) == [first.id, second.id, third.id]
    assert await ids(services, customer="ANNA") == [first.id, second.id]
    assert await ids(services, agent=people["bert"].id) == [first.id, third.id]
    assert await ids(services, agent="bert", is_open=True) == [first.id]
    assert await ids(services, is_open=False) == [third.id]
    assert await ids(services, channel_id=room) == [first.id, third.id]
    assert await services.supports.page("demo", SupportQuery(), 1, 1) == ([second], 3)
    rooms = await services.desk.links("demo", Relation.SUPPORT_ROOMS, [people["bert"].id])
    assert list(rooms.values()) == [[room]]
    for nobody in ("nobody", "\0", HUGE):
        assert await ids(services, agent=nobody) == []
    assert await ids(services, channel_id=HUGE) == []


async def test_open_ones_are_counted_for_many_at_once(services: Services, people: dict[str, User], room: int) -> None:
    for customer, agent in (("anna", "bert"), ("dora", "bert"), ("dora", "carl"), ("anna", None)):
        await services.supports.open("demo", room, customer, agent)
    closed = await services.supports.open("demo", room, "anna", "carl")
    await services.supports.update("demo", closed.id, {"closed": True})
    counts = await services.supports.count_active([user.id for user in people.values()])
    assert {name: counts[user.id] for name, user in people.items()} == {"anna": 0, "bert": 2, "carl": 1, "dora": 0}


async def test_an_agent_has_no_more_open_ones_than_they_may(
    services: Services, people: dict[str, User], room: int
) -> None:
    supports = services.supports
    await may_have(services, "bert", 1)
    first = await supports.open("demo", room, "anna", "bert")
    waiting = await supports.open("demo", room, "anna")
    with pytest.raises(Invalid, match="agent: has 1 open"):
        await supports.open("demo", room, "dora", "bert")
    with pytest.raises(Invalid, match="agent: has 1 open"):
        await supports.update("demo", waiting.id, {"agent": "bert"})
    assert await ids(services) == [first.id, waiting.id]
    # what they have already they may keep
    assert (await supports.update("demo", first.id, {"agent": "bert"})).agent == "bert"
    await supports.update("demo", first.id, {"closed": True})
    await supports.update("demo", waiting.id, {"agent": "bert"})
    with pytest.raises(Invalid):
        await supports.update("demo", first.id, {"closed": False})
    # a closed one may be given to anybody
    assert (await supports.update("demo", first.id, {"agent": "bert"})).agent == "bert"
    await may_have(services, "bert", None)
    assert (await supports.update("demo", first.id, {"closed": False})).is_open
    await may_have(services, "carl", 0)
    with pytest.raises(Invalid):
        await supports.update("demo", first.id, {"agent": "carl"})


async def test_nobody_supports_themselves_and_nobody_who_is_deactivated_supports(
    services: Services, people: dict[str, User], room: int
) -> None:
    await services.accounts.deactivate("demo", "bert", SERVER)
    made = await services.supports.open("demo", room, "anna")
    for agent in ("anna", "bert"):
        with pytest.raises(Invalid):
            await services.supports.open("demo", room, "anna", agent)
        with pytest.raises(Invalid):
            await services.supports.update("demo", made.id, {"agent": agent})


async def test_what_is_not_there_is_not_found(services: Services, people: dict[str, User], room: int) -> None:
    made = await services.supports.open("demo", room, "anna")
    await services.apps.create("other", None)
    for app_id, support_id in (("demo", 0), ("demo", HUGE), ("demo", -1), ("other", made.id)):
        with pytest.raises(NotFound):
            await services.supports.get(app_id, support_id)
        with pytest.raises(NotFound):
            await services.supports.update(app_id, support_id, {"closed": True})
        with pytest.raises(NotFound):
            await services.supports.delete(app_id, support_id)
    for channel_id in (0, -1, HUGE, room + 1):
        with pytest.raises(NotFound):
            await services.supports.open("demo", channel_id, "anna", "bert")
    for person in ("nobody", 0, HUGE, "\0", "\ud800"):
        with pytest.raises(UserNotFound):
            await services.supports.open("demo", room, person)
        with pytest.raises(UserNotFound):
            await services.supports.open("demo", room, "anna", person)
        with pytest.raises(UserNotFound):
            await services.supports.update("demo", made.id, {"agent": person})
    with pytest.raises(NotFound):
        await services.supports.open("other", room, "anna")


async def test_many_who_give_an_agent_something_at_once_give_them_no_more_than_they_may_have(
    services: Services, make_settings: MakeSettings, people: dict[str, User], room: int
) -> None:
    """Opened, taken over and opened again, from two nodes."""
    await may_have(services, "bert", 3)
    bert = people["bert"].id
    async with open_services(make_settings()) as other:
        for _ in range(3):
            waiting = [await services.supports.open("demo", room, "anna") for _ in range(4)]
            closed = [await services.supports.open("demo", room, "anna") for _ in range(4)]
            for support in closed:
                await services.supports.update("demo", support.id, {"closed": True, "agent": "bert"})
            nodes = (services, other)
            done = await asyncio.gather(
                *(nodes[n % 2].supports.open("demo", room, "dora", "bert") for n in range(4)),
                *(nodes[n % 2].supports.update("demo", one.id, {"agent": "bert"}) for n, one in enumerate(waiting)),
                *(nodes[n % 2].supports.update("demo", one.id, {"closed": False}) for n, one in enumerate(closed)),
                return_exceptions=True,
            )
            assert sum(isinstance(one, Support) for one in done) == 3
            assert {type(one) for one in done} == {Support, Invalid}
            assert (await services.supports.count_active([bert]))[bert] == 3
            for support_id in await ids(services):
                await services.supports.delete("demo", support_id)


async def test_two_who_support_each_other_do_not_lock_each_other_out(
    services: Services, make_settings: MakeSettings, people: dict[str, User], room: int
) -> None:
    async with open_services(make_settings()) as other:
        for _ in range(10):
            await asyncio.gather(
                services.supports.open("demo", room, "anna", "bert"),
                other.supports.open("demo", room, "bert", "anna"),
                services.channels.add_members("demo", room, ["anna", "bert"], MemberRole.PARTICIPANT),
                other.profiles.update("demo", "anna", {}, {"in_training": True}, SERVER),
            )
    counts = await services.supports.count_active([people["anna"].id, people["bert"].id])
    assert set(counts.values()) == {10}


async def test_a_change_and_a_takeover_at_once_end_in_one_of_both_orders(
    services: Services, make_settings: MakeSettings, people: dict[str, User], room: int
) -> None:
    """Reopened for one agent while another, who may have none, takes it over: both would break the limit."""
    await may_have(services, "bert", 0)
    made = await services.supports.open("demo", room, "anna", "carl")
    async with open_services(make_settings()) as other:
        for _ in range(10):
            await services.supports.update("demo", made.id, {"closed": True, "agent": "carl"})
            done = await asyncio.gather(
                services.supports.update("demo", made.id, {"closed": False}),
                other.supports.update("demo", made.id, {"agent": "bert"}),
                return_exceptions=True,
            )
            assert all(isinstance(one, Support | ChatError) for one in done)
            now = await services.supports.get("demo", made.id)
            assert (now.is_open, now.agent) in ((True, "carl"), (False, "bert"))
