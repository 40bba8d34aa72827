"""Two at once, on two nodes: somebody wins, the other is told, and nothing is left half done."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable
from typing import Any

import pytest

from chatsrv.domain.clock import Clock
from chatsrv.domain.errors import ChatError, Conflict, NotFound, Unauthenticated, UserNotFound
from chatsrv.domain.presence import SERVER, Person
from chatsrv.domain.sessions import Device, NewSession
from chatsrv.domain.users import Clocks
from chatsrv.services import Services, open_services
from chatsrv.services.upserts import Outcome
from tests.conftest import DemoApp, MakeSettings

ROUNDS = 10


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


def kinds(outcomes: list[Any]) -> Counter[type]:
    return Counter(type(outcome) for outcome in outcomes)


async def test_of_two_who_take_one_name_one_gets_it(services: Services, other: Services, demo: DemoApp) -> None:
    for number in range(ROUNDS):
        values = {"username": f"anna{number}", "email": f"{number}@x"}
        outcomes = await race(services.users.create("demo", values, SERVER), other.users.create("demo", values, SERVER))
        assert kinds(outcomes) == {Person: 1, Conflict: 1}
    assert await services.users.count("demo") == ROUNDS


async def test_of_two_who_make_one_app_one_does(services: Services, other: Services) -> None:
    outcomes = await race(services.apps.create("demo", None), other.apps.create("demo", None))
    assert kinds(outcomes) == {tuple: 1, Conflict: 1}
    assert len(await services.apps.list_keys("demo")) == 1


async def test_of_two_who_want_to_be_called_the_same_one_is(services: Services, other: Services, demo: DemoApp) -> None:
    for number in range(ROUNDS):
        for name in ("one", "two"):
            await services.users.create("demo", {"username": f"{name}{number}"}, SERVER)
        outcomes = await race(
            services.users.rename("demo", f"one{number}", f"anna{number}", SERVER),
            other.users.rename("demo", f"two{number}", f"ANNA{number}", SERVER),
            services.users.create("demo", {"username": f"Anna{number}"}, SERVER),
        )
        assert kinds(outcomes) == {Person: 1, Conflict: 2}


async def test_a_user_who_is_deleted_while_others_change_them_is_gone(
    services: Services, other: Services, demo: DemoApp
) -> None:
    for number in range(ROUNDS):
        await services.users.create("demo", {"username": "anna"}, SERVER)
        *changed, deleted, again = await race(
            services.users.update("demo", "anna", {"first_name": f"a{number}"}, SERVER),
            other.users.update("demo", "anna", {"first_name": f"b{number}"}, SERVER),
            other.accounts.deactivate("demo", "anna", SERVER),
            services.accounts.delete("demo", "anna"),
            other.accounts.delete("demo", "anna"),
        )
        assert set(kinds(changed)) <= {Person, UserNotFound}
        assert kinds([deleted, again]) == {type(None): 1, UserNotFound: 1}
        assert await services.users.count("demo") == 0


async def test_changes_of_different_fields_at_once_are_all_kept(
    services: Services, other: Services, demo: DemoApp
) -> None:
    await services.users.create("demo", {"username": "anna"}, SERVER)
    changes = {"first_name": "a", "last_name": "b", "name": "c", "language": "de", "external_id": "1"}
    nodes = [services, other] * 3
    await race(
        *(
            node.users.update("demo", "anna", {k: v}, SERVER)
            for node, (k, v) in zip(nodes, changes.items(), strict=False)
        )
    )
    user = await services.users.find("demo", "anna")
    assert {name: getattr(user, name) for name in changes} == changes


async def test_settings_of_an_app_changed_at_once_are_all_kept(
    services: Services, other: Services, demo: DemoApp
) -> None:
    values = {"grace_s": "1", "mobile_grace_s": "2", "orphan_grace_s": "3", "sessions_per_user": "4"}
    nodes = [services, other] * 2
    await race(*(node.apps.change_setting("demo", *item) for node, item in zip(nodes, values.items(), strict=True)))
    assert (await services.apps.get("demo")).settings == {name: int(text) for name, text in values.items()}


async def test_whoever_joins_an_app_that_is_being_deleted_leaves_nothing_behind(
    services: Services, other: Services
) -> None:
    for _ in range(ROUNDS):
        await services.apps.create("demo", None)
        joined = [services.users.create("demo", {"username": f"user{number}"}, SERVER) for number in range(4)]
        bulk = other.upserts.apply("demo", [{"username": f"many{number}"} for number in range(4)])
        *outcomes, _ = await race(*joined, bulk, other.apps.delete("demo"))
        assert set(kinds(outcomes)) <= {Person, NotFound, list}
        assert await services.users.count("demo") == 0


async def test_two_batches_of_the_same_people_in_opposite_order_both_go_through(
    services: Services, other: Services, demo: DemoApp
) -> None:
    for number in range(ROUNDS):
        batch = [{"username": f"u{number}-{i}", "email": f"{number}-{i}@x", "first_name": str(i)} for i in range(40)]
        one, two = await race(services.upserts.apply("demo", batch), other.upserts.apply("demo", batch[::-1]))
        statuses = Counter(outcome.status for outcome in [*one, *two])
        assert statuses == {"created": 40, "updated": 40}
    assert await services.users.count("demo") == 40 * ROUNDS


async def test_batches_single_changes_and_flushed_clocks_do_not_lock_each_other_out(
    services: Services, other: Services, demo: DemoApp
) -> None:
    names = [f"user{number}" for number in range(60)]
    await services.upserts.apply("demo", [{"username": name} for name in names])
    await open_sessions(services, names)
    shuffled = [{"username": name, "last_name": "x"} for name in names[::2] + names[1::2]]
    outcomes = await race(
        services.upserts.apply("demo", [{"username": name, "first_name": "x"} for name in names]),
        other.upserts.apply("demo", shuffled),
        services.clocks.flush_app("demo"),
        other.clocks.flush_app("demo"),
        *(other.users.update("demo", name, {"language": "de"}, SERVER) for name in names[::6]),
    )
    assert not any(isinstance(outcome, ChatError) for outcome in outcomes)
    assert all(isinstance(item, Outcome) and item.error is None for item in [*outcomes[0], *outcomes[1]])
    people = [user async for batch in services.users.walk("demo") for user in batch]
    assert all((user.first_name, user.last_name) == ("x", "x") for user in people)
    assert all(user.clocks.last_login_at for user in people)


async def open_sessions(services: Services, names: list[str]) -> None:
    app = await services.apps.get("demo")
    for name in names:
        session = NewSession(name, name, False, Device.WEB, False, "websocket", "127.0.0.1")
        await services.presence.open(app, await services.users.find("demo", name), session)


async def test_clocks_that_are_flushed_while_their_user_is_deleted_are_nobodys(
    services: Services, other: Services, demo: DemoApp
) -> None:
    for _ in range(ROUNDS):
        await services.users.create("demo", {"username": "anna"}, SERVER)
        await open_sessions(services, ["anna"])
        outcomes = await race(
            services.clocks.flush_app("demo"), other.accounts.delete("demo", "anna"), other.clocks.flush_app("demo")
        )
        assert outcomes == [None, None, None]
        await services.clocks.flush()
        again = await services.users.create("demo", {"username": "anna"}, SERVER)
        assert again.presence.clocks == again.user.clocks == Clocks()
        await services.accounts.delete("demo", "anna")


async def test_two_sockets_of_a_new_user_find_one_user(services: Services, other: Services, demo: DemoApp) -> None:
    await services.apps.change_setting("demo", "auto_create_users", "true")
    app = await services.apps.get("demo")
    await services.users.create("demo", {"username": "anna"}, SERVER)
    token, _ = await services.callers.mint_token(app, "anna", 60)
    await services.accounts.delete("demo", "anna")
    outcomes = await race(*(node.callers.identify_user(token) for node in (services, other) * 3))
    callers = [outcome[0].user.id for outcome in outcomes if not isinstance(outcome, Unauthenticated)]
    assert len(callers) == 6
    assert len(set(callers)) == 1


async def test_a_key_that_is_revoked_twice_at_once_is_revoked_once(
    services: Services, other: Services, demo: DemoApp
) -> None:
    (key,) = await services.apps.list_keys("demo")
    outcomes = await race(services.apps.revoke_key("demo", key.id), other.apps.revoke_key("demo", key.id))
    assert kinds(outcomes) == {type(None): 1, NotFound: 1}
