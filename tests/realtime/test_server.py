"""What stock clients and the application's handlers get. Clients that misbehave have files of their own."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import socketio
import structlog
from socketio.exceptions import ConnectionError as NotConnected
from socketio.exceptions import ConnectionRefusedError as Refused

from chatsrv.realtime.server import WireLimits
from tests.realtime.wire import Edge, closed, serving, until

TRANSPORTS = pytest.mark.parametrize("transport", ["websocket", "polling"])


@asynccontextmanager
async def stock_client(edge: Edge, transport: str = "websocket", **options: Any) -> AsyncIterator[Any]:
    client = socketio.AsyncClient(reconnection_delay=0.05, reconnection_delay_max=0.1, randomization_factor=0)
    await client.connect(edge.url, transports=[transport], **options)
    yield client
    await client.shutdown()


async def refusal(edge: Edge, **options: Any) -> Any:
    """What a stock client is told when it is not let in."""
    client = socketio.AsyncClient(reconnection=False)
    told: list[Any] = []
    client.on("connect_error", told.append)
    with pytest.raises(NotConnected):
        await client.connect(edge.url, transports=["websocket"], **options)
    await client.disconnect()
    return told[0]


@TRANSPORTS
async def test_a_stock_client_connects_calls_and_is_answered(transport: str) -> None:
    async with serving() as edge, stock_client(edge, transport, auth={"token": "t"}) as client:
        assert await client.call("echo", {"grüße": ["👋", 1]}, timeout=5) == {"grüße": ["👋", 1]}


async def test_a_stock_client_upgrades_from_polling_and_keeps_its_session() -> None:
    async with serving() as edge:
        client = socketio.AsyncClient()
        await client.connect(edge.url)
        assert client.transport() == "websocket"
        assert await client.call("echo", 1, timeout=5) == 1
        await client.disconnect()
        await until(lambda: edge.reasons == ["client disconnect"])


async def test_the_connect_handler_sees_the_request_of_the_handshake() -> None:
    async with serving() as edge, stock_client(edge, headers={"X-Forwarded-For": "192.0.2.7"}):
        handshake = edge.handshakes[0]
        assert handshake.forwarded_for == ("192.0.2.7",)
        assert (handshake.peer, handshake.query["transport"]) == ("127.0.0.1", "websocket")


@pytest.mark.parametrize(("given", "kept"), [("req-1.a_B", "req-1.a_B"), ("a b", None), ("x" * 65, None), (None, None)])
async def test_the_log_lines_of_a_websocket_carry_its_request_id_where_that_is_harmless(
    given: str | None, kept: str | None
) -> None:
    async with serving() as edge:
        seen: list[Any] = []
        edge.server.on("look", lambda *_: seen.append(structlog.contextvars.get_contextvars()))
        ws = await edge.websocket(headers={"X-Request-Id": given} if given else {})
        await ws.send_str("40")
        await ws.send_str('42["look"]')
        await until(lambda: seen)
        assert seen[0].get("request_id") == kept
        await ws.close()


async def test_a_refusal_reaches_the_client_with_its_data() -> None:
    async with serving() as edge:

        async def refuse(sid: str, environ: Any, auth: Any) -> None:
            raise Refused("ExpiredToken", {"code": 1020, "type": "ExpiredToken"})

        edge.server.on("connect", refuse)
        assert await refusal(edge) == {
            "message": "ExpiredToken",
            "data": {"code": 1020, "type": "ExpiredToken"},
        }
        await until(lambda: edge.is_empty)
        assert edge.reasons == []


async def test_a_connect_handler_that_fails_is_called_once_and_refuses_as_an_internal_error() -> None:
    """Seen on the plain library: no answer at all, the client waits for ever; a TypeError calls the handler twice."""
    async with serving() as edge:
        calls: list[str] = []

        async def fail(sid: str, environ: Any, auth: Any) -> None:
            calls.append(sid)
            raise TypeError("not for the client's eyes")

        edge.server.on("connect", fail)
        assert await refusal(edge) == {
            "message": "InternalError",
            "data": {"code": 50001, "type": "InternalError"},
        }
        assert len(calls) == 1


async def test_a_disconnect_handler_that_fails_leaves_nobody_in_a_room() -> None:
    """Seen on the plain library: the client stays in its rooms for ever."""
    async with serving() as edge:

        async def fail(sid: str, reason: str) -> None:
            raise ValueError("broken")

        edge.server.on("disconnect", fail)
        ws = await edge.joined_websocket()
        await ws.close()
        await until(lambda: edge.is_empty)


async def test_an_event_handler_that_fails_leaves_its_client_connected() -> None:
    async with serving() as edge, stock_client(edge) as client:

        async def fail(sid: str) -> None:
            raise ValueError("broken")

        edge.server.on("fail", fail)
        await client.emit("fail")
        assert await client.call("echo", 2, timeout=5) == 2


async def test_another_namespace_is_refused_and_harms_nobody() -> None:
    async with serving() as edge:
        ws = await edge.joined_websocket()
        await ws.send_str("40/admin,{}")
        assert await ws.receive_str() == (
            '44/admin,{"message":"ItemNotFound","data":{"code":40400,"type":"ItemNotFound"}}'
        )
        await ws.send_str('42/admin,["echo"]')
        await ws.send_str('420["echo",1]')
        assert await ws.receive_str() == "430[1]"
        assert edge.told("echo") == 1
        await ws.close()


@TRANSPORTS
async def test_a_clients_own_disconnect_is_told_apart_from_a_lost_connection(transport: str) -> None:
    """Seen on the plain library: `transport close` for the Python client's own disconnect on WebSocket."""
    async with serving() as edge:
        async with stock_client(edge, transport):
            pass
        await until(lambda: edge.reasons == ["client disconnect"])


