"""Two readers of one stream must not disagree where a request ends: nothing is recalled that is not a request."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import suppress

import pytest

from tests.wire.place import Place, Wire, connected, get, post, running_place

HIT = b"HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nrecalled"
HIDDEN = get("/hit").decode()
SIZE = len(HIDDEN)


@pytest.fixture
async def place() -> AsyncIterator[Place]:
    async with running_place() as place:
        place.remembered[get("/hit")] = HIT
        yield place


@pytest.fixture
async def wire(place: Place) -> AsyncIterator[Wire]:
    async with connected(place) as wire:
        yield wire


def head(*lines: bytes) -> bytes:
    return b"\r\n".join([*lines, b"", b""])


def posting(*fields: bytes) -> bytes:
    return head(b"POST /p HTTP/1.1", b"Host: x", *fields)


SOCKET = (b"GET /socket.io/?EIO=4&transport=websocket HTTP/1.1", b"Host: x", b"Upgrade: websocket")
KEY = (b"Sec-WebSocket-Key: AAECAwQFBgcICQoLDA0ODw==", b"Sec-WebSocket-Version: 13")

DOUBTFUL = {
    "HTTP/0.9": b"GET /hit\r\n\r\n",
    "HTTP/1.0 that stays": head(b"GET /a HTTP/1.0", b"Host: x", b"Connection: keep-alive"),
    "HTTP/1.2": head(b"GET /a HTTP/1.2", b"Host: x"),
    "HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "an absolute target": head(b"GET http://x/hit HTTP/1.1", b"Host: x"),
    "an asterisk": head(b"OPTIONS * HTTP/1.1", b"Host: x"),
    "a tunnel": head(b"CONNECT /x HTTP/1.1", b"Host: x"),
    "a tunnel to a host": head(b"CONNECT x:80 HTTP/1.1", b"Host: x:80"),
    "small letters": head(b"get /a http/1.1", b"Host: x"),
    "a tab in the first line": head(b"GET\t/a HTTP/1.1", b"Host: x"),
    "a target that is no ASCII": head("GET /ä HTTP/1.1".encode(), b"Host: x"),
    "no fields": b"GET /a HTTP/1.1\r\n\r\n",
    "an empty line before it": b"\r\n" + get("/a"),
    "two empty lines before it": b"\r\n\r\n" + get("/a"),
    "a line feed before it": b"\n" + get("/a"),
    "a line without a colon": head(b"GET /a HTTP/1.1", b"Host: x", b"nonsense"),
    "a field without a name": head(b"GET /a HTTP/1.1", b"Host: x", b": y"),
    "a NUL in a value": head(b"GET /a HTTP/1.1", b"Host: x", b"X: a\0b"),
    "a vertical tab in a value": head(b"GET /a HTTP/1.1", b"Host: x", b"X: a\x0bb"),
    "only line feeds": b"GET /a HTTP/1.1\nHost: x\n\n",
    "an early line feed": b"GET /a HTTP/1.1\r\nHost: x\n\r\n" + get("/hit"),
    "a length twice": posting(b"Content-Length: 5", b"Content-Length: 5"),
    "two lengths": posting(b"Content-Length: 0", b"Content-Length: %d" % SIZE),
    "a length and chunks": posting(b"Content-Length: 5", b"Transfer-Encoding: chunked"),
    "chunks and a length": posting(b"Transfer-Encoding: chunked", b"Content-Length: 5"),
    "chunks twice": posting(b"Transfer-Encoding: chunked", b"Transfer-Encoding: chunked"),
    "chunks behind a tab": posting(b"Transfer-Encoding:\tchunked", b"Content-Length: 5"),
    "almost chunks": posting(b"Transfer-Encoding: \x0bchunked", b"Content-Length: 5"),
    "chunks in one of two": posting(b"Transfer-Encoding: identity", b"Transfer-Encoding: chunked"),
    "chunks of a bad size": posting(b"Transfer-Encoding: chunked") + b"0x5\r\nhello\r\n0\r\n\r\n",
    "chunks of a huge size": posting(b"Transfer-Encoding: chunked") + b"f" * 17 + b"\r\nhello\r\n0\r\n\r\n",
    "an empty length": posting(b"Content-Length: "),
    "a length below nothing": posting(b"Content-Length: -1"),
    "a length with an underscore": posting(b"Content-Length: 1_0"),
    "a length of two words": posting(b"Content-Length: 5 5"),
    "a length in other digits": posting("Content-Length: ٣".encode()),
    "a length beyond all measure": posting(b"Content-Length: " + b"9" * 30),
    "a length in a folded line": posting(b"Content-Length:", b" 5"),
    "a tab before the colon": posting(b"Content-Length\t: 5"),
    "the end of the connection": head(b"GET /a HTTP/1.1", b"Host: x", b"Connection: close"),
    "an end among others": head(b"GET /a HTTP/1.1", b"Host: x", b"Connection: keep-alive, close"),
    "an upgrade to HTTP/2": head(b"GET /a HTTP/1.1", b"Host: x", b"Connection: Upgrade", b"Upgrade: h2c"),
    "an upgrade with a body": head(*SOCKET, b"Connection: Upgrade", b"Content-Length: 5", *KEY) + b"hello",
    "an upgrade in chunks": head(*SOCKET, b"Connection: Upgrade", b"Transfer-Encoding: chunked", *KEY),
    "an upgrade that is asked for": head(*SOCKET, b"Connection: Upgrade", b"Expect: 100-continue", *KEY),
    "an upgrade that nobody takes": head(*SOCKET, b"Connection: Upgrade, close", *KEY),
    "an upgrade of a POST": head(b"POST /socket.io/?a HTTP/1.1", *SOCKET[1:], b"Connection: Upgrade", *KEY),
}


async def hear(wire: Wire) -> bytes:
    """All that comes until the server ends the connection, which it may have done; it is given a reason to."""
    said = b""
    with suppress(OSError):
        wire.writer.write_eof()
    with suppress(ConnectionResetError):
        async with asyncio.timeout(5):
            while data := await wire.reader.read(1000):
                said += data
    return said


@pytest.mark.parametrize("is_apart", [False, True], ids=["in one segment", "apart"])
@pytest.mark.parametrize("what", DOUBTFUL)
async def test_behind_what_may_be_read_in_two_ways_nothing_is_recalled(
    place: Place, wire: Wire, what: str, is_apart: bool
) -> None:
    with suppress(ConnectionResetError):  # the first may have been enough
        await wire.send(*([DOUBTFUL[what], get("/hit")] if is_apart else [DOUBTFUL[what] + get("/hit")]))
    assert b"recalled" not in await hear(wire)
    assert get("/hit") not in place.asked


@pytest.mark.parametrize("what", DOUBTFUL)
async def test_behind_a_remembered_answer_it_is_no_clearer(place: Place, wire: Wire, what: str) -> None:
    await wire.send(get("/hit"))
    assert await wire.answer() == (200, "recalled")
    with suppress(ConnectionResetError):  # it may have been enough
        await wire.send(DOUBTFUL[what], get("/hit"))
    assert b"recalled" not in await hear(wire)
    assert place.asked.count(get("/hit")) == 1


CHUNKED = b"POST /p HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
CLEAR = [
    (get("/a"), "<GET /a >"),
    (get("/hit"), "<GET /hit >"),
    (get("/hit", "X: y"), "<GET /hit >"),
    (get("/a", "X: \xe4", "Content-Length: 0"), "<GET /a >"),
    (post("body"), "<POST /p body>"),
    (post(""), "<POST /p >"),
    (post(HIDDEN), f"<POST /p {HIDDEN}>"),
    (post(HIDDEN * 3, "Connection: keep-alive"), f"<POST /p {HIDDEN * 3}>"),
    (get("/a", f"Content-Length: {SIZE}") + HIDDEN.encode(), f"<GET /a {HIDDEN}>"),
    (CHUNKED + f"{SIZE:x};a=b\r\n{HIDDEN}\r\n0\r\n\r\n".encode(), f"<POST /p {HIDDEN}>"),
    (CHUNKED + b"0\r\nX: y\r\n\r\n", "<POST /p >"),
    (get("/a", "Proxy-Connection: keep-alive", "Upgrade-Insecure-Requests: 1"), "<GET /a >"),
    (b"DELETE /d HTTP/1.1\r\nHost: x\r\n\r\n", "<DELETE /d >"),
]


@pytest.mark.parametrize("number", range(60))
async def test_in_whatever_segments_requests_come_each_is_answered_once_and_in_its_order(
    place: Place, wire: Wire, number: int
) -> None:
    """Remembered ones among others, one behind the other or before the answer is there."""
    draw = random.Random(f"requests {number}")
    requests = draw.choices(CLEAR, k=draw.randrange(1, 8))
    whole = b"".join(sent for sent, _ in requests)
    cuts = sorted(draw.sample(range(1, len(whole)), draw.choice((0, 1, 3, 8))))
    if draw.random() < 0.5:  # at their ends, where all are looked at anew
        cuts = [sum(len(sent) for sent, _ in requests[:at]) for at in range(1, len(requests))]
    await wire.send(*(whole[start:end] for start, end in zip([0, *cuts], [*cuts, len(whole)], strict=True)))
    said = [await wire.answer() for _ in requests]
    assert [(status, text.replace("recalled", "<GET /hit >")) for status, text in said] == [
        (200, text) for _, text in requests
    ]
    assert {head for head in place.asked if head.startswith(get("/hit")[:-2])} <= {
        sent for sent, text in requests if text == "<GET /hit >"
    }
