"""Clients that are lost, reload, move or leave at once: what others see of it, and that nothing stays behind."""

from __future__ import annotations

import asyncio
import time

from tests.faults.crowd import Crowd
from tests.faults.raw import abort, connect_packet, open_websocket
from tests.faults.timings import DURATIONS, TIMINGS
from tests.faults.waiting import eventually
from tests.faults.windows import assert_within, read_instant

RELOADS = 200
HASTY = 100


async def test_a_wire_that_falls_silent_makes_its_users_offline_after_the_ping_timeout_and_the_grace(
    crowd: Crowd,
) -> None:
    one, other = crowd.cluster.nodes
    proxy = await crowd.cluster.start_proxy(one)
    silent, others = await crowd.make_users("silent", 10), await crowd.make_users("other", 5)
    await crowd.join_all(proxy.url, silent)
    await crowd.join_all(one.url, others)
    watcher = await crowd.watch(other.url, silent + others)
    frozen_at, frozen_on = time.monotonic(), time.time()
    proxy.freeze()
    await eventually(lambda: watcher.knows(silent, 0), "those behind the silent wire are offline")
    after = [at - frozen_at for at in watcher.arrivals(silent, 0)]
    assert_within(after, TIMINGS.earliest_drop_s, TIMINGS.latest_drop_s)
    last_seen = [read_instant(user["last_seen_at"]) - frozen_on for user in (await crowd.presences(silent)).values()]
    # they were seen until the ping went unanswered: the grace does not count
    assert_within(last_seen, TIMINGS.earliest_drop_s - DURATIONS.grace_s, TIMINGS.latest_drop_s - DURATIONS.grace_s)
    watcher.assert_one_change_each(silent, 0)
    watcher.assert_silent_about(others)


async def test_who_connects_to_another_node_before_the_first_has_noticed_the_end_is_online_throughout(
    crowd: Crowd,
) -> None:
    one, other = crowd.cluster.nodes
    proxy = await crowd.cluster.start_proxy(one)
    same_tab, another_tab = await crowd.make_user("same"), await crowd.make_user("another")
    await crowd.join(proxy.url, same_tab, client_id="tab")
    await crowd.join(proxy.url, another_tab, client_id="old")
    watcher = await crowd.watch(other.url, [same_tab, another_tab])
    proxy.freeze()
    moved = [
        await crowd.join(other.url, same_tab, client_id="tab"),
        await crowd.join(other.url, another_tab, client_id="new"),
    ]
    await eventually(lambda: crowd.have_sessions([same_tab, another_tab], 1), "the first node has noticed the end")
    for name, client in zip((same_tab, another_tab), moved, strict=True):
        assert [session["id"] for session in await crowd.sessions(name)] == [client.session_id]
    watcher.assert_silent_about([same_tab, another_tab])


async def test_two_hundred_reloads_are_seen_by_nobody_and_are_no_login(crowd: Crowd) -> None:
    one, other = crowd.cluster.nodes
    name = await crowd.make_user("reloader")
    client = await crowd.join(one.url, name, client_id="tab")
    watcher = await crowd.watch(other.url, [name])
    logged_in_at = (await crowd.presences([name]))[name]["last_login_at"]
    for number in range(RELOADS):
        client.vanish()
        client = await crowd.join((one, other)[number % 2].url, name, client_id="tab")
    await eventually(lambda: crowd.have_sessions([name], 1), "the last session alone is left")
    assert [session["id"] for session in await crowd.sessions(name)] == [client.session_id]
    user = (await crowd.rest().get(f"/v1/{crowd.app.id}/users/{name}")).json
    assert (user["presence_status"], user["last_login_at"]) == (1, logged_in_at)
    watcher.assert_silent_about([name])


async def test_clients_that_leave_while_they_are_being_let_in_leave_no_ghost(crowd: Crowd) -> None:
    names = await crowd.make_users("hasty", HASTY)
    nodes = crowd.cluster.nodes
    for number, name in enumerate(names):
        ws = await open_websocket(crowd.cluster.http, nodes[number % 2].url)
        await ws.send_str(connect_packet(crowd.auth(name)))
        await asyncio.sleep((number % 10) / 1000)  # at every stage of the way in
        abort(ws)
        await ws.close()
    await eventually(lambda: crowd.have_sessions(names, 0), "nothing is left of any of them")
    assert await crowd.are_all(names, 0)
    logged_in = [user["last_login_at"] for user in (await crowd.presences(names)).values()]
    assert any(logged_in), "none of them came far enough to prove anything"
