"""Whoever gives up while something is read for many: nobody else waits for ever, and nobody gets what was before."""

from __future__ import annotations

import asyncio
import os
import random

import pytest

from chatsrv.domain.apps import ALL_SCOPES
from chatsrv.domain.errors import Unauthenticated
from chatsrv.domain.listing import Filter, Operator, UserQuery
from chatsrv.domain.presence import SERVER, Claim, PresenceStatus, Source, Viewer
from chatsrv.domain.users import User
from chatsrv.services import Services
from tests.conftest import DemoApp
from tests.services.memory.test_stale_loads import follow

STORMS = int(os.environ.get("CHATSRV_TEST_STALE", "0"))
DATABASES = ["sqlite_template", "postgres_url"] if STORMS else ["sqlite_template"]
pytestmark = pytest.mark.parametrize("database_source", DATABASES, indirect=True)
QUERIES = (
    UserQuery(50),
    UserQuery(2, with_presence=True),
    UserQuery(50, filters=(Filter("role", Operator.EQ, ("user",)),)),
)


class Weather:
    """Two nodes that follow the log, and whoever reads and writes on them until the storm ends."""

    def __init__(self, nodes: tuple[Services, Services], users: list[User], key: str, dice: random.Random) -> None:
        self.nodes = nodes
        self.users = users
        self.key = key
        self.dice = dice
        self.is_over = False

    async def tail(self, node: Services) -> None:
        while not self.is_over:
            await node.announcements.flush()
            await node.following.read(1)

    async def read(self) -> None:
        node = self.dice.choice(self.nodes)
        kinds = (
            lambda: node.users.find("demo", self.dice.choice(self.users).username),
            lambda: node.users.page("demo", self.dice.choice(QUERIES), SERVER),
            lambda: node.callers.identify_key(self.key),
            lambda: node.watching.look("demo", self.users, SERVER),
        )
        await self.dice.choice(kinds)()

    async def storm(self) -> None:
        while not self.is_over:
            readers = [asyncio.create_task(self.read()) for _ in range(20)]
            for _ in range(self.dice.randrange(6)):
                await asyncio.sleep(0)
            for reader in self.dice.sample(readers, 10):
                reader.cancel()
            _, pending = await asyncio.wait(readers, timeout=20)
            assert not pending
            assert not [reader for reader in readers if not reader.cancelled() and reader.exception()]

    async def write(self, user: User) -> None:
        node = self.dice.choice(self.nodes)
        for turn in range(12):
            await write_a_row(node, user, f"{turn}")
            await write_a_claim(node, user, PresenceStatus.DND if turn % 2 else PresenceStatus.AWAY)
            await write_a_key(node)


async def write_a_row(node: Services, user: User, name: str) -> None:
    await node.users.update("demo", user.id, {"first_name": name}, SERVER)
    assert (await node.users.find("demo", user.username)).first_name == name
    page = await node.users.page("demo", UserQuery(50), SERVER)
    assert [one.user.first_name for one in page.people if one.user.id == user.id] == [name]


async def write_a_claim(node: Services, user: User, status: PresenceStatus) -> None:
    await node.claims.put(user, Claim(f"{status}", Source.MANUAL, status), 60, "", Viewer(None))
    assert (await node.users.get("demo", user.id, SERVER)).presence.status is status
    roll = await node.watching.look("demo", [user], SERVER)
    assert roll.people[0].presence.status is status


async def write_a_key(node: Services) -> None:
    key, text = await node.apps.create_key("demo", "x", ALL_SCOPES, (), None)
    await node.callers.identify_key(text)
    await node.apps.revoke_key("demo", key.id)
    with pytest.raises(Unauthenticated):
        await node.callers.identify_key(text)


def _reads_on(node: Services) -> bool:
    reads = node.users._reads
    return bool(reads._tasks or reads._reading or node.apps._loading)


@pytest.mark.parametrize("seed", range(max(1, STORMS)))
async def test_in_a_storm_of_readers_who_give_up_everybody_else_is_answered_and_writers_read_what_they_wrote(
    services: Services, demo: DemoApp, other: Services, seed: int
) -> None:
    made = [await services.users.create("demo", {"username": f"user{number}"}, SERVER) for number in range(12)]
    weather = Weather((services, other), [person.user for person in made], demo.key, random.Random(seed))
    for node in weather.nodes:
        await node.upkeep.beat()
        await node.following.begin()
        await follow(node)
        node.mirror.want("demo")
        await node.following.load_missing()
    async with asyncio.timeout(50), asyncio.TaskGroup() as group:
        for node in weather.nodes:
            group.create_task(weather.tail(node))
        group.create_task(weather.storm())
        await asyncio.gather(*(weather.write(user) for user in weather.users[:4]))
        weather.is_over = True
    # what those asked for who gave up is still read to its end
    async with asyncio.timeout(10):
        while any(_reads_on(node) for node in weather.nodes):
            await asyncio.sleep(0.01)
    for node in weather.nodes:
        assert not any(node.users._reads._waiting.values())
