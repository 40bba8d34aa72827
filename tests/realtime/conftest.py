"""Sockets on running nodes, and stock clients."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import pytest
import socketio
from aiohttp import ClientSession
from redis.asyncio import Redis

from chatsrv import app as app_module
from chatsrv.domain.clock import Clock
from chatsrv.domain.presence import SERVER
from chatsrv.realtime import observers
from chatsrv.services import Services
from tests.client import ApiClient
from tests.conftest import DemoApp, MakeSettings
from tests.listening import served_node
from tests.realtime.observer import Onlooker

DEADLINE_S = 10.0
NewClient = Callable[..., "Client"]
LoseData = Callable[[], Awaitable[None]]
Connect = Callable[..., Awaitable["Client"]]
Observe = Callable[..., Awaitable[Onlooker]]


async def eventually(check: Callable[[], Awaitable[bool]], what: str) -> None:
    """Asks until it is so; a deadline ends a test that would wait for ever."""
    try:
        async with asyncio.timeout(DEADLINE_S):
            while not await check():
                await asyncio.sleep(0.02)
    except TimeoutError:
        raise AssertionError(f"in {DEADLINE_S} s it did not become true that {what}") from None


class Client:
    """A stock client on websocket that writes down what it is sent."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.io = socketio.AsyncClient(reconnection=False)
        self.events: asyncio.Queue[tuple[str, Any]] = asyncio.Queue()
        self.refusal: Any = None
        self.hello: Any = None
        self.io.on("*", self._note)
        self.io.on("connect_error", self._refused)

    async def _note(self, event: str, payload: Any = None) -> None:
        self.events.put_nowait((event, payload))

    async def _refused(self, data: Any) -> None:
        self.refusal = data

    async def connect(self, auth: Any) -> Any:
        """Returns the `hello`."""
        await self.io.connect(self.url, auth=auth, transports=["websocket"], wait_timeout=DEADLINE_S)
        return await self.next("hello")

    async def refused(self, auth: Any) -> dict[str, Any]:
        """Connects, must be refused, and returns `data` of the connect_error."""
        with pytest.raises(socketio.exceptions.ConnectionError):
            await self.io.connect(self.url, auth=auth, transports=["websocket"], wait_timeout=DEADLINE_S)
        data: dict[str, Any] = self.refusal["data"]
        return data

    async def next(self, event: str) -> Any:
        """The payload of the next event, which must be that one."""
        async with asyncio.timeout(DEADLINE_S):
            name, payload = await self.events.get()
        assert name == event, f"{name} came: {payload}"
        return payload

    async def lose(self) -> None:
        """The wire breaks: no word from the client."""
        self.io.eio.ws._response.connection.transport.abort()
        await self.io.wait()


@asynccontextmanager
async def running_node(services: Services) -> AsyncIterator[str]:
    """The URL of a node that serves as `chatsrv serve` does."""
    async with served_node(services) as url:
        yield url


@pytest.fixture
async def node(services: Services, demo: DemoApp, clock: Clock) -> AsyncIterator[str]:
    """A node on a keyspace that is no longer new: in a new one, offline changes are held for a lease."""
    await services.upkeep.beat()
    clock.advance(services.settings.node_dead_s + 1)
    async with running_node(services) as url:
        yield url


@pytest.fixture
async def new_client(node: str) -> AsyncIterator[Callable[[], Client]]:
    """Makes clients of the node; they are gone when the test ends."""
    async with AsyncExitStack() as stack:

        def make(url: str = node) -> Client:
            client = Client(url)
            stack.push_async_callback(client.io.disconnect)
            return client

        yield make


@pytest.fixture
def connect(new_client: NewClient, services: Services, demo: DemoApp) -> Connect:
    """Connects as that user, who is made if need be; `auth` goes along with the token."""

    async def connect(username: str, url: str | None = None, **auth: Any) -> Client:
        users, _ = await services.watching.find(demo.id, [username])
        if not users:
            await services.users.create(demo.id, {"username": username}, SERVER)
        token, _ = await services.callers.mint_token(await services.apps.get(demo.id), username, 600)
        client = new_client(url) if url else new_client()
        client.hello = await client.connect({"token": token, **auth})
        return client

    return connect


@pytest.fixture
def in_a_hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """What observers are told once a second they are told more often."""
    assert app_module.OBSERVERS_EVERY_S <= observers.RESET_EVERY_S == observers.COUNT_EVERY_S == 1
    monkeypatch.setattr(app_module, "OBSERVERS_EVERY_S", 0.1)
    monkeypatch.setattr(observers, "COUNT_EVERY_S", 0.1)
    monkeypatch.setattr(observers, "RESET_EVERY_S", 0.3)


@pytest.fixture
def observe(new_client: NewClient, demo: DemoApp) -> Observe:
    """Somebody who watches the demo app, with its key or another."""

    async def observe(key: str = demo.key, *, watch: bool = True) -> Onlooker:
        onlooker = Onlooker(new_client())
        onlooker.client.hello = await onlooker.come(key)
        if watch:
            await onlooker.watch()
        return onlooker

    return observe


async def changes(client: Client) -> dict[str, int]:
    """The next diff: who shows what."""
    diff = await client.next("presence:diff")
    return {change["username"]: change["presence_status"] for change in diff["changes"]}


@pytest.fixture
def lose_data(make_settings: MakeSettings) -> LoseData:
    """Redis loses all that this test has in it."""
    settings = make_settings()

    async def lose_data() -> None:
        async with Redis.from_url(settings.redis_url) as redis:
            async for name in redis.scan_iter(match=f"{settings.redis_prefix}:*"):
                await redis.delete(name)

    return lose_data


@pytest.fixture
async def api(node: str, demo: DemoApp) -> AsyncIterator[ApiClient]:
    async with ClientSession() as session:
        yield ApiClient(session, node, {"Authorization": f"Bearer {demo.key}"})


@pytest.fixture
async def token(services: Services, demo: DemoApp) -> str:
    """Anna's."""
    await services.users.create(demo.id, {"username": "anna", "first_name": "Anna"}, SERVER)
    return await token_of(services, demo, "anna")


async def token_of(services: Services, demo: DemoApp, username: str) -> str:
    return (await services.callers.mint_token(await services.apps.get(demo.id), username, 600))[0]


async def shows(api: ApiClient, status: int, username: str = "anna") -> bool:
    return bool((await api.get(f"/v1/demo/users/{username}")).json["presence_status"] == status)


async def has_no_sockets(services: Services) -> bool:
    return services.metrics.registry.get_sample_value("chatsrv_sockets") == 0


def gauge(services: Services, name: str) -> float:
    return services.metrics.registry.get_sample_value(name) or 0.0
