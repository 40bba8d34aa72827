"""Long-polling: bodies in pieces, bodies too large or too slow, and who may send them."""

import asyncio
import json
from collections.abc import AsyncIterator

import pytest
from yarl import URL

from chatsrv.realtime.server import WireLimits
from tests.realtime.wire import Edge, Poller, serving, until

EITHER = pytest.mark.parametrize("cancelled", [False, True], ids=["handler goes on", "handler is cancelled"])


async def send_raw(
    edge: Edge, poller: Poller, *segments: bytes, length: int | None = None, pause_s: float = 0.05
) -> str:
    """POSTs the segments one TCP write at a time, and gives the status line of the answer."""
    url = URL(poller.url)
    reader, writer = await asyncio.open_connection(url.host, url.port)
    declared = sum(map(len, segments)) if length is None else length
    head = f"POST {url.raw_path_qs} HTTP/1.1\r\nHost: {url.authority}\r\nContent-Length: {declared}\r\n\r\n"
    writer.write(head.encode())
    for segment in segments:
        await writer.drain()
        await asyncio.sleep(pause_s)
        writer.write(segment)
    async with asyncio.timeout(5):
        status = await reader.readline()
    writer.close()
    return status.decode().strip()


async def test_a_body_in_several_segments_is_read_whole() -> None:
    """Seen on the plain library: answered 200, and the event lost."""
    async with serving() as edge:
        poller = await edge.joined_poller()
        status = await send_raw(edge, poller, b'42["ec', b'ho"]\x1e42', b'["echo"]')
        assert status == "HTTP/1.1 200 OK"
        assert edge.told("echo") == 2


async def test_a_body_without_a_declared_length_is_read_too() -> None:
    async with serving() as edge:
        poller = await edge.joined_poller()

        async def chunks() -> AsyncIterator[bytes]:
            yield b'42["ec'
            yield b'ho"]'

        async with edge.http.post(poller.url, data=chunks()) as answer:
            assert answer.status == 200
        assert edge.told("echo") == 1


async def test_an_oversized_body_is_refused_before_it_is_sent() -> None:
    """Seen on the plain library: no answer."""
    async with serving(WireLimits(max_message_bytes=1000)) as edge:
        poller = await edge.joined_poller()
        assert (await send_raw(edge, poller, length=1001)).startswith("HTTP/1.1 413 ")
        await until(lambda: edge.is_empty)
        assert edge.reasons == ["transport error"]


async def test_a_body_that_grows_over_the_ceiling_is_refused() -> None:
    async with serving(WireLimits(max_message_bytes=1000)) as edge:
        poller = await edge.joined_poller()

        async def chunks() -> AsyncIterator[bytes]:
            for _ in range(11):
                yield b"4" * 100

        async with edge.http.post(poller.url, data=chunks()) as answer:
            assert answer.status == 413
        await until(lambda: edge.is_empty)


async def test_a_slow_body_is_given_up() -> None:
    """Seen on the plain library: no wait at all, answered 200 as soon as a part has come."""
    async with serving(WireLimits(body_timeout_s=0.2)) as edge:
        poller = await edge.joined_poller()
        assert (await send_raw(edge, poller, b"4", length=100)).startswith("HTTP/1.1 400 ")
        await until(lambda: edge.is_empty)


@EITHER
async def test_a_client_that_leaves_within_its_body_is_gone(cancelled: bool) -> None:
    async with serving(handler_cancellation=cancelled) as edge:
        poller = await edge.joined_poller()
        url = URL(poller.url)
        _, writer = await asyncio.open_connection(url.host, url.port)
        writer.write(f"POST {url.raw_path_qs} HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n42".encode())
        await writer.drain()
        await until(lambda: poller.opened["sid"] in edge.server.eio.posting)
        writer.close()
        await until(lambda: edge.is_empty)


@pytest.mark.parametrize("body", ["", "x", "bAAAA", "d=42%5B%22echo%22%5D", b"\xff", "42["])
async def test_a_malformed_body_ends_the_session(body: str | bytes) -> None:
    """Seen on the plain library: the session stays open."""
    async with serving() as edge:
        poller = await edge.joined_poller()
        status = await poller.post(body)
        await until(lambda: edge.is_empty, within_s=1)
        assert status == 400 or body == "42["  # here the engine packet is whole, the one inside it is not
        assert edge.reasons == ["transport error"]
        assert (await poller.get())[0] == 400


async def test_many_packets_fit_into_one_body() -> None:
    """Seen on the plain library: more than 16 are refused, and JavaScript clients send more after a busy moment."""
    async with serving() as edge:
        poller = await edge.joined_poller()
        assert await poller.post("\x1e".join(['42["echo"]'] * 40)) == 200
        assert edge.told("echo") == 40


async def test_one_answer_holds_no_more_packets_than_the_python_client_takes() -> None:
    async with serving() as edge:
        poller = await edge.joined_poller()
        for number in range(20):
            await edge.server.emit("n", number)
        first, second = (await poller.get())[1], (await poller.get())[1]
        assert len(first.split("\x1e")) == 16
        assert [json.loads(text[2:])[1] for text in f"{first}\x1e{second}".split("\x1e")] == list(range(20))


