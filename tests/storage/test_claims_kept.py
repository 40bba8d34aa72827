"""Claims beyond one set: too many at a time, and what SQL brings back."""

from __future__ import annotations

from chatsrv.domain.presence import PresenceStatus, Source
from chatsrv.domain.users import KeptClaims
from chatsrv.storage.records import read_claims
from tests.storage.keyspace import ANNA, APP, BERT, SHARD, Keyspace

OFFLINE, ONLINE, INVISIBLE, AWAY, DND = PresenceStatus


# Too many at a time: 5 in 20 s


async def say(space: Keyspace, *texts: str) -> list[bool]:
    """Whether each had to wait."""
    return [(await space.claim(DND, text=text, sets_max=5)).coalesced for text in texts]


async def test_of_too_many_claims_the_last_one_counts_at_the_end_of_the_window(still: Keyspace) -> None:
    await still.open("s1")
    began_at = still.clock.now()
    assert await say(still, "1", "2", "3", "4", "5") == [False] * 5
    still.clock.advance(5)
    late = await still.claim(AWAY, text="6", sets_max=5)
    assert (late.coalesced, late.applied_at) == (True, began_at + 20_000)
    assert late.warm.truth.display.text == "5"
    assert await say(still, "7") == [True]
    await still.pass_time(14)
    assert (await still.warm()).truth.display.text == "5"
    await still.pass_time(1)
    assert (await still.warm()).truth.display.text == "7"
    assert len(await still.shown()) == 7


async def test_the_next_window_begins_with_the_next_claim(still: Keyspace) -> None:
    await say(still, "1", "2", "3", "4", "5", "6")
    await still.pass_time(20)
    assert await say(still, "1", "2", "3", "4", "5", "6") == [False] * 5 + [True]


async def test_a_claim_of_the_next_window_takes_the_place_of_the_one_that_waits_unswept(still: Keyspace) -> None:
    await still.open("s1")
    await say(still, "1", "2", "3", "4", "5", "6")
    still.clock.advance(20)
    assert await say(still, "7") == [False]
    await still.pass_time(20)
    assert (await still.warm()).truth.display.text == "7"


async def test_who_does_not_say_much_never_waits(still: Keyspace) -> None:
    for _ in range(4):
        assert await say(still, "1", "2", "3") == [False] * 3
        await still.pass_time(20)


async def test_each_user_has_a_window_of_their_own(still: Keyspace) -> None:
    await say(still, "1", "2", "3", "4", "5")
    claimed = await still.claim(DND, user=BERT, sets_max=5)
    assert not claimed.coalesced


async def test_a_claim_that_is_not_counted_takes_the_place_of_the_one_that_waits(still: Keyspace) -> None:
    await still.open("s1")
    await say(still, "1", "2", "3", "4", "5", "6")
    claimed = await still.claim(AWAY, text="rest")
    assert not claimed.coalesced
    await still.pass_time(20)
    assert (await still.warm()).truth.display.text == "rest"


async def test_a_claim_of_another_source_leaves_the_one_that_waits(still: Keyspace) -> None:
    await still.open("s1")
    await say(still, "1", "2", "3", "4", "5", "6")
    await still.claim(AWAY, Source.CALENDAR)
    await still.pass_time(20)
    assert (await still.warm()).truth.display.text == "6"


async def test_clearing_takes_back_the_claim_that_waits(still: Keyspace) -> None:
    await still.open("s1")
    await say(still, "1", "2", "3", "4", "5", "6")
    await still.store.clear(APP, ANNA)
    await still.pass_time(20)
    assert await still.status() is ONLINE


async def test_plain_online_can_wait_as_any_claim(still: Keyspace) -> None:
    await still.open("s1")
    await say(still, "1", "2", "3", "4", "5")
    assert (await still.claim(ONLINE, sets_max=5)).coalesced
    await still.pass_time(20)
    assert await still.status() is ONLINE


