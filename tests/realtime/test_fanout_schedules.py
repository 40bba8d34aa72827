"""The fan-out's promises to every socket, whatever happens at once and in whatever order."""

from __future__ import annotations

import asyncio
from random import Random

import pytest

from chatsrv.domain.changes import Entry
from chatsrv.realtime import delivery
from tests.realtime.fanout_world import DEADLINE_S, World


class Client:
    """What a socket's user makes of it. It notes every break of the promises that are made to it."""

    def __init__(self, world: World, sid: str, user_id: int) -> None:
        self.world, self.sid, self.user_id = world, sid, user_id
        self.watched: set[int] = set()
        self.seen: dict[int, int] = {}
        self.at = world.version
        self.watcher = world.join(sid, user_id)

    def take(self) -> None:
        for frame in self.world.frames(self.sid):
            assert frame["version"] >= self.at, "versions never go back"
            self.at = frame["version"]
            for change in frame["changes"]:
                self._note(int(change["username"][1:]), change["text"])

    def _note(self, user_id: int, text: str) -> None:
        version = int(text.split()[0][1:])
        assert user_id in self.watched or user_id == self.user_id, "it is told of nobody whom it does not watch"
        assert (" s" in text) is (user_id == self.user_id), "the truth is for the own user alone"
        if user_id != self.user_id:
            assert version > self.seen[user_id], "each change once, none that the snapshot had"
        self.seen[user_id] = version

    async def subscribe(self, user_ids: list[int], random: Random) -> None:
        """As the command does it: the snapshot is of some moment in between."""
        new = self.world.fanout.subscribe(self.watcher, {user_id: f"u{user_id}" for user_id in user_ids})
        await _pause(random)
        version, states = self.world.version, dict(self.world.states)
        await _pause(random)
        if random.random() < 0.1:  # a store did not answer
            await self.world.fanout.unsubscribe(self.watcher, new)
        else:
            await self.world.fanout.show(self.watcher, user_ids, "e1", version)
            self.take()
            self.watched |= set(user_ids)
            self.seen |= {user_id: states.get(user_id, 0) for user_id in user_ids}
            assert version >= self.at, "the snapshot is no older than what was told before"
            self.at = version
        await self.world.fanout.release(self.watcher)

    async def unsubscribe(self, user_ids: list[int]) -> None:
        await self.world.fanout.unsubscribe(self.watcher, user_ids)
        self.take()
        self.watched -= set(user_ids)


async def _pause(random: Random) -> None:
    for _ in range(random.randrange(4)):
        await asyncio.sleep(0)


class Schedule:
    """Everything at once, in an order that the seed decides."""

    USERS = range(1, 9)

    def __init__(self, world: World, random: Random) -> None:
        self.world, self.random = world, random
        self.clients = [Client(world, f"s{number}", random.choice(self.USERS)) for number in range(8)]

    async def run(self) -> None:
        await asyncio.gather(self.change(), self.come_and_go(), *(self.live(client) for client in self.clients))

    async def change(self) -> None:
        world, random = self.world, self.random
        for _ in range(120):
            some = [random.choice(self.USERS) for _ in range(random.randrange(1, 4))]
            batch: list[Entry] = [world.change(user_id, random.random() < 0.2) for user_id in some]
            await _pause(random)
            world.log.put_nowait(batch)
            await _pause(random)

    async def live(self, client: Client) -> None:
        for _ in range(25):
            some = self.random.sample(self.USERS, self.random.randrange(1, 5))
            await (client.subscribe(some, self.random) if self.random.random() < 0.7 else client.unsubscribe(some))
            client.take()
            await _pause(self.random)

    async def come_and_go(self) -> None:
        for number in range(20):
            watcher = self.world.join(f"guest{number}", self.random.choice(self.USERS))
            some = self.random.sample(self.USERS, 3)
            self.world.fanout.subscribe(watcher, {user_id: f"u{user_id}" for user_id in some})
            await _pause(self.random)
            self.world.fanout.leave(watcher)

    async def come_to_rest(self) -> None:
        """A last change, so that the log goes beyond what anybody was shown."""
        self.world.log.put_nowait([self.world.change(1)])
        while not self.world.log.empty() or self.world.fanout.delivery._stirred_apps:
            await _pause(self.random)
        await self.world.fanout.delivery.flush()
        self.world.fanout._settle_more()


@pytest.mark.parametrize("seed", range(12))
async def test_whatever_the_order_every_socket_sees_what_it_watches_once_and_to_the_end(
    seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    random, world = Random(seed), World()
    monkeypatch.setattr(delivery, "SLICE", random.choice((1, 3, 1000)))
    loops = [asyncio.create_task(world.fanout.follow()), asyncio.create_task(world.fanout.delivery.flush_forever())]
    schedule = Schedule(world, random)
    async with asyncio.timeout(DEADLINE_S):
        await schedule.run()
        await schedule.come_to_rest()
    for client in schedule.clients:
        client.take()
        newest = {user_id: world.states.get(user_id, 0) for user_id in client.watched - {client.user_id}}
        assert newest.items() <= client.seen.items()
        assert client.watcher.hold is None
    for loop in loops:
        loop.cancel()
