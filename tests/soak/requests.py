"""REST in four dialects at a steady rate, whatever the answers take."""

from __future__ import annotations

import asyncio
import itertools
import json
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from aiohttp import ClientError, ClientSession, ClientTimeout, TCPConnector

from tests.soak.world import World

PER_SECOND = 60
ANEW = 0.1
"""This share comes on a new connection."""
DEADLINE_S = 30.0
FILLING_ROUNDS = 100
MOST_UNDER_WAY = 60
"""Beyond it nobody asks before somebody has been answered: on a machine that is too slow the rate gives way."""
JSON_API = "application/vnd.api+json"
BULK = 1000


@dataclass(frozen=True, slots=True)
class Request:
    """`kind` is what its times stand under; `dialect` decides how the key is given."""

    kind: str
    method: str
    path: str
    status: int
    body: Any = None

    @property
    def dialect(self) -> str:
        return self.kind.split()[0]


@dataclass(frozen=True, slots=True)
class Reader:
    """A user as the four dialects name them."""

    username: str
    id: int
    uuid: str
    email: str


Make = Callable[[random.Random, str, list[Reader]], list[Request]]


def _native_user(rng: random.Random, app: str, readers: list[Reader]) -> list[Request]:
    return [Request("native GET user", "GET", f"/v1/{app}/users/{rng.choice(readers).username}", 200)]


def _native_page(rng: random.Random, app: str, readers: list[Reader]) -> list[Request]:
    offset = 50 * rng.randrange(100)
    return [Request("native GET page", "GET", f"/v1/{app}/users?presence=true&limit=50&offset={offset}", 200)]


def _native_online(_rng: random.Random, app: str, _readers: list[Reader]) -> list[Request]:
    path = f"/v1/{app}/users?presence=true&filter=presence_status:in:1;3&sort=-last_login_at"
    return [Request("native GET online", "GET", path, 200)]


def _native_counts(_rng: random.Random, app: str, _readers: list[Reader]) -> list[Request]:
    return [Request("native GET counts", "GET", f"/v1/{app}/presence/counts", 200)]


def _native_query(rng: random.Random, app: str, readers: list[Reader]) -> list[Request]:
    names = [one.username for one in rng.sample(readers, 100)]
    return [Request("native POST query", "POST", f"/v1/{app}/presence/query", 200, {"usernames": names})]


def _native_change(rng: random.Random, app: str, readers: list[Reader]) -> list[Request]:
    path = f"/v1/{app}/users/{rng.choice(readers).username}"
    return [Request("native PATCH user", "PATCH", path, 200, {"first_name": _word(rng)})]


def _native_life(rng: random.Random, app: str, _readers: list[Reader]) -> list[Request]:
    """Made, looked at and deleted."""
    name = f"brief-{rng.getrandbits(64):x}"
    path = f"/v1/{app}/users"
    return [
        Request("native POST user", "POST", path, 201, {"username": name, "email": f"{name}@mail.test"}),
        Request("native GET user", "GET", f"{path}/{name}", 200),
        Request("native DELETE user", "DELETE", f"{path}/{name}", 204),
    ]


def _native_bulk(rng: random.Random, app: str, readers: list[Reader]) -> list[Request]:
    users = [{"username": one.username, "last_name": _word(rng)} for one in rng.sample(readers, 20)]
    return [Request("native POST bulk", "POST", f"/v1/{app}/bulk/users", 200, {"users": users})]


def _oksky_read(rng: random.Random, _app: str, readers: list[Reader]) -> list[Request]:
    return [
        Request("oksky GET user", "GET", f"/rapi/v1/users/{rng.choice(readers).id}", 200),
        Request("oksky GET page", "GET", f"/rapi/v1/users?page[number]={1 + rng.randrange(100)}", 200),
    ]


def _oksky_write(rng: random.Random, _app: str, readers: list[Reader]) -> list[Request]:
    one = rng.choice(readers)
    body = {"data": {"type": "users", "id": str(one.id), "attributes": {"name": _word(rng)}}}
    return [Request("oksky PATCH user", "PATCH", f"/rapi/v1/users/{one.id}", 200, body)]


def _pulse_read(rng: random.Random, _app: str, readers: list[Reader]) -> list[Request]:
    return [
        Request("pulse GET user", "GET", f"/api/v1/users/{rng.choice(readers).uuid}", 200),
        Request("pulse GET page", "GET", f"/api/v1/users?page[number]={1 + rng.randrange(100)}", 200),
    ]


def _pulse_write(rng: random.Random, _app: str, readers: list[Reader]) -> list[Request]:
    one = rng.choice(readers)
    body = {"data": {"type": "users", "id": one.uuid, "attributes": {"name": _word(rng)}}}
    return [Request("pulse PATCH user", "PATCH", f"/api/v1/users/{one.uuid}", 200, body)]


def _panel_read(rng: random.Random, _app: str, readers: list[Reader]) -> list[Request]:
    return [
        Request("panel GET user", "GET", f"/api/application/users/{rng.choice(readers).id}", 200),
        Request("panel GET page", "GET", f"/api/application/users?page={1 + rng.randrange(100)}", 200),
    ]


