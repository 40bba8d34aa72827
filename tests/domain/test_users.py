"""The rules of a user's fields."""

from __future__ import annotations

import json
import unicodedata
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatsrv.domain.errors import Invalid, MetadataTooLarge
from chatsrv.domain.instants import NEVER
from chatsrv.domain.user_fields import CLEARABLE, RESTORABLE, RULES, check_fields, check_restored
from chatsrv.domain.users import AccountStatus, fold_case

LIMIT = 8192


def check(field: str, value: Any) -> Any:
    return check_fields({field: value}, LIMIT)[field]


def refusal(field: str, value: Any) -> str:
    """The one sentence that the rule has for the value."""
    with pytest.raises(Invalid) as caught:
        check(field, value)
    (problem,) = caught.value.problems
    assert problem.field == field
    return problem.message


def test_texts_are_stored_composed() -> None:
    assert check("username", "Zoe\u0308") == "Zo\u00eb"
    assert check("first_name", "A\u030angstro\u0308m") == "\u00c5ngstr\u00f6m"


def test_length_is_counted_after_composition() -> None:
    assert len(check("username", "e\u0301" * 191)) == 191
    assert refusal("username", "e\u0301" * 192) == "must have at most 191 characters"
    assert refusal("username", "\U0001d15e" * 96) == "must have at most 191 characters"  # each composes into two


@pytest.mark.parametrize("name", ["a", "a" * 191, "Zoë", "名前", "a b", "{x}", "a%2Fb", "a/b", "a+b", "...", "👍", "-"])
def test_a_username_may_be_nearly_any_text(name: str) -> None:
    assert check("username", name) == name


@pytest.mark.parametrize(
    "name",
    [
        "a\0b",
        "a\tb",
        "a\nb",
        "\x7f",
        "a\x85b",  # next line
        "a\u200bb",  # zero width space
        "a\u200cb",
        "a\u200db",
        "a\u2060b",  # word joiner
        "a\ufeffb",
        "a\u00adb",  # soft hyphen
        "\u202eanna",  # right to left override
        "a\u2066b",
        "a\u2069b",
        "a\u200eb",
        "a\u061cb",  # Arabic letter mark
        "a\u2028b",
        "a\u2029b",
        "a\U000e0041b",  # a tag character
        "a\ud800b",
    ],
)
def test_a_username_has_nothing_that_cannot_be_seen(name: str) -> None:
    assert "control characters" in refusal("username", name)


@pytest.mark.parametrize("name", [" a", "a ", "\u00a0a", "a\u3000", " "])
def test_a_username_neither_begins_nor_ends_with_a_space(name: str) -> None:
    assert refusal("username", name) == "must not begin or end with a space"


@pytest.mark.parametrize("name", ["", ".", "..", None, 1, True, ["a"], {}])
def test_a_username_that_names_nobody_is_refused(name: Any) -> None:
    assert refusal("username", name).startswith("must ")


@given(st.text(max_size=20))
def test_what_a_rule_lets_pass_it_lets_pass_again_unchanged(text: str) -> None:
    for field in set(RULES) - {"metadata"}:
        try:
            stored = check(field, text)
        except Invalid:
            continue
        assert check(field, stored) == stored
        assert unicodedata.is_normalized("NFC", stored)
        assert "\0" not in stored.encode().decode()


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Anna", "ANNA"),
        ("STRASSE", "straße"),
        ("Zoe\u0308", "ZO\u00cb"),
        ("ΣΊΣΥΦΟΣ", "σίσυφος"),
        ("\u1fb4", "\u03b1\u0345\u0301"),  # alpha with iota below, in one piece and in three
        ("ﬁx", "FIX"),
    ],
)
def test_names_that_differ_in_case_or_composition_alone_are_the_same(one: str, other: str) -> None:
    assert fold_case(one) == fold_case(other)


def test_names_that_only_look_alike_are_different() -> None:
    assert fold_case("anna") != fold_case("\u0430nna")  # a Cyrillic letter
    assert fold_case("a") != fold_case("ä")


@given(st.text(max_size=30))
def test_composition_never_matters_to_the_folded_name(text: str) -> None:
    assert fold_case(unicodedata.normalize("NFD", text)) == fold_case(text)


def test_only_what_may_be_missing_can_be_cleared() -> None:
    for field in CLEARABLE:
        assert check(field, None) is None
    assert {"username", "role"} == set(RULES) - CLEARABLE
    assert refusal("role", None) == "must not be null"


@pytest.mark.parametrize("email", ["a@b", "Anna@Example.org", "用户@例子.广告", "a+b@c.d"])
def test_an_email_address_is_something_at_something(email: str) -> None:
    assert check("email", email) == email


@pytest.mark.parametrize("email", ["", "a", "@b", "a@", "a@b@c", "a b@c", "a@b\n", "a@" + "b" * 190])
def test_what_is_no_email_address_is_refused(email: str) -> None:
    assert refusal("email", email)


@pytest.mark.parametrize(
    "avatar",
    [
        "http://a.b/c.png",
        "HTTPS://a.b",
        "https://[::1]/x",
        "https://a.b:8443/c?d=e%20f&g=%2F#h",
        "https://a.b/?q=ä",
        "https://bücher.example/ü",
        "me.png",
        "my picture.png",
        "my%20picture.png",
        "100%.png",
        "anna's.png",
        "Ännchen (2).jpeg",
        ".hidden",
    ],
)
def test_an_avatar_is_a_web_address_or_a_bare_file_name(avatar: str) -> None:
    assert check("avatar", avatar) == avatar


