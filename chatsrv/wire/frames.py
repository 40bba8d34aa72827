"""RFC 6455 from the server's side, without any I/O: what frames mean and how they are written.

No extension is ever agreed on, so every reserved bit is a violation.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import IntEnum

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0x0, 0x1, 0x2, 0x8, 0x9, 0xA

Event = tuple[int, bytes | str | int]
"""(TEXT, str), (BINARY, bytes), (PING, bytes), (PONG, bytes) or (CLOSE, its code as int)."""

_MOST_OF_CONTROL = 125
_MASKED = 0x80
_FINAL = 0x80


class Code(IntEnum):
    """Close codes that we send or tell apart."""

    NORMAL = 1000
    GOING_AWAY = 1001
    PROTOCOL_ERROR = 1002
    NONE_GIVEN = 1005
    UNSUPPORTED = 1003
    NOT_UTF8 = 1007
    REFUSED = 1008
    TOO_BIG = 1009
    SERVICE_RESTART = 1012


class Violation(Exception):
    """The peer broke the protocol: the connection fails with `code`."""

    def __init__(self, code: Code) -> None:
        super().__init__(code.name)
        self.code = code


def read_short_text(data: bytes) -> str | None:
    """The text of a frame that came whole and alone, between two messages, as most do; None for all else.

    It says nothing that a FrameReader would not say, only sooner.
    """
    size = len(data) - 6
    if not (0 <= size <= _MOST_OF_CONTROL and data[0] == _FINAL | TEXT and data[1] == _MASKED | size):
        return None
    if size == 1 and (letter := data[2] ^ data[6]) < 0x80:  # the answer to a ping, which is most of what idlers say
        return chr(letter)
    try:
        return unmask(data, 2, size + 6).decode()
    except UnicodeDecodeError:
        return None


class FrameReader:
    """Bytes in any segments become events.

    It holds no more than one message of `max_bytes` and the start of one frame. After a Violation, or after a CLOSE
    event, it must not be fed again: what follows means nothing.
    """

    __slots__ = ("_kind", "_max_bytes", "_message", "_pending")

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._pending: bytearray | None = None  # the start of a frame
        self._message: bytearray | None = None  # the fragments of a message so far
        self._kind = TEXT

    def feed(self, data: bytes) -> Iterator[Event]:
        """Raises Violation where the peer broke the protocol; the events before it have been given by then."""
        source: bytes | bytearray = data
        if self._pending is not None:
            self._pending += data
            source, self._pending = self._pending, None
        start, end = 0, len(source)
        while start < end:
            span = self._measure(source, start, end)
            if span is None or span[1] > end:
                self._pending = bytearray(source[start:end])
                return
            body, after = span
            first, payload = source[start], unmask(source, body, after)
            start = after
            event = self._control(first, payload) if first & 0x08 else self._collect(first, payload)
            if event is not None:
                yield event

    @property
    def is_between_messages(self) -> bool:
        """It holds nothing: another reader could go on in its place."""
        return self._pending is None and self._message is None

    def _measure(self, source: bytes | bytearray, start: int, end: int) -> tuple[int, int] | None:
        """Where the mask and the payload of this frame begin, and where the frame ends; None: not yet known."""
        if end - start < 2:
            self._check_first(source[start])
            return None
        second = source[start + 1]
        self._check_first(source[start])
        if not second & _MASKED:
            raise Violation(Code.PROTOCOL_ERROR)
        length = second & 0x7F
        if source[start] & 0x08 and length > _MOST_OF_CONTROL:
            raise Violation(Code.PROTOCOL_ERROR)
        width = 2 if length == 126 else 8 if length == 127 else 0
        body = start + 2 + width
        if width:
            if end < body:
                return None
            length = _long_length(source[start + 2 : body], width)
        self._check_size(source[start], length)
        return body, body + 4 + length

    def _check_first(self, first: int) -> None:
        opcode = first & 0x0F
        if first & 0x70 or opcode in (3, 4, 5, 6, 7) or opcode > PONG:
            raise Violation(Code.PROTOCOL_ERROR)
        if opcode >= CLOSE:
            if not first & _FINAL:
                raise Violation(Code.PROTOCOL_ERROR)
        elif (opcode == CONTINUATION) != (self._message is not None):
            raise Violation(Code.PROTOCOL_ERROR)

    def _check_size(self, first: int, length: int) -> None:
        gathered = len(self._message) if self._message is not None and not first & 0x08 else 0
        if gathered + length > self._max_bytes and not first & 0x08:
            raise Violation(Code.TOO_BIG)

    def _collect(self, first: int, payload: bytes) -> Event | None:
        opcode = first & 0x0F
        if opcode:
            if first & _FINAL:
                return _message(opcode, payload)
            self._kind, self._message = opcode, bytearray(payload)
            return None
        assert self._message is not None  # noqa: S101 - _check_first saw to it
        self._message += payload
        if not first & _FINAL:
            return None
        whole, self._message = bytes(self._message), None
        return _message(self._kind, whole)

    def _control(self, first: int, payload: bytes) -> Event:
        opcode = first & 0x0F
        return (CLOSE, read_close(payload)) if opcode == CLOSE else (opcode, payload)


def _long_length(field: bytes | bytearray, width: int) -> int:
    """In as few bytes as it takes, and below 2 to the power of 63."""
    length = int.from_bytes(field, "big")
    if length < (126 if width == 2 else 1 << 16) or length >> 63:
        raise Violation(Code.PROTOCOL_ERROR)
    return length


def _message(kind: int, payload: bytes) -> Event:
    if kind == BINARY:
        return BINARY, payload
    try:
        return TEXT, payload.decode()
    except UnicodeDecodeError as error:
        raise Violation(Code.NOT_UTF8) from error


def unmask(source: bytes | bytearray, body: int, after: int) -> bytes:
    """The payload of the frame whose mask begins at `body` and which ends at `after`.

    As one large integer: the fastest way that plain Python has.
    """
    size = after - body - 4
    if not size:
        return b""
    mask = bytes(source[body : body + 4])
    key = int.from_bytes((mask * (size // 4 + 1))[:size], "big")
    return (int.from_bytes(source[body + 4 : after], "big") ^ key).to_bytes(size, "big")


def read_close(payload: bytes) -> int:
    """The code of a close frame, NONE_GIVEN where it has none. Raises Violation for what must not be sent."""
    if not payload:
        return Code.NONE_GIVEN
    code = int.from_bytes(payload[:2], "big")
    if len(payload) == 1 or not (1000 <= code <= 1003 or 1007 <= code <= 1014 or 3000 <= code <= 4999):
        raise Violation(Code.PROTOCOL_ERROR)
    try:
        payload[2:].decode()
    except UnicodeDecodeError as error:
        raise Violation(Code.NOT_UTF8) from error
    return code


def encode(opcode: int, payload: bytes) -> bytes:
    """One whole frame, unmasked as a server's are."""
    size = len(payload)
    if size <= _MOST_OF_CONTROL:
        return bytes((_FINAL | opcode, size)) + payload
    if size < 1 << 16:
        return bytes((_FINAL | opcode, 126)) + size.to_bytes(2, "big") + payload
    return bytes((_FINAL | opcode, 127)) + size.to_bytes(8, "big") + payload


def encode_text(text: str) -> bytes:
    return encode(TEXT, text.encode())


def encode_close(code: int) -> bytes:
    """NONE_GIVEN stands for a frame without a code."""
    return encode(CLOSE, b"" if code == Code.NONE_GIVEN else code.to_bytes(2, "big"))
