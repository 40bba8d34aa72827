"""Streams of bytes such as a client should not send.

A stream is drawn from a seed and a number alone, so that one that broke something can be sent again.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

from tests.realtime.frame_judge import EVENTS, read_head
from tests.realtime.raw_socket import PING, PONG, closing, fragments, frame

Draw = random.Random


@dataclass(frozen=True, slots=True)
class Stream:
    """What one client sends behind its join, and whether it then hangs up or breaks off."""

    segments: tuple[bytes, ...]
    breaks_off: bool

    @property
    def data(self) -> bytes:
        return b"".join(self.segments)


def draw_stream(seed: int, number: int) -> Stream:
    draw = Draw(f"{seed}/{number}")
    data = b"".join(_frames(draw))
    for _ in range(draw.choice((0, 0, 1, 1, 1, 2, 3, 8))):
        data = draw.choice(MUTATIONS)(draw, data)
    return Stream(tuple(_cut(draw, data)), draw.random() < 0.15)


def _frames(draw: Draw) -> list[bytes]:
    """Of a client that does nothing wrong."""
    frames: list[bytes] = []
    for _ in range(draw.randint(1, 8)):
        frames += draw.choice(SCENES)(draw)
    if draw.random() < 0.3:
        reason = draw.choice((b"", "tschüß".encode(), b"x" * 123))
        frames.append(closing(draw.choice((1000, 1001, 3000, 4999)), reason) if draw.random() < 0.9 else closing(None))
    return frames


def _mask(draw: Draw) -> bytes:
    return draw.randbytes(4)


def _event(draw: Draw) -> list[bytes]:
    return [frame(draw.choice(EVENTS), mask=_mask(draw))]


def _ping(draw: Draw) -> list[bytes]:
    return [frame(draw.randbytes(draw.choice((0, 1, 5, 124, 125))), PING, mask=_mask(draw))]


def _pong(draw: Draw) -> list[bytes]:
    return [frame(draw.randbytes(draw.choice((0, 3, 125))), PONG, mask=_mask(draw))]


def _fragmented(draw: Draw) -> list[bytes]:
    """With pings between the fragments, now and then."""
    event = draw.choice(EVENTS)
    cuts = sorted(draw.randint(0, len(event)) for _ in range(draw.randint(1, 5)))
    parts = [event[start:end] for start, end in zip([0, *cuts], [*cuts, len(event)], strict=True)]
    frames: list[bytes] = []
    for fragment in fragments(*parts):
        frames += [fragment, *(_ping(draw) if draw.random() < 0.3 else [])]
    return frames


SCENES: tuple[Callable[[Draw], list[bytes]], ...] = (_event, _event, _ping, _pong, _fragmented, _fragmented)


def _flip_bit(draw: Draw, data: bytes) -> bytes:
    at = draw.randrange(len(data) or 1)
    return data[:at] + bytes(byte ^ 1 << draw.randrange(8) for byte in data[at : at + 1]) + data[at + 1 :]


def _flip_in_head(draw: Draw, data: bytes) -> bytes:
    """In the first bytes of a frame, where every bit means something."""
    at = min(draw.choice(_starts(data)) + draw.randrange(2), max(len(data) - 1, 0))
    return data[:at] + bytes(byte ^ 1 << draw.randrange(8) for byte in data[at : at + 1]) + data[at + 1 :]


def _set_byte(draw: Draw, data: bytes) -> bytes:
    at = draw.randrange(len(data) or 1)
    return data[:at] + draw.choice((b"\x00", b"\xff", b"\x7f", b"\x80", draw.randbytes(1))) + data[at + 1 :]


def _delete(draw: Draw, data: bytes) -> bytes:
    at = draw.randrange(len(data) + 1)
    return data[:at] + data[at + draw.choice((1, 1, 2, 7, 50)) :]


def _repeat(draw: Draw, data: bytes) -> bytes:
    at = draw.randrange(len(data) + 1)
    return data[: at + draw.choice((1, 2, 6, 40))] + data[at:]


def _insert(draw: Draw, data: bytes) -> bytes:
    at = draw.randrange(len(data) + 1)
    return data[:at] + draw.randbytes(draw.choice((1, 2, 4, 14, 100))) + data[at:]


def _insert_frame(draw: Draw, data: bytes) -> bytes:
    """A frame of any kind between two others."""
    at = draw.choice(_starts(data))
    payload = draw.choice((b"", b"\x03\xe8", b"x", b"\xff", draw.choice(EVENTS), draw.randbytes(draw.choice((2, 126)))))
    strange = frame(
        payload,
        draw.randrange(16),
        fin=draw.random() < 0.7,
        rsv=draw.choice((0, 0, 0, 0, 1, 2, 4, 7)),
        mask=None if draw.random() < 0.1 else _mask(draw),
        width=draw.choice((None, None, None, 3, 9)),
    )
    return data[:at] + strange + data[at:]


def _swap(draw: Draw, data: bytes) -> bytes:
    """Two halves change places at the border of a frame."""
    at = draw.choice(_starts(data))
    return data[at:] + data[:at]


def _truncate(draw: Draw, data: bytes) -> bytes:
    return data[: draw.randrange(len(data) + 1)]


MUTATIONS: tuple[Callable[[Draw, bytes], bytes], ...] = (
    _flip_bit,
    _flip_in_head,
    _flip_in_head,
    _set_byte,
    _delete,
    _repeat,
    _insert,
    _insert_frame,
    _insert_frame,
    _swap,
    _truncate,
)


def _starts(data: bytes) -> list[int]:
    """Where frames begin, as far as that can be said."""
    starts, at = [0], 0
    while (head := read_head(data, at)) is not None:
        at += head.length + head.size
        if at >= len(data):
            break
        starts.append(at)
    return starts


def _cut(draw: Draw, data: bytes) -> list[bytes]:
    """Into TCP segments."""
    match draw.randrange(4):
        case 0:
            return [data]
        case 1 if len(data) < 300:
            return [data[at : at + 1] for at in range(len(data))]
        case _:
            cuts = sorted(draw.randint(0, len(data)) for _ in range(draw.randint(1, 12)))
            return [data[start:end] for start, end in zip([0, *cuts], [*cuts, len(data)], strict=True) if start < end]
