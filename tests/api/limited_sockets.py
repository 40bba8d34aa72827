"""What sockets do to come up against limits."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

import socketio

from tests.api.limited import PATIENCE_S, Came, Provoke, World
from tests.realtime.raw_socket import RawSocket, frame


@asynccontextmanager
async def sockets(
    world: World, count: int, addresses: tuple[str, ...], users: str = "anna"
) -> AsyncIterator[list[Any]]:
    """So many stock clients of these users and addresses in turn; what each came to: a client, or its refusal."""
    clients: list[socketio.AsyncClient] = []
    outcomes: list[Any] = []
    app = await world.services.apps.get("demo")
    for number in range(count):
        names = users.split()
        token, _ = await world.services.callers.mint_token(app, names[number % len(names)], 600)
        client = socketio.AsyncClient(reconnection=False)
        clients.append(client)
        client.on("session:close", lambda payload, client=client: setattr(client, "closed_with", payload["code"]))
        refusals: list[Any] = []
        client.on("connect_error", refusals.append)
        headers = {"X-Forwarded-For": addresses[number % len(addresses)]}
        try:
            await client.connect(world.api.url, headers, auth={"token": token}, transports=["websocket"])
        except socketio.exceptions.ConnectionError:
            outcomes.append(refusals[0]["data"])
        else:
            outcomes.append(client)
    try:
        yield outcomes
    finally:
        for client in clients:
            await client.disconnect()
        async with asyncio.timeout(PATIENCE_S):
            while world.seen("chatsrv_sockets"):
                await asyncio.sleep(0.01)


def coming(count: int, *addresses: str, users: str) -> Provoke:
    """The last of so many is refused."""

    async def provoke(world: World) -> Came:
        async with sockets(world, count, addresses, users) as outcomes:
            assert all(isinstance(outcome, socketio.AsyncClient) for outcome in outcomes[:-1])
            return Came(0, outcomes[-1]["code"], {"Retry-After": str(outcomes[-1]["retry_after_s"])})

    return provoke


async def observe_too_often(world: World) -> Came:
    """The last of three who watch the whole app is refused."""
    clients = [socketio.AsyncClient(reconnection=False) for _ in range(3)]
    refusals: list[Any] = []
    clients[-1].on("connect_error", refusals.append)
    with suppress(socketio.exceptions.ConnectionError):
        for number, client in enumerate(clients):
            headers = {"X-Forwarded-For": f"203.0.113.{20 + number}"}
            await client.connect(world.api.url, headers, auth={"token": world.key}, transports=["websocket"])
    for client in clients[:2]:
        await client.disconnect()
    data = refusals[0]["data"]
    return Came(0, data["code"], {"Retry-After": str(data["retry_after_s"])})


async def come_too_often(world: World) -> Came:
    """The first of three gives way."""
    async with sockets(world, 3, ("203.0.113.7", "203.0.113.8"), "anna") as (first, *_):
        await first.wait()
        return Came(0, first.closed_with)


def calling(event: str, payload: Callable[[World], Any]) -> Provoke:
    async def provoke(world: World) -> Came:
        async with sockets(world, 1, ("203.0.113.9",)) as [client]:
            if event == "room:enter":
                await client.call(event, {"channel": world.channels[1]})
            acked = await client.call(event, payload(world))
            return Came(0, acked["error"]["code"])

    return provoke


def emitting(event: str, payload: Any, times: int) -> Provoke:
    """Until the socket is closed for it."""

    async def provoke(world: World) -> Came:
        async with sockets(world, 1, ("203.0.113.10",)) as [client]:
            with suppress(socketio.exceptions.SocketIOError):
                for _ in range(times):
                    await client.emit(event, payload)
            async with asyncio.timeout(PATIENCE_S):
                await client.wait()
            return Came(0, client.closed_with)

    return provoke


async def say_nothing(world: World) -> Came:
    raw = await RawSocket.dial(world.api.url)
    await raw.open()
    await raw.rest()
    raw.leave()
    return Came(0)


async def say_much(world: World) -> Came:
    raw = await RawSocket.dial(world.api.url)
    await raw.open()
    await raw.send(frame("4" + "x" * 3000))
    last = (await raw.rest())[-1]
    raw.leave()
    return Came(0, last.code)


async def hear_nothing(world: World) -> Came:
    raw = await RawSocket.dial(world.api.url, receive_buffer=4096)
    await raw.open()
    await raw.send(frame(f'40{{"token":"{world.token}"}}'))
    await raw.read_joined()
    async with asyncio.timeout(PATIENCE_S):
        while world.seen("chatsrv_sockets"):
            world.send_event([raw.sid], "news", "x" * 50_000)
            await asyncio.sleep(0.005)
    raw.leave()
    return Came(0)
