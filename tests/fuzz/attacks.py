"""Clients that speak almost the right thing, or nothing of the kind, at the address of the sockets.

A scene is drawn from a seed and a number alone. It says what it has to say and leaves; whoever is cut off is content.
"""

from __future__ import annotations

import asyncio
import json
import random
import struct
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field

from tests.realtime.fuzz_frames import draw_stream
from tests.realtime.raw_socket import BINARY, CLOSE, PING, PONG, TEXT, RawSocket, closing, frame, head_of

Draw = random.Random
BASE = "/socket.io/?EIO=4"
POLLING = f"{BASE}&transport=polling"
PAUSE_S = 0.05
DEEP = "[" * 20_000
EVENTS = (
    *("presence:set", "presence:activity", "presence:subscribe", "presence:unsubscribe", "presence:resume"),
    *("presence:query", "room:enter", "room:leave", "auth:refresh", "connect", "disconnect", "*", "", "no such"),
)
NAMES = ("status", "text", "emoji", "expires_at", "active", "usernames", "epoch", "version", "channel", "token", "x")
PACKETS = (
    *("", "x", "0{}", "1", "2", "2probe", "3", "3probe", "4", "5", "6", "7", "bAAAA", "4" + DEEP, "42" + DEEP, "40"),
    *('40["token"]', "40/admin,", "41", "41/admin,", "42", "42[]", '42{"a":1}', "42[1]", '42["echo",NaN]', "43[]"),
    *("431{}", "44{}", '451-["x",{"_placeholder":true,"num":0}]', '461-1[{"_placeholder":true,"num":0}]', "49"),
    *('42["presence:query",{"usernames":["\\ud800"]}]', '4299999999999999999999["presence:query",{}]', "42/a,[1]"),
)


@dataclass(slots=True)
class Target:
    """`auth` gives what a user of the attackers' connects with. `known` are ids that are other people's."""

    url: str
    auth: Callable[[], dict[str, str]]
    known: list[str]
    spoke: Counter[str] = field(default_factory=Counter)
    """How often each scene has come to its end; who was cut off before has not."""


Scene = Callable[[Target, RawSocket, Draw], Awaitable[None]]


async def attack(target: Target, seed: int, number: int) -> None:
    draw = Draw(f"{seed}/{number}")
    scene = SCENES[number % len(SCENES)]
    raw = await RawSocket.dial(target.url)
    try:
        with suppress(AssertionError, TimeoutError, OSError, ValueError, IndexError):
            await scene(target, raw, draw)
            target.spoke[scene.__name__] += 1
    finally:
        if draw.random() < 0.5:
            raw.reset()
        else:
            raw.leave()


async def _hear(raw: RawSocket) -> None:
    """Whatever comes at once, so that the server is not always the one who waits."""
    with suppress(TimeoutError):
        async with asyncio.timeout(PAUSE_S):
            await raw.skip(1_000_000)


async def _join(target: Target, raw: RawSocket) -> None:
    """As a user who may."""
    await raw.open(frame("40" + json.dumps(target.auth())))
    await raw.read_joined()


# WebSocket


async def frames_of_a_stream(target: Target, raw: RawSocket, draw: Draw) -> None:
    stream = draw_stream(draw.randrange(2**32), 0)
    await _join(target, raw)
    await raw.send(*stream.segments[:200])
    await _hear(raw)


async def strange_frames(target: Target, raw: RawSocket, draw: Draw) -> None:
    await _join(target, raw)
    for _ in range(draw.randint(1, 4)):
        await raw.send(_strange_frame(draw))
    await _hear(raw)


