"""Instants: what is read, what is refused, and that nothing is lost between text and number."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatsrv.domain.instants import LATEST, NEVER, from_text, to_text, to_text_or_none


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("2026-03-01", "2026-03-01T00:00:00.000Z"),
        ("2026-03-01T09:30:00Z", "2026-03-01T09:30:00.000Z"),
        ("2026-03-01t09:30:00.5z", "2026-03-01T09:30:00.500Z"),
        ("2026-03-01 09:30:00+05:30", "2026-03-01T04:00:00.000Z"),
        ("2026-03-01T09:30:00.123999999-00:00", "2026-03-01T09:30:00.123Z"),
        ("2024-02-29T23:59:59.999-01:00", "2024-03-01T00:59:59.999Z"),
    ],
)
def test_a_date_or_an_rfc_3339_instant_is_read_into_milliseconds(text: str, same: str) -> None:
    assert to_text(from_text(text)) == same


@pytest.mark.parametrize(
    "text",
    [
        "",
        "now",
        "2026-3-1",
        "2026-02-30",
        "20260301",
        "2026-W09-7",
        "2026-03-01T09:30",
        "2026-03-01T09:30:00",
        "2026-03-01T25:00:00Z",
        "2026-03-01T09:30:60Z",
        "2026-03-01T09:30:00+25:00",
        "2026-03-01T09:30:00.Z",
        "2026-03-01T09:30:00Z\n",
        "٢٠٢٦-٠٣-٠١",
        "2026-03-01T09:30:0\u0660Z",
    ],
)
def test_whatever_is_no_instant_is_refused_in_a_sentence_for_people(text: str) -> None:
    with pytest.raises(ValueError, match=r"is no date: use YYYY-MM-DD or RFC 3339"):
        from_text(text)


@pytest.mark.parametrize("text", ["9999-12-31T23:59:59-00:01", "0001-01-01T00:00:00+00:01"])
def test_an_instant_that_leaves_the_calendar_in_utc_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is no date"):
        from_text(text)


def test_instants_before_1970_can_be_asked_for() -> None:
    assert from_text("1970-01-01") == 0
    assert from_text("1969-12-31T23:59:59.999Z") == -1


def test_an_instant_that_has_not_happened_is_null() -> None:
    assert to_text_or_none(NEVER) is None
    assert to_text_or_none(1) == "1970-01-01T00:00:00.001Z"


def test_the_latest_instant_is_the_beginning_of_the_year_9999() -> None:
    assert to_text(LATEST) == "9999-01-01T00:00:00.000Z"


def test_every_text_has_the_same_shape_whatever_the_year() -> None:
    assert to_text(from_text("0001-01-01")) == "0001-01-01T00:00:00.000Z"
    assert to_text(from_text("0987-12-31T23:59:59.999Z")) == "0987-12-31T23:59:59.999Z"
    assert to_text(from_text("9999-12-31T23:59:59.999Z")) == "9999-12-31T23:59:59.999Z"


@given(st.integers(1, LATEST))
def test_every_instant_survives_the_way_through_text(at_ms: int) -> None:
    assert from_text(to_text(at_ms)) == at_ms
