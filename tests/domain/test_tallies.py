"""The running count against one that goes through everything that ever happened."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import given, settings
from hypothesis import strategies as st

from chatsrv.domain.tallies import DAY_MS, HOUR_MS, MINUTE_MS, Bucket, Count, Point, Tally, Width, begin, count, points
from tests.domain.counted import by_hand

BEGAN = 20_000 * DAY_MS + 7 * HOUR_MS + 1234

GAPS = st.one_of(
    st.integers(0, 3),
    st.integers(0, 3 * MINUTE_MS),
    st.integers(0, 3 * HOUR_MS),
    st.integers(0, 3 * DAY_MS),
    st.sampled_from((MINUTE_MS, HOUR_MS, DAY_MS)),
)
"""Between two changes: none, a moment, and what leads over midnights."""


@st.composite
def histories(draw: st.DrawFn) -> tuple[int, list[tuple[int, int, int]], int]:
    """How many there were to begin with; (at, who, gained); and now. Some changes fall on midnight itself."""
    first = draw(st.integers(0, 3))
    here, at = set(range(first)), BEGAN
    told: list[tuple[int, int, int]] = []
    for gap in draw(st.lists(GAPS, max_size=25)):
        at = Width.DAY.begin(at + gap) if draw(st.booleans()) and Width.DAY.begin(at + gap) >= at else at + gap
        who = draw(st.integers(0, 4))
        told.append((at, who, -1 if who in here else 1))
        here ^= {who}
    return first, told, at + draw(GAPS)


def counts_of(first: int, told: Sequence[tuple[int, int, int]]) -> list[Count]:
    seen: dict[int, int] = {}
    found = []
    for at, who, gained in told:
        is_new = gained > 0 and seen.get(who, -1) < Width.DAY.begin(at)
        found.append(Count(at, gained, is_new))
        seen[who] = at
    return found


def written(
    tally: Tally, counts: Sequence[Count], batches: Sequence[int]
) -> tuple[Tally, dict[tuple[Width, int], Bucket]]:
    """In batches of these sizes, as if each were read from SQL again."""
    kept: dict[tuple[Width, int], Bucket] = {}
    rest = list(counts)
    for size in (*batches, len(rest)):
        batch, rest = rest[:size], rest[size:]
        places = [(width, width.begin(tally.moved_at)) for width in Width]
        tally, changed = count(tally, [kept[place] for place in places if place in kept], batch)
        kept |= {(bucket.width, bucket.at): bucket for bucket in changed}
    return tally, kept


@settings(max_examples=100, deadline=None)
@given(histories(), st.lists(st.integers(0, 5), max_size=6), st.sampled_from(Width), st.data())
def test_points_are_what_everything_that_happened_comes_to(
    history: tuple[int, list[tuple[int, int, int]], int], batches: list[int], width: Width, data: st.DataObject
) -> None:
    first, told, now = history
    tally, kept = written(begin("demo", first, BEGAN), counts_of(first, told), batches)
    # a window anywhere, of not too many points
    from_at = data.draw(st.integers(BEGAN - 2 * width.value, now))
    to_at = min(from_at + 40 * width.value, data.draw(st.integers(from_at, now + 2 * width.value)))
    inside = {at: one for (kind, at), one in kept.items() if kind is width and width.begin(from_at) <= at < to_at}
    later = sorted(at for kind, at in kept if kind is width and at >= to_at)
    following = kept[width, later[0]] if later else None

    found = points(tally, width, inside, following, from_at, to_at, now)

    expected = range(width.begin(max(from_at, BEGAN)), min(to_at, now + 1), width.value)
    told_here = [by_hand(BEGAN, range(first), told, width, at, now) for at in expected]
    if width is not Width.DAY:  # who was there is counted by the day alone
        found, told_here = [_without_users(point) for point in found], [_without_users(point) for point in told_here]
    assert found == told_here


def _without_users(point: Point) -> Point:
    return Point(point.at, point.peak, point.peak_at, point.online, 0, point.online_ms)


def test_a_count_that_comes_with_a_clock_set_back_counts_from_the_last_one_on() -> None:
    tally, _ = count(begin("demo", 0, BEGAN), [], [Count(BEGAN + 1000, 1)])
    tally, buckets = count(tally, [], [Count(BEGAN + 500, 1)])
    assert tally == Tally("demo", 2, BEGAN + 1000, BEGAN)
    assert {bucket.moved_at for bucket in buckets} == {BEGAN + 1000}