def _strange_frame(draw: Draw) -> bytes:
    return draw.choice(
        (
            frame("x", draw.choice((3, 4, 7, 11, 15))),
            frame("x", rsv=draw.randint(1, 7)),
            frame("x", mask=None),
            frame(b"\xff\xfe"),
            frame(b"\x00" * 10, BINARY),
            frame(b"x" * 126, PING),
            frame("x", PING, fin=False),
            frame("42[", fin=False),
            frame("x", 0),
            bytes((0x81, 0xFF)) + struct.pack("!Q", draw.choice((2**63, 2**62, 200_000))) + b"1234",
            closing(draw.choice((0, 999, 1004, 1005, 1006, 1015, 2999, 5000, 65_535))),
            closing(1000, b"\xff\xff"),
            frame(b"\x03", CLOSE),
            b"".join(frame(b"x" * 125, draw.choice((PING, PONG))) for _ in range(50)),
            frame("4" * 140_000),
            draw.randbytes(draw.randint(1, 300)),
        )
    )


async def a_handshake_gone_wrong(target: Target, raw: RawSocket, draw: Draw) -> None:
    data = bytearray(head_of() + frame("40" + json.dumps(target.auth())))
    for _ in range(draw.choice((1, 1, 2, 5))):
        at = draw.randrange(len(data))
        data[at : at + draw.choice((0, 1, 1, 4))] = draw.randbytes(draw.choice((0, 1, 1, 3)))
    await raw.send(bytes(data))
    await _hear(raw)


async def byte_by_byte(target: Target, raw: RawSocket, draw: Draw) -> None:
    """And then no more, somewhere."""
    data = head_of() + frame("40" + json.dumps(target.auth())) + frame(draw.choice(PACKETS))
    for at in range(draw.randrange(1, len(data))):
        await raw.send(data[at : at + 1])
    await asyncio.sleep(PAUSE_S)


# Socket.IO


async def strange_packets(target: Target, raw: RawSocket, draw: Draw) -> None:
    await (_join(target, raw) if draw.random() < 0.7 else raw.open())
    await raw.send(*(frame(draw.choice(PACKETS)) for _ in range(draw.randint(1, 5))))
    await _hear(raw)


async def strange_events(target: Target, raw: RawSocket, draw: Draw) -> None:
    await _join(target, raw)
    for number in range(draw.randint(1, 30)):
        event = [draw.choice(EVENTS), *(_value(draw) for _ in range(draw.choice((0, 1, 1, 1, 2))))]
        await raw.send(frame(f"42{number}{json.dumps(event)}"))
    await _hear(raw)


async def strange_credentials(_: Target, raw: RawSocket, draw: Draw) -> None:
    await raw.open()
    await raw.send(frame("40" + json.dumps(draw.choice((_value(draw), {"token": _value(draw)})))))
    await _hear(raw)


def _value(draw: Draw, depth: int = 3) -> object:
    kind = draw.randrange(9 if depth else 7)
    if kind == 7:
        return [_value(draw, depth - 1) for _ in range(draw.randint(0, 4))]
    if kind == 8:
        return {draw.choice(NAMES): _value(draw, depth - 1) for _ in range(draw.randint(0, 4))}
    text = draw.choice(("", "dnd", "\0", "\ud800", "x" * 2000, "a.b.c", "316c3627c0964d69a001e55f96e9d20f"))
    return (None, True, draw.randint(-(2**70), 2**70), 1e300, text, draw.choice(NAMES), "online")[kind]


# Long-polling


async def _ask(raw: RawSocket, method: str, path: str, body: bytes = b"", **headers: str) -> tuple[int, bytes]:
    """Status and body of the answer."""
    given = {"Host": "x", "Content-Length": str(len(body)), **{k.replace("_", "-"): v for k, v in headers.items()}}
    lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in given.items()), "", ""]
    await raw.send("\r\n".join(lines).encode("latin-1") + body)
    head = await raw.read_head()
    length = 0 if method == "HEAD" else int(head.headers.get("content-length", "0"))
    return head.status, await raw.take(length)


async def _begin_polling(raw: RawSocket) -> str:
    status, opened = await _ask(raw, "GET", POLLING)
    assert status == 200, opened
    return str(json.loads(opened[1:])["sid"])


