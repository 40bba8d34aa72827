"""A WebSocket client that is nothing but TCP: its handshake and its frames are bytes that a test makes as it likes."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import socket
import struct
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from urllib.parse import urlsplit

PATIENCE_S = 5.0
GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
KEY = base64.b64encode(bytes(range(16))).decode()
PATH = "/socket.io/?EIO=4&transport=websocket"
MASK = b"\x37\xfa\x21\x3d"

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10

UPGRADE: Mapping[str, str | None] = {
    "Host": "localhost",
    "Upgrade": "websocket",
    "Connection": "Upgrade",
    "Sec-WebSocket-Key": KEY,
    "Sec-WebSocket-Version": "13",
}


@dataclass(frozen=True, slots=True)
class Frame:
    """What the server sent; its frames are whole and unmasked."""

    opcode: int
    payload: bytes

    @property
    def text(self) -> str:
        assert self.opcode == TEXT, self
        return self.payload.decode()

    @property
    def code(self) -> int | None:
        """Of a close frame; None where it has no payload."""
        assert self.opcode == CLOSE, self
        return int.from_bytes(self.payload[:2], "big") if self.payload else None


@dataclass(frozen=True, slots=True)
class Head:
    """The answer to a handshake; the names of `headers` are in lower case, and a name stands once."""

    status: int
    headers: Mapping[str, str]


def head_of(path: str = PATH, method: str = "GET", version: str = "1.1", /, **changed: str | None) -> bytes:
    """A good handshake but for what is `changed`: a header by its name with `_` for `-`, None to leave it out."""
    headers = {**UPGRADE, **{name.replace("_", "-"): value for name, value in changed.items()}}
    lines = [f"{name}: {value}" for name, value in headers.items() if value is not None]
    return "\r\n".join([f"{method} {path} HTTP/{version}", *lines, "", ""]).encode()


def masked(payload: bytes, mask: bytes = MASK) -> bytes:
    wide = (mask * (len(payload) // 4 + 1))[: len(payload)]
    return (int.from_bytes(payload, "big") ^ int.from_bytes(wide, "big")).to_bytes(len(payload), "big")


def length_of(size: int, width: int | None = None, is_masked: bool = True) -> bytes:
    """The length field, in 1, 3 or 9 bytes; the shortest unless `width` says another."""
    bit = 0x80 if is_masked else 0
    match width or (1 if size < 126 else 3 if size < 65_536 else 9):
        case 1:
            return bytes([bit | size])
        case 3:
            return struct.pack("!BH", bit | 126, size)
        case _:
            return struct.pack("!BQ", bit | 127, size)


def frame(
    payload: bytes | str = b"",
    opcode: int = TEXT,
    *,
    fin: bool = True,
    rsv: int = 0,
    mask: bytes | None = MASK,
    width: int | None = None,
) -> bytes:
    """One frame of a client. `rsv` is 0 to 7; `mask` None leaves it unmasked; `width` as in `length_of`."""
    body = payload.encode() if isinstance(payload, str) else payload
    first = bytes([fin << 7 | rsv << 4 | opcode])
    size = length_of(len(body), width, mask is not None)
    return first + size + (body if mask is None else mask + masked(body, mask))


def fragments(*parts: bytes, opcode: int = TEXT) -> list[bytes]:
    """One message in so many frames."""
    last = len(parts) - 1
    return [frame(part, CONTINUATION if at else opcode, fin=at == last) for at, part in enumerate(parts)]


def closing(code: int | None = 1000, reason: bytes = b"") -> bytes:
    return frame(b"" if code is None else struct.pack("!H", code) + reason, CLOSE)


@dataclass(slots=True)
class RawSocket:
    """A TCP connection. Whatever it waits for comes within `PATIENCE_S`, or TimeoutError.

    It reads only when it is asked to, and what has come before a reset is not lost: no transport stands between.
    """

    wire: socket.socket
    sid: str = field(default="", init=False)
    _come: bytearray = field(default_factory=bytearray, init=False)

    @classmethod
    async def dial(cls, url: str, receive_buffer: int | None = None) -> RawSocket:
        """Says nothing yet. `receive_buffer` in bytes is the system's, for a client that means to read slowly."""
        address = urlsplit(url)
        wire = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        wire.setblocking(False)
        wire.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if receive_buffer:
            wire.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        try:
            await asyncio.get_running_loop().sock_connect(wire, (address.hostname, address.port))
        except BaseException:
            wire.close()
            raise
        return cls(wire)

    async def send(self, *segments: bytes) -> None:
        """Each is a TCP segment of its own: the server gets a turn after each. A server that is gone is no error."""
        loop = asyncio.get_running_loop()
        with suppress(ConnectionError):
            async with asyncio.timeout(PATIENCE_S):
                for segment in segments:
                    await loop.sock_sendall(self.wire, segment)
                    await asyncio.sleep(0)
                    await asyncio.sleep(0)

    async def send_in_pieces(self, data: bytes, size: int = 1) -> None:
        await self.send(*(data[at : at + size] for at in range(0, len(data), size)))

    async def read_head(self) -> Head:
        async with asyncio.timeout(PATIENCE_S):
            while (end := self._come.find(b"\r\n\r\n")) < 0:
                assert await self._receive(), f"the server has ended the connection after {self._come!r}"
        status, *lines = bytes(self._come[:end]).decode().split("\r\n")
        del self._come[: end + 4]
        pairs = [line.split(":", 1) for line in lines]
        headers = {name.strip().lower(): value.strip() for name, value in pairs}
        assert len(headers) == len(pairs), f"a header came twice: {lines}"
        return Head(int(status.split()[1]), headers)

    async def skip(self, size: int) -> None:
        """So many bytes of a body."""
        await self.take(size)

    async def take(self, size: int) -> bytes:
        """So many bytes of a body; less where the connection ends before."""
        async with asyncio.timeout(PATIENCE_S):
            while len(self._come) < size and await self._receive():
                pass
        taken = bytes(self._come[:size])
        del self._come[:size]
        return taken

    async def read_frame(self) -> Frame | None:
        """None where the connection has ended; a frame that breaks RFC 6455 fails."""
        async with asyncio.timeout(PATIENCE_S):
            return await self._read_frame()

    async def _read_frame(self) -> Frame | None:
        while (size := _size_of_first(self._come)) is None or len(self._come) < sum(size):
            if not await self._receive():
                assert not self._come, f"half a frame and then the end: {bytes(self._come)!r}"
                return None
        head, body = size
        got = Frame(self._come[0] & 15, bytes(self._come[head : head + body]))
        del self._come[: head + body]
        return got

    async def _receive(self) -> bool:
        """Whether more has come; else it has ended."""
        try:
            data = await asyncio.get_running_loop().sock_recv(self.wire, 2**18)
        except ConnectionError:
            return False
        self._come += data
        return bool(data)

    async def read(self) -> Frame:
        got = await self.read_frame()
        assert got is not None, "the server has ended the connection"
        return got

    async def read_text(self) -> str:
        return (await self.read()).text

    async def rest(self) -> list[Frame]:
        """Everything up to the end of the TCP connection, which is the server's to bring about."""
        frames: list[Frame] = []
        async with asyncio.timeout(PATIENCE_S):
            while got := await self._read_frame():
                frames.append(got)
        return frames

    async def open(self, *further: bytes) -> None:
        """An Engine.IO session; `further` bytes travel in the segment of the handshake."""
        await self.send(b"".join([head_of(), *further]))
        head = await self.read_head()
        assert head.status == 101, head
        assert head.headers["sec-websocket-accept"] == accept_of(KEY)
        assert (await self.read_text()).startswith("0{")

    async def join(self, *further: bytes) -> None:
        """The namespace, too: `sid` is the session."""
        await self.open(frame("40"), *further)
        await self.read_joined()

    async def read_joined(self) -> None:
        connected = await self.read_text()
        assert connected.startswith('40{"sid":"'), connected
        self.sid = connected.split('"')[3]

    async def pings(self, payload: bytes = b"are you there?") -> None:
        """The connection is alive: a ping is answered, and by nothing else."""
        await self.send(frame(payload, PING))
        assert await self.read() == Frame(PONG, payload)

    def finish(self) -> None:
        """No more from here (FIN); the server may go on."""
        with suppress(OSError):
            self.wire.shutdown(socket.SHUT_WR)

    def reset(self) -> None:
        """RST: the other side finds its connection broken."""
        self.wire.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.wire.close()

    def leave(self) -> None:
        """Nothing of it is left here."""
        self.wire.close()


def _size_of_first(come: bytes | bytearray) -> tuple[int, int] | None:
    """Bytes of the head and of the payload of the frame that comes first; None while that cannot be said."""
    if len(come) < 2:
        return None
    first, size = come[:2]
    assert first & 0xF0 == 0x80, f"the server fragments or sets reserved bits: {first:#x}"
    assert size < 128, "the server masks"
    if size < 126:
        return 2, size
    head = 4 if size == 126 else 10
    if len(come) < head:
        return None
    size = int.from_bytes(come[2:head], "big")
    assert size > (125 if head == 4 else 65_535), "the length is not the shortest"
    return head, size


def accept_of(key: str) -> str:
    """What proves that the server has read this Sec-WebSocket-Key."""
    return base64.b64encode(hashlib.sha1(key.encode() + GUID, usedforsecurity=False).digest()).decode()
