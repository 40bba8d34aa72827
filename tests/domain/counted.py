"""What the statistics should say, by going through everything that ever happened once for each point."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from chatsrv.domain.tallies import Point, Width

Happened = tuple[int, int, int]
"""When (ms), to whom, and by how many there were more."""


def by_hand(began: int, first: Iterable[int], told: Sequence[Happened], width: Width, at: int, now: int) -> Point:
    """`first`: who was there when it `began`; who was there is counted for any width."""
    end, since = at + width.value, max(at, began)
    carried = set(first)
    for then, who, _ in told:
        if then < at:
            carried ^= {who}
    here, there = set(carried), set(carried)
    peak, peak_at, online_ms = len(here), since, 0
    for then, who, _ in told:
        if at <= then < end:
            online_ms += len(here) * (then - since)
            since = then
            here ^= {who}
            there |= here
            if len(here) > peak:
                peak, peak_at = len(here), then
    online_ms += len(here) * (min(end, now) - since)
    return Point(at, peak, peak_at, len(here), len(there), online_ms)
