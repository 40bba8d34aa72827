"""A second reading of RFC 6455, independent of the server's: what must come of a stream of bytes.

It knows nothing of segments, buffers or sessions.
"""

from __future__ import annotations

import codecs
from dataclasses import dataclass, field

from tests.realtime import raw_socket
from tests.realtime.arena import echo, echo_of
from tests.realtime.raw_socket import BINARY, CLOSE, CONTINUATION, PING, PONG, TEXT, masked

EVENTS = [echo().encode(), echo("hello").encode(), echo("Grüße, 世界 👋").encode()]
EVENTS += [echo_of(size)[0] for size in (125, 126, 127, 128, 1000, 4000)]
"""Each is answered with one ack."""

CONTROL = frozenset((CLOSE, PING, PONG))
DATA = frozenset((CONTINUATION, TEXT, BINARY))
REGISTERED = frozenset((*range(1000, 1004), *range(1007, 1015), *range(3000, 5000)))
LOST = None
"""In place of a code: TCP ends without a close frame."""
NO_CODE = 0
"""In place of a code: a close frame without a payload."""


@dataclass(slots=True)
class Verdict:
    """What must come of a stream.

    All `pongs` up to `sure_pongs` come, and none but these; the rest may. `events` are surely handled where all is
    clean, and never more than `messages`. `codes` are the endings that are good; None stands for any, because the
    layers above have a say.
    """

    pongs: list[bytes] = field(default_factory=list)
    sure_pongs: int = 0
    events: int = 0
    messages: int = 0
    codes: frozenset[int | None] | None = frozenset((LOST,))
    is_clean: bool = True
    """Nothing was wrong with it, so that every event is heard."""


@dataclass(frozen=True, slots=True)
class FrameHead:
    """The first 2 to 14 bytes of a frame."""

    fin: bool
    rsv: int
    opcode: int
    is_masked: bool
    size: int
    is_shortest: bool
    length: int
    mask: bytes


def read_head(data: bytes, at: int) -> FrameHead | None:
    """None where it is not whole."""
    if len(data) < at + 2:
        return None
    first, size = data[at], data[at + 1] & 0x7F
    extended = {126: 2, 127: 8}.get(size, 0)
    end = at + 2 + extended
    if extended:
        size = int.from_bytes(data[at + 2 : end], "big")
    mask_bytes = 4 if data[at + 1] & 0x80 else 0
    if len(data) < end + mask_bytes:
        return None
    is_shortest = extended == 0 or size > (125 if extended == 2 else 65_535)
    mask = data[end : end + mask_bytes]
    return FrameHead(
        bool(first & 0x80), first >> 4 & 7, first & 15, bool(mask_bytes), size, is_shortest, end + mask_bytes - at, mask
    )


def judge(data: bytes, ceiling: int) -> Verdict:
    """`data` is everything behind the join; the client then ends TCP."""
    judging = _Judging(ceiling)
    at = 0
    while (head := read_head(data, at)) is not None:
        payload = data[at + head.length : at + head.length + head.size]
        if judging.refuses(head) or judging.waits_for(head, payload):
            return judging.verdict
        if judging.is_over(head, masked(payload, head.mask) if payload else b""):
            return judging.verdict
        at += head.length + head.size
    if at < len(data):
        judging.may_see_early()
    return judging.verdict


class _Judging:
    """Where in the stream the judge is: within which message, and what has been owed so far."""

    def __init__(self, ceiling: int) -> None:
        self.verdict = Verdict()
        self._ceiling = ceiling
        self._message: bytearray | None = None
        self._opcode = TEXT
        self._is_sure = True

    def refuses(self, head: FrameHead) -> bool:
        """For what its head says."""
        is_control, size = head.opcode in CONTROL, head.size
        offences = (
            head.rsv,
            head.opcode not in CONTROL | DATA,
            not head.is_masked,
            not head.is_shortest,
            is_control and (not head.fin or size > 125),
            head.opcode == CONTINUATION and self._message is None,
            head.opcode in (TEXT, BINARY) and self._message is not None,
        )
        codes = {1002} if any(offences) else set()
        whole = size + (0 if is_control or self._message is None else len(self._message))
        if whole > self._ceiling:
            codes |= {1009, 1002} if size >> 63 else {1009}
        if head.opcode == BINARY and codes:
            codes |= {1003}
        if codes:
            self._end(*codes)
        return bool(codes)

    def waits_for(self, head: FrameHead, payload: bytes) -> bool:
        """It never comes to its end."""
        if len(payload) == head.size:
            return False
        self.may_see_early()
        if head.opcode == BINARY:
            self._end_as_it_likes()
        return True

    def may_see_early(self) -> None:
        """A server may see that a frame is bad before it is whole: at its first byte, or at one that is not UTF-8."""
        self.verdict.is_clean = False
        if self.verdict.codes is not None:
            self.verdict.codes |= {1002, 1003, 1007, 1009}

    def is_over(self, head: FrameHead, payload: bytes) -> bool:
        match head.opcode:
            case raw_socket.PING:
                self.verdict.pongs.append(payload)
                self.verdict.sure_pongs += self._is_sure
            case raw_socket.PONG:
                pass
            case raw_socket.CLOSE:
                self._close(payload)
                return True
            case _:
                return self._is_over_with_data(head, payload)
        return False

    def _close(self, payload: bytes) -> None:
        if not payload:
            self._end(NO_CODE, 1000, is_clean=True)
            return
        code = int.from_bytes(payload[:2], "big")
        if len(payload) == 1 or code not in REGISTERED:
            self._end(1002)
        elif not _is_text(payload[2:]):
            self._end(1002, 1007)
        else:
            self._end(code, is_clean=True)

    def _is_over_with_data(self, head: FrameHead, payload: bytes) -> bool:
        if self._message is None:
            self._message, self._opcode = bytearray(), head.opcode
        self._message += payload
        if self._opcode == BINARY:
            self._end_as_it_likes()
        elif not _is_text(self._message, head.fin):
            if head.fin:
                self._end(1007)
                return True
            self._is_sure = False  # it may say so now or with the last fragment
            self.verdict.is_clean = False
            if self.verdict.codes is not None:
                self.verdict.codes |= {1007, 1002, 1003, 1009}
        if head.fin:
            self.verdict.messages += 1
            if bytes(self._message) in EVENTS:
                self.verdict.events += 1
            else:
                self._end_as_it_likes()
            self._message = None
        return False

    def _end(self, *codes: int | None, is_clean: bool = False) -> None:
        self.verdict.is_clean &= is_clean
        if self.verdict.codes is not None:
            is_unsure = not self._is_sure
            self.verdict.codes = frozenset(codes) | ({1007} if is_unsure else set())

    def _end_as_it_likes(self) -> None:
        """What Engine.IO and Socket.IO think of the message is theirs to say; pongs that were due before it come."""
        self._is_sure = False
        self.verdict.is_clean = False
        self.verdict.codes = None


def _is_text(data: bytes | bytearray, is_whole: bool = True) -> bool:
    try:
        codecs.getincrementaldecoder("utf-8")().decode(bytes(data), is_whole)
    except UnicodeDecodeError:
        return False
    return True