@pytest.mark.parametrize(
    "avatar",
    [
        "",
        "javascript:alert(1)",
        "data:image/png;base64,AAAA",
        "ftp://a.b/c",
        "//a.b/c.png",
        "/etc/passwd",
        "../me.png",
        "..",
        "c:\\me.png",
        "http://",
        "http://[::1",
        "http://a b/",
        " me.png",
        "a\tb.png",
        "https://a.b/" + "c" * 2048,
        "JaVaScRiPt:alert(1)",
        " javascript:alert(1)",
        "java\nscript:alert(1)",
        "\u200bjavascript:alert(1)",
        "javascript%3Aalert(1)",
        "javascript%253Aalert(1)",
        "%6Aavascript:alert(1)",
        "javascript：alert(1)",
        "vbscript:x",
        "data:text/html,x",
        "blob:https://a.b/x",
        "file:///etc/passwd",
        "\\\\evil.example\\x",
        "/\\evil.example",
        "https:\\\\evil.example",
        "https:///evil.example",
        "https:evil.example",
        "%2F%2Fevil.example",
        "%252F%252Fevil.example",
        "%" + "25" * 1000 + "41",
        "..%2Fme.png",
        "%2e%2e",
        "%2e%2e%5cme.png",
        "．．／me.png",
        "／／evil.example",
        "me.png%00",
        "me.png%0d%0aX: y",
        "...",
        "?logout=1",
        "gnp.\u202eexe",
        "https://a.b\\@evil.example/",
        "https://a.b@evil.example/",
        "https://user:password@a.b/",
        "https://a.b/<script>",
        'https://a.b/"onerror="x',
        "https://a.b/`x`",
        "https://a.b/\u202egnp.exe",
        "https://a.b/\u2028x",
        "https://a.b/\xa0x",
        "https://a.b:99999/",
        "https://a.b:0/",
        "https://a.b:x/",
        "https://%61.b/",
    ],
)
def test_what_a_browser_should_not_follow_is_no_avatar(avatar: str) -> None:
    assert refusal("avatar", avatar)


def test_the_longest_avatar_has_2048_characters() -> None:
    assert check("avatar", "https://a.b/".ljust(2048, "c"))


def test_an_external_id_is_not_empty_because_empty_ones_would_collide() -> None:
    assert refusal("external_id", "") == "must not be empty; null clears it"


@pytest.mark.parametrize(
    ("field", "good", "bad"),
    [
        ("role", "team-lead.2", "2nd"),
        ("role", "a" * 64, "a" * 65),
        ("language", "pt-BR", "Portuguese (Brazil)"),
        ("language", "zh-Hans-CN", "e"),
        ("timezone", "Europe/Berlin", "../../etc"),
        ("timezone", "Etc/GMT+5", ""),
    ],
)
def test_words_have_the_shape_of_their_kind(field: str, good: str, bad: str) -> None:
    assert check(field, good) == good
    assert refusal(field, bad)


@pytest.mark.parametrize("field", ["first_name", "last_name", "name"])
def test_names_may_be_empty_but_hold_no_controls(field: str) -> None:
    assert check(field, "") == ""
    assert check(field, "x" * 191)
    assert refusal(field, "x" * 192)
    assert refusal(field, "a\0b") == "must have no control characters"


def test_metadata_is_an_object_of_limited_size() -> None:
    assert check("metadata", {}) == {}
    assert refusal("metadata", [1]) == "must be an object"
    assert refusal("metadata", "{}") == "must be an object"


def test_the_size_of_metadata_is_that_of_its_json_in_bytes() -> None:
    exact = {"a": "ä" * 20}
    size = len(json.dumps(exact, ensure_ascii=False, separators=(",", ":")).encode())
    assert check_fields({"metadata": exact}, size)
    with pytest.raises(MetadataTooLarge):
        check_fields({"metadata": exact}, size - 1)


def test_every_field_that_is_wrong_is_named_at_once() -> None:
    with pytest.raises(Invalid) as caught:
        check_fields({"username": "", "email": "x", "first_name": "fine"}, LIMIT)
    assert [problem.field for problem in caught.value.problems] == ["username", "email"]


def test_an_import_may_set_what_else_the_server_sets() -> None:
    restored = check_restored(
        {
            "uuid": "0198c5a0-7b1e-7000-8000-000000000001",
            "status": 1,
            "created_at": "2026-03-01T09:30:00.123Z",
            "last_seen_at": None,
        }
    )
    assert restored["status"] is AccountStatus.INACTIVE
    assert restored["created_at"] == 1772357400123
    assert restored["last_seen_at"] == NEVER


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("uuid", None),
        ("uuid", "0198C5A0-7B1E-7000-8000-000000000001"),
        ("uuid", "0198c5a07b1e70008000000000000001"),
        ("status", 2),
        ("status", True),
        ("status", None),
        ("status", "0"),
        ("created_at", None),
        ("updated_at", None),
        ("created_at", 1772357400123),
        ("created_at", "1970-01-01"),
        ("created_at", "1969-07-20T20:17:40Z"),
        ("updated_at", "9999-12-31T23:59:59.999Z"),
        ("last_login_at", "9999-12-31T23:59:59-23:59"),
        ("last_active_at", "yesterday"),
    ],
)
def test_what_an_import_cannot_set_is_refused_by_name(field: str, value: Any) -> None:
    with pytest.raises(Invalid) as caught:
        check_restored({field: value})
    assert [problem.field for problem in caught.value.problems] == [field]


def test_what_anybody_may_write_and_what_an_import_restores_are_different_fields() -> None:
    assert not set(RULES) & set(RESTORABLE)
