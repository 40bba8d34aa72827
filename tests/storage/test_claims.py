"""Claims on a real Valkey: what setting, clearing and ending them shows, and to whom it is told."""

from __future__ import annotations

from dataclasses import replace

import pytest

from chatsrv.domain.changes import Changed
from chatsrv.domain.presence import Display, PresenceStatus, Source
from chatsrv.domain.presence_input import LATEST_END
from chatsrv.storage.records import read_claims
from tests.storage.keyspace import ANNA, APP, BERT, SHARD, Keyspace

OFFLINE, ONLINE, INVISIBLE, AWAY, DND = PresenceStatus
HOUR_S = 3600


async def versions(space: Keyspace) -> list[tuple[int, bool]]:
    """Of each entry since the last call, and whether only the user's own sockets may see it."""
    return [(entry.version, entry.is_own) for entry in await space.news() if isinstance(entry, Changed)]


async def test_a_claim_of_somebody_who_is_there_is_a_change(still: Keyspace) -> None:
    await still.open("s1")
    claimed = await still.claim(DND, text="busy")
    assert (claimed.applied_at, claimed.coalesced) == (still.clock.now(), False)
    assert claimed.warm.truth.display == claimed.warm.to_others.display == Display(DND, "busy")
    assert await versions(still) == [(1, False), (2, False)]


async def test_a_claim_of_somebody_offline_is_told_to_nobody_until_they_come(still: Keyspace) -> None:
    claimed = await still.claim(DND)
    assert claimed.warm.truth.status is OFFLINE
    assert await still.news() == []
    await still.open("s1")
    assert await still.shown() == [DND]


async def test_the_same_again_is_no_change(still: Keyspace) -> None:
    await still.open("s1")
    await still.claim(DND, text="busy")
    await still.news()
    await still.claim(DND, text="busy")
    await still.claim(AWAY, Source.CALENDAR)
    assert await still.news() == []


@pytest.mark.parametrize("text", [None, "another"])
async def test_other_words_are_a_change(still: Keyspace, text: str | None) -> None:
    await still.open("s1")
    await still.claim(DND, text="busy")
    await still.claim(DND, text=text)
    changes = [entry for entry in await still.news() if isinstance(entry, Changed)]
    assert [entry.warm.to_others.display.text for entry in changes] == [None, "busy", text]


async def test_a_second_session_and_an_idle_one_change_nothing_beneath_a_claim(still: Keyspace) -> None:
    await still.open("s1")
    await still.claim(DND)
    await still.news()
    await still.open("s2")
    for session in ("s1", "s2"):
        await still.touch(session, idle=True)
    await still.close("s2")
    assert await still.news() == []


async def test_words_alone_go_along_with_what_the_connections_say(still: Keyspace) -> None:
    await still.open("s1")
    await still.claim(None, text="train")
    await still.touch("s1", idle=True)
    assert (await still.warm()).truth.display == Display(AWAY, "train")
    assert await still.shown() == [ONLINE, ONLINE, AWAY]


async def test_a_claim_ends_with_a_sweep_and_the_one_below_shows_again(still: Keyspace) -> None:
    await still.open("s1")
    await still.claim(AWAY, Source.CALENDAR)
    await still.claim(DND, Source.CALL, lasts_s=30)
    await still.pass_time(29)
    assert await still.status() is DND
    await still.pass_time(1)
    assert (await still.warm()).truth.display == Display(AWAY)
    assert await still.shown() == [ONLINE, AWAY, DND, AWAY]
    assert [claim.source for claim in read_claims(await still.kept())] == [Source.CALENDAR]


async def test_ends_come_one_after_the_other(still: Keyspace) -> None:
    await still.open("s1")
    for status, lasts_s in ((AWAY, 30), (DND, 20), (ONLINE, 10)):
        await still.claim(status, lasts_s=lasts_s, text="so")
    for _ in range(3):
        await still.pass_time(10)
    assert await still.shown() == [ONLINE, AWAY, DND, ONLINE, DND, AWAY, ONLINE]


async def test_a_claim_that_is_over_does_not_wait_for_the_sweep_when_something_else_happens(still: Keyspace) -> None:
    await still.open("s1")
    await still.claim(DND, lasts_s=30)
    still.clock.advance(30)
    await still.open("s2")
    assert await still.shown() == [ONLINE, DND, ONLINE]
    await still.sweep()
    assert await still.news() == []


async def test_a_claim_that_ends_while_its_user_is_away_is_told_to_nobody(still: Keyspace) -> None:
    await still.open("s1")
    await still.claim(DND, lasts_s=30)
    await still.close("s1")
    await still.news()
    await still.pass_time(30)
    assert await still.news() == []
    await still.open("s2")
    assert await still.shown() == [ONLINE]


async def test_claims_outlive_a_disconnect(still: Keyspace) -> None:
    await still.open("s1")
    await still.claim(DND)
    await still.close("s1")
    await still.open("s2")
    assert await still.shown() == [ONLINE, DND, OFFLINE, DND]


async def test_plain_online_takes_back_what_its_source_claimed(still: Keyspace) -> None:
    await still.open("s1")
    await still.claim(AWAY, Source.EXTERNAL)
    await still.claim(DND)
    await still.claim(ONLINE)
    assert await still.shown() == [ONLINE, AWAY, DND, AWAY]


