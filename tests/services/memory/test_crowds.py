"""Many who come at once: they are read together, and only those are remembered who are likely to ask again."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable

import pytest

from chatsrv.domain.presence import SERVER
from chatsrv.services import Services
from tests.conftest import DemoApp
from tests.services.memory.test_stale_loads import follow

NAMES = [f"u{number}" for number in range(30)]


@pytest.fixture
async def node(services: Services, demo: DemoApp) -> Services:
    """It follows the log, and has a crowd in its app."""
    services.freshness._now = lambda: 0.0  # however slow the machine is
    await services.upserts.apply(demo.id, [{"username": name} for name in NAMES])
    await services.upkeep.beat()
    await services.following.begin()
    await follow(services)
    await services.following.load_missing()
    return services


@pytest.fixture
async def tokens(node: Services) -> dict[str, str]:
    """By name; nothing of whom they were made for is remembered."""
    app = await node.apps.get("demo")
    made = {name: (await node.callers.mint_token(app, name, 600))[0] for name in NAMES}
    node.users._reads._row_cache.clear()
    return made


async def ask(identify: Callable[[str], Awaitable[object]], tokens: Iterable[str]) -> None:
    """All of them at once."""
    await asyncio.gather(*(identify(token) for token in tokens))


def remembered(node: Services) -> list[str]:
    return [name for name in NAMES if node.users._reads._row_cache.find("demo", name)]


async def test_many_who_are_asked_for_at_once_are_read_together_and_each_gets_their_own(services: Services) -> None:
    await services.apps.create("demo", None)
    for name in NAMES:
        await services.users.create("demo", {"username": name}, SERVER)
    for find in (services.users.find, services.users.find_in_passing):
        found = await asyncio.gather(*(find("demo", name.upper()) for name in NAMES for _ in range(2)))
        assert [user.username for user in found] == [name for name in NAMES for _ in range(2)]
        gone = await asyncio.gather(*(find("demo", f"nobody{i}") for i in range(3)), return_exceptions=True)
        assert {type(error).__name__ for error in gone} == {"UserNotFound"}


async def test_sockets_that_come_in_a_crowd_are_not_remembered_and_one_that_comes_alone_is(
    node: Services, tokens: dict[str, str]
) -> None:
    await ask(node.callers.identify_user, tokens.values())
    assert remembered(node) == []
    await ask(node.callers.identify_user, [tokens["u7"]])
    assert remembered(node) == ["u7"]


async def test_people_who_ask_over_rest_in_a_crowd_are_remembered(node: Services, tokens: dict[str, str]) -> None:
    await ask(node.callers.identify, tokens.values())
    assert remembered(node) == NAMES


@pytest.mark.parametrize("is_socket_first", [False, True])
async def test_whoever_asks_over_rest_among_the_sockets_of_a_crowd_is_remembered(
    node: Services, tokens: dict[str, str], is_socket_first: bool
) -> None:
    ways = [node.callers.identify_user, node.callers.identify]
    first, second = ways if is_socket_first else reversed(ways)
    await asyncio.gather(
        *(node.callers.identify_user(tokens[name]) for name in NAMES if name != "u7"),
        first(tokens["u7"]),
        second(tokens["u7"]),
    )
    assert remembered(node) == ["u7"]
