"""Valkey that is killed and comes back empty, and Valkey that does not answer for a while."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.faults.cluster import Cluster, Prepared, running_cluster
from tests.faults.conftest import NEVER_RECONCILES
from tests.faults.crowd import Crowd, gathered, outlast_hold
from tests.faults.nodes import Node
from tests.faults.raw import RawClient, Refused
from tests.faults.timings import DURATIONS, QUICK
from tests.faults.waiting import eventually
from tests.faults.watcher import Source, Watcher

PEOPLE = 15
AT_ONCE = 50
NAPS_MAX = 5


async def hold_exactly(crowd: Crowd, usernames: Sequence[str], clients: Sequence[RawClient]) -> bool:
    """Each user has the session of their client, and no other."""
    found = await asyncio.gather(*(crowd.sessions(name) for name in usernames))
    return [[session["id"] for session in sessions] for sessions in found] == [[one.session_id] for one in clients]


async def test_valkey_that_comes_back_empty_is_told_of_every_live_socket_and_of_nobody_else(cluster: Cluster) -> None:
    one, other = cluster.nodes
    async with gathered(cluster) as crowd:
        people = await crowd.make_users("member", 2 * PEOPLE)
        leaver, deleted = await crowd.make_user("leaver"), await crowd.make_user("deleted")
        clients = await crowd.join_all(one.url, people[:PEOPLE]) + await crowd.join_all(other.url, people[PEOPLE:])
        leaving, expelled = await crowd.join(one.url, leaver), await crowd.join(other.url, deleted)
        watchers = [await crowd.watch(node.url, [*people, leaver, deleted]) for node in cluster.nodes]
        old_epoch = watchers[0].epoch

        await cluster.valkey.kill()
        await leaving.log_out()
        answer = await crowd.rest(one).delete(f"/v1/{crowd.app.id}/users/{deleted}")
        assert answer.status == 204
        await cluster.valkey.start()

        await eventually(lambda: hold_exactly(crowd, people, clients), "every live socket is registered again")
        await eventually(lambda: expelled.is_over, "the socket of the deleted user closes")
        assert [closing["code"] for closing in expelled.heard("session:close")] == [4004]
        await outlast_hold(cluster)  # what is held back must not be told afterwards either
        for watcher in watchers:
            await eventually(lambda watcher=watcher: watcher.epoch != old_epoch, "the epoch changes")
            await eventually(lambda watcher=watcher: watcher.knows([leaver], 0), "who left is offline")
            assert watcher.fulls
            assert all(0 not in watcher.history(name, Source.FRAME) for name in people)
            watcher.assert_versions_grow()
        assert await crowd.are_all(people, 1)
        assert await crowd.have_sessions([leaver], 0)
        with pytest.raises(Refused) as refusal:
            await crowd.join(one.url, deleted)
        assert refusal.value.data["code"] == 40015
        assert await present(crowd) == {*people, *(watcher.username for watcher in watchers)}


async def present(crowd: Crowd) -> set[str]:
    """Everybody of the app who is not offline."""
    answer = await crowd.rest().get(f"/v1/{crowd.app.id}/presence")
    return {user["username"] for user in answer.json["users"]}


async def test_who_asks_before_every_node_has_put_its_sockets_back_is_told_of_nobody_that_they_are_offline(
    cluster: Cluster,
) -> None:
    quick, slow = cluster.nodes
    async with gathered(cluster) as crowd:
        people = await crowd.make_users("member", PEOPLE)
        await crowd.join_all(slow.url, people)
        watcher = await crowd.watch(quick.url, people)
        old_epoch = watcher.epoch
        slow.pause()  # for less than a lease
        try:
            await cluster.valkey.kill()
            await cluster.valkey.start()
            await eventually(lambda: watcher.epoch != old_epoch, "the watcher has resumed in the new epoch")
        finally:
            slow.resume()
        await eventually(lambda: crowd.are_all(people, 1), "they are registered again")
        assert {status for name in people for status in watcher.history(name)} <= {1}


async def test_a_client_that_resumes_in_another_epoch_gets_everybody(cluster: Cluster) -> None:
    node = cluster.nodes[0]
    async with gathered(cluster) as crowd:
        [name] = await crowd.make_users("member", 1)
        await crowd.join(node.url, name)
        old = (await (await crowd.watch(node.url, [name])).resume())["epoch"]
        await cluster.valkey.kill()
        await cluster.valkey.start()
        late = await crowd.watch(node.url, [])
        await eventually(lambda: crowd.are_all([name], 1), "the member is registered again")
        answer = await late.client.ask("presence:resume", {"epoch": old, "version": 1, "usernames": [name]})
        assert answer["full"] is True
        assert answer["epoch"] != old
        assert [(user["username"], user["presence_status"]) for user in answer["users"]] == [(name, 1)]


async def test_who_leaves_one_node_before_the_other_has_put_their_second_device_back_is_not_told_offline(
    prepared: Prepared, tmp_path: Path
) -> None:
    # in a new keyspace offline changes are held for a lease: a long one, as the other node must be back before it ends
    async with running_cluster(tmp_path, prepared, 2, node_dead_s=max(4.0, DURATIONS.node_dead_s)) as cluster:
        quick, slow = cluster.nodes
        async with gathered(cluster) as crowd:
            people = await crowd.make_users("member", PEOPLE)
            leaving, staying = await crowd.join_all(quick.url, people), await crowd.join_all(slow.url, people)
            watcher = await crowd.watch(quick.url, people)
            old_epoch = watcher.epoch
            slow.pause()
            try:
                await cluster.valkey.kill()
                await cluster.valkey.start()
                await eventually(lambda: hold_exactly(crowd, people, leaving), "the first devices are registered again")
                await eventually(lambda: watcher.epoch != old_epoch, "the watcher has resumed in the new epoch")
                assert watcher.knows(people, 1)
                await asyncio.gather(*(client.log_out() for client in leaving))
            finally:
                slow.resume()
            await eventually(lambda: hold_exactly(crowd, people, staying), "the second devices alone are left")
            assert await crowd.are_all(people, 1)
            assert all(0 not in watcher.history(name) for name in people)


async def test_valkey_that_sleeps_past_every_lease_costs_nobody_their_presence_and_the_directory_answers(
    cluster: Cluster,
) -> None:
    async with gathered(cluster) as crowd:
        people = await crowd.make_users("member", 2 * PEOPLE)
        one, other = cluster.nodes
        clients = await crowd.join_all(one.url, people[:PEOPLE]) + await crowd.join_all(other.url, people[PEOPLE:])
        watchers = [await crowd.watch(node.url, people) for node in cluster.nodes]
        cluster.valkey.pause()
        try:
            await answer_for(crowd, 2 * DURATIONS.node_dead_s)
        finally:
            cluster.valkey.resume()
        await eventually(lambda: crowd.are_all(people, 1), "everybody is online")
        await outlast_orphans(crowd, watchers)
        await eventually(lambda: hold_exactly(crowd, people, clients), "each has the session of their client alone")
        for watcher in watchers:
            watcher.assert_silent_about(people)
            watcher.assert_versions_grow()
        assert all(node.is_running for node in cluster.nodes)


async def test_a_heartbeat_that_was_given_up_and_is_done_after_all_hides_from_no_node_that_it_was_swept(
    prepared: Prepared, tmp_path: Path
) -> None:
    """What was sent to a Valkey that sleeps is done when it wakes, though nobody waits for the answer any more.

    In this order: the sweeper's heartbeat; its sweep, which takes the other node for dead; that node's heartbeat.
    By default reconciliation comes round less often than sessions of a dead node end, so it cannot be relied on.
    The numbers are the same in every run: in these a sweep mostly follows a heartbeat before that is given up.
    """
    numbers = asdict(QUICK.durations) | {"sweep_every_s": 1.0} | NEVER_RECONCILES
    async with running_cluster(tmp_path, prepared, 2, **numbers) as cluster:
        await outlast_hold(cluster)
        sweeper, swept = cluster.nodes
        async with gathered(cluster) as crowd:
            people = await crowd.make_users("member", PEOPLE)
            clients = await crowd.join_all(swept.url, people)
            watcher = await crowd.watch(sweeper.url, people)
            for _ in range(NAPS_MAX):
                # questions at once leave connections to Valkey open: on a new one nothing is sent before it answers
                await asyncio.gather(*(crowd.statuses(people, node) for node in cluster.nodes for _ in range(AT_ONCE)))
                is_in_order = await sweeps_between_heartbeats(cluster, sweeper, swept)
                await outlast_orphans(crowd, [watcher])
                watcher.assert_silent_about(people)
                if is_in_order:
                    break
            else:
                raise AssertionError("no nap had the order that this is about")
            assert await hold_exactly(crowd, people, clients)


async def sweeps_between_heartbeats(cluster: Cluster, sweeper: Node, swept: Node) -> bool:
    """Valkey sleeps past all leases; whether the sweeper's heartbeat and then its sweep were on the way meanwhile."""
    before = len(sweeper.logged(event="loop_postponed"))
    slept_on = datetime.now(UTC)
    swept.pause()
    cluster.valkey.pause()
    try:
        await asyncio.gather(gives_up(sweeper, "beat"), gives_up(sweeper, "sweep"))
        swept.resume()
        await gives_up(swept, "beat")
    finally:
        swept.resume()
        cluster.valkey.resume()
    given_up = sweeper.logged(event="loop_postponed")[before:]
    beat, sweep = (first_instant(given_up, loop) for loop in ("beat", "sweep"))
    # what is given up later was waiting for a connection, and was never sent
    timeout_s = QUICK.durations.redis_timeout_s
    return slept_on < beat < sweep < min(beat, slept_on + timedelta(seconds=timeout_s)) + timedelta(seconds=timeout_s)


