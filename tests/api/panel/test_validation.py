"""Validation: one error for each rule that a field breaks, in the panel's order and words."""

from __future__ import annotations

from typing import Any

import pytest

from tests.api.panel.people import ANNA, BEN, NATIVE, SERVERS, USERS, details, failures, make
from tests.client import ApiClient

pytestmark = pytest.mark.parametrize("database_source", ["sqlite_template"], indirect=True)

ORDER = ("email", "external_id", "username", "password", "root_admin", "language", "first_name", "last_name")
REQUIRED = ("email", "username", "first_name", "last_name")

BROKEN: list[tuple[str, Any, list[str]]] = [
    ("email", None, ["required"]),
    ("email", "", ["required"]),
    ("email", "   ", ["required"]),
    ("email", [], ["required"]),
    ("email", {}, ["required"]),
    ("email", "nope", ["email"]),
    ("email", "a@", ["email"]),
    ("email", "@b", ["email"]),
    ("email", "a b@c", ["email"]),
    ("email", "a@b@c", ["email"]),
    ("email", ".a@b", ["email"]),
    ("email", "a..b@c", ["email"]),
    ("email", "a@b..c", ["email"]),
    ("email", "a@-b.c", ["email"]),
    ("email", "a\x00@b.c", ["email"]),
    ("email", 7, ["email"]),
    ("email", True, ["email"]),
    ("email", False, ["email", "between"]),
    ("email", ["a@b"], ["email"]),
    ("email", "a" * 187 + "@b.cd", ["between"]),
    ("email", "x" * 192, ["email", "between"]),
    ("external_id", 7, ["string"]),
    ("external_id", True, ["string"]),
    ("external_id", [], ["string"]),
    ("external_id", {"a": 1}, ["string"]),
    ("external_id", "x" * 192, ["max"]),
    ("external_id", 10**191, ["string", "max"]),
    ("username", None, ["required"]),
    ("username", "", ["required"]),
    ("username", "ab", ["p_username"]),
    ("username", 12, ["p_username"]),
    ("username", 1.5, ["p_username"]),
    ("username", True, ["p_username"]),
    ("username", ["anna"], ["p_username"]),
    ("username", "_anna", ["p_username"]),
    ("username", "anna-", ["p_username"]),
    ("username", "an na", ["p_username"]),
    ("username", "an\u00e4na", ["p_username"]),
    ("username", "anna\u0661", ["p_username"]),
    ("username", "a\x00na", ["p_username"]),
    ("username", "x" * 192, ["between"]),
    ("username", "-" * 192, ["between", "p_username"]),
    ("password", 7, ["string"]),
    ("password", False, ["string"]),
    ("password", ["secret"], ["string"]),
    ("root_admin", None, ["boolean"]),
    ("root_admin", "", ["boolean"]),
    ("root_admin", "true", ["boolean"]),
    ("root_admin", 2, ["boolean"]),
    ("root_admin", 1.0, ["boolean"]),
    ("root_admin", [], ["boolean"]),
    ("language", None, ["string", "in"]),
    ("language", "", ["string", "in"]),
    ("language", 7, ["string", "in"]),
    ("language", ["en"], ["string", "in"]),
    ("language", "EN", ["in"]),
    ("language", "xx", ["in"]),
    ("first_name", None, ["required"]),
    ("first_name", 7, ["string"]),
    ("first_name", False, ["string", "between"]),
    ("first_name", ["a"], ["string"]),
    ("first_name", "x" * 192, ["between"]),
    ("first_name", "a\x00b", ["regex"]),
    ("last_name", 7, ["string"]),
    ("last_name", "x" * 192, ["between"]),
]

SENTENCES = {
    ("email", "required"): "The email field is required.",
    ("email", "email"): "The email must be a valid email address.",
    ("email", "between"): "The email must be between 1 and 191 characters.",
    ("external_id", "string"): "The Third Party Identifier must be a string.",
    ("external_id", "max"): "The Third Party Identifier may not be greater than 191 characters.",
    ("username", "required"): "The username field is required.",
    ("username", "between"): "The username must be between 1 and 191 characters.",
    ("username", "p_username"): (
        "The username must start and end with alpha-numeric characters and contain only letters, numbers, dashes, "
        "underscores, and periods."
    ),
    ("password", "string"): "The password must be a string.",
    ("root_admin", "boolean"): "The Root Administrator Status field must be true or false.",
    ("language", "string"): "The language must be a string.",
    ("language", "in"): "The selected language is invalid.",
    ("first_name", "required"): "The first name field is required.",
    ("first_name", "string"): "The first name must be a string.",
    ("first_name", "between"): "The first name must be between 1 and 191 characters.",
    ("first_name", "regex"): "The first name must have no control characters.",
    ("last_name", "string"): "The last name must be a string.",
    ("last_name", "between"): "The last name must be between 1 and 191 characters.",
}


async def test_each_broken_rule_is_told_the_same_way_on_creation_and_change(api: ApiClient) -> None:
    ben = await make(api, BEN)
    told = set()
    for field, value, rules in BROKEN:
        for answer in (
            await api.post(USERS, {**ANNA, field: value}),
            await api.patch(f"{USERS}/{ben['id']}", {**ANNA, field: value}),
        ):
            expected = [(field, rule) for rule in rules]
            assert failures(answer) == expected, (field, value)
            assert details(answer) == [SENTENCES[item] for item in expected], (field, value)
            told |= set(expected)
    assert told == set(SENTENCES)
    assert (await api.get(f"{USERS}/{ben['id']}")).json["attributes"] == ben