async def posts_of_the_wrong_kind(target: Target, raw: RawSocket, draw: Draw) -> None:
    path = f"{POLLING}&sid={await _begin_polling(raw)}"
    if draw.random() < 0.5:
        await _ask(raw, "POST", path, ("40" + json.dumps(target.auth())).encode())
    for _ in range(draw.randint(1, 3)):
        body = draw.choice(
            (
                b"\x1e".join(draw.choice(PACKETS).encode() for _ in range(draw.randint(0, 40))),
                draw.randbytes(draw.randint(0, 500)),
                b"4" * 140_000,
                b"\x1e" * 5000,
                b"d=" + draw.choice(PACKETS).encode(),
            )
        )
        kind = draw.choice(("text/plain;charset=UTF-8", "application/octet-stream", "application/json", "\xff"))
        await _ask(raw, "POST", path, body, Content_Type=kind)


async def a_body_that_never_comes(_: Target, raw: RawSocket, draw: Draw) -> None:
    path = f"{POLLING}&sid={await _begin_polling(raw)}"
    length = draw.choice(("100", "131073", "-1", "9" * 30, "x"))
    await raw.send(f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\n\r\n4".encode())
    await _hear(raw)


async def ids_that_are_not_theirs(target: Target, raw: RawSocket, draw: Draw) -> None:
    own = await _begin_polling(raw)
    for _ in range(draw.randint(1, 5)):
        sid = draw.choice((*target.known, own[:-1], own + "x", own.upper(), "", "%00", "x" * 5000, "..%2F"))
        method = draw.choice(("GET", "POST", "PUT", "DELETE", "OPTIONS", "TRACE"))
        body = draw.choice(PACKETS).encode()[:200] if method == "POST" else b""
        await _ask(raw, method, f"{POLLING}&sid={sid}", body)


async def strange_addresses(target: Target, raw: RawSocket, draw: Draw) -> None:
    for _ in range(draw.randint(1, 6)):
        query = "&".join(
            f"{draw.choice(('EIO', 'transport', 'sid', 'j', 't', 'b64', ''))}"
            f"={draw.choice(('3', '4', '4', 'polling', 'websocket', 'x', '%ff', *target.known))}"
            for _ in range(draw.randint(0, 6))
        )
        slash = draw.choice(("/", "", "//", "/%2e%2e/"))
        await _ask(raw, draw.choice(("GET", "POST", "HEAD", "OPTIONS")), f"/socket.io{slash}?{query}")


async def two_polls_at_once(_: Target, raw: RawSocket, draw: Draw) -> None:
    path = f"{POLLING}&sid={await _begin_polling(raw)}"
    poll = f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode()
    await raw.send(poll * draw.randint(2, 5))
    await _hear(raw)


# Upgrades


async def upgrades_out_of_order(target: Target, raw: RawSocket, draw: Draw) -> None:
    """Beside polling, twice at once, without a probe, after the end."""
    sid = draw.choice((await _begin_polling(raw), *target.known[:1]))
    path = f"{BASE}&transport=websocket&sid={sid}"
    others = [await RawSocket.dial(target.url) for _ in range(draw.randint(1, 3))]
    try:
        for other in others:
            await other.send(head_of(path))
        for _ in range(draw.randint(1, 8)):
            word = draw.choice(("2probe", "2probe", "5", "5", "2", "3probe", "6", "40", "1", ""))
            await draw.choice(others).send(frame(word, draw.choice((TEXT, TEXT, TEXT, BINARY))))
        if draw.random() < 0.5:
            await _ask(raw, "POST", f"{POLLING}&sid={sid}", draw.choice(PACKETS).encode()[:200])
        for other in others:
            await _hear(other)
    finally:
        for other in others:
            other.leave()


SCENES: tuple[Scene, ...] = (
    frames_of_a_stream,
    strange_frames,
    a_handshake_gone_wrong,
    byte_by_byte,
    strange_packets,
    strange_events,
    strange_credentials,
    posts_of_the_wrong_kind,
    a_body_that_never_comes,
    ids_that_are_not_theirs,
    strange_addresses,
    two_polls_at_once,
    upgrades_out_of_order,
)
