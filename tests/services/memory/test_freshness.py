from __future__ import annotations

from chatsrv.services.memory.freshness import RECENT_MAX, Freshness
from chatsrv.storage.keys import SHARDS, shard_of

SHARD = shard_of("demo")


class Hands:
    """A clock that is moved by hand, in seconds."""

    def __init__(self) -> None:
        self.at = 100.0

    def __call__(self) -> float:
        return self.at


def followed(hands: Hands | None = None) -> Freshness:
    """The log has been read just now, up to position (5, 0)."""
    fresh = Freshness(hands or Hands())
    for shard in range(SHARDS):
        fresh.loaded(shard)
        fresh.see(shard, (5, 0))
    fresh.renew(1.5)
    return fresh


def test_nothing_is_fresh_where_nobody_follows_the_log() -> None:
    assert not Freshness().is_level("demo")


def test_the_node_is_level_until_the_log_has_not_answered_for_too_long() -> None:
    hands = Hands()
    fresh = followed(hands)
    assert fresh.is_level("demo")
    hands.at += 1.5
    assert not fresh.is_level("demo")
    fresh.renew(1.5)
    assert fresh.is_level("demo")


def test_who_has_written_is_behind_until_it_has_read_that() -> None:
    fresh = followed()
    fresh.want(SHARD, (7, 1))
    assert not fresh.is_level("demo")
    fresh.see(SHARD, (7, 0))
    assert not fresh.is_level("demo")
    fresh.see(SHARD, (7, 1))
    assert fresh.is_level("demo")


def test_who_has_changed_one_user_is_behind_for_that_user_and_for_the_whole_app() -> None:
    fresh = followed()
    anna, ben = fresh.mark("demo", 1), fresh.mark("demo", 2)
    fresh.write("demo", 1, (7, 0))
    assert [fresh.is_level("demo", ids) for ids in ([1], [2], [2, 1], None)] == [False, True, False, False]
    assert (anna.is_good, ben.is_good, fresh.is_followed("demo")) == (False, True, True)
    fresh.see(SHARD, (6, 9))
    assert not fresh.is_level("demo")
    fresh.see(SHARD, (7, 0))
    assert fresh.is_level("demo")


def test_the_newest_of_several_writes_has_to_be_read() -> None:
    fresh = followed()
    fresh.write("demo", 1, (7, 0))
    fresh.write("demo", 1, (8, 0))
    fresh.see(SHARD, (7, 5))
    assert not fresh.is_level("demo", [1])
    fresh.see(SHARD, (8, 0))
    assert fresh.is_level("demo", [1])


def test_a_write_that_has_been_read_before_its_answer_came_is_not_waited_for() -> None:
    fresh = followed()
    fresh.see(SHARD, (7, 0))
    fresh.write("demo", 1, (7, 0))
    assert fresh.is_level("demo")


def test_who_changed_anybody_of_an_app_is_behind_for_all_of_them() -> None:
    fresh = followed()
    fresh.write("demo", None, (7, 0))
    assert not fresh.is_level("demo", [1])
    fresh.begin_anew(SHARD)
    fresh.loaded(SHARD)
    assert fresh.is_level("demo", [1])


def test_an_answer_that_comes_late_does_not_lead_back() -> None:
    fresh = followed()
    fresh.want(SHARD, (7, 0))
    fresh.want(SHARD, (6, 0))
    fresh.see(SHARD, (6, 5))
    assert not fresh.is_level("demo")


def test_after_an_outage_all_has_to_be_loaded_first() -> None:
    fresh = followed()
    mark = fresh.mark("demo", 1)
    fresh.lapse()
    fresh.renew(1.5)
    assert (fresh.is_level("demo"), mark.is_good) == (False, False)
    fresh.loaded(SHARD)
    assert fresh.is_level("demo")


def test_a_log_that_began_anew_is_followed_from_its_own_beginning() -> None:
    fresh = followed()
    fresh.begin_anew(SHARD)
    assert not fresh.is_level("demo")
    fresh.loaded(SHARD)
    fresh.see(SHARD, (1, 0))
    assert fresh.is_level("demo")


def test_a_change_spoils_the_marks_of_its_user_and_of_the_app_alone() -> None:
    fresh = followed()
    anna, ben, demo, other = (fresh.mark(*what) for what in (("demo", 1), ("demo", 2), ("demo", None), ("other", 1)))
    fresh.spoil("demo", 1)
    assert [mark.is_good for mark in (anna, ben, demo, other)] == [False, True, False, True]
    assert fresh.mark("demo", 1).is_good
    assert fresh.mark("demo", None).is_good


def test_where_nobody_knows_who_has_changed_all_marks_of_the_app_are_spoiled() -> None:
    fresh = followed()
    anna, other = fresh.mark("demo", 1), fresh.mark("other", 1)
    fresh.spoil("demo", None)
    assert (anna.is_good, other.is_good) == (False, True)


def test_it_is_known_whether_anything_changed_while_something_was_read() -> None:
    fresh = followed()
    since = fresh.changes
    fresh.spoil("other", 1)
    assert not fresh.has_changed_since("demo", since)
    fresh.spoil("demo", 1)
    assert fresh.has_changed_since("demo", since)
    assert not fresh.rows_have_changed_since("demo", since)
    fresh.spoil("demo", 1, is_row=True)
    assert fresh.rows_have_changed_since("demo", since)


def test_it_is_known_of_whom_nothing_changed_while_something_was_read_as_long_as_not_too_much_did() -> None:
    fresh = followed()
    fresh.spoil("demo", 1)
    since = fresh.changes
    assert not fresh.has_changed_since("demo", since, (1,))
    fresh.spoil("demo", 2)
    assert fresh.has_changed_since("demo", since)
    assert fresh.has_changed_since("demo", since, (1, 2))
    assert not fresh.has_changed_since("demo", since, (1, 3))
    for _ in range(RECENT_MAX - 1):
        fresh.spoil("demo", 2)
    assert fresh.has_changed_since("demo", since, (1, 3))
    assert not fresh.has_changed_since("demo", fresh.changes - 5, (1, 3))
    since = fresh.changes
    fresh.spoil("demo", None)
    assert fresh.has_changed_since("demo", since, (1, 3))


def test_a_page_is_good_until_a_row_of_the_app_or_somebody_on_it_changes() -> None:
    fresh = followed()
    page, other = fresh.page_mark("demo", (1, 2)), fresh.page_mark("demo", (2, 3))
    fresh.spoil("demo", 4)
    assert (page.is_good, other.is_good) == (True, True)
    fresh.spoil("demo", 1)
    assert (page.is_good, other.is_good) == (False, True)
    fresh.spoil("demo", 9, is_row=True)
    assert not other.is_good
    assert fresh.page_mark("demo", (1, 2)).is_good


def test_after_an_outage_no_page_is_good_even_where_nobody_is_on_it() -> None:
    fresh = followed()
    pages = fresh.page_mark("demo", (1,)), fresh.page_mark("demo", ())
    fresh.lapse()
    assert not any(page.is_good for page in pages)


def test_an_outage_while_something_was_read_counts_as_a_change_also_of_apps_never_heard_of() -> None:
    fresh = followed()
    since = fresh.changes
    fresh.lapse()
    assert fresh.has_changed_since("unheard-of", since)
    assert fresh.rows_have_changed_since("unheard-of", since)
