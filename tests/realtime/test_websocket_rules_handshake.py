"""RFC 6455, section 4: the opening handshake, in any form that HTTP allows, and what is refused and opens nothing."""

from __future__ import annotations

import base64

import pytest

from tests.realtime.arena import Arena, echo, echoed, running_arena, unharmed
from tests.realtime.raw_socket import KEY, PATH, PING, PONG, Frame, Head, RawSocket, accept_of, frame, head_of

arena = pytest.fixture(scope="module")(running_arena)
nobody_else_is_harmed = pytest.fixture(autouse=True)(unharmed)


async def is_served(raw: RawSocket, head: Head, key: str = KEY) -> None:
    """The handshake is a good one, and there is a session behind it."""
    assert head.status == 101, head
    assert head.headers["upgrade"].lower() == "websocket"
    assert head.headers["connection"].lower() == "upgrade"
    assert head.headers["sec-websocket-accept"] == accept_of(key)
    assert (await raw.read_text()).startswith("0{")
    await raw.send(frame("40"))
    await raw.read_joined()
    await raw.send(frame(echo("in")))
    assert await raw.read_text() == echoed("in")


async def is_refused(arena: Arena, handshake: bytes, *statuses: int) -> Head:
    began = arena.edge.told("connect")
    async with arena.client(joined=False) as raw:
        await raw.send(handshake)
        head = await raw.read_head()
        assert head.status in statuses, head
    assert arena.edge.told("connect") == began
    return head


def test_the_accept_of_the_rfcs_own_example() -> None:
    assert accept_of("dGhlIHNhbXBsZSBub25jZQ==") == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="


@pytest.mark.parametrize(
    "handshake",
    [
        pytest.param(head_of(), id="as the RFC has it"),
        pytest.param(head_of(Upgrade="WebSocket"), id="Upgrade in another case"),
        pytest.param(head_of(Connection="upgrade"), id="Connection in another case"),
        pytest.param(head_of(Connection="keep-alive, Upgrade"), id="Connection with two tokens"),
        pytest.param(head_of(Connection="keep-alive,foo ,  UPGRADE"), id="Connection with three"),
        pytest.param(head_of(Connection="keep-alive\r\nConnection: Upgrade"), id="two Connection headers"),
        pytest.param(head_of(Sec_WebSocket_Protocol="chat, superchat"), id="subprotocols"),
        pytest.param(head_of(Sec_WebSocket_Extensions="permessage-deflate"), id="an extension"),
        pytest.param(
            head_of(Sec_WebSocket_Extensions="permessage-deflate; client_max_window_bits, x-webkit-deflate-frame"),
            id="extensions with parameters",
        ),
        pytest.param(head_of().replace(b"Sec-WebSocket", b"sec-websocket"), id="names in small letters"),
        pytest.param(head_of().replace(b"Sec-WebSocket", b"SEC-WEBSOCKET"), id="names in capitals"),
        pytest.param(head_of().replace(b": ", b":"), id="no space before the values"),
        pytest.param(head_of().replace(b": ", b": \t  "), id="tabs and spaces before the values"),
        pytest.param(head_of(Upgrade="websocket \t", Connection="Upgrade  "), id="spaces behind the values"),
        pytest.param(head_of(Cookie="a=b; " * 100, Accept="*/*", User_Agent="Ünïcödé"), id="other headers"),
        pytest.param(head_of("/socket.io/?transport=websocket&EIO=4"), id="the query in another order"),
        pytest.param(head_of(f"{PATH}&t=PxYz12&x=%26sid%3D1"), id="more in the query"),
        pytest.param(head_of("/socket.io/?EIO=4&transport=web%73ocket"), id="the query in percents"),
    ],
)
@pytest.mark.parametrize("sent", ["in one segment", "byte by byte"])
async def test_a_good_handshake_is_answered_in_whatever_form(arena: Arena, handshake: bytes, sent: str) -> None:
    """Nothing of what it offers is taken: neither extension nor subprotocol."""
    async with arena.client(joined=False) as raw:
        await raw.send_in_pieces(handshake, 1 if sent == "byte by byte" else len(handshake))
        head = await raw.read_head()
        await is_served(raw, head)
        assert "sec-websocket-extensions" not in head.headers
        assert "sec-websocket-protocol" not in head.headers
        assert "content-length" not in head.headers
        assert "transfer-encoding" not in head.headers


@pytest.mark.parametrize("key", [base64.b64encode(bytes(16)).decode(), base64.b64encode(b"\xff" * 16).decode()])
async def test_every_key_has_its_own_accept(arena: Arena, key: str) -> None:
    async with arena.client(joined=False) as raw:
        await raw.send(head_of(Sec_WebSocket_Key=key))
        await is_served(raw, await raw.read_head(), key)


async def test_frames_may_come_with_the_handshake(arena: Arena) -> None:
    async with arena.client(joined=False) as raw:
        await raw.send(head_of() + frame("40") + frame(b"early", PING) + frame(echo("early")))
        assert (await raw.read_head()).status == 101
        got = [await raw.read() for _ in range(4)]
        assert Frame(PONG, b"early") in got
        opened, joined, answer = (each.text for each in got if each.opcode != PONG)
        assert (opened[:2], joined[:10], answer) == ("0{", '40{"sid":"', echoed("early"))


@pytest.mark.parametrize("at", [-1, 0, 1, 3, 8])
async def test_the_segment_of_the_handshake_may_end_anywhere_in_a_frame(arena: Arena, at: int) -> None:
    data = head_of() + frame("40")
    end = len(head_of()) + at
    async with arena.client(joined=False) as raw:
        await raw.send(data[:end], data[end:])
        assert (await raw.read_head()).status == 101
        assert (await raw.read_text()).startswith("0{")
        await raw.read_joined()


