"""Clients that break the protocol, read nothing or say nothing: each is cut off, and its `disconnect` handler runs."""

import asyncio
import json
import socket

import pytest

from chatsrv.realtime.server import WireLimits
from tests.realtime.wire import closed, serving, until

DEEP = "[" * 100_000


@pytest.mark.parametrize(
    "frame",
    [
        pytest.param("x", id="a stray letter"),
        pytest.param("", id="an empty text"),
        pytest.param("4" + DEEP, id="a message nested too deep"),
        pytest.param("42" + DEEP, id="an event nested too deep"),
        pytest.param("4", id="an empty message"),
        pytest.param("0{}", id="an open packet"),
        pytest.param("2", id="a ping"),
        pytest.param("5", id="an upgrade out of place"),
        pytest.param('49["x"]', id="an unknown packet type"),
        pytest.param("42", id="an event without a name"),
        pytest.param("42[]", id="an event with an empty list"),
        pytest.param('42{"a":1}', id="an event that is no list"),
        pytest.param("42[1]", id="an event whose name is a number"),
        pytest.param('42["echo",NaN]', id="a number that JSON does not have"),
        pytest.param('42["echo","\\ud800"]', id="half a character"),
        pytest.param("43[]", id="an acknowledgement of nothing"),
        pytest.param("431{}", id="an acknowledgement that is no list"),
        pytest.param("44{}", id="a refusal"),
        pytest.param("40", id="a second connect"),
        pytest.param('40["token"]', id="a connect whose auth is a list"),
        pytest.param('451-["echo",{"_placeholder":true,"num":0}]', id="an event with an attachment"),
        pytest.param('461-1[{"_placeholder":true,"num":0}]', id="an acknowledgement with an attachment"),
        pytest.param('421-["echo"]', id="a text event that announces an attachment"),
        pytest.param("bAAAA", id="a binary packet in base64"),
    ],
)
async def test_a_malformed_frame_ends_the_session_within_a_second(frame: str) -> None:
    """Seen on the plain library: for most of these `disconnect` comes a ping timeout late, for some never."""
    async with serving() as edge:
        ws = await edge.joined_websocket()
        await ws.send_str(frame)
        await until(lambda: edge.is_empty, within_s=1)
        assert edge.reasons == ["transport error"]
        assert edge.told("echo") == 0
        await closed(ws, within_s=1)


async def test_a_binary_frame_ends_the_session() -> None:
    """Seen on the plain library: an unexpected attachment is logged and the session goes on."""
    async with serving() as edge:
        ws = await edge.joined_websocket()
        await ws.send_bytes(b"\x00\x01")
        await until(lambda: edge.is_empty, within_s=1)


@pytest.mark.parametrize("name", ["connect", "disconnect", "connect_error", "*"])
async def test_a_reserved_event_name_never_reaches_a_handler(name: str) -> None:
    """Seen on the plain library: the handler of that name ran with the client's arguments."""
    async with serving() as edge:
        edge.server.on("*", edge.server.handlers["/"]["echo"])
        ws = await edge.joined_websocket()
        await ws.send_str("42" + json.dumps([name, "forged", "arguments"]))
        await until(lambda: edge.is_empty, within_s=1)
        assert [said for _, said in edge.heard] == ["connect", "connected", "end: transport error"]


async def test_a_client_that_leaves_while_connect_runs_gets_its_disconnect_afterwards() -> None:
    """Seen on the plain library, over polling as here: no `disconnect`, and the client in its rooms for ever."""
    async with serving() as edge:
        edge.gate.clear()
        poller = await edge.polling()
        connecting = asyncio.create_task(poller.post("40"))
        await until(lambda: edge.told("connect"))
        await poller.post("1")
        assert edge.reasons == []
        edge.gate.set()
        await connecting
        await until(lambda: edge.is_empty)
        assert [said for _, said in edge.heard] == ["connect", "connected", "end: transport error"]


async def test_a_websocket_that_is_lost_while_connect_runs_gets_its_disconnect_afterwards() -> None:
    async with serving(WireLimits(ping_interval_s=0.1, ping_timeout_s=0.1)) as edge:
        edge.gate.clear()
        ws = await edge.websocket()
        await ws.send_str("40")
        await closed(ws)
        assert edge.reasons == []
        edge.gate.set()
        await until(lambda: edge.is_empty)
        assert edge.reasons == ["ping timeout"]


