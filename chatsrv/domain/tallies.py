"""How many of an app are online: a running count, and what it was by the minute, hour and day (UTC).

Whoever is invisible does not count. Whoever is there as a day begins was there on that day, also if they leave at once.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum

MINUTE_MS, HOUR_MS, DAY_MS = 60_000, 3_600_000, 86_400_000


class Width(Enum):
    """How long a point of the statistics lasts, in ms."""

    MINUTE = MINUTE_MS
    HOUR = HOUR_MS
    DAY = DAY_MS

    def begin(self, at: int) -> int:
        return at - at % self.value


@dataclass(frozen=True, slots=True)
class Tally:
    """`online` are there since `moved_at`. History is kept since `since_at`; NEVER (0): it is not."""

    app_id: str
    online: int
    moved_at: int
    since_at: int


@dataclass(frozen=True, slots=True)
class Bucket:
    """What is kept of a minute, hour or day in which anything changed.

    It began with `opening`; `online` are there since its last change at `moved_at`, and up to then all together were
    there for `online_ms`. `users` (of a day alone): who was there at any time in it.
    """

    app_id: str
    width: Width
    at: int
    opening: int
    peak: int
    peak_at: int
    online: int
    moved_at: int
    online_ms: int
    users: int


@dataclass(frozen=True, slots=True)
class Count:
    """At `at` the count grew by `gained`, or fell; `is_new`: by somebody who has not been there that day."""

    at: int
    gained: int
    is_new: bool = False


@dataclass(frozen=True, slots=True)
class Point:
    """What is told of a minute, hour or day: `online` were there at its end, or are now.

    `users` and `online_ms` (all of them together) are told of days alone.
    """

    at: int
    peak: int
    peak_at: int
    online: int
    users: int
    online_ms: int


def begin(app_id: str, online: int, now: int) -> Tally:
    """History of the app is kept from now on."""
    return Tally(app_id, online, now, now)


def count(tally: Tally, known: Iterable[Bucket], counts: Sequence[Count]) -> tuple[Tally, list[Bucket]]:
    """The tally after these counts, in order of time, and the buckets that were changed by them.

    `known`: those that hold `tally.moved_at`, as far as there are any. A count that comes before the tally's last
    one counts from then on.
    """
    moved_at = tally.moved_at
    in_order: list[Count] = []
    for one in counts:
        moved_at = max(one.at, moved_at)
        in_order.append(one if one.at == moved_at else replace(one, at=moved_at))
    current = {bucket.width: bucket for bucket in known}
    changed = [bucket for width in Width for bucket in _fill(current.get(width), tally, width, in_order)]
    online = tally.online + sum(one.gained for one in counts)
    return replace(tally, online=online, moved_at=moved_at), changed


def _fill(bucket: Bucket | None, tally: Tally, width: Width, counts: Sequence[Count]) -> list[Bucket]:
    """A bucket after the other; the first one may have begun before."""
    filled: list[Bucket] = []
    online, start = tally.online, 0
    while start < len(counts):
        begin = width.begin(counts[start].at)
        end = start
        while end < len(counts) and counts[end].at < begin + width.value:
            end += 1
        if bucket is None or bucket.at != begin:
            began_at = max(begin, tally.since_at)
            bucket = Bucket(tally.app_id, width, begin, online, online, began_at, online, began_at, 0, online)
        bucket = _counted(bucket, counts[start:end])
        filled.append(bucket)
        online, start = bucket.online, end
    return filled


def _counted(bucket: Bucket, counts: Sequence[Count]) -> Bucket:
    """All of them are within it."""
    online, peak, peak_at = bucket.online, bucket.peak, bucket.peak_at
    moved_at, online_ms, users = bucket.moved_at, bucket.online_ms, bucket.users
    for one in counts:
        online_ms += online * (one.at - moved_at)
        moved_at = one.at
        online += one.gained
        users += one.is_new
        if online > peak:
            peak, peak_at = online, moved_at
    return replace(
        bucket, peak=peak, peak_at=peak_at, online=online, moved_at=moved_at, online_ms=online_ms, users=users
    )


def points(
    tally: Tally, width: Width, kept: Mapping[int, Bucket], following: Bucket | None, from_at: int, to_at: int, now: int
) -> list[Point]:
    """Of the bucket that holds `from_at` and of those after it that begin before `to_at`, oldest first.

    Those before history began and after now are left out. `kept`: the buckets in that time by their beginning;
    `following`: the first one after it. In one of which nothing is kept nothing changed: it was as the next one began.
    """
    found: list[Point] = []
    was = following.opening if following else tally.online
    first = width.begin(max(from_at, tally.since_at))
    last = width.begin(min(to_at - 1, now))
    for at in range(last, first - 1, -width.value):
        bucket = kept.get(at)
        found.append(_point(bucket, now) if bucket else _quiet(width, at, was, max(at, tally.since_at), now))
        was = bucket.opening if bucket else was
    return found[::-1]


def _point(bucket: Bucket, now: int) -> Point:
    rest_ms = max(min(bucket.at + bucket.width.value, now) - bucket.moved_at, 0)
    online_ms = bucket.online_ms + bucket.online * rest_ms
    return Point(bucket.at, bucket.peak, bucket.peak_at, bucket.online, bucket.users, online_ms)


def _quiet(width: Width, at: int, online: int, began_at: int, now: int) -> Point:
    online_ms = online * max(min(at + width.value, now) - began_at, 0)
    return Point(at, online, began_at, online, online, online_ms)
