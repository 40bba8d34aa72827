"""The users and clients of one test, on any node; the clients are gone when the test ends."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any
from uuid import uuid4

import jwt

from tests.client import ApiClient
from tests.faults.cluster import Cluster, FaultApp
from tests.faults.nodes import Node
from tests.faults.raw import RawClient
from tests.faults.stock import StockClient
from tests.faults.waiting import eventually
from tests.faults.watcher import Watcher

TOKEN_LIFE_S = 3600
CONNECTS_AT_ONCE = 20
UPSERT_MAX = 1000


def sign(app: FaultApp, username: str, life_s: int = TOKEN_LIFE_S) -> str:
    """A token, made as an app's backend would."""
    now = int(time.time())
    claims = {"sub": username, "aid": app.id, "iat": now, "exp": now + life_s}
    return jwt.encode(claims, app.jwt_secret, algorithm="HS256")


class Crowd:
    """Where a method takes `url`, it is that of a node or of a proxy in front of some."""

    def __init__(self, cluster: Cluster, app: FaultApp, stack: AsyncExitStack) -> None:
        self.cluster = cluster
        self.app = app
        self._stack = stack
        self._mark = uuid4().hex[:6]
        self._numbers = itertools.count()

    # Users

    async def make_users(self, stem: str, count: int) -> list[str]:
        """Names that no other test has."""
        names = [f"{stem}{next(self._numbers)}-{self._mark}" for _ in range(count)]
        for start in range(0, count, UPSERT_MAX):
            users = [{"username": name} for name in names[start : start + UPSERT_MAX]]
            answer = await self.rest().post(f"/v1/{self.app.id}/bulk/users", {"users": users})
            assert {result["status"] for result in answer.json["results"]} == {"created"}, answer.json
        return names

    async def make_user(self, stem: str) -> str:
        return (await self.make_users(stem, 1))[0]

    def token(self, username: str, life_s: int = TOKEN_LIFE_S) -> str:
        return sign(self.app, username, life_s)

    def auth(self, username: str, **further: Any) -> dict[str, Any]:
        """What a client of that user connects with."""
        return {"token": self.token(username), **further}

    # Clients

    async def join(self, url: str, username: str, **auth: Any) -> RawClient:
        """A light client, which does not come back by itself. Raises Refused."""
        client = await RawClient.connect(self.cluster.http, url, self.auth(username, **auth))
        self._stack.push_async_callback(client.end)
        return client

    async def join_all(self, url: str, usernames: Sequence[str]) -> list[RawClient]:
        """One light client for each, in their order."""
        turn = asyncio.Semaphore(CONNECTS_AT_ONCE)

        async def one(username: str) -> RawClient:
            async with turn:
                return await self.join(url, username)

        return await asyncio.gather(*(one(username) for username in usernames))

    async def join_stock(self, url: str, username: str, **auth: Any) -> StockClient:
        """A stock client, which comes back by itself."""
        client = StockClient(self.cluster.http, url, self.auth(username, **auth))
        self._stack.push_async_callback(client.end)
        await client.connect()
        return client

    async def watch(self, url: str, usernames: Iterable[str]) -> Watcher:
        """By a user of its own."""
        name = await self.make_user("watcher")
        watcher = Watcher(StockClient(self.cluster.http, url, self.auth(name)), usernames)
        self._stack.push_async_callback(watcher.end)
        await watcher.begin()
        return watcher

    # What REST says

    def rest(self, node: Node | None = None) -> ApiClient:
        """Of the first node that runs, unless one is named."""
        chosen = node or next(one for one in self.cluster.nodes if one.is_running)
        return self.cluster.rest(chosen, self.app)

    async def presences(self, usernames: Sequence[str], node: Node | None = None) -> dict[str, Any]:
        """The presence of each, by the bulk query."""
        answer = await self.rest(node).post(f"/v1/{self.app.id}/presence/query", {"usernames": list(usernames)})
        assert answer.status == 200, answer.json
        return {user["username"]: user for user in answer.json["users"]}

    async def statuses(self, usernames: Sequence[str], node: Node | None = None) -> dict[str, int]:
        found = await self.presences(usernames, node)
        return {name: presence["presence_status"] for name, presence in found.items()}

    async def are_all(self, usernames: Sequence[str], status: int, node: Node | None = None) -> bool:
        return set((await self.statuses(usernames, node)).values()) == {status}

    async def sessions(self, username: str, node: Node | None = None) -> list[dict[str, Any]]:
        """Live ones and those in grace."""
        answer = await self.rest(node).get(f"/v1/{self.app.id}/users/{username}/sessions")
        assert answer.status == 200, answer.json
        found: list[dict[str, Any]] = answer.json
        return found

    async def have_sessions(self, usernames: Sequence[str], count: int, node: Node | None = None) -> bool:
        """Each of them has just so many."""
        found = await asyncio.gather(*(self.sessions(name, node) for name in usernames))
        return all(len(sessions) == count for sessions in found)


@asynccontextmanager
async def gathered(cluster: Cluster, app: FaultApp | None = None) -> AsyncIterator[Crowd]:
    """A crowd in that app, or in the cluster's first."""
    async with AsyncExitStack() as stack:
        yield Crowd(cluster, app or cluster.app, stack)


async def outlast_hold(cluster: Cluster) -> None:
    """In a keyspace that is new, offline changes are held for a lease: whoever logs out is online until it is over."""
    async with gathered(cluster) as crowd:
        name = await crowd.make_user("first")
        await (await crowd.join(cluster.nodes[0].url, name)).log_out()
        await eventually(lambda: crowd.are_all([name], 0), "the hold of a new keyspace is over")