@pytest.mark.parametrize("code", [1001, 1005])
async def test_a_closed_page_and_a_dropped_websocket_are_no_logout(code: int) -> None:
    """A closed page sends 1001; a JavaScript client that gives up its transport sends a close frame without a code."""
    async with serving() as edge:
        ws = await edge.joined_websocket()
        if code == 1001:
            await ws.close(code=1001)
        else:
            await ws._writer.send_frame(b"", 8)
            await closed(ws)
        await until(lambda: edge.reasons == ["transport close"])


async def test_a_javascript_clients_own_disconnect_is_a_logout_on_websocket() -> None:
    async with serving() as edge:
        ws = await edge.joined_websocket()
        await ws.send_str("41")
        await until(lambda: edge.reasons == ["client disconnect"])
        await ws.close(code=1001)
        await until(lambda: edge.is_empty)
        assert len(edge.reasons) == 1


async def test_a_lost_wire_is_no_logout() -> None:
    async with serving() as edge:
        ws = await edge.joined_websocket()
        transport = ws._response.connection.transport if ws._response.connection else None
        assert transport is not None
        transport.abort()
        await until(lambda: edge.is_empty)
        assert edge.reasons[0] in {"transport close", "transport error"}


async def test_a_client_that_answers_no_ping_is_gone_after_interval_and_timeout() -> None:
    """Seen on the plain library: intervals below 1 s are announced as 0, and the end comes up to a timeout late."""
    async with serving(WireLimits(ping_interval_s=0.2, ping_timeout_s=0.2)) as edge:
        poller = await edge.joined_poller()
        assert (poller.opened["pingInterval"], poller.opened["pingTimeout"]) == (200, 200)
        await until(lambda: edge.reasons == ["ping timeout"])
        assert (await poller.get())[0] == 400


async def test_the_application_ends_a_session_for_good() -> None:
    async with serving() as edge, stock_client(edge) as client:
        await edge.server.disconnect(edge.heard[0][0])
        await until(lambda: edge.reasons == ["server disconnect"])
        await until(lambda: edge.is_empty and not client.connected)


async def test_a_cut_client_gets_no_word_and_comes_back() -> None:
    async with serving() as edge, stock_client(edge) as client:
        await edge.server.cut(edge.heard[0][0])
        await until(lambda: edge.reasons == ["transport error"])
        await until(lambda: edge.told("connected") == 2 and client.connected)
        assert await client.call("echo", 3, timeout=5) == 3


async def test_draining_closes_a_websocket_with_1012() -> None:
    async with serving() as edge:
        ws = await edge.joined_websocket()
        leaving = asyncio.create_task(closed(ws))
        await edge.server.drain(0, lambda: 0)
        assert await leaving == 1012
        assert edge.reasons == ["server drain"]
        assert edge.is_empty