async def test_a_claim_without_an_end_waits_for_no_sweep(still: Keyspace) -> None:
    await still.claim(DND)
    assert "due" not in await still.keys()
    await still.claim(AWAY, lasts_s=30)
    assert "due" in await still.keys()


async def test_no_more_claims_are_kept_than_there_may_be(still: Keyspace) -> None:
    for number in range(8):
        await still.claim(DND, lasts_s=100 - number, text=str(number))
    assert [claim.text for claim in read_claims(await still.kept())] == ["3", "4", "5", "6", "7"]


async def test_clearing_takes_everything_back_whoever_made_it(still: Keyspace) -> None:
    await still.open("s1")
    for source in Source:
        await still.claim(DND, source, text=source.value)
    warm = await still.store.clear(APP, ANNA)
    assert warm
    assert warm.truth.display == Display(ONLINE)
    assert read_claims(await still.kept()) == ()
    assert (await still.shown())[-1] is ONLINE


async def test_clearing_nothing_changes_nothing(still: Keyspace) -> None:
    await still.open("s1")
    await still.news()
    await still.store.clear(APP, ANNA)
    assert await still.news() == []


async def test_every_change_of_the_claims_is_dated_later_than_the_one_before(still: Keyspace) -> None:
    dates = []
    for status in (DND, DND, ONLINE):
        await still.claim(status)
        dates.append((await still.kept()).changed_at)
    await still.store.clear(APP, ANNA)
    dates.append((await still.kept()).changed_at)
    assert dates == sorted(set(dates)), "all in one millisecond"


async def test_a_claim_to_begin_with_is_there_with_the_first_change(still: Keyspace) -> None:
    opened = await still.open("s1", claim=still.new_claim(DND, text="so"))
    assert opened
    assert opened.warm.truth.display == Display(DND, "so")
    assert await versions(still) == [(1, False)]


async def test_who_comes_back_inside_the_grace_does_not_begin_anew(still: Keyspace) -> None:
    await still.open("s1", client="tab", claim=still.new_claim(AWAY))
    await still.claim(DND)
    await still.close("s1", grace_s=15)
    await still.open("s2", client="tab", claim=still.new_claim(AWAY))
    assert await still.shown() == [AWAY, DND]


async def test_the_user_of_a_claim_who_is_gone_can_claim_nothing(still: Keyspace) -> None:
    await still.store.purge(APP, ANNA, 4004, "forget")
    assert await still.store.claim(APP, ANNA, still.new_claim(DND), await still.kept()) is None
    assert "claims:demo" not in await still.keys()


@pytest.mark.parametrize("lasts_s", [0, 30])
async def test_a_user_who_is_deleted_leaves_no_key_of_a_claim(still: Keyspace, lasts_s: float) -> None:
    await still.open("s1")
    await still.claim(INVISIBLE, lasts_s=lasts_s, sets_max=1)
    await still.claim(DND, lasts_s=lasts_s, sets_max=1)
    await still.beat_heart(60)
    await still.store.purge(APP, ANNA, 4004, "forget")
    left = {"epoch", "feed", "nodes", "versions", "changes:demo", "gone"}
    assert await still.keys() == left
    await still.pass_time(60)
    assert await still.keys() == left | {"reports"}


async def test_a_user_who_is_deactivated_keeps_their_claims_for_later(still: Keyspace) -> None:
    await still.open("s1")
    await still.claim(DND)
    await still.store.purge(APP, ANNA, 4005, "bar")
    await still.store.admit(APP, ANNA)
    await still.open("s2")
    assert await still.shown() == [ONLINE, DND, OFFLINE, DND]


async def test_an_app_that_is_forgotten_leaves_no_claims(still: Keyspace) -> None:
    await still.claim(DND)
    await still.store.forget_app(APP)
    assert await still.keys() <= {"epoch", "nodes", "unflushed", "feed"}


async def test_the_record_of_who_claims_nothing_any_more_is_forgotten_after_an_hour(still: Keyspace) -> None:
    await still.claim(DND, lasts_s=30)
    await still.claim(AWAY, user=BERT)
    await still.claim(ONLINE, user=BERT)
    await still.pass_time(HOUR_S - 1)
    await still.flush()
    assert {"claims:demo", "due"} <= await still.keys()
    await still.pass_time(2)
    await still.flush()
    assert await still.keys() == {"epoch", "nodes", "reports", "feed"}


async def test_a_claim_without_an_end_is_kept_for_good(still: Keyspace) -> None:
    await still.claim(DND)
    for _ in range(3):
        await still.pass_time(HOUR_S)
    await still.open("s1")
    assert await still.status() is DND


async def test_a_claim_may_end_at_the_last_millisecond_that_is_taken(still: Keyspace) -> None:
    await still.open("s1")
    last = LATEST_END - 1
    await still.store.claim(APP, ANNA, replace(still.new_claim(DND), expires_at=last), await still.kept())
    assert (await still.warm()).truth.display == Display(DND, None, None, last)
    assert [claim.expires_at for claim in read_claims(await still.kept())] == [last]


async def test_a_sweep_takes_as_many_ends_as_there_are(still: Keyspace) -> None:
    for user in range(600):
        await still.claim(DND, lasts_s=30, user=user)
    still.clock.advance(30)
    await still.store.beat(SHARD, "a")
    assert (await still.store.sweep(SHARD, "a")).due == 500
    assert (await still.sweep()).due == 100
