"""What a million online users need is arithmetic over measured costs."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bench.paper import Costs, Crowd, Event, Needs, compute, render_paper
from chatsrv.settings import Settings

EVENT = Event(cpu=100, followed=10, redis=50, more_redis=5, bytes_=1000, more_bytes=200, commands=10)
COSTS = Costs(EVENT, EVENT, EVENT, delivery=2, ping=10, get=10, page=40, connection=4000)
CROWD = Crowd(
    online=36_000,
    changes_per_hour=8,
    reconnects_per_hour=1,
    watchers=50,
    gets_per_hour=10,
    pages_per_hour=10,
    ping_s=36,
)


def needs_of(crowd: Crowd = CROWD, costs: Costs = COSTS) -> Needs:
    found = compute(crowd, costs, Settings())
    assert found is not None
    return found


def test_what_happens_is_counted_for_all_users() -> None:
    found = needs_of()
    assert (found.events, found.deliveries, found.requests) == (100, 5000, 200)
    # 100 x 100 us, 5,000 deliveries, 1,000 pings, 100 gets and 100 pages
    assert found.local_cores == pytest.approx(0.01 + 0.01 + 0.01 + 0.001 + 0.004)
    assert found.followed_cores == pytest.approx(0.001)
    assert found.redis_commands == 1000


def test_one_node_is_enough_for_a_few() -> None:
    found = needs_of()
    assert found.nodes == 1
    assert found.redis_cores == pytest.approx(0.005)
    assert found.redis_mb == pytest.approx(0.1)


def test_memory_alone_can_ask_for_more_nodes() -> None:
    found = needs_of(costs=replace(COSTS, connection=1_000_000))
    assert found.nodes == 9
    assert found.redis_mb == pytest.approx(0.1 + 8 * 0.02), "each further node reads the log"


def test_following_the_others_shrinks_what_a_node_has_left() -> None:
    busy = replace(CROWD, online=3_600_000)
    followed = replace(EVENT, followed=40)
    plain, heavy = needs_of(busy), needs_of(busy, replace(COSTS, change=followed, connect=followed, leave=followed))
    assert heavy.nodes > plain.nodes


def test_no_number_of_nodes_helps_where_following_takes_all() -> None:
    event = replace(EVENT, followed=10_000)
    assert compute(CROWD, replace(COSTS, change=event), Settings()) is None


def test_the_limit_that_gives_out_first_comes_first() -> None:
    shares = [used / there for _, used, there in needs_of().limits]
    assert shares == sorted(shares, reverse=True)


def test_a_cost_that_was_not_measured_is_named() -> None:
    assert "nodes.connect@1 has not been measured" in render_paper({})