def first_instant(given_up: Sequence[dict[str, Any]], loop: str) -> datetime:
    return datetime.fromisoformat(next(one for one in given_up if one["loop"] == loop)["timestamp"])


async def gives_up(node: Node, loop: str) -> None:
    """From now on, that loop of the node has sent a command and waited in vain."""
    before = len(node.logged(event="loop_postponed", loop=loop))
    await eventually(lambda: len(node.logged(event="loop_postponed", loop=loop)) > before, f"{loop} is given up")


async def answer_for(crowd: Crowd, duration_s: float) -> None:
    """The directory, without presence, answers on every node all the time."""
    ends_at = asyncio.get_running_loop().time() + duration_s
    while asyncio.get_running_loop().time() < ends_at:
        for node in crowd.cluster.nodes:
            async with asyncio.timeout(DURATIONS.redis_timeout_s):
                answer = await crowd.rest(node).get(f"/v1/{crowd.app.id}/users")
            assert answer.status == 200
        await asyncio.sleep(DURATIONS.sweep_every_s)


async def outlast_orphans(crowd: Crowd, watchers: Sequence[Watcher]) -> None:
    """Who is lost now is told offline after a grace, which is longer than that of sessions taken for a dead node's."""
    name = await crowd.make_user("lost")
    client = await crowd.join(crowd.cluster.nodes[0].url, name)
    for watcher in watchers:
        watcher.usernames.append(name)
        await watcher.subscribe()
    client.vanish()
    for watcher in watchers:
        await eventually(lambda watcher=watcher: watcher.knows([name], 0), "who is lost is told offline")


async def test_whoever_died_together_with_the_data_is_a_ghost_to_nobody(cluster: Cluster) -> None:
    """No change will ever be told of them: those who watch are told to look again."""
    one, other = cluster.nodes
    async with gathered(cluster) as crowd:
        alive, dead = await crowd.make_users("alive", 3), await crowd.make_users("dead", 3)
        await crowd.join_all(one.url, alive)
        await crowd.join_all(other.url, dead)
        watcher = await crowd.watch(one.url, [*alive, *dead])
        await cluster.valkey.kill()
        await other.kill()
        await cluster.valkey.start()
        await eventually(lambda: watcher.knows(dead, 0), "who is gone is offline")
        assert watcher.knows(alive, 1)
        assert all(0 not in watcher.history(name) for name in alive)
        assert await crowd.are_all(dead, 0)