async def test_a_claim_whose_end_comes_before_its_turn_never_counts(still: Keyspace) -> None:
    await still.open("s1")
    await say(still, "1", "2", "3", "4", "5")
    await still.claim(AWAY, lasts_s=10, sets_max=5)
    await still.pass_time(20)
    assert (await still.warm()).truth.display.text == "5"


async def test_what_waits_can_be_examined(still: Keyspace) -> None:
    await say(still, "1", "2", "3", "4", "5", "6")
    found = (await still.store.examine(APP, ANNA)).claims
    assert found.waiting
    assert (found.waiting.text, found.applies_at) == ("6", still.clock.now() + 20_000)


# What SQL keeps


async def lose_all_but_sql(space: Keyspace) -> KeptClaims:
    kept = await space.kept()
    await space.lose_data()
    space.log.rewind(SHARD)
    return kept


async def test_after_a_data_loss_opening_brings_the_claims_back(still: Keyspace) -> None:
    await still.claim(INVISIBLE, text="shh")
    kept = await lose_all_but_sql(still)
    await still.open("s1", kept=kept)
    assert (await still.warm()).truth.status is INVISIBLE
    assert await still.kept() == kept
    assert await still.news() == []


async def test_after_a_data_loss_registering_brings_the_claims_back_without_a_moment_before(still: Keyspace) -> None:
    await still.claim(INVISIBLE, lasts_s=60)
    kept = await lose_all_but_sql(still)
    await still.store.register(SHARD, "a", [still.registration("s1", claims=kept)])
    assert await still.status() is INVISIBLE
    assert await still.shown() == []
    await still.pass_time(60)
    assert await still.shown() == [ONLINE]


async def test_after_a_data_loss_another_claim_is_added_to_those_of_before(still: Keyspace) -> None:
    await still.claim(AWAY, Source.CALENDAR)
    kept = await lose_all_but_sql(still)
    await still.claim(DND, lasts_s=30, kept=kept)
    assert [claim.status for claim in read_claims(await still.kept())] == [AWAY, DND]


async def test_what_redis_has_counts_where_it_is_not_older(still: Keyspace) -> None:
    await still.claim(DND)
    old = await still.kept()
    await still.claim(AWAY)
    await still.open("s1", kept=old)
    assert await still.status() is AWAY
    await still.store.clear(APP, ANNA)
    await still.store.register(SHARD, "a", [still.registration("s1", claims=old)])
    await still.open("s2", kept=old)
    assert await still.status() is ONLINE


async def test_what_sql_has_counts_where_it_is_newer(still: Keyspace) -> None:
    await still.claim(DND)
    old = await still.kept()
    still.clock.advance(1)
    await still.claim(AWAY)
    newer = await lose_all_but_sql(still)
    await still.open("s1", kept=old)
    await still.open("s2", kept=newer)
    assert await still.status() is AWAY


async def test_that_nothing_is_claimed_any_more_counts_too_where_sql_is_newer(still: Keyspace) -> None:
    await still.claim(DND)
    old = await still.kept()
    still.clock.advance(1)
    await still.claim(ONLINE)
    newer = await lose_all_but_sql(still)
    await still.open("s1", kept=old)
    await still.open("s2", kept=newer)
    assert await still.status() is ONLINE


async def test_what_is_over_is_not_brought_back(still: Keyspace) -> None:
    await still.claim(DND, lasts_s=30)
    kept = await lose_all_but_sql(still)
    still.clock.advance(30)
    await still.open("s1", kept=kept)
    assert await still.status() is ONLINE
    assert "claims:demo" not in await still.keys()


async def test_what_changes_in_the_millisecond_in_which_it_is_flushed_is_flushed_again(still: Keyspace) -> None:
    await still.claim(DND)
    items = await still.store.unflushed(SHARD)
    await still.claim(INVISIBLE)
    await still.store.mark_flushed(SHARD, items)
    assert [item.claims for item in await still.store.unflushed(SHARD)] == [await still.kept()]
