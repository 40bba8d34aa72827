"""Invisible on a real Valkey: others see somebody leave and come, and nothing moves in between."""

from __future__ import annotations

import pytest

from chatsrv.domain.changes import Changed
from chatsrv.domain.instants import NEVER
from chatsrv.domain.presence import NOBODY_THERE, Presence, PresenceStatus, Source
from chatsrv.domain.users import Clocks
from tests.storage.keyspace import SHARD, Keyspace

OFFLINE, ONLINE, INVISIBLE, AWAY, DND = PresenceStatus


async def to_others(space: Keyspace) -> Presence:
    return (await space.warm()).to_others


async def test_who_hides_is_gone_for_others_at_that_moment(still: Keyspace) -> None:
    came_at = still.clock.now()
    await still.open("s1")
    still.clock.advance(60)
    claimed = await still.claim(INVISIBLE, text="shh", lasts_s=600)
    hid_at = still.clock.now()
    assert claimed.warm.to_others == Presence(NOBODY_THERE, Clocks(came_at, came_at, hid_at, hid_at))
    assert claimed.warm.truth.status is INVISIBLE
    assert claimed.warm.truth.display.text == "shh"
    assert await still.shown() == [ONLINE, OFFLINE]


async def test_nothing_that_somebody_hidden_does_is_told_or_moves_a_clock(still: Keyspace) -> None:
    await still.open("s1")
    still.clock.advance(60)
    await still.claim(INVISIBLE)
    before, _ = await to_others(still), await still.news()
    still.clock.advance(60)
    await still.open("s2")
    await still.touch("s1", idle=True)
    await still.touch("s2", background=True)
    still.clock.advance(60)
    await still.touch("s2", idle=False)
    await still.claim(DND, Source.CALL)
    await still.store.close("demo", 1, "s2", 5_000, still.clock.now())
    await still.pass_time(6)
    await still.beat_heart(30)
    await still.pass_time(31)
    await still.close("s1")
    assert await to_others(still) == before
    assert await still.shown() == []
    assert (await still.warm()).truth.clocks.last_seen_at == still.clock.now()


async def test_who_connects_hidden_never_came(still: Keyspace) -> None:
    await still.claim(INVISIBLE)
    await still.open("s1")
    assert await to_others(still) == Presence(NOBODY_THERE, Clocks())
    assert (await still.warm()).truth.clocks.last_login_at == still.clock.now()
    await still.close("s1")
    assert await to_others(still) == Presence(NOBODY_THERE, Clocks())
    assert await still.news() == []


async def test_a_claim_to_begin_with_hides_from_the_first_moment(still: Keyspace) -> None:
    await still.open("s1", claim=still.new_claim(INVISIBLE))
    assert await still.status() is INVISIBLE
    assert await still.news() == []


async def test_who_comes_out_of_hiding_comes_in_now(still: Keyspace) -> None:
    await still.claim(INVISIBLE)
    await still.open("s1")
    still.clock.advance(60)
    await still.claim(ONLINE)
    now = still.clock.now()
    assert (await to_others(still)).clocks == Clocks(now, now, NEVER, now)
    assert await still.shown() == [ONLINE]
    assert (await still.warm()).truth.clocks.last_login_at == now - 60_000, "the truth is another"


async def test_coming_out_is_coming_in_also_for_who_was_seen_to_log_in_before(still: Keyspace) -> None:
    """Or a login that lies before the moment they were last seen would tell that they were there."""
    await still.open("s1")
    still.clock.advance(60)
    await still.claim(INVISIBLE)
    hid_at = still.clock.now()
    still.clock.advance(60)
    await still.claim(ONLINE)
    now = still.clock.now()
    assert (await to_others(still)).clocks == Clocks(now, now, hid_at, now)


async def test_after_coming_out_the_clocks_go_on_for_everybody(still: Keyspace) -> None:
    await still.open("s1", claim=still.new_claim(INVISIBLE))
    await still.claim(ONLINE)
    still.clock.advance(61)
    await still.touch("s1", idle=False)
    still.clock.advance(1)
    await still.close("s1")
    warm = await still.warm()
    assert warm.truth.clocks.last_active_at == warm.to_others.clocks.last_active_at == still.clock.now() - 1000
    assert warm.truth.clocks.last_seen_at == warm.to_others.clocks.last_seen_at == still.clock.now()


