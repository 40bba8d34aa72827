"""A node that dies or sleeps, and what others see of it: what they should, when they should, and nothing else."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest

from tests.faults.cluster import Cluster, Prepared, running_cluster
from tests.faults.conftest import NEVER_RECONCILES
from tests.faults.crowd import Crowd, gathered, outlast_hold
from tests.faults.timings import DURATIONS, TIMINGS
from tests.faults.waiting import eventually, sampled
from tests.faults.windows import assert_within, read_instant

PEOPLE = 20


async def test_users_of_a_killed_node_go_offline_once_each_after_its_lease_and_grace_and_nobody_else_does(
    cluster: Cluster,
) -> None:
    doomed, survivor = cluster.nodes
    async with gathered(cluster) as crowd:
        lost, staying = await crowd.make_users("lost", PEOPLE), await crowd.make_users("staying", PEOPLE)
        await asyncio.gather(crowd.join_all(doomed.url, lost), crowd.join_all(survivor.url, staying))
        watcher = await crowd.watch(survivor.url, lost + staying)
        assert watcher.knows(lost + staying, 1)
        async with sampled(lambda: crowd.are_all(staying, 1, survivor)) as samples:
            killed_at, killed_on = time.monotonic(), time.time()
            await doomed.kill()
            await eventually(lambda: watcher.knows(lost, 0), "those of the dead node are offline")
        after = [at - killed_at for at in watcher.arrivals(lost, 0)]
        assert_within(after, TIMINGS.earliest_death_s, TIMINGS.latest_death_s)
        assert samples
        assert all(samples)
        await assert_last_seen_at_the_last_heartbeat(crowd, lost, killed_on)
        await eventually(lambda: crowd.have_sessions(lost, 0), "nothing is left of their sessions")
        watcher.assert_one_change_each(lost, 0)
        watcher.assert_silent_about(staying)
        watcher.assert_versions_grow()


async def assert_last_seen_at_the_last_heartbeat(crowd: Crowd, usernames: Sequence[str], killed_on: float) -> None:
    found = [read_instant(one["last_seen_at"]) - killed_on for one in (await crowd.presences(usernames)).values()]
    assert_within(found, -DURATIONS.node_heartbeat_s - TIMINGS.late_s, TIMINGS.late_s)


async def test_users_of_a_killed_node_who_come_back_inside_the_grace_cause_no_frame(cluster: Cluster) -> None:
    doomed, survivor = cluster.nodes
    proxy = await cluster.start_proxy(doomed)
    async with gathered(cluster) as crowd:
        people = await crowd.make_users("loyal", PEOPLE)
        # half of them as a tab that keeps its client_id, half as a client that has none
        own_ids = [{"client_id": name} if number % 2 else {} for number, name in enumerate(people)]
        joining = (crowd.join_stock(proxy.url, name, **own) for name, own in zip(people, own_ids, strict=True))
        clients = await asyncio.gather(*joining)
        watcher = await crowd.watch(survivor.url, people)
        assert watcher.knows(people, 1)
        async with sampled(lambda: crowd.are_all(people, 1, survivor)) as samples:
            proxy.targets = [survivor]
            await doomed.kill()
            await eventually(lambda: all(len(one.hellos) == 2 for one in clients), "all are back")
            await eventually(lambda: crowd.have_sessions(people, 1), "the dead node's sessions have been swept")
        assert all(samples)
        watcher.assert_silent_about(people)


@pytest.fixture
async def unhurried(prepared: Prepared, tmp_path: Path) -> AsyncIterator[Cluster]:
    """Two nodes whose sockets need no ping for as long as one sleeps: what would end them is another matter."""
    pings = {"ping_interval_s": 25, "ping_timeout_s": 20}
    async with running_cluster(tmp_path, prepared, 2, **pings, **NEVER_RECONCILES) as one:
        await outlast_hold(one)
        yield one
        one.assert_no_errors()


async def test_a_node_that_slept_past_its_lease_puts_its_sockets_back_and_leaves_no_ghost(unhurried: Cluster) -> None:
    sleeper, other = unhurried.nodes
    async with gathered(unhurried) as crowd:
        asleep, awake = await crowd.make_users("asleep", PEOPLE), await crowd.make_users("awake", PEOPLE)
        leaver = await crowd.make_user("leaver")
        clients = await crowd.join_all(sleeper.url, asleep)
        await crowd.join_all(other.url, awake)
        leaving = await crowd.join(sleeper.url, leaver)
        watcher = await crowd.watch(other.url, [*asleep, *awake, leaver])
        slept_at = time.monotonic()
        sleeper.pause()
        try:
            leaving.vanish()
            await eventually(lambda: watcher.knows([*asleep, leaver], 0), "its users are offline elsewhere")
        finally:
            sleeper.resume()
        after = [at - slept_at for at in watcher.arrivals(asleep, 0)]
        assert_within(after, TIMINGS.earliest_death_s, TIMINGS.latest_death_s)
        await eventually(lambda: watcher.knows(asleep, 1), "they are online again")
        await eventually(lambda: crowd.have_sessions([leaver], 0), "nothing is left of who left meanwhile")
        await assert_sessions_are_those_of(crowd, asleep, [client.session_id for client in clients])
        assert not any(client.is_over for client in clients)
        assert all(watcher.history(name) == [0, 1] for name in asleep)
        assert await crowd.are_all([leaver], 0)
        assert watcher.view[leaver] == 0
        watcher.assert_silent_about(awake)
        watcher.assert_versions_grow()


async def assert_sessions_are_those_of(crowd: Crowd, usernames: Sequence[str], session_ids: Sequence[str]) -> None:
    found = [[session["id"] for session in await crowd.sessions(name)] for name in usernames]
    assert found == [[session_id] for session_id in session_ids]
