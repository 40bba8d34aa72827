"""What the fan-out tells to whom, and what it keeps back."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from chatsrv.domain.changes import CloseOrdered, Renamed
from chatsrv.domain.sessions import CloseCode
from chatsrv.realtime import delivery
from chatsrv.realtime.frames import FRAME_MAX
from tests.realtime.fanout_world import APP, DEADLINE_S, World


@pytest.fixture
async def world() -> AsyncIterator[World]:
    async with asyncio.timeout(DEADLINE_S):
        yield World()


async def test_those_who_are_to_see_the_same_are_sent_it_once_for_all(world: World) -> None:
    watchers = [world.join(f"s{number}", 100 + number) for number in range(5)]
    for watcher in watchers:
        await world.watch(watcher, 1, 2)
    await world.watch(watchers[0], 3)
    await world.happen(1, 2)
    assert world.sends == 1
    assert {sid: world.heard(sid) for sid in list(world.sent)} == {
        f"s{number}": [("u1", "v1"), ("u2", "v2")] for number in range(5)
    }
    await world.happen(1, 3)
    assert world.sends == 3
    assert world.heard("s0") == [("u1", "v3"), ("u3", "v4")]
    assert world.heard("s4") == [("u1", "v3")]


async def test_of_one_user_the_last_change_wins_and_versions_stay_in_order(world: World) -> None:
    await world.watch(world.join("s", 9), 1, 2)
    await world.happen(1, 2, 1)
    (frame,) = world.frames("s")
    assert (frame["epoch"], frame["version"]) == ("e1", 3)
    assert [(change["username"], change["text"]) for change in frame["changes"]] == [("u2", "v2"), ("u1", "v3")]


async def test_what_this_node_has_on_its_way_is_waited_for_no_longer_than_sending_takes() -> None:
    """Sending took half a minute here, so that the deadline of the test would end the wait."""
    world = World(window_ms=60_000)
    await world.watch(world.join("s", 9), 1, 2)
    now = asyncio.get_running_loop().time()
    world.fanout.delivery._pace.spend(now - 30, now)
    world.quiet = asyncio.get_running_loop().create_future()
    flushing = asyncio.create_task(world.fanout.delivery.flush_forever())
    try:
        async with asyncio.timeout(DEADLINE_S):
            await world.tell(world.change(1))
            for _ in range(20):
                await asyncio.sleep(0)
            assert world.sends == 0
            await world.tell(world.change(2))
            world.quiet.set_result(None)
            world.quiet = None
            while not world.sends:
                await asyncio.sleep(0)
            assert world.heard("s") == [("u1", "v1"), ("u2", "v2")]
            world.quiet = asyncio.get_running_loop().create_future()  # now sending took no time worth waiting for
            await world.tell(world.change(1))
            while not world.heard("s"):
                await asyncio.sleep(0)
    finally:
        flushing.cancel()


async def test_own_sockets_are_told_the_truth_in_frames_of_their_own(world: World) -> None:
    await world.watch(world.join("own", 1), 2, 3)
    await world.watch(world.join("other", 9), 1, 2, 3)
    await world.happen(2, 1, 3)
    assert [frame["version"] for frame in world.frames("own")] == [1, 2, 3]
    assert world.heard("other") == [("u2", "v1"), ("u1", "v2"), ("u3", "v3")]
    await world.tell(world.change(1, is_own=True))
    await world.fanout.delivery.flush()
    assert world.heard("own") == [("u1", "v2 s2")]
    assert world.heard("other") == []


async def test_what_is_older_than_the_hello_is_not_told_and_what_is_newer_is(world: World) -> None:
    before = world.change(1)
    watcher = world.fanout.join("s", APP, 1, "u1")
    world.fanout.greet(watcher, "e1", world.version)
    assert watcher.hold is not None, "the log is behind the hello"
    await world.tell(before)
    await world.fanout.delivery.flush()
    assert world.sent == {}
    assert watcher.hold is None
    await world.happen(1)
    assert world.heard("s") == [("u1", "v2 s2")]


async def test_a_log_that_is_behind_the_hello_tells_nothing_of_it_however_it_comes(world: World) -> None:
    older, old = world.change(1), world.change(1)
    world.join("s", 1)
    for entry in (older, old):
        await world.tell(entry)
        await world.fanout.delivery.flush()
    assert world.sent == {}


async def test_what_is_in_the_hello_and_about_to_be_sent_is_not_told_again(world: World) -> None:
    first, second = world.fanout.join("s1", APP, 1, "u1"), world.fanout.join("s2", APP, 2, "u2")
    await world.tell(world.change(1), world.change(2), world.change(1))
    world.fanout.greet(first, "e1", 3)
    world.fanout.greet(second, "e1", 2)
    await world.fanout.delivery.flush()
    assert world.sent == {}
    await world.happen(2)
    assert world.heard("s2") == [("u2", "v4 s2")]


async def test_a_change_for_all_takes_the_place_of_one_for_their_own_eyes(world: World) -> None:
    world.join("s", 1)
    await world.tell(world.change(1, is_own=True), world.change(1))
    await world.fanout.delivery.flush()
    assert world.heard("s") == [("u1", "v1 s2")]


async def test_of_somebody_whose_snapshot_has_not_come_nothing_is_told(world: World) -> None:
    watcher = world.join("s", 9)
    for user_id in (1, 2):
        world.fanout.subscribe(watcher, {user_id: f"u{user_id}"})
    await world.happen(2, 1)
    await world.fanout.show(watcher, [1], "e1", 2)
    await world.fanout.release(watcher)
    assert world.sent == {}
    await world.happen(1, 2)
    await world.fanout.show(watcher, [2], "e1", 4)
    await world.fanout.release(watcher)
    assert world.heard("s") == [("u1", "v3")]


async def test_a_connection_that_came_back_is_settled_when_the_log_has_come_so_far(world: World) -> None:
    someone = world.change(7)
    watcher = world.join("s", 1)
    assert watcher.hold is not None
    follower = asyncio.create_task(world.fanout.follow())
    world.log.put_nowait([someone])
    while watcher.hold is not None:
        await asyncio.sleep(0)
    follower.cancel()


async def test_while_a_snapshot_is_on_its_way_everything_waits(world: World) -> None:
    watcher = world.join("s", 9)
    await world.watch(watcher, 1)
    world.fanout.subscribe(watcher, {2: "u2"})
    await world.happen(1, 2)
    assert world.sent == {}
    version = world.version
    await world.happen(1, 2)
    await world.fanout.show(watcher, [2], "e1", version)
    assert world.heard("s") == [("u1", "v1")], "older than the snapshot, and not in it"
    await world.fanout.release(watcher)
    assert world.heard("s") == [("u1", "v3"), ("u2", "v4")]
    assert watcher.hold is None


async def test_of_whom_it_does_not_watch_any_more_a_socket_is_told_nothing_that_was_held(world: World) -> None:
    watcher = world.join("s", 9)
    await world.watch(watcher, 1, 2)
    world.fanout.subscribe(watcher, {3: "u3"})
    await world.happen(1, 2)
    assert await world.fanout.unsubscribe(watcher, [1, 3]) == 1
    await world.fanout.release(watcher)
    assert world.heard("s") == [("u2", "v2")]


async def test_a_user_is_told_of_by_the_name_of_the_moment(world: World) -> None:
    await world.watch(world.join("s", 9), 1)
    await world.tell(world.change(1), Renamed(APP, 1, "uno"), world.change(1))
    await world.fanout.delivery.flush()
    assert world.heard("s") == [("u1", "v1"), ("uno", "v2")]


async def test_a_gap_in_the_log_makes_those_who_watch_ask_anew(world: World) -> None:
    world.join("watches nobody", 8)
    await world.watch(world.join("s", 9), 1)
    await world.happen(1)
    world.change(1)
    await world.happen(1)
    events = [event for event, _ in world.sent["s"]]
    assert events == ["presence:diff", "presence:reset", "presence:diff"]
    assert "watches nobody" not in world.sent


async def test_what_waited_when_the_versions_began_anew_is_of_no_use_any_more(world: World) -> None:
    await world.watch(world.join("s", 9), 1)
    await world.happen(*[1] * 5)
    world.sent.clear()
    await world.tell(world.change(1))
    world.epoch, world.version = "e2", 0
    world.fanout.begin_anew(lambda app_id: app_id == APP)
    await world.happen(1)
    (frame,) = world.frames("s")
    assert (frame["epoch"], frame["version"]) == ("e2", 1)


async def test_a_socket_that_left_is_forgotten_with_all_it_watched(world: World) -> None:
    watcher = world.join("s", 9)
    await world.watch(watcher, 1, 9)
    world.fanout.subscribe(watcher, {2: "u2"})
    world.fanout.leave(watcher)
    await world.fanout.release(watcher)
    await world.fanout.show(watcher, [2], "e1", 0)
    assert world.fanout.subscribe(watcher, {3: "u3"}) == []
    assert world.fanout._watchers.apps == {}
    await world.happen(1, 2, 3, 9)
    assert world.sent == {}


async def test_only_the_sockets_of_their_own_user_are_closed(world: World) -> None:
    for sid, user_id in (("a", 1), ("b", 1), ("c", 2)):
        await world.watch(world.join(sid, user_id), 1, 2)
    await world.tell(CloseOrdered(APP, 1, "b", 4003), CloseOrdered(APP, 1, "c", 4003), CloseOrdered(APP, 2, None, 4004))
    assert world.closed == [("b", CloseCode.SIGNED_OUT), ("c", CloseCode.DELETED)]


async def test_more_users_than_fit_go_out_in_several_frames_by_version(world: World) -> None:
    users = range(1, 2 * FRAME_MAX + 2)
    await world.watch(world.join("s", 10_000), *users)
    await world.happen(*users)
    frames = world.frames("s")
    assert [frame["version"] for frame in frames] == [FRAME_MAX, 2 * FRAME_MAX, 2 * FRAME_MAX + 1]
    assert all(len(frame["changes"]) <= FRAME_MAX for frame in frames)


async def test_others_run_while_many_sockets_are_told_and_what_follows_comes_after(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivery, "SLICE", 2)
    watchers = [world.join(f"s{number}", 100 + number) for number in range(6)]
    for watcher in watchers:
        await world.watch(watcher, 1, 2)
    await world.tell(world.change(1))
    flush = asyncio.create_task(world.fanout.delivery.flush())
    await asyncio.sleep(0)
    assert 0 < len(world.sent) < 6, "it has stopped half way"
    await world.tell(world.change(1))
    counts = await asyncio.gather(*(world.fanout.unsubscribe(watcher, [1]) for watcher in watchers[3:]))
    assert flush.done(), "who stops watching waits for what is on its way"
    assert counts == [1, 1, 1]
    await world.fanout.delivery.flush()
    assert [world.heard(f"s{number}") for number in (0, 5)] == [[("u1", "v1"), ("u1", "v2")], [("u1", "v1")]]
