"""Broken frames, packets and requests at a server that lives, beside clients that must notice nothing.

CHATSRV_TEST_ATTACKS is how many attackers come, CHATSRV_TEST_SEED which.
"""

from __future__ import annotations

import asyncio
import os
import re
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from aiohttp import ClientSession, TCPConnector

from tests.client import ApiClient
from tests.faults.cluster import Prepared, running_cluster
from tests.faults.crowd import Crowd, gathered
from tests.faults.nodes import Node
from tests.faults.timings import TIMINGS
from tests.faults.waiting import eventually
from tests.fuzz.attacks import SCENES, Target, attack
from tests.fuzz.healthy import going_about

ATTACKS = int(os.environ.get("CHATSRV_TEST_ATTACKS", "260"))
SEED = int(os.environ.get("CHATSRV_TEST_SEED", "1"))
AT_ONCE = 6
CALM_S = 0.6
ENDED_S = 2.5
"""After so long the server has ended whoever said nothing."""
SLOWER = 20
"""By how much everybody may be slower during the attack, whose clients have no machine of their own."""
LEAST_S = 0.005
PAUSE_S = 0.05
LIMITS = {
    "ping_interval_s": 1.5,
    "ping_timeout_s": 2,
    "auth_deadline_s": 1,
    "body_timeout_s": 1,
    "keepalive_s": 1,
    "database_pool": 2,
    "fanout_window_ms": 5,
    "failed_credentials_per_minute": 1_000_000,
    "key_rate_per_minute": 10_000_000,
}


@dataclass(frozen=True, slots=True)
class Load:
    """What a server holds: by its own account, and by the system's."""

    sockets: int
    tasks: int
    descriptors: int

    def is_within(self, other: Load) -> bool:
        return self.sockets <= other.sockets and self.tasks <= other.tasks and self.descriptors <= other.descriptors


async def load_of(crowd: Crowd, node: Node) -> Load:
    """Asked on a connection of its own, so that those of others are not kept alive by it."""
    async with ClientSession(connector=TCPConnector(force_close=True)) as http:
        answer = await ApiClient(http, node.url, crowd.rest().headers).get("/metrics")
    assert answer.status == 200
    told = {
        name: float(value) for name, value in re.findall(r"^(chatsrv_\w+) ([0-9.e+]+)$", answer.body.decode(), re.M)
    }
    descriptors = len(os.listdir(f"/proc/{node.process.pid}/fd"))
    return Load(int(told["chatsrv_sockets"]), int(told["chatsrv_tasks"]), descriptors)


async def storm(target: Target, attackers: range) -> None:
    """So many at a time."""
    numbers = iter(attackers)

    async def one_after_the_other() -> None:
        for number in numbers:
            await attack(target, SEED, number)

    async with asyncio.TaskGroup() as group:
        for _ in range(AT_ONCE):
            group.create_task(one_after_the_other())


async def check_that_nothing_is_left(look: Callable[[], Awaitable[Load]], before: Load) -> None:
    """Once everything has had its time to end."""
    deadline = time.monotonic() + TIMINGS.patience_s
    while not (now := await look()).is_within(before):
        assert time.monotonic() < deadline, f"{before} before, and {now} after the attack"
        await asyncio.sleep(PAUSE_S)


@pytest.mark.timeout(7200)
async def test_whatever_is_sent_at_a_server_its_other_clients_notice_nothing_and_nothing_is_left(
    prepared: Prepared, tmp_path: Path
) -> None:
    async with running_cluster(tmp_path, prepared, 1, **LIMITS) as cluster, gathered(cluster) as crowd:
        (node,) = cluster.nodes
        attackers = await crowd.make_users("attacker", 5)
        async with going_about(crowd, node.url) as healthy:
            known = [str(watcher.client.hellos[0]["session_id"]) for watcher in healthy.watchers]
            known += [str(watcher.client.io.eio.sid) for watcher in healthy.watchers]
            turns = iter(range(10**9))
            target = Target(node.url, lambda: crowd.auth(attackers[next(turns) % len(attackers)]), known)
            # pools of connections to the stores have their size from here on
            await storm(target, range(ATTACKS // 4))
            async with healthy.at_rest():
                await asyncio.sleep(ENDED_S)
                before = await load_of(crowd, node)
            assert before.sockets == len(healthy.movers) + len(healthy.watchers)
            healthy.mark()
            await asyncio.sleep(CALM_S)
            calm = healthy.mark()
            await storm(target, range(ATTACKS // 4, ATTACKS))
            attacked = healthy.mark()
            assert set(target.spoke) == {scene.__name__ for scene in SCENES}, target.spoke
            async with healthy.at_rest():
                await check_that_nothing_is_left(lambda: load_of(crowd, node), before)
        assert all(now <= SLOWER * max(then, LEAST_S) for now, then in zip(attacked, calm, strict=True)), (
            calm,
            attacked,
        )
        await eventually(lambda: crowd.have_sessions(attackers, 0), "no attacker has a session")
        assert await crowd.are_all(attackers, 0)
        assert node.is_running
        cluster.assert_no_errors()
