"""A rolling restart under load: nobody who watches sees any of it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

from tests.faults.cluster import Cluster, Prepared, running_cluster
from tests.faults.crowd import Crowd, gathered, outlast_hold
from tests.faults.nodes import Node
from tests.faults.proxy import Proxy
from tests.faults.stock import StockClient
from tests.faults.timings import TIMINGS
from tests.faults.waiting import eventually

IDLE = 10
"""So many of them do nothing: a deploy must not wake those who sleep."""


async def test_a_rolling_restart_with_many_stock_clients_causes_no_frame_and_ends_in_time(
    prepared: Prepared, tmp_path: Path
) -> None:
    async with running_cluster(tmp_path, prepared, 3) as cluster:
        await outlast_hold(cluster)
        *serving, lookout = cluster.nodes
        proxy = await cluster.start_proxy(*serving)
        async with gathered(cluster) as crowd:
            people = await crowd.make_users("member", TIMINGS.stock_clients)
            clients = await join_all_stock(crowd, proxy.url, people)
            idle = people[:IDLE]
            for client in clients[:IDLE]:
                await client.ask("presence:activity", {"active": False})
            watcher = await crowd.watch(lookout.url, people)
            assert watcher.knows(idle, 3)
            assert watcher.knows(people[IDLE:], 1)
            for node in serving:
                await replace(cluster, proxy, node)
                await eventually(lambda: all(client.is_connected for client in clients), "all are connected again")
            assert all(len(client.hellos) > 1 for client in clients)
            assert not any(client.closings for client in clients)
            await eventually(lambda: crowd.have_sessions(people, 1, lookout), "each has one session and no other")
            assert await crowd.are_all(people[IDLE:], 1, lookout)
            assert await crowd.are_all(idle, 3, lookout)
            watcher.assert_silent_about(people)
        cluster.assert_no_errors()


async def join_all_stock(crowd: Crowd, url: str, usernames: Sequence[str]) -> list[StockClient]:
    turn = asyncio.Semaphore(10)

    async def one(username: str) -> StockClient:
        async with turn:
            return await crowd.join_stock(url, username)

    return await asyncio.gather(*(one(username) for username in usernames))


async def replace(cluster: Cluster, proxy: Proxy, node: Node) -> None:
    """SIGTERM, and a successor beside it: as a platform does, which waits for neither."""
    status, successor = await asyncio.gather(node.stop(), cluster.start_node())
    assert status == 0
    proxy.targets = [one for one in proxy.targets if one is not node] + [successor]
