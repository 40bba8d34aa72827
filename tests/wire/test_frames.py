"""Frames, byte by byte: what a peer may send, what ends the connection, and that segments do not matter."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatsrv.wire.frames import (
    BINARY,
    CLOSE,
    CONTINUATION,
    PING,
    PONG,
    TEXT,
    Code,
    Event,
    FrameReader,
    Violation,
    encode,
    encode_close,
    encode_text,
    read_short_text,
)

CEILING = 70_000
MASK = b"\x01\x82\x43\xff"


def masked(first: int, payload: bytes, mask: bytes = MASK, width: int | None = None) -> bytes:
    """A frame as a client sends it; `width`: bytes of its extended length, the fewest unless given."""
    size = len(payload)
    width = (0 if size < 126 else 2 if size < 1 << 16 else 8) if width is None else width
    length = {0: bytes([0x80 | size % 126]), 2: b"\xfe", 8: b"\xff"}[width] + (
        size.to_bytes(width, "big") if width else b""
    )
    return bytes([first]) + length + mask + bytes(byte ^ mask[i % 4] for i, byte in enumerate(payload))


def read(*segments: bytes) -> tuple[list[Event], Code | None]:
    """The events, and what ended them."""
    reader, events = FrameReader(CEILING), list[Event]()
    try:
        for segment in segments:
            for event in reader.feed(segment):
                events.append(event)
                if event[0] == CLOSE:
                    return events, None
    except Violation as violation:
        return events, violation.code
    return events, None


@pytest.mark.parametrize("size", [0, 1, 3, 4, 5, 125, 126, 127, 65535, 65536, CEILING])
def test_a_text_of_any_length_up_to_the_ceiling_is_read(size: int) -> None:
    assert read(masked(0x81, b"x" * size)) == ([(TEXT, "x" * size)], None)


@pytest.mark.parametrize(
    ("frame", "code"),
    [
        pytest.param(b"\x81\x01x", Code.PROTOCOL_ERROR, id="not masked"),
        pytest.param(masked(0xC1, b""), Code.PROTOCOL_ERROR, id="first reserved bit"),
        pytest.param(masked(0xA1, b""), Code.PROTOCOL_ERROR, id="second reserved bit"),
        pytest.param(masked(0x91, b""), Code.PROTOCOL_ERROR, id="third reserved bit"),
        *[pytest.param(masked(0x80 | op, b""), Code.PROTOCOL_ERROR, id=f"opcode {op}") for op in (3, 4, 5, 6, 7)],
        *[pytest.param(masked(0x80 | op, b""), Code.PROTOCOL_ERROR, id=f"opcode {op}") for op in range(11, 16)],
        pytest.param(masked(0x81, b"x" * 125, width=2), Code.PROTOCOL_ERROR, id="two bytes for a short length"),
        pytest.param(masked(0x81, b"x" * 65535, width=8), Code.PROTOCOL_ERROR, id="eight bytes for a middle length"),
        pytest.param(b"\x81\xff\x80" + bytes(7), Code.PROTOCOL_ERROR, id="a negative length"),
        pytest.param(b"\x81\xff\x7f" + b"\xff" * 7, Code.TOO_BIG, id="the greatest length"),
        pytest.param(masked(0x81, b"x" * (CEILING + 1)), Code.TOO_BIG, id="over the ceiling"),
        pytest.param(masked(0x89, b"x" * 126), Code.PROTOCOL_ERROR, id="a long ping"),
        pytest.param(masked(0x09, b""), Code.PROTOCOL_ERROR, id="a ping in fragments"),
        pytest.param(masked(0x08, b""), Code.PROTOCOL_ERROR, id="a close in fragments"),
        pytest.param(masked(0x80, b""), Code.PROTOCOL_ERROR, id="a continuation of nothing"),
        pytest.param(masked(0x00, b""), Code.PROTOCOL_ERROR, id="a fragment of nothing"),
        pytest.param(masked(0x01, b"") + masked(0x81, b""), Code.PROTOCOL_ERROR, id="a text within a text"),
        pytest.param(masked(0x01, b"x" * CEILING) + masked(0x80, b"x"), Code.TOO_BIG, id="fragments over the ceiling"),
        pytest.param(masked(0x81, b"\xff"), Code.NOT_UTF8, id="no UTF-8"),
        pytest.param(masked(0x81, b"\xc3"), Code.NOT_UTF8, id="half a character"),
        pytest.param(masked(0x81, b"\xed\xa0\x80"), Code.NOT_UTF8, id="a surrogate"),
        pytest.param(masked(0x81, b"\xc0\xaf"), Code.NOT_UTF8, id="an overlong character"),
        pytest.param(masked(0x81, b"\xf4\x90\x80\x80"), Code.NOT_UTF8, id="beyond Unicode"),
        pytest.param(masked(0x88, b"\x03"), Code.PROTOCOL_ERROR, id="half a close code"),
        pytest.param(masked(0x88, b"\x03\xe8\xff"), Code.NOT_UTF8, id="a close reason without UTF-8"),
    ],
)
def test_what_breaks_the_protocol_ends_the_connection_with_the_code_for_it(frame: bytes, code: Code) -> None:
    assert read(frame) == ([], code)
    before = read(masked(0x81, b"before") + frame)
    assert before == ([(TEXT, "before")], code)


def test_a_length_over_the_ceiling_is_refused_before_the_payload_has_come() -> None:
    assert read(masked(0x81, b"x" * (CEILING + 1))[:14]) == ([], Code.TOO_BIG)


@pytest.mark.parametrize("code", [0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535])
def test_a_close_code_that_must_not_be_sent_is_a_violation(code: int) -> None:
    assert read(masked(0x88, code.to_bytes(2, "big"))) == ([], Code.PROTOCOL_ERROR)


@pytest.mark.parametrize("code", [1000, 1001, 1002, 1003, 1007, 1011, 1014, 3000, 3999, 4000, 4999])
def test_a_close_tells_its_code(code: int) -> None:
    assert read(masked(0x88, code.to_bytes(2, "big") + "tschüß".encode())) == ([(CLOSE, code)], None)


def test_a_close_without_a_code_says_so() -> None:
    assert read(masked(0x88, b"")) == ([(CLOSE, Code.NONE_GIVEN)], None)


def test_control_frames_come_between_fragments() -> None:
    sent = masked(0x01, b"gr") + masked(0x89, b"?") + masked(0x00, b"\xc3") + masked(0x8A, b"!")
    events, code = read(sent + masked(0x80, b"\xbc"))
    assert (events, code) == ([(PING, b"?"), (PONG, b"!"), (TEXT, "grü")], None)


def test_endless_empty_fragments_take_no_memory() -> None:
    reader = FrameReader(CEILING)
    assert list(reader.feed(masked(0x01, b"") + masked(0x00, b"") * 10_000)) == []
    assert reader._message == bytearray()
    assert reader._pending is None


FRAMES = st.one_of(
    st.builds(lambda text: masked(0x81, text.encode()), st.text(max_size=200)),
    st.builds(lambda data: masked(0x82, data), st.binary(max_size=200)),
    st.builds(lambda data: masked(0x89, data), st.binary(max_size=125)),
    st.builds(lambda data: masked(0x8A, data), st.binary(max_size=125)),
    st.builds(
        lambda parts, ping: b"".join(
            masked((0x01 if i == 0 else 0) | (0x80 if i == len(parts) - 1 else 0), part)
            + (ping if i < len(parts) - 1 else b"")
            for i, part in enumerate(parts)
        ),
        st.lists(st.binary(max_size=20), min_size=2, max_size=5),
        st.sampled_from([b"", masked(0x89, b"p")]),
    ),
    st.just(masked(0x88, b"\x03\xe8")),
    st.binary(min_size=1, max_size=20),  # whatever
)


@given(st.lists(FRAMES, max_size=6), st.lists(st.integers(0, 400), max_size=30), st.booleans())
def test_any_segments_give_the_same_events(frames: list[bytes], cuts: list[int], is_byte_by_byte: bool) -> None:
    stream = b"".join(frames)
    places = range(len(stream)) if is_byte_by_byte else sorted({cut for cut in cuts if cut < len(stream)})
    bounds = [0, *places, len(stream)]
    segments = [stream[start:end] for start, end in pairwise(bounds) if start < end]
    assert read(*segments) == read(stream)


@given(st.binary(max_size=300))
def test_what_is_written_is_read_back_by_a_client(payload: bytes) -> None:
    frame = encode(BINARY, payload)
    assert frame[0] == 0x82
    size = len(payload)
    assert frame[1:] == (bytes([size]) if size < 126 else b"\x7e" + size.to_bytes(2, "big")) + payload


def test_the_lengths_of_what_is_written_are_minimal() -> None:
    assert encode(TEXT, b"x" * 125)[:2] == b"\x81\x7d"
    assert encode(TEXT, b"x" * 126)[:4] == b"\x81\x7e\x00\x7e"
    assert encode(TEXT, b"x" * 65536)[:10] == b"\x81\x7f" + (65536).to_bytes(8, "big")
    assert encode(CONTINUATION, b"") == b"\x80\x00"
    assert encode_text("ü") == b"\x81\x02\xc3\xbc"
    assert encode_close(1012) == b"\x88\x02\x03\xf4"
    assert encode_close(Code.NONE_GIVEN) == b"\x88\x00"


SHORT = st.one_of(
    st.builds(lambda text: masked(0x81, text.encode()), st.text(max_size=60)),
    st.builds(lambda first, data: masked(first, data), st.integers(0, 255), st.binary(max_size=130)),
    st.binary(max_size=140),
)


@given(SHORT, st.binary(max_size=2))
def test_the_short_way_reads_what_the_long_way_reads_or_nothing(frame: bytes, more: bytes) -> None:
    for data in (frame, frame + more, frame[:-1]):
        text = read_short_text(data)
        if text is not None:
            assert read(data) == ([(TEXT, text)], None)


def test_the_short_way_is_taken() -> None:
    assert read_short_text(masked(0x81, b"3")) == "3"
    assert read_short_text(masked(0x81, "grüß".encode())) == "grüß"
    assert read_short_text(masked(0x81, b"x" * 125)) == "x" * 125
