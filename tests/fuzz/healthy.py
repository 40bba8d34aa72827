"""Stock clients that go about their business: every change is seen by every watcher before the next is made."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from functools import partial
from statistics import median

from tests.faults.crowd import Crowd
from tests.faults.watcher import Watcher

WATCHERS = 3
MOVERS = 3
PATIENCE_S = 15.0
PACE_S = 0.02


class Healthy:
    """`seen_s` is how long changes took to come to all watchers, `acked_s` how long acks took; from the last `mark`."""

    def __init__(self, crowd: Crowd, movers: Sequence[str], watchers: Sequence[Watcher]) -> None:
        self._crowd = crowd
        self.movers = movers
        self.watchers = watchers
        self.seen_s: list[float] = []
        self.acked_s: list[float] = []
        self.written = dict.fromkeys(movers, 0)
        self._works = asyncio.Event()
        self._works.set()
        self._busy = 0

    def mark(self) -> tuple[float, float]:
        """The medians since the last time."""
        found = median(self.seen_s), median(self.acked_s)
        self.seen_s.clear()
        self.acked_s.clear()
        return found

    @asynccontextmanager
    async def at_rest(self) -> AsyncIterator[None]:
        """They stay connected, and ask for nothing."""
        self._works.clear()
        while self._busy:
            await asyncio.sleep(PACE_S)
        yield
        self._works.set()

    async def go_on(self, act: Callable[[], Awaitable[None]], times: list[float]) -> None:
        """One act after the other."""
        while True:
            await self._works.wait()
            self._busy += 1
            began = time.monotonic()
            await act()
            times.append(time.monotonic() - began)
            self._busy -= 1
            await asyncio.sleep(PACE_S)

    async def move(self, name: str) -> None:
        """Says the next thing; returns when all have seen it."""
        self.written[name] += 1
        text = str(self.written[name])
        path = f"/v1/{self._crowd.app.id}/users/{name}/presence"
        answer = await self._crowd.rest().put(path, {"status": "dnd", "text": text})
        assert answer.status == 200, answer.json
        await asyncio.wait_for(self._until_seen(name, text), PATIENCE_S)

    async def _until_seen(self, name: str, text: str) -> None:
        while not all(texts_of(watcher, name)[-1:] == [text] for watcher in self.watchers):
            await asyncio.sleep(0.002)

    async def ask(self, watcher: Watcher) -> None:
        answer = await watcher.client.ask("presence:query", {"usernames": list(self.movers)})
        assert len(answer.get("users", ())) == len(self.movers), answer

    def check(self) -> None:
        """Each has seen every change once, in its order, on the one connection that it had from the beginning."""
        for watcher in self.watchers:
            client = watcher.client
            assert (len(client.hellos), client.endings, client.closings, client.refusals) == (1, 0, [], [])
            assert not watcher.fulls
            watcher.assert_versions_grow()
            for name, last in self.written.items():
                found = [int(text) for text in texts_of(watcher, name)]
                assert found == list(range(1, last + 1)), (name, last, found[-5:])


def texts_of(watcher: Watcher, name: str) -> list[str]:
    return [str(one.change["text"]) for one in watcher.seen if one.username == name]


@asynccontextmanager
async def going_about(crowd: Crowd, url: str) -> AsyncIterator[Healthy]:
    """As long as the block lasts; what goes wrong for one of them is raised in it."""
    movers = await crowd.make_users("mover", MOVERS)
    for name in movers:
        await crowd.join(url, name)
    watchers = [await crowd.watch(url, movers) for _ in range(WATCHERS)]
    healthy = Healthy(crowd, movers, watchers)
    async with asyncio.TaskGroup() as group:
        acts = [(partial(healthy.move, name), healthy.seen_s) for name in movers]
        acts += [(partial(healthy.ask, watcher), healthy.acked_s) for watcher in watchers]
        works = [group.create_task(healthy.go_on(act, times)) for act, times in acts]
        yield healthy
        async with healthy.at_rest():
            for work in works:
                work.cancel()
    healthy.check()
