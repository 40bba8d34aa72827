"""The rules of a channel's fields."""

from __future__ import annotations

import unicodedata
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatsrv.domain.channels import RULES, ChannelType, MemberRole, check_channel, read_role
from chatsrv.domain.errors import Invalid, MetadataTooLarge

LIMIT = 8192


def check(field: str, value: Any) -> Any:
    return check_channel({field: value}, LIMIT)[field]


def refusal(field: str, value: Any) -> str:
    """The one sentence that the rule has for the value."""
    with pytest.raises(Invalid) as caught:
        check(field, value)
    (problem,) = caught.value.problems
    assert problem.field == field
    return problem.message


def test_nothing_given_is_nothing_checked() -> None:
    assert check_channel({}, LIMIT) == {}


@pytest.mark.parametrize("field", ["uri", "subject", "label"])
def test_texts_are_stored_composed_and_have_at_most_191_characters(field: str) -> None:
    assert check(field, "Zoe\u0308") == "Zo\u00eb"
    assert check(field, "e\u0301" * 191) == "\u00e9" * 191
    assert refusal(field, "x" * 192) == "must have at most 191 characters"
    assert refusal(field, 7) == "must be a string"
    for char in ("\0", "\n", "\x7f", "\x85", "\ud800"):
        assert refusal(field, f"a{char}b") == "must have no control characters"


@pytest.mark.parametrize("avatar", ["a.png", "http://a.b/c", "https://a.b/c?d=1"])
def test_an_avatar_is_an_address_or_a_file(avatar: str) -> None:
    assert check("avatar", avatar) == avatar
    assert refusal("avatar", f"ftp:{avatar}") == "must be an http(s) URL or a bare file name"


def test_metadata_is_any_text_and_is_kept_as_it_is() -> None:
    for text in ("", "{}", "a\nb\t", "e\u0301", " x "):
        assert check("metadata", text) == text
    refused: list[Any] = [{}, 7, "a\0b", "\ud800"]
    for value in refused:
        assert refusal("metadata", value) == "must be a string without NUL"


def test_metadata_is_measured_in_bytes() -> None:
    assert check("metadata", "ä" * 4096) == "ä" * 4096
    for text in ("ä" * 4097, "x" * 8193):
        with pytest.raises(MetadataTooLarge) as caught:
            check("metadata", text)
        assert [problem.field for problem in caught.value.problems] == ["metadata"]


def test_a_bad_field_is_told_before_too_much_metadata() -> None:
    with pytest.raises(Invalid) as caught:
        check_channel({"metadata": "x" * 9000, "type": 9}, LIMIT)
    assert [problem.field for problem in caught.value.problems] == ["type"]


@pytest.mark.parametrize("number", [0, 1, 2])
def test_the_types_are_three_numbers(number: int) -> None:
    assert check("type", number) is ChannelType(number)


@pytest.mark.parametrize("value", [3, -1, "0", 1.0, True, None, [0], 2**70])
def test_nothing_else_is_a_type(value: Any) -> None:
    assert refusal("type", value) == "must be 0 (public), 1 (private) or 2 (direct)"


def test_null_clears_every_field_but_the_type() -> None:
    clearable = dict.fromkeys(RULES.keys() - {"type"})
    assert check_channel(clearable, LIMIT) == clearable


def test_every_bad_field_is_told() -> None:
    with pytest.raises(Invalid) as caught:
        check_channel({"uri": 1, "subject": "x", "avatar": "a/b", "type": 7}, LIMIT)
    assert [problem.field for problem in caught.value.problems] == ["uri", "avatar", "type"]


def test_a_role_is_one_of_two_words() -> None:
    assert [read_role(word) for word in ("owner", "participant")] == [*MemberRole]
    for value in ("Owner", "", "admin", None, 1, ["owner"]):
        with pytest.raises(Invalid) as caught:
            read_role(value)
        assert [problem.field for problem in caught.value.problems] == ["role"]


@given(st.sampled_from([*RULES]), st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=300)))
def test_any_value_is_kept_in_a_form_that_is_kept_again_or_refused(field: str, value: Any) -> None:
    try:
        kept = check(field, value)
    except Invalid:
        return
    assert check_channel({field: kept if not isinstance(kept, ChannelType) else int(kept)}, LIMIT) == {field: kept}
    if isinstance(kept, str) and field != "metadata":
        assert unicodedata.is_normalized("NFC", kept)
