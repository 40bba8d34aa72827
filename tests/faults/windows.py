"""When something happened, held against when it may: windows that `timings` derives."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime


def read_instant(text: str) -> float:
    """Seconds since 1970 of an instant on the wire."""
    return datetime.fromisoformat(text).timestamp()


def assert_within(found: Collection[float], earliest: float, latest: float) -> None:
    assert found
    assert earliest <= min(found), f"{min(found):.2f} s is before {earliest:.2f} s"
    assert max(found) <= latest, f"{max(found):.2f} s is after {latest:.2f} s"