async def test_a_second_post_beside_the_first_ends_the_session() -> None:
    async with serving() as edge:
        edge.gate.clear()
        poller = await edge.polling()
        first = asyncio.create_task(poller.post("40"))
        await until(lambda: edge.told("connect"))
        assert await poller.post('42["echo"]') == 400
        edge.gate.set()
        await first
        await until(lambda: edge.is_empty)
        assert edge.reasons == ["transport error"]


@EITHER
async def test_a_client_that_left_while_it_waited_is_found_out_by_the_next_packet(cancelled: bool) -> None:
    async with serving(handler_cancellation=cancelled) as edge:
        poller = await edge.joined_poller()
        url = URL(poller.url)
        _, writer = await asyncio.open_connection(url.host, url.port)
        writer.write(f"GET {url.raw_path_qs} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        await writer.drain()
        outbox = edge.server.eio.sockets[poller.opened["sid"]].outbox
        assert outbox is not None
        await until(lambda: not outbox._stirred.is_set() and outbox._stirred._waiters)
        writer.close()
        await until(lambda: edge.has_lost_a_connection or edge.reasons)
        await edge.server.emit("hi")
        await until(lambda: edge.reasons == ["transport close"])


async def test_jsonp_is_refused() -> None:
    """Seen on the plain library: 200, with the session in a script."""
    async with serving() as edge:
        async with edge.http.get(f"{edge.url}/socket.io/?EIO=4&transport=polling&j=0") as answer:
            assert answer.status == 400
        assert edge.is_empty


@pytest.mark.parametrize(
    "query", ["EIO=3&transport=polling", "transport=polling", "EIO=4&transport=smoke", "EIO=4&sid=x"]
)
async def test_what_is_no_engine_io_4_is_refused_and_opens_nothing(query: str) -> None:
    async with serving() as edge:
        async with edge.http.get(f"{edge.url}/socket.io/?{query}") as answer:
            assert answer.status == 400
        assert edge.is_empty


async def test_a_websocket_session_without_a_websocket_is_refused_and_opens_nothing() -> None:
    async with serving() as edge:
        async with edge.http.get(f"{edge.url}/socket.io/?EIO=4&transport=websocket") as answer:
            assert answer.status == 400
        assert edge.is_empty


@pytest.mark.parametrize(
    ("origins", "origin", "status"),
    [
        ((), "self", 200),
        ((), "https://chat.example", 400),
        (("https://chat.example",), "https://chat.example", 200),
        (("https://chat.example",), "self", 200),
        (("https://chat.example",), "https://evil.example", 400),
        (("*",), "https://anyone.example", 200),
    ],
)
async def test_origins_are_our_own_and_those_of_the_list(origins: tuple[str, ...], origin: str, status: int) -> None:
    """Seen on the plain library: with a list, our own origin is refused."""
    async with serving(origins=origins) as edge:
        sent = edge.url if origin == "self" else origin
        url = f"{edge.url}/socket.io/?EIO=4&transport=polling"
        async with edge.http.get(url, headers={"Origin": sent}) as answer:
            assert answer.status == status
            assert answer.headers.get("Access-Control-Allow-Origin") == (sent if status == 200 else None)


@pytest.mark.parametrize(
    ("proxies", "headers", "origin", "status"),
    [
        (0, {"X-Forwarded-Proto": "ftp"}, "ftp://chat.example", 400),
        (0, {"X-Forwarded-Host": "evil.example"}, "http://evil.example", 400),
        (0, {}, "http://chat.example", 200),
        (0, {}, "https://chat.example", 200),
        (1, {}, "https://chat.example", 400),
        (1, {"X-Forwarded-Proto": "https"}, "https://chat.example", 200),
        (1, {"X-Forwarded-Proto": "https", "X-Forwarded-Host": "outer.example"}, "https://outer.example", 200),
        (1, {"X-Forwarded-Host": "evil.example, outer.example"}, "http://outer.example", 200),
        (1, {"X-Forwarded-Host": "evil.example, outer.example"}, "http://evil.example", 400),
        (2, {"X-Forwarded-Host": "outer.example, inner.example"}, "http://outer.example", 200),
        (2, {"X-Forwarded-Host": "evil.example, outer.example, inner.example"}, "http://evil.example", 400),
        (1, {"X-Forwarded-Proto": ""}, "http://chat.example", 200),
    ],
)
async def test_who_says_that_they_forward_is_believed_behind_proxies_of_ours_alone(
    proxies: int, headers: dict[str, str], origin: str, status: int
) -> None:
    async with serving(trusted_proxies=proxies) as edge:
        given = {"Host": "chat.example", "Origin": origin, **headers}
        async with edge.http.get(f"{edge.url}/socket.io/?EIO=4&transport=polling", headers=given) as answer:
            assert answer.status == status
            assert answer.headers.get("Access-Control-Allow-Origin") == (origin if status == 200 else None)


async def test_no_page_may_send_cookies_along() -> None:
    async with serving(origins=("*",)) as edge:
        url = f"{edge.url}/socket.io/?EIO=4&transport=polling"
        asked = {"Origin": "https://evil.example", "Access-Control-Request-Headers": "x-own"}
        for method in ("GET", "OPTIONS"):
            async with edge.http.request(method, url, headers=asked) as answer:
                assert answer.headers["Access-Control-Allow-Origin"] == "https://evil.example"
                assert "Access-Control-Allow-Credentials" not in answer.headers
                assert answer.headers["Vary"] == "Origin, Access-Control-Request-Headers"
