"""What goes wrong over and over: said at once, then only now and then, and that it is over."""

from __future__ import annotations

from chatsrv.domain.repeats import Repeats


def test_it_is_said_at_once_and_again_after_a_while_with_how_often() -> None:
    repeats = Repeats(every_s=60)
    counted = [repeats.count("x", now) for now in (0, 1, 59.9, 60, 61, 200)]
    assert counted == [1, 0, 0, 3, 0, 2]


def test_each_thing_is_counted_for_itself() -> None:
    repeats = Repeats(every_s=60)
    assert [repeats.count(what, 0) for what in ("x", "y", "x", "y")] == [1, 1, 0, 0]


def test_that_it_is_over_is_news_once_and_only_where_it_was_said() -> None:
    repeats = Repeats(every_s=60)
    assert not repeats.over("x")
    repeats.count("x", 0)
    assert [repeats.over("x"), repeats.over("x")] == [True, False]


def test_what_comes_and_goes_is_said_no_oftener_than_what_stays() -> None:
    repeats = Repeats(every_s=60)
    said = 0
    for now in range(120):
        said += bool(repeats.count("x", now))
        said += repeats.over("x")
    assert said == 4