async def test_hiding_that_ends_shows_what_lies_beneath(still: Keyspace) -> None:
    await still.open("s1")
    await still.claim(DND, Source.CALENDAR)
    await still.claim(INVISIBLE, lasts_s=30)
    await still.pass_time(30)
    assert await still.shown() == [ONLINE, DND, OFFLINE, DND]


async def test_hiding_that_ends_after_they_left_shows_nothing(still: Keyspace) -> None:
    await still.open("s1")
    await still.claim(INVISIBLE, lasts_s=30)
    before = await to_others(still)
    still.clock.advance(10)
    await still.close("s1")
    await still.pass_time(20)
    assert await to_others(still) == before
    assert await still.shown() == [ONLINE, OFFLINE]


@pytest.mark.parametrize("source", [Source.CALL, Source.CALENDAR, Source.EXTERNAL])
async def test_no_call_and_no_calendar_betrays_who_hides(still: Keyspace, source: Source) -> None:
    await still.open("s1")
    await still.claim(INVISIBLE)
    await still.news()
    await still.claim(DND, source, text="in a call")
    await still.pass_time(1)
    assert await still.status() is INVISIBLE
    assert await still.news() == []


async def test_what_the_users_own_sockets_alone_may_see_takes_no_version(still: Keyspace) -> None:
    await still.open("s1")
    await still.claim(INVISIBLE)
    await still.news()
    await still.claim(INVISIBLE, text="shh")
    (entry,) = await still.news()
    assert isinstance(entry, Changed)
    assert (entry.is_own, entry.version) == (True, 2)
    assert entry.warm.truth.display.text == "shh"
    assert entry.warm.to_others.display == NOBODY_THERE
    assert (await still.store.snapshot("demo", [1])).version == 2
    await still.claim(DND)
    (entry,) = await still.news()
    assert isinstance(entry, Changed)
    assert (entry.is_own, entry.version) == (False, 3)


async def test_sockets_that_are_put_back_hear_that_their_user_hides(still: Keyspace) -> None:
    """Said while no session was known, as after a loss of data."""
    registration = still.registration("s1")
    await still.claim(INVISIBLE)
    await still.news()
    await still.store.register(SHARD, "a", [registration])
    (entry,) = await still.news()
    assert isinstance(entry, Changed)
    assert (entry.is_own, entry.warm.truth.status, entry.warm.to_others.status) == (True, INVISIBLE, OFFLINE)


async def test_an_own_change_moves_the_users_own_clock_alone(still: Keyspace) -> None:
    await still.open("s1")
    await still.claim(INVISIBLE)
    hid_at = still.clock.now()
    still.clock.advance(60)
    await still.claim(INVISIBLE, text="shh")
    warm = await still.warm()
    assert warm.truth.clocks.presence_changed_at == still.clock.now()
    assert warm.to_others.clocks.presence_changed_at == hid_at


async def test_devices_of_somebody_hidden_are_not_told(still: Keyspace) -> None:
    await still.open("s1")
    await still.claim(INVISIBLE)
    warm = await still.warm()
    assert (warm.truth.devices, warm.to_others.devices) == (("web",), ())


async def test_both_sets_of_clocks_are_carried_to_sql(still: Keyspace) -> None:
    await still.open("s1")
    hid_at = still.clock.now()
    await still.claim(INVISIBLE)
    still.clock.advance(60)
    await still.close("s1")
    (item,) = await still.store.unflushed(SHARD)
    assert item.clocks.last_seen_at == still.clock.now()
    assert item.clocks_to_others.last_seen_at == hid_at
    assert item.claims == await still.kept()
    assert item.claims.changed_at


async def test_who_hid_and_left_redis_is_hidden_when_they_come_back(still: Keyspace) -> None:
    await still.open("s1")
    await still.claim(INVISIBLE)
    await still.close("s1")
    await still.flush()
    assert await still.read(1) == {}
    still.clock.advance(60)
    await still.open("s2")
    assert await to_others(still) == Presence(NOBODY_THERE, Clocks())
    assert await still.shown() == [ONLINE, OFFLINE]
