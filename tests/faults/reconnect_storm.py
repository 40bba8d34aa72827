"""A node that is killed and started again, and everybody who was on it comes back at once."""

from __future__ import annotations

import asyncio
import random
import resource
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.faults.callers import Callers, calling
from tests.faults.cluster import Cluster, Prepared, running_cluster
from tests.faults.crowd import Crowd, gathered, outlast_hold
from tests.faults.light import Light, Turned
from tests.faults.nodes import Node, running_node
from tests.faults.timings import DURATIONS, FULL, TIMINGS
from tests.faults.waiting import eventually
from tests.faults.watcher import Watcher

MANY = 5000 if TIMINGS is FULL else 120
WATCHED = 500 if TIMINGS is FULL else 60
"""By each of two watchers."""
SLOWER = 3.0
"""By so much all of them together may be slower to come back than they were to come first, delays of their own aside:
meanwhile others ask by REST, and the node has just begun."""
LONGEST_DELAY_S, STOCK_TIMEOUT_S = 5.0, 20.0
UNHURRIED = {} if TIMINGS is FULL else {"orphan_grace_s": DURATIONS.handoff_grace_s - 1}
"""A start takes as long whatever the other durations are."""


class Comer:
    """A light client with a stock client's way to come back: at once where nobody said otherwise, then ever later."""

    def __init__(self, crowd: Crowd, username: str) -> None:
        self._auth = crowd.auth(username)
        self.username = username
        self.online_at = 0.0
        self.retry_hints: list[float | None] = []

    async def keep_on(self, url: str) -> None:
        """Until cancelled."""
        delay_s = TIMINGS.reconnect_delay_s
        while True:
            hint_s = 0.0
            try:
                client = await Light.connect(url, self._auth, within_s=STOCK_TIMEOUT_S)
                try:
                    self.online_at = time.monotonic()
                    delay_s = TIMINGS.reconnect_delay_s
                    await client.ended
                finally:
                    client.cut()
            except Turned as turned:
                self.retry_hints.append(turned.retry_after_s)
                hint_s = turned.retry_after_s or 0.0
            except (OSError, TimeoutError):
                pass
            await asyncio.sleep(max(min(delay_s, LONGEST_DELAY_S) * random.uniform(0.5, 1.5), hint_s))
            delay_s *= 2


@asynccontextmanager
async def coming(crowd: Crowd, url: str, usernames: Sequence[str]) -> AsyncIterator[list[Comer]]:
    comers = [Comer(crowd, name) for name in usernames]
    tasks = [asyncio.create_task(comer.keep_on(url)) for comer in comers]
    try:
        yield comers
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def are_online(comers: Sequence[Comer], since: float) -> float:
    """Returns how long after that moment the last of them was."""
    await eventually(lambda: all(comer.online_at > since for comer in comers), "all are online")
    return max(comer.online_at for comer in comers) - since


@pytest.fixture
def many_files() -> None:
    """As many as a process may have here."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


@pytest.mark.usefixtures("many_files")
async def test_all_who_were_on_a_killed_node_come_back_at_once_without_a_flap_while_rest_answers(
    prepared: Prepared, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with running_cluster(tmp_path, prepared, 2, **UNHURRIED) as cluster, gathered(cluster) as crowd:
        await outlast_hold(cluster)
        doomed, lookout = cluster.nodes
        people = await crowd.make_users("comer", MANY)
        began = time.monotonic()
        async with coming(crowd, doomed.url, people) as comers:
            plain_s = await are_online(comers, began)
            watchers = [
                await crowd.watch(lookout.url, people[:WATCHED]),
                await crowd.watch(lookout.url, people[-WATCHED:]),
            ]
            assert all(watcher.knows(watcher.usernames, 1) for watcher in watchers)
            killed_at = time.monotonic()
            await doomed.kill()
            async with calling(cluster.app, doomed.url, 1, pause_s=0.02) as callers:
                node = await start_again(cluster, doomed)
                served_at = time.monotonic()
                storm_s = await are_online(comers, served_at)
            assert storm_s < SLOWER * plain_s + 1.5 * LONGEST_DELAY_S
            told = tell(plain_s, served_at - killed_at, storm_s, callers, comers)
            with capsys.disabled():
                print(f"\n{told}")  # noqa: T201 - the figures are half of what this is for
            assert_rest_answered(callers)
            assert all(hint for comer in comers for hint in comer.retry_hints), "refused, and not told when to come"
            await eventually(lambda: crowd.have_sessions(people[:10], 1, lookout), "each has one session and no other")
            assert_nobody_flapped(watchers, comers, killed_at)
            for start in range(0, MANY, 1000):
                assert await crowd.are_all(people[start : start + 1000], 1, lookout)
            assert node.is_running
        cluster.assert_no_errors()


async def start_again(cluster: Cluster, doomed: Node) -> Node:
    """At the same address."""
    words = ("--port", str(doomed.port))
    node = await cluster.stack.enter_async_context(running_node(cluster.shell, "again", *words))
    cluster.nodes.append(node)
    return node


def assert_rest_answered(callers: Callers) -> None:
    """Whoever got a connection got an answer; that it is too early comes with when to try again."""
    callers.assert_no_half_answer()
    assert callers.statuses() <= {200, 201, 503}
    assert 200 in callers.statuses()
    assert all(one.retry_after for one in callers.outcomes if one.status == 503)


def assert_nobody_flapped(watchers: Sequence[Watcher], comers: Sequence[Comer], killed_at: float) -> None:
    """Of those who were back before their grace can have been over."""
    in_time = {one.username for one in comers if one.online_at - killed_at < grace_over_s()}
    watched = [name for watcher in watchers for name in watcher.usernames if name in in_time]
    assert watched, "nobody was back in time"
    for watcher in watchers:
        watcher.assert_silent_about(in_time.intersection(watcher.usernames))


def grace_over_s() -> float:
    longer = UNHURRIED.get("orphan_grace_s", DURATIONS.orphan_grace_s) - DURATIONS.orphan_grace_s
    return TIMINGS.earliest_death_s + longer


def tell(plain_s: float, down_s: float, storm_s: float, callers: Callers, comers: Sequence[Comer]) -> str:
    took = sorted(one.done_at - one.sent_at for one in callers.outcomes if one.status == 200)
    refused = sum(len(comer.retry_hints) for comer in comers)
    return (
        f"{len(comers)} came in {plain_s:.1f} s; after {down_s:.1f} s without a server all were back {storm_s:.1f} s "
        f"later, {refused} refused meanwhile; REST p50 {1000 * took[len(took) // 2]:.0f} ms, "
        f"p99 {1000 * took[int(0.99 * len(took))]:.0f} ms of {len(took)}"
    )
