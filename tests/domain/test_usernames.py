"""Usernames that could look empty, or like another one."""

from __future__ import annotations

import pytest

from chatsrv.domain.errors import Invalid
from chatsrv.domain.user_fields import check_fields
from chatsrv.domain.users import fold_case

UNSEEN = {
    "combining grapheme joiner": "\u034f",
    "Hangul fillers": "\u115f\u1160\u3164\uffa0",
    "inherent vowels of Khmer": "\u17b4\u17b5",
    "variation selectors": "\ufe00\ufe0f\U000e0100\U000e01ef\u180b\u180f",
    "blank Braille": "\u2800",
    "zero width": "\u200b\u200c\u200d\u2060\ufeff\u00ad\u061c\u180e",
    "bidi controls": "\u200e\u200f\u202a\u202e\u2066\u2069",
    "tags": "\U000e0001\U000e0020\U000e007f",
    "other spaces": "\u00a0\u1680\u2000\u2003\u2009\u200a\u202f\u205f",
    "separators": "\u2028\u2029",
    "kept free for such": "\u2065\ufff0\U000e0fff",
}


END_OF_SCRIPTS_WITH_CASE = 0x1F000


def is_taken(username: str) -> bool:
    try:
        return bool(check_fields({"username": username}, 0)["username"] == username)
    except Invalid:
        return False


@pytest.mark.parametrize("chars", UNSEEN.values(), ids=UNSEEN)
def test_what_cannot_be_seen_is_in_no_username(chars: str) -> None:
    for char in chars:
        for username in (char, f"an{char}na", f"{char}anna", f"anna{char}"):
            assert not is_taken(username), f"U+{ord(char):04X}"


@pytest.mark.parametrize(
    "username", ["anna berg", "山田\u3000太郎", "नमस्ते", "한국어", "Ἀθηνᾶ", "ไทย", "👍🏽", "❤", "a\u0335b", "Ł\u0301"]
)
def test_marks_and_scripts_are_welcome(username: str) -> None:
    assert is_taken(username)


def test_folding_again_changes_nothing() -> None:
    """A lookup folds what is asked for, a row what is kept: both come to the same, wherever they begin."""
    for code in range(END_OF_SCRIPTS_WITH_CASE):
        if not 0xD800 <= code <= 0xDFFF:
            folded = fold_case(chr(code))
            assert fold_case(folded) == folded, f"U+{code:04X}"