async def test_compression_is_not_agreed_on() -> None:
    """Seen on the plain library: `compress` is 15."""
    async with serving() as edge:
        ws = await edge.websocket(compress=15)
        assert ws.compress == 0
        await ws.close()


async def test_an_oversized_message_closes_that_client_alone() -> None:
    async with serving(WireLimits(max_message_bytes=10_000)) as edge:
        large, other = await edge.joined_websocket(), await edge.joined_websocket()
        await large.send_str("42" + json.dumps(["echo", "x" * 10_000]))
        await until(lambda: edge.reasons == ["transport error"], within_s=2)
        assert await closed(large) in {1006, 1009}
        await other.send_str("421" + json.dumps(["echo", "y" * 9_000]))
        assert await other.receive_str() == "431" + json.dumps(["y" * 9_000])
        assert edge.told("echo") == 1
        await other.close()


@pytest.mark.parametrize(
    "limits",
    [
        pytest.param(WireLimits(queue_max_packets=20), id="by number"),
        pytest.param(WireLimits(queue_max_bytes=2_000_000), id="by size"),
    ],
)
async def test_a_client_that_stops_reading_is_cut_and_holds_nothing_up(limits: WireLimits) -> None:
    """Seen on the plain library: the queue grows with every event, and cleaning up waits for it to be read."""
    async with serving(limits) as edge:
        ws = await edge.joined_websocket()
        assert ws._response.connection is not None
        transport = ws._response.connection.transport
        assert transport is not None
        transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        transport.pause_reading()
        async with asyncio.timeout(10):
            while not edge.reasons:
                await edge.server.emit("flood", "x" * 100_000, to=edge.heard[0][0])
        assert edge.reasons == ["transport error"]
        await until(lambda: edge.is_empty, within_s=1)
        transport.abort()


@pytest.mark.parametrize("sent", [None, '42["echo"]', "40/admin", "41"])
async def test_a_session_without_authentication_is_closed_after_the_deadline(sent: str | None) -> None:
    """Seen on the plain library: it stays for ever."""
    async with serving(WireLimits(auth_deadline_s=0.2)) as edge:
        ws = await edge.websocket()
        if sent:
            await ws.send_str(sent)
        await closed(ws)
        assert edge.heard == []
        await until(lambda: edge.is_empty)


async def test_a_session_that_is_over_or_was_refused_does_not_keep_its_connection() -> None:
    async with serving(WireLimits(auth_deadline_s=0.2)) as edge:
        over = await edge.joined_websocket()
        await over.send_str("41")
        await closed(over)
        edge.server.on("connect", lambda *_: False)
        refused = await edge.websocket()
        await refused.send_str("40")
        assert (await refused.receive_str()).startswith("44{")
        await closed(refused)


async def test_the_deadline_does_not_touch_who_is_connected_or_whose_connect_handler_is_slow() -> None:
    async with serving(WireLimits(auth_deadline_s=0.1)) as edge:
        edge.gate.clear()
        ws = await edge.websocket()
        await ws.send_str("40")
        for _ in range(2):
            late = await edge.websocket()  # each of these outlives its own deadline after that of the first
            await closed(late)
        edge.gate.set()
        assert (await ws.receive_str()).startswith("40{")
        await closed(await edge.websocket())
        await ws.send_str('421["echo"]')
        assert await ws.receive_str() == "431[]"
        await ws.close()


async def test_an_upgrade_that_never_finishes_leaves_polling_alive() -> None:
    """Seen on the plain library: from the handshake on, polls are empty and nothing reaches the client."""
    async with serving() as edge:
        poller = await edge.joined_poller()
        url = poller.url.replace("transport=polling", "transport=websocket")
        ws = await edge.http.ws_connect(url)
        await edge.server.emit("hi")
        assert await poller.get() == (200, '42["hi"]')
        await ws.send_str("no probe")
        await closed(ws)
        assert await poller.post('421["echo"]') == 200
        assert await poller.get() == (200, "431[]")
