"""What the listener does for every connection before anybody speaks on it."""

from __future__ import annotations

import asyncio
import socket

from chatsrv.realtime.server import WireLimits
from tests.realtime.raw_socket import RawSocket
from tests.realtime.wire import serving, until


async def test_a_second_small_frame_does_not_wait_until_the_client_has_acknowledged_the_first() -> None:
    """With Nagle's algorithm it does, up to 40 ms, and is lost where the connection is cut meanwhile."""
    async with serving() as edge:
        await edge.joined_websocket()
        (session,) = edge.server.eio.sockets.values()
        assert session.transport is not None
        wire = session.transport.get_extra_info("socket")
        assert wire.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


async def test_the_rest_of_a_body_that_nobody_wants_is_waited_for_a_little_while_only() -> None:
    """Seen on the plain library: a task for each such client, for ten seconds after it has left."""
    async with serving(WireLimits(max_message_bytes=1000)) as edge:
        poller = await edge.polling()
        others = asyncio.all_tasks()
        raw = await RawSocket.dial(edge.url)
        path = poller.url.removeprefix(edge.url)
        await raw.send(f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: 1001\r\n\r\n4".encode())
        assert (await raw.read_head()).status == 413
        raw.leave()
        await until(lambda: not asyncio.all_tasks() - others, within_s=4)
