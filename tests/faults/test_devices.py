"""One user on several devices of different nodes: an idle one never pulls down an active one."""

from __future__ import annotations

from tests.faults.crowd import Crowd
from tests.faults.waiting import eventually
from tests.faults.watcher import Watcher

ONLINE, AWAY = 1, 3


async def test_a_user_is_away_only_while_the_devices_on_both_nodes_are_idle(crowd: Crowd) -> None:
    one, other = crowd.cluster.nodes
    name = await crowd.make_user("owner")
    desktop = await crowd.join_stock(one.url, name, device="desktop")
    phone = await crowd.join_stock(other.url, name, device="mobile")
    watcher = await crowd.watch(other.url, [name])

    assert await desktop.ask("presence:activity", {"active": False}) == {}
    assert await crowd.are_all([name], ONLINE)
    watcher.assert_silent_about([name])

    assert await phone.ask("presence:activity", {"active": False}) == {}
    await becomes(watcher, name, AWAY)

    assert await desktop.ask("presence:activity", {"active": True}) == {}
    await becomes(watcher, name, ONLINE)
    for node in (one, other):
        assert (await crowd.presences([name], node))[name]["devices"] == ["desktop", "mobile"]
    assert watcher.history(name) == [AWAY, ONLINE]


async def becomes(watcher: Watcher, name: str, status: int) -> None:
    await eventually(lambda: watcher.knows([name], status), f"the user shows {status}")