def _panel_write(rng: random.Random, _app: str, readers: list[Reader]) -> list[Request]:
    one = rng.choice(readers)
    body = {"username": one.username, "email": one.email, "first_name": _word(rng), "last_name": _word(rng)}
    return [Request("panel PATCH user", "PATCH", f"/api/application/users/{one.id}", 200, body)]


MIX: Mapping[Make, int] = {
    _native_user: 30,
    _native_page: 8,
    _native_online: 2,
    _native_counts: 3,
    _native_query: 5,
    _native_change: 6,
    _native_life: 2,
    _native_bulk: 1,
    _oksky_read: 8,
    _oksky_write: 3,
    _pulse_read: 8,
    _pulse_write: 3,
    _panel_read: 8,
    _panel_write: 3,
}


def _word(rng: random.Random) -> str:
    return f"N{rng.getrandbits(32):08x}"


class Requests:
    """Whoever asks. `readers` are known after `prepare`."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._readers: list[Reader] = []
        self._under_way: set[asyncio.Task[None]] = set()

    async def prepare(self, further: list[str]) -> None:
        """Makes everybody, `further` usernames too, and learns under which ids they are known."""
        world, app = self._world, self._world.site.app.id
        async with self._session() as http:
            people = [
                {"username": name, "email": f"{name}@mail.test", "first_name": "A", "last_name": "B"}
                for name in (*world.readers, *world.visitors)
            ]
            people += [{"username": name} for name in further]
            for start in range(0, len(people), BULK):
                users = {"users": people[start : start + BULK]}
                await self._send(http, Request("setup bulk", "POST", f"/v1/{app}/bulk/users", 200, users))
            for page in itertools.count(1):
                path = f"/api/application/users?per_page=1000&page={page}"
                found = json.loads(await self._send(http, Request("panel setup", "GET", path, 200)))["data"]
                if not found:
                    break
                people_here = (one["attributes"] for one in found)
                self._readers += [
                    Reader(one["username"], one["id"], one["uuid"], one["email"])
                    for one in people_here
                    if one["username"].startswith("reader")
                ]
        assert len(self._readers) == len(world.readers)

    async def fill(self) -> None:
        """Asks for everybody once, for much at once, and for all that is ever asked for: what fills itself by design,
        such as what SQLite keeps of pages and statements for each connection, is as good as full afterwards."""
        app, rng = self._world.site.app.id, self._world.random
        async with self._session() as http:
            everybody = [f"/v1/{app}/users/{one.username}" for one in self._readers]
            heavy = [f"/v1/{app}/users?presence=true&limit=200&offset={n % 5200}" for n in range(0, 52_000, 100)]
            for paths, at_once in ((everybody, 50), (heavy, 100)):
                for start in range(0, len(paths), at_once):
                    asked = [Request("native fill", "GET", path, 200) for path in paths[start : start + at_once]]
                    await asyncio.gather(*(self._send(http, one) for one in asked))
            for _ in range(FILLING_ROUNDS):
                await asyncio.gather(*(self._ask(http, make(rng, app, self._readers)) for make in MIX))

    async def live(self) -> None:
        """At every tick somebody asks, whether or not those before have been answered, unless these are too many."""
        world, loop = self._world, asyncio.get_running_loop()
        kinds, weights = list(MIX), list(MIX.values())
        async with self._session() as kept, self._session(force_close=True) as anew:
            due = loop.time()
            while not world.is_over:
                if len(self._under_way) >= MOST_UNDER_WAY:
                    world.counts["held back"] += 1
                    await asyncio.wait(self._under_way, return_when=asyncio.FIRST_COMPLETED)
                make = world.random.choices(kinds, weights)[0]
                requests = make(world.random, world.site.app.id, self._readers)
                http = anew if world.random.random() < ANEW else kept
                task = asyncio.create_task(self._ask(http, requests))
                self._under_way.add(task)
                task.add_done_callback(self._under_way.discard)
                due = max(due + len(requests) / (PER_SECOND * world.load), loop.time() - 1)
                await asyncio.sleep(max(due - loop.time(), 0))
            await asyncio.gather(*self._under_way)

    async def _ask(self, http: ClientSession, requests: list[Request]) -> None:
        """One after the other."""
        for one in requests:
            await self._send(http, one)

    async def _send(self, http: ClientSession, request: Request) -> bytes:
        world = self._world
        headers = self._headers(request.dialect)
        data = None if request.body is None else json.dumps(request.body).encode()
        try:
            with world.timed(request.kind):
                url = world.url + request.path
                async with http.request(request.method, url, data=data, headers=headers) as answer:
                    body = await answer.read()
        except (ClientError, OSError, TimeoutError) as error:
            world.findings.note(f"{request.kind} was not answered", repr(error))
            return b""
        if answer.status != request.status:
            world.findings.note(f"{request.kind} was answered {answer.status}", f"{request.path} {body[:300]!r}")
        return body

    def _headers(self, dialect: str) -> dict[str, str]:
        key = self._world.site.app.key
        match dialect:
            case "oksky":
                return {"X-Access-Token": key, "Content-Type": JSON_API}
            case "pulse":
                return {"Authorization": f"Bearer {key}", "Content-Type": JSON_API}
            case _:
                return {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}

    @staticmethod
    def _session(*, force_close: bool = False) -> ClientSession:
        connector = TCPConnector(limit=0, force_close=force_close)
        return ClientSession(connector=connector, timeout=ClientTimeout(total=DEADLINE_S))
