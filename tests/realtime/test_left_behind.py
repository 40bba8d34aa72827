"""What is left of a socket when it is gone: nothing, without anybody having to look for it."""

from __future__ import annotations

import gc
from collections.abc import Awaitable, Callable, Iterator

import pytest
import socketio

from chatsrv.realtime.probe import Probe
from chatsrv.realtime.session import Session
from chatsrv.wire import WebSocket
from tests.realtime.wire import Edge, serving, until


@pytest.fixture
def no_collector() -> Iterator[None]:
    """A server's own hardly ever comes by: what waits for it stays."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def count_remains() -> int:
    return sum(isinstance(one, Session | WebSocket | Probe) for one in gc.get_objects())


async def leave_politely(edge: Edge) -> None:
    ws = await edge.joined_websocket()
    await ws.close()


async def lose_the_wire(edge: Edge) -> None:
    ws = await edge.joined_websocket()
    assert ws._response.connection
    assert ws._response.connection.transport
    ws._response.connection.transport.abort()


async def be_cut(edge: Edge) -> None:
    ws = await edge.joined_websocket()
    await ws.send_str("nonsense")
    await ws.receive()


async def upgrade_and_leave(edge: Edge) -> None:
    client = socketio.AsyncClient()
    await client.connect(edge.url)
    assert client.transport() == "websocket"
    await client.disconnect()


WAYS = (leave_politely, lose_the_wire, be_cut, upgrade_and_leave)


@pytest.mark.parametrize("way", WAYS, ids=[way.__name__ for way in WAYS])
@pytest.mark.usefixtures("no_collector")
async def test_a_socket_that_is_gone_leaves_nothing_for_the_collector(way: Callable[[Edge], Awaitable[None]]) -> None:
    async with serving() as edge:
        before = count_remains()
        await way(edge)
        await until(lambda: edge.is_empty and count_remains() == before)