@pytest.mark.parametrize("version", [None, "", "0", "8", "12", "14", "99", "13, 8", "x", "13.0"])
async def test_another_version_is_refused_and_told_which_it_should_be(arena: Arena, version: str | None) -> None:
    head = await is_refused(arena, head_of(Sec_WebSocket_Version=version), 400, 426)
    assert head.headers["sec-websocket-version"] == "13"


@pytest.mark.parametrize(
    "key",
    [None, "", "x", "no base64!", "AAAA" * 5, "AAAA" * 6, KEY[:-1], f"{KEY}, {KEY}", f"{KEY[:-2]}\u00e9="],
)
async def test_a_key_that_is_not_sixteen_bytes_in_base64_is_refused(arena: Arena, key: str | None) -> None:
    await is_refused(arena, head_of(Sec_WebSocket_Key=key), 400)


@pytest.mark.parametrize(
    "handshake",
    [
        pytest.param(head_of(Upgrade=None), id="without Upgrade"),
        pytest.param(head_of(Upgrade="h2c"), id="an upgrade to something else"),
        pytest.param(head_of(Upgrade="websockets"), id="an upgrade to something like it"),
        pytest.param(head_of(Connection=None), id="without Connection"),
        pytest.param(head_of(Connection="keep-alive"), id="a connection that does not upgrade"),
        pytest.param(head_of(Connection="no-upgrade"), id="a token that only ends like it"),
        pytest.param(head_of(PATH, "GET", "1.0"), id="HTTP/1.0"),
        pytest.param(head_of(PATH, "POST", Content_Length="0"), id="POST"),
        pytest.param(head_of(PATH, "PUT", Content_Length="0"), id="PUT"),
        pytest.param(head_of(PATH, "DELETE"), id="DELETE"),
        pytest.param(head_of(PATH, "HEAD"), id="HEAD"),
        pytest.param(head_of(PATH, "get"), id="a method in small letters"),
        pytest.param(head_of("/socket.io/?EIO=3&transport=websocket"), id="Engine.IO 3"),
        pytest.param(head_of("/socket.io/?transport=websocket"), id="no Engine.IO"),
        pytest.param(head_of("/socket.io/?EIO=4&transport=websockets"), id="another transport"),
        pytest.param(head_of(f"{PATH}&sid=nobody"), id="a session that does not exist"),
        pytest.param(head_of(f"{PATH}&j=0"), id="JSONP"),
        pytest.param(head_of("/socket.io/../socket.io?EIO=4&transport=websocket"), id="another path"),
        pytest.param(head_of(Origin="https://evil.example"), id="a foreign origin"),
        pytest.param(head_of(Sec_WebSocket_Key=f"{KEY}\r\nSec-WebSocket-Key: {KEY}"), id="two keys"),
        pytest.param(
            head_of().replace(b"Upgrade: websocket\r\n", b"Upgrade : websocket\r\n"), id="space before a colon"
        ),
        pytest.param(head_of().replace(b"Upgrade: websocket", b"Upgrade: web\0socket"), id="a NUL"),
        pytest.param(head_of(X="x" * 70_000), id="a header that is too long"),
        pytest.param(head_of(f"{PATH}&x={'x' * 70_000}"), id="a request line that is too long"),
        pytest.param(head_of().replace(b"HTTP/1.1", b"HTTP/1.2.3"), id="a version that does not exist"),
    ],
)
async def test_what_is_no_good_handshake_is_refused_and_opens_nothing(arena: Arena, handshake: bytes) -> None:
    await is_refused(arena, handshake, 400, 403, 404, 405, 414, 426, 431, 501, 505)


async def test_a_body_of_the_handshake_is_not_taken_for_frames(arena: Arena) -> None:
    """A proxy that counts the body to the request would see another conversation than we do."""
    body = frame("40") + frame(echo("smuggled"))
    began = arena.edge.told("echo")
    async with arena.client(joined=False) as raw:
        await raw.send(head_of(Content_Length=str(len(body))) + body)
        head = await raw.read_head()
        if head.status == 101:
            await is_served(raw, head)
    assert arena.edge.told("echo") - began == (1 if head.status == 101 else 0)


async def test_a_request_after_a_refused_handshake_is_still_a_request(arena: Arena) -> None:
    """Where the connection lives on, it speaks HTTP; where it ends, it ends."""
    async with arena.client(joined=False) as raw:
        await raw.send(head_of(Sec_WebSocket_Key=None))
        first = await raw.read_head()
        assert first.status == 400
        if first.headers.get("connection", "").lower() != "close":
            body = int(first.headers.get("content-length", "0"))
            await raw.skip(body)
            await raw.send(head_of())
            await is_served(raw, await raw.read_head())


@pytest.mark.parametrize("at", [0, 1, 4, 30, -2])
@pytest.mark.parametrize("end", ["FIN", "RST"])
async def test_a_client_that_leaves_within_its_handshake_opens_nothing(arena: Arena, at: int, end: str) -> None:
    began = len(arena.edge.heard)
    async with arena.client(joined=False) as raw:
        await raw.send(head_of()[:at])
        raw.finish() if end == "FIN" else raw.reset()
    await arena.check()
    assert len(arena.edge.heard) - began <= 1  # what the neighbour is heard to say


async def test_a_client_that_leaves_right_after_its_handshake_leaves_nothing(arena: Arena) -> None:
    for _ in range(20):
        async with arena.client(joined=False) as raw:
            await raw.send(head_of())
            raw.reset()
