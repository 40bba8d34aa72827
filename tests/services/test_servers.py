"""Servers and their owners: nobody who owns one can go, however closely the two come together."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable
from typing import Any

import pytest

from chatsrv.domain.clock import Clock
from chatsrv.domain.errors import ChatError, Invalid, NotFound, OwnsServers, UserNotFound
from chatsrv.domain.presence import SERVER
from chatsrv.domain.servers import Server
from chatsrv.domain.users import ExternalId
from chatsrv.services import Services, open_services
from tests.conftest import DemoApp, MakeSettings

ROUNDS = 15


@pytest.fixture
async def other(services: Services, make_settings: MakeSettings, clock: Clock) -> AsyncIterator[Services]:
    """Another node on the same stores."""
    async with open_services(make_settings(), clock) as opened:
        yield opened


async def race(*attempts: Awaitable[Any]) -> list[Any]:
    """What came of each; what is no ChatError is a failure."""
    outcomes = await asyncio.gather(*attempts, return_exceptions=True)
    for outcome in outcomes:
        if isinstance(outcome, BaseException) and not isinstance(outcome, ChatError):
            raise outcome
    return outcomes


async def add(services: Services, username: str, **fields: str) -> int:
    return (await services.users.create("demo", {"username": username, **fields}, SERVER)).user.id


async def test_of_a_new_server_and_the_end_of_its_owner_only_one_happens(
    services: Services, other: Services, demo: DemoApp
) -> None:
    seen = set()
    for number in range(ROUNDS):
        owner = await add(services, f"user{number}")
        # discarding is an end, too
        end = (
            services.accounts.delete("demo", owner) if number % 2 else services.accounts.discard("demo", owner, SERVER)
        )
        attempts = [other.servers.create("demo", "lobby", owner), end]
        if number % 3:
            attempts.reverse()
        outcomes = await race(*attempts)
        kept = [outcome for outcome in outcomes if isinstance(outcome, Server)]
        refused = {type(outcome) for outcome in outcomes if isinstance(outcome, ChatError)}
        assert refused == ({OwnsServers} if kept else {UserNotFound})
        assert (await services.servers.find_owned("demo", [owner])).get(owner, []) == kept
        seen |= refused
    servers, total = await services.servers.page("demo", ROUNDS, 0)
    assert len(servers) == total
    for server in servers:
        assert (await services.users.find("demo", server.owner_id)).id == server.owner_id


async def test_two_who_delete_one_server_do_it_once(services: Services, other: Services, demo: DemoApp) -> None:
    owner = await add(services, "anna")
    for _ in range(5):
        server = await services.servers.create("demo", "lobby", owner)
        outcomes = await race(services.servers.delete("demo", server.id), other.servers.delete("demo", server.id))
        assert sorted(type(outcome).__name__ for outcome in outcomes) == ["NoneType", "NotFound"]
    await services.accounts.delete("demo", owner)


async def test_an_owner_is_named_in_any_way_and_must_be_of_the_app(services: Services, demo: DemoApp) -> None:
    anna = await services.users.create("demo", {"username": "anna", "external_id": "crm-1"}, SERVER)
    for ref in (anna.user.id, "ANNA", ExternalId("crm-1")):
        assert (await services.servers.create("demo", " lobby ", ref)).owner_id == anna.user.id
    await services.apps.create("other", None)
    for app_id, ref in (("other", anna.user.id), ("demo", "nobody"), ("demo", "a\0"), ("demo", 10**30), ("demo", 0)):
        with pytest.raises(UserNotFound):
            await services.servers.create(app_id, "lobby", ref)
    (first, *_), total = await services.servers.page("demo", 2, 0)
    assert (total, first.name) == (3, "lobby")
    with pytest.raises(NotFound):
        await services.servers.get("other", first.id)
    with pytest.raises(NotFound):
        await services.servers.delete("other", first.id)
    assert await services.servers.find_owned("other", [anna.user.id]) == {}


@pytest.mark.parametrize("name", [None, 7, "", "  ", "x" * 192, "a\x00", "a\nb", ["a"]])
async def test_a_name_has_1_to_191_characters(services: Services, demo: DemoApp, name: Any) -> None:
    owner = await add(services, "anna")
    with pytest.raises(Invalid):
        await services.servers.create("demo", name, owner)


async def test_servers_go_with_their_app_and_with_nothing_less(services: Services, demo: DemoApp) -> None:
    owner = await add(services, "anna")
    server = await services.servers.create("demo", "lobby", owner)
    with pytest.raises(OwnsServers):
        await services.accounts.delete("demo", "anna")
    await services.apps.delete("demo")
    await services.apps.create("demo", None)
    with pytest.raises(NotFound):
        await services.servers.get("demo", server.id)
    assert await services.servers.page("demo", 10, 0) == ([], 0)


async def test_what_is_taken_is_told_by_field(services: Services, demo: DemoApp) -> None:
    anna = await add(services, "Anna", email="Anna@mail.test", external_id="crm-1")
    ben = await add(services, "ben", email="ben@mail.test")
    gone = await add(services, "gone", email="gone@mail.test", external_id="crm-2")
    await services.accounts.discard("demo", gone, SERVER)
    await services.apps.create("other", None)
    find = services.holders.find_taken
    every = {"username": "ANNA", "email": "BEN@mail.test", "external_id": "crm-1"}
    assert await find("demo", every) == {"username", "email", "external_id"}
    assert await find("demo", every, anna) == {"email"}
    assert await find("demo", every, ben) == {"username", "external_id"}
    assert await find("other", every) == frozenset()
    free = {"username": "gone", "email": "gone@mail.test", "external_id": "crm-2"}
    assert await find("demo", free) == await find("demo", {"external_id": "CRM-1", "email": "a\0"}) == frozenset()
    assert await find("demo", {}) == frozenset()