async def test_draining_answers_a_waiting_poll_with_an_error_and_refuses_new_sessions() -> None:
    async with serving() as edge:
        poller = await edge.joined_poller()
        poll = asyncio.create_task(poller.get())
        await edge.server.drain(0, lambda: 0)
        assert (await poll)[0] == 400
        async with edge.http.get(f"{edge.url}/socket.io/?EIO=4&transport=polling") as answer:
            assert answer.status == 503


async def test_draining_spreads_the_closes_over_the_time_it_is_given() -> None:
    async with serving() as edge:
        first, second = await edge.joined_websocket(), await edge.joined_websocket()
        draws = iter([0.0, 1.0])
        draining = asyncio.create_task(edge.server.drain(0.5, lambda: next(draws)))
        assert await closed(first) == 1012
        assert len(edge.reasons) == 1
        assert await closed(second) == 1012
        await draining


@pytest.mark.parametrize("transport", ["websocket", "polling"])
async def test_draining_tells_the_application_first_and_the_client_then(transport: str) -> None:
    """A client that came back before it was known to have left would be a second device beside itself."""
    async with serving() as edge:
        told, may_go_on = asyncio.Event(), asyncio.Event()

        async def disconnect(_sid: str, _reason: str) -> None:
            told.set()
            await may_go_on.wait()

        edge.server.on("disconnect", disconnect)
        if transport == "websocket":
            leaving: asyncio.Task[Any] = asyncio.create_task(closed(await edge.joined_websocket()))
        else:
            leaving = asyncio.create_task((await edge.joined_poller()).get())
        [session] = edge.server.eio.sockets.values()
        if transport == "polling":
            await until(lambda: session.outbox and not session.outbox._stirred.is_set())
        other = await edge.polling()
        draining = asyncio.create_task(edge.server.drain(0, lambda: 0))
        await told.wait()
        assert (await other.get())[0] == 400  # this one hears of it
        assert not leaving.done()
        assert not (session.socket and session.socket.is_closing)
        may_go_on.set()
        assert await leaving in (1012, (400, "Session ended"))
        await draining


async def test_draining_waits_for_the_turn_of_nobody_who_has_left_meanwhile() -> None:
    async with serving() as edge:
        first, second = await edge.joined_websocket(), await edge.joined_websocket()
        draining = asyncio.create_task(edge.server.drain(600, lambda: 1))
        await asyncio.sleep(0)
        await first.close()
        await second.close()
        async with asyncio.timeout(5):
            await draining
        assert len(edge.reasons) == 2


@pytest.mark.parametrize("is_agreed", [False, True])
async def test_draining_closes_a_websocket_that_its_session_has_not_gone_over_to(is_agreed: bool) -> None:
    async with serving() as edge:
        poller = await edge.joined_poller()
        ws = await edge.http.ws_connect(poller.url.replace("transport=polling", "transport=websocket"))
        if is_agreed:
            await ws.send_str("2probe")
            assert await ws.receive_str() == "3probe"
        leaving = asyncio.create_task(closed(ws))
        async with asyncio.timeout(5):
            await edge.server.drain(0, lambda: 0)
        assert await leaving == 1000
        assert edge.reasons == ["server drain"]


@TRANSPORTS
async def test_stock_clients_come_back_by_themselves_after_a_drain(transport: str) -> None:
    """Seen on the plain library: `shutdown` disconnects nobody, and after `eio.disconnect` the client stays away."""
    async with serving() as first, serving() as second, stock_client(first, transport) as client:
        client.connection_url = second.url  # as a load balancer would send it
        await first.server.drain(0.05, lambda: 1)
        assert first.reasons == ["server drain"]
        await until(lambda: second.told("connected") == 1)
        await until(lambda: client.connected)
        assert await client.call("echo", 4, timeout=5) == 4


async def test_a_client_that_leaves_is_in_no_room_and_the_others_stay() -> None:
    async with serving() as edge:
        leaver, stayer = await edge.joined_websocket(), await edge.joined_websocket()
        for sid, _ in edge.heard:
            await edge.server.enter_room(sid, "lobby")
        await leaver.close()
        await until(lambda: len(edge.reasons) == 1)
        await until(lambda: len(edge.server.manager.rooms["lobby"]) == 1)
        await edge.server.emit("hi", room="lobby")
        assert await stayer.receive_str() == '42["hi"]'
        await stayer.close()
