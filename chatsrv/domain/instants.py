"""Instants: milliseconds since 1970 in UTC inside, RFC 3339 text with milliseconds and `Z` outside."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
NEVER = 0
"""An instant that has not happened yet; it is null on the wire."""

_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
_INSTANT = re.compile(r"\d{4}-\d{2}-\d{2}[Tt ]\d{2}:\d{2}:\d{2}(\.\d{1,9})?([Zz]|[+-]\d{2}:\d{2})")


def to_text(at_ms: int) -> str:
    """`2026-03-01T09:30:00.123Z`."""
    return (EPOCH + timedelta(milliseconds=at_ms)).strftime("%Y-%m-%dT%H:%M:%S.") + f"{at_ms % 1000:03d}Z"


def to_text_or_none(at_ms: int) -> str | None:
    return to_text(at_ms) if at_ms != NEVER else None


def from_text(text: str) -> int:
    """Reads `YYYY-MM-DD` (midnight UTC) or an RFC 3339 instant; anything else is a ValueError."""
    if _DATE.fullmatch(text):
        return _to_ms(datetime.fromisoformat(text).replace(tzinfo=UTC))
    if not _INSTANT.fullmatch(text):
        raise ValueError("is no date: use YYYY-MM-DD or RFC 3339, such as 2026-03-01T09:30:00Z")
    return _to_ms(datetime.fromisoformat(text.upper()))


def _to_ms(instant: datetime) -> int:
    at_ms = (instant - EPOCH) // timedelta(milliseconds=1)
    if at_ms <= NEVER:
        raise ValueError("lies before 1970")
    return at_ms
