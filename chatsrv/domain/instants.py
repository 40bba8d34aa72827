"""Instants: milliseconds since 1970 in UTC inside, RFC 3339 text with milliseconds and `Z` outside."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_EPOCH_TEXT = EPOCH.replace(tzinfo=None)  # which writes itself without an offset
NEVER = 0
"""An instant that has not happened yet; it is null on the wire."""
LATEST = 253_370_764_800_000
"""The year 9999 begins. Text cannot say what lies a year behind it, so nothing that may still grow is kept beyond."""

_DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_INSTANT = re.compile(r"\d{4}-\d{2}-\d{2}[Tt ]\d{2}:\d{2}:\d{2}(\.\d{1,9})?([Zz]|[+-]\d{2}:\d{2})", re.ASCII)


def to_text(at_ms: int) -> str:
    """`2026-03-01T09:30:00.123Z`."""
    return (_EPOCH_TEXT + timedelta(0, 0, 0, at_ms)).isoformat("T", "milliseconds") + "Z"


def to_text_or_none(at_ms: int) -> str | None:
    return to_text(at_ms) if at_ms != NEVER else None


def from_text(text: str) -> int:
    """Reads `YYYY-MM-DD` (midnight UTC) or an RFC 3339 instant; anything else is a ValueError.

    The result lies in the years 1 to 9999 of UTC, and so may be less than zero.
    """
    whole = f"{text}T00:00:00Z" if _DATE.fullmatch(text) else text.upper()
    try:
        if not _INSTANT.fullmatch(whole):
            raise ValueError(text)
        instant = datetime.fromisoformat(whole).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise ValueError("is no date: use YYYY-MM-DD or RFC 3339, such as 2026-03-01T09:30:00Z") from error
    return (instant - EPOCH) // timedelta(milliseconds=1)
