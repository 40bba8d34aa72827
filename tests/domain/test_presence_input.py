"""What clients say about presence: which words and values are taken, and what is said of those that are not."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chatsrv.domain.errors import Invalid
from chatsrv.domain.instants import NEVER, from_text
from chatsrv.domain.presence import Claim, PresenceStatus, Source
from chatsrv.domain.presence_input import LATEST_END, STATUS_SENTENCE, read_claim, read_status, read_usernames

NOW = from_text("2026-03-01T09:30:00Z")
CONTROLS = ["a\0b", "a\tb", "a\nb", "\x7f", "a\x85b", "a\ud800b", "\udfff"]


def read(**fields: Any) -> Claim:
    return read_claim(fields, "c1", NOW)


def refusal(field: str, value: Any) -> str:
    """The one sentence that there is for the value."""
    with pytest.raises(Invalid) as caught:
        read(**{field: value})
    (problem,) = caught.value.problems
    assert problem.field == field
    return problem.message


@pytest.mark.parametrize("fields", [{}, dict.fromkeys(("status", "text", "emoji", "expires_at", "source"))])
def test_of_nothing_comes_a_manual_claim_without_an_end_that_says_nothing(fields: dict[str, Any]) -> None:
    assert read(**fields) == Claim("c1", Source.MANUAL, None, None, None, NEVER, NOW)


def test_every_field_is_taken() -> None:
    claim = read(status="dnd", text="lunch", emoji="🍜", expires_at="2026-03-01T10:30:00+00:30", source="calendar")
    assert claim == Claim("c1", Source.CALENDAR, PresenceStatus.DND, "lunch", "🍜", NOW + 30 * 60_000, NOW)


def test_other_fields_are_not_looked_at() -> None:
    assert read(set_at=5, id="mine", clears=True) == read()


@pytest.mark.parametrize(
    ("value", "status"),
    [
        (1, PresenceStatus.ONLINE),
        (2, PresenceStatus.INVISIBLE),
        (3, PresenceStatus.AWAY),
        (4, PresenceStatus.DND),
        ("online", PresenceStatus.ONLINE),
        ("invisible", PresenceStatus.INVISIBLE),
        ("away", PresenceStatus.AWAY),
        ("dnd", PresenceStatus.DND),
    ],
)
def test_a_status_is_said_by_its_int_or_its_word(value: int | str, status: PresenceStatus) -> None:
    assert read(status=value).status is status
    assert read_status(value) is status


WRONG_WORDS = ["offline", "Online", "DND", " dnd", "dnd ", "", "1", "4", "\uff44nd", "invisible\0", "a\ud800"]
WRONG_VALUES = [0, 5, -1, 10**30, True, False, 1.0, 4.0, [], [1], {}]


@pytest.mark.parametrize("value", [*WRONG_WORDS, *WRONG_VALUES])
def test_another_status_is_refused_offline_among_them(value: Any) -> None:
    assert refusal("status", value) == STATUS_SENTENCE
    with pytest.raises(Invalid) as caught:
        read_status(value)
    assert [(problem.field, problem.message) for problem in caught.value.problems] == [("status", STATUS_SENTENCE)]


def test_a_status_that_is_asked_for_alone_may_not_be_missing() -> None:
    with pytest.raises(Invalid):
        read_status(None)


@pytest.mark.parametrize("source", list(Source))
def test_a_source_is_said_by_its_word(source: Source) -> None:
    assert read(source=source.value).source is source


@pytest.mark.parametrize("value", ["", "Manual", "CALL", "manual ", "call,manual", 1, True, ["call"], {"call": 1}])
def test_another_source_is_refused(value: Any) -> None:
    assert refusal("source", value) == "must be one of call, manual, calendar, external"


@pytest.mark.parametrize("field", ["text", "emoji"])
@pytest.mark.parametrize("value", [1, 0, True, 1.5, ["a"], {"a": "b"}, b"bytes"])
def test_words_are_strings(field: str, value: Any) -> None:
    assert refusal(field, value) == "must be a string"


@pytest.mark.parametrize("field", ["text", "emoji"])
@pytest.mark.parametrize("value", CONTROLS)
def test_control_characters_and_lone_surrogates_are_refused(field: str, value: str) -> None:
    assert refusal(field, value) == "must have no control characters"


@pytest.mark.parametrize("value", ["", " ", "    "])
@pytest.mark.parametrize("field", ["text", "emoji"])
def test_empty_words_are_none(field: str, value: str) -> None:
    assert getattr(read(**{field: value}), field) is None


@pytest.mark.parametrize("field", ["text", "emoji"])
def test_space_around_words_is_not_kept(field: str) -> None:
    assert getattr(read(**{field: "  a b "}), field) == "a b"


@pytest.mark.parametrize("field", ["text", "emoji"])
def test_words_are_stored_composed(field: str) -> None:
    assert getattr(read(**{field: "Zoe\u0308"}), field) == "Zo\u00eb"


@pytest.mark.parametrize("text", ["a" * 100, "👩‍👩‍👧" * 20, "名" * 100, "e\u0301" * 100, "\u202eabc", "{}\"'\\"])
def test_a_text_has_up_to_a_hundred_characters_counted_after_composition(text: str) -> None:
    assert read(text=text).text


@pytest.mark.parametrize("text", ["a" * 101, "名" * 101, "e\u0301" * 101, "\U0001d15e" * 51])
def test_a_longer_text_is_refused(text: str) -> None:
    assert refusal("text", text) == "must have at most 100 characters"


@pytest.mark.parametrize("emoji", ["a" * 32, "👍" * 8, "👨‍👩‍👧‍👦", "é" * 16, "e\u0301" * 16])
def test_an_emoji_has_up_to_32_bytes_of_utf_8(emoji: str) -> None:
    assert read(emoji=emoji).emoji


@pytest.mark.parametrize("emoji", ["a" * 33, "👍" * 8 + "a", "é" * 17])
def test_a_longer_emoji_is_refused(emoji: str) -> None:
    assert refusal("emoji", emoji) == "must have at most 32 bytes"


@pytest.mark.parametrize(
    ("text", "ms"),
    [
        ("2026-03-01T09:30:00.001Z", 1),
        ("2026-03-01T10:30:00.001+01:00", 1),
        ("2026-03-01t09:30:01z", 1000),
        ("2026-03-02", 870 * 60_000),
    ],
)
def test_a_claim_ends_in_the_future(text: str, ms: int) -> None:
    assert read(expires_at=text).expires_at == NOW + ms


PAST = ["2026-03-01T09:30:00Z", "2026-03-01T09:29:59.999Z", "2026-03-01", "0001-01-01"]
TOO_LATE = ["5000-01-01", "5000-01-01T00:00:00Z", "9999-12-31T23:59:59Z"]


@pytest.mark.parametrize("text", [*PAST, *TOO_LATE])
def test_an_end_that_has_come_or_never_will_is_refused(text: str) -> None:
    sentence = "must lie in the future, before the year 5000; it is 2026-03-01T09:30:00.000Z here"
    assert refusal("expires_at", text) == sentence


def test_the_last_end_there_may_be_is_taken() -> None:
    assert read(expires_at="4999-12-31T23:59:59.999Z").expires_at == LATEST_END - 1


NO_INSTANTS = ["", "tomorrow", "09:30", "2026-03-01T09:30:00", "2026-02-30", "1e12", "10000-01-01"]


@pytest.mark.parametrize("value", [*NO_INSTANTS, "0001-01-01T00:00:00+01:00"])
def test_what_is_no_instant_is_refused(value: str) -> None:
    assert refusal("expires_at", value).startswith("is no date")


@pytest.mark.parametrize("value", [NOW + 1000, float(NOW), True, [], {}])
def test_an_instant_is_a_text(value: Any) -> None:
    assert refusal("expires_at", value) == "must be an RFC 3339 instant, such as 2026-03-01T09:30:00Z"


def test_everything_that_is_wrong_is_told_at_once() -> None:
    with pytest.raises(Invalid) as caught:
        read(status="Online", text="\0", emoji="a" * 33, expires_at="2020-01-01", source="me")
    assert {problem.field for problem in caught.value.problems} == {"status", "text", "emoji", "expires_at", "source"}


@pytest.mark.parametrize("names", [[], ["anna"], ["anna", "anna"], ["", "Zoë", "a\0"], ["x"] * 3])
def test_usernames_are_an_array_of_strings(names: list[str]) -> None:
    assert read_usernames({"usernames": names}, 3, "bulk_query_max") == names


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"usernames": None},
        {"usernames": "anna"},
        {"usernames": {"anna": 1}},
        {"usernames": ("anna",)},
        {"usernames": ["anna", None]},
        {"usernames": ["anna", 1]},
        {"usernames": [["anna"]]},
        {"usernames": ["x"] * 4},
        {"names": ["anna"]},
    ],
)
def test_other_usernames_are_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(Invalid) as caught:
        read_usernames(fields, 3, "bulk_query_max")
    (problem,) = caught.value.problems
    assert (problem.field, problem.message) == ("usernames", "must be an array of at most 3 strings")


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)


@settings(derandomize=True, deadline=None, max_examples=300)
@given(st.fixed_dictionaries({}, optional=dict.fromkeys(("status", "text", "emoji", "expires_at", "source"), ANYTHING)))
def test_whatever_is_said_is_taken_or_refused(fields: dict[str, Any]) -> None:
    try:
        claim = read_claim(fields, "c1", NOW)
    except Invalid as error:
        wrong = {problem.field for problem in error.problems}
    else:
        wrong = set()
        assert claim.expires_at == NEVER or claim.expires_at > NOW
        assert len(claim.text or "") <= 100
        assert len((claim.emoji or "").encode()) <= 32
    assert wrong <= set(fields)