async def test_what_keeps_every_rule_is_taken(api: ApiClient) -> None:
    ben = await make(api, BEN)
    for fields in (
        {"username": "a_b"},
        {"username": "0.-_.0"},
        {"username": "x" * 191},
        {"username": "ANNA", "password": None},
        {"email": "a@localhost"},
        {"email": "anna+tag@mail.example"},
        {"email": "\u00e4nna@m\u00fcller.test"},
        {"email": "a" * 180 + "@mail.test"},
        {"external_id": "x" * 191},
        {"external_id": None, "password": None, "root_admin": False, "language": "en"},
        {"first_name": "\u00c5sa <b>", "last_name": "x" * 191},
    ):
        answer = await api.patch(f"{USERS}/{ben['id']}", {**BEN, **fields})
        assert answer.status == 200, (fields, answer.json)


async def test_errors_come_in_the_order_of_the_fields(api: ApiClient) -> None:
    broken = {name: [1] for name in reversed(ORDER)}
    answer = await api.post(USERS, broken)
    assert list(dict.fromkeys(field for field, _ in failures(answer))) == list(ORDER)
    assert failures(await api.post(USERS, {})) == [(name, "required") for name in REQUIRED]
    assert failures(await api.patch(f"{USERS}/{(await make(api))['id']}", {"email": "x@y.z"})) == [
        (name, "required") for name in REQUIRED[1:]
    ]


async def test_what_is_taken_is_told_for_every_field_at_once(api: ApiClient) -> None:
    anna = await make(api, external_id="crm-1")
    ben = await make(api, BEN)
    taken = {**ANNA, "username": "ANNA", "email": "ANNA@MAIL.TEST", "external_id": "crm-1"}
    for answer in (await api.post(USERS, taken), await api.patch(f"{USERS}/{ben['id']}", taken)):
        assert failures(answer) == [("email", "unique"), ("external_id", "unique"), ("username", "unique")]
        assert details(answer) == [
            "The email has already been taken.",
            "The Third Party Identifier has already been taken.",
            "The username has already been taken.",
        ]
    # what is one's own is not taken, and external ids differ by case
    assert (await api.patch(f"{USERS}/{anna['id']}", taken)).status == 200
    assert (await api.patch(f"{USERS}/{ben['id']}", {**BEN, "external_id": "CRM-1"})).status == 200


async def test_a_taken_value_is_told_only_where_the_field_is_sound_so_far(api: ApiClient) -> None:
    await api.post(NATIVE, {"username": "a b", "external_id": "x"})
    await api.post(NATIVE, {"username": "77", "email": "a..b@c"})
    assert failures(await api.post(USERS, {**ANNA, "username": "A B"})) == [
        ("username", "unique"),
        ("username", "p_username"),
    ]
    assert failures(await api.post(USERS, {**ANNA, "username": 77})) == [
        ("username", "unique"),
        ("username", "p_username"),
    ]
    assert failures(await api.post(USERS, {**ANNA, "email": "a..b@c"})) == [("email", "email")]
    assert failures(await api.post(USERS, {**ANNA, "external_id": "x\x00"})) == [("external_id", "regex")]


async def test_a_user_whom_another_dialect_made_is_read_and_counted_as_they_are(api: ApiClient) -> None:
    await api.post(NATIVE, {"username": "a b", "language": "pt-BR", "email": "a..b@c", "first_name": "x"})
    (user,) = (await api.get(USERS)).json["data"]
    assert user["attributes"]["language"] == "pt-BR"
    assert (await api.get(f"{USERS}/{user['attributes']['id']}")).json == user
    kept = await api.patch(f"{USERS}/{user['attributes']['id']}", ANNA)
    assert (kept.json["attributes"]["language"], kept.json["attributes"]["username"]) == ("pt-BR", "anna")


@pytest.mark.parametrize(
    ("field", "value", "rules"),
    [
        ("name", None, ["required"]),
        ("name", " ", ["required"]),
        ("name", 7, ["string"]),
        ("name", "x" * 192, ["between"]),
        ("name", "a\x00b", ["regex"]),
        ("user", None, ["required"]),
        ("user", "anna", ["integer"]),
        ("user", 1.5, ["integer"]),
        ("user", True, ["integer"]),
        ("user", [1], ["integer"]),
        ("user", 0, ["exists"]),
        ("user", -1, ["exists"]),
        ("user", "999999999999999999", ["exists"]),
        ("user", 10**30, ["exists"]),
    ],
)
async def test_a_server_needs_a_name_and_an_owner(api: ApiClient, field: str, value: Any, rules: list[str]) -> None:
    anna = await make(api)
    answer = await api.post(SERVERS, {"name": "lobby", "user": anna["id"], field: value})
    assert failures(answer) == [(field, rule) for rule in rules]
    both = await api.post(SERVERS, {"user": 0})
    assert details(both) == ["The name field is required.", "The selected user is invalid."]
