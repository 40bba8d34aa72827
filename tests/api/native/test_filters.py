"""Filters and sorts against a model in plain Python, so that SQLite and PostgreSQL are held to the same pages."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any
from urllib.parse import quote

import pytest

from chatsrv.domain.clock import Clock
from chatsrv.domain.users import fold_case
from chatsrv.services import Services
from tests.api.native.people import USERS, come_online, usernames
from tests.api.native.refusals import refused
from tests.client import ApiClient

Rows = list[dict[str, Any]]

TEXTS = ("username", "first_name", "last_name", "role")
INSTANTS = ("created_at", "updated_at", "last_login_at")
CODES = ("status", "presence_status")
EXACT = ("eq", "not_eq", "gte", "lte", "in")
PARTIAL = ("contains", "begins", "ends")
OPS: dict[str, Callable[[Any, Any], bool]] = {
    "eq": operator.eq,
    "not_eq": operator.ne,
    "gte": operator.ge,
    "lte": operator.le,
    "contains": operator.contains,
    "begins": lambda held, text: held.startswith(text),
    "ends": lambda held, text: held.endswith(text),
}
# mixed case, accents, other scripts, an emoji beyond 16 bits, LIKE's own signs; ties in first_name and role
PEOPLE: list[dict[str, Any]] = [
    {"username": "anna", "first_name": "Zoë", "last_name": "Berg"},
    {"username": "Ben", "first_name": "zoe", "last_name": "berg", "role": "admin"},
    {"username": "Äpfel", "first_name": "Zoë", "last_name": None},
    {"username": "ZED", "first_name": None, "last_name": "Øst"},
    {"username": "zéd", "first_name": "zoë", "last_name": ""},
    {"username": "straße", "first_name": "Σίσυφος", "role": "Admin"},
    {"username": "名前", "first_name": "ﬁn", "last_name": "BERG"},
    {"username": "😀 b", "first_name": "100%_a/b", "role": "coach"},
    {"username": "a_b%c", "first_name": "100xyaxb", "role": "user"},
    {"username": "_", "first_name": 'it\'s \\ "q"', "last_name": "Ünal"},
]
VALUES = {
    "username": ["anna", "ZÉD", "STRASSE", "b", "_", "%", "😀", "名"],
    "first_name": ["ZOË", "zo", "%_A/", "σίσυφοσ", "FIN", "'s \\", ""],
    "last_name": ["berg", "B", ""],
    "role": ["ADMIN", "user", "min"],
    "status": ["0", "1"],
    "presence_status": ["0", "1", "3"],
}


@pytest.fixture
async def rows(api: ApiClient, services: Services, clock: Clock) -> Rows:
    """What a GET says of everybody, in the order in which they were made, a second apart."""
    for person in PEOPLE:
        assert (await api.post(USERS, person)).status == 201
        clock.advance(1)
    for name in ("_", "Ben"):
        await come_online(services, name)
        clock.advance(1)
    await api.post(f"{USERS}/anna/deactivate")
    answer = await api.get(f"{USERS}?presence=true&fields=*")
    found: Rows = answer.json["users"]
    return found


def _held(field: str, value: Any) -> Any:
    """As it is compared: texts folded, by the bytes of their UTF-8; instants as they are; null below all."""
    if field in CODES:
        return int(value)
    if field in INSTANTS:
        return datetime.fromisoformat(value).timestamp() if value else 0.0
    return fold_case(value or "").encode()


def _expected(rows: Rows, field: str, op: str, value: str) -> list[str]:
    wanted = [_held(field, item) for item in (value.replace(";", ",").split(",") if op == "in" else [value])]
    compare = OPS["eq" if op == "in" else op]
    # who never was here was so neither before nor after any instant
    asked = rows if op not in ("gte", "lte") or field not in INSTANTS else [row for row in rows if row[field]]
    return [row["username"] for row in asked if any(compare(_held(field, row[field]), item) for item in wanted)]


def _questions(rows: Rows) -> Iterator[tuple[str, str, str]]:
    for field in TEXTS + CODES + INSTANTS:
        values = [row[field] for row in rows[2:4]] if field in INSTANTS[:2] else VALUES.get(field, [])
        values = [rows[1][field], "2030-01-01"] if field == "last_login_at" else values
        for op in EXACT + (PARTIAL if field in TEXTS else ()):
            yield from ((field, op, ";".join(values) if op == "in" else value) for value in values)


async def test_every_op_on_every_field_finds_what_it_says(api: ApiClient, rows: Rows) -> None:
    for field, op, value in _questions(rows):
        answer = await api.get(f"{USERS}?presence=true&filter={field}:{op}:{quote(value, safe='')}")
        expected = _expected(rows, field, op, value)
        assert usernames(answer) == expected, (field, op, value)
        assert answer.json["total_count"] == answer.json["count"] == len(expected)


async def test_in_takes_semicolons_and_commas_alike(api: ApiClient, rows: Rows) -> None:
    for value in ("anna;BEN", "anna,BEN", "anna;ben,nobody", "anna;anna;Ben"):
        assert usernames(await api.get(f"{USERS}?filter=username:in:{value}")) == ["anna", "Ben"]


async def test_several_filters_must_all_hold(api: ApiClient, rows: Rows) -> None:
    query = "filter=first_name:begins:zo&filter=presence_status:in:1;3&filter=role:eq:admin"
    answer = await api.get(f"{USERS}?presence=true&{query}&sort=-last_login_at")
    assert (usernames(answer), answer.json["total_count"]) == (["Ben"], 1)
    assert (await api.get(f"{USERS}?{query}&filter=role:eq:user")).json == []


async def test_filters_and_order_see_live_presence(api: ApiClient, services: Services, rows: Rows) -> None:
    query = "presence=true&filter=presence_status:in:1;3&sort=-last_login_at"
    assert usernames(await api.get(f"{USERS}?{query}")) == ["Ben", "_"]
    await come_online(services, "ZED")
    answer = await api.get(f"{USERS}?{query}&limit=2")
    assert (usernames(answer), answer.json["total_count"]) == (["ZED", "Ben"], 3)
    await api.delete(f"{USERS}/ben")
    assert usernames(await api.get(f"{USERS}?{query}")) == ["ZED", "_"]


SORTS = ["username", "first_name", "last_name", "created_at", "updated_at", "last_login_at"]


def _sorted(rows: Rows, sort: str) -> list[str]:
    """Ties stay in the order in which the users were made, also when descending."""
    found = list(rows)
    for word in reversed(sort.split(",")):
        field = word.removeprefix("-")
        found.sort(key=lambda row, field=field: _held(field, row[field]), reverse=word.startswith("-"))  # type: ignore[misc]
    return [row["username"] for row in found]


async def test_every_sort_up_and_down_keeps_ties_in_order(api: ApiClient, rows: Rows) -> None:
    words = [*SORTS, *(f"-{field}" for field in SORTS), "last_name,-first_name", "-last_login_at,last_name,username"]
    for sort in words:
        assert usernames(await api.get(f"{USERS}?sort={sort}")) == _sorted(rows, sort), sort
        cursor_page = await api.get(f"{USERS}?sort={sort}&cursor=")
        assert usernames(cursor_page) == _sorted(rows, sort), sort


async def test_without_a_sort_the_order_is_that_of_their_making(api: ApiClient, rows: Rows) -> None:
    assert usernames(await api.get(USERS)) == [person["username"] for person in PEOPLE]


async def test_dates_are_days_or_rfc_3339(api: ApiClient, rows: Rows) -> None:
    at = rows[4]["created_at"]
    same = datetime.fromisoformat(at).isoformat(timespec="milliseconds").replace("+00:00", "")
    for value in (at, same + "+00:00", at.lower(), same.replace("T", " ") + "Z"):
        assert usernames(await api.get(f"{USERS}?filter=created_at:eq:{quote(value)}")) == [rows[4]["username"]]
    assert len(usernames(await api.get(f"{USERS}?filter=created_at:gte:2020-01-01"))) == len(PEOPLE)
    for bad in ("2020-13-01", "2020-1-1", "yesterday", "", "1583020800", "2020-01-01T00:00:00", "9" * 40):
        refused(await api.get(f"{USERS}?filter=created_at:gte:{bad}"), 400, 40003, "filter")


async def test_a_bad_filter_is_refused(api: ApiClient) -> None:
    for bad in ("", "username", "username:eq", "email:eq:a", "username:like:a", "username:EQ:a", ":eq:a", "::"):
        refused(await api.get(f"{USERS}?filter={bad}"), 400, 40003, "filter")
    for bad in ("status:eq:3", "status:eq:x", "status:in:0;", "presence_status:eq:5", "presence_status:contains:1"):
        refused(await api.get(f"{USERS}?filter={bad}"), 400, 40003, "filter")
    refused(await api.get(f"{USERS}?filter=status:eq:-1&filter=username:eq:a%00"), 400, 40003, "filter")
    refused(await api.get(f"{USERS}?filter=username:eq:a%00"), 400, 40003, "filter")
    refused(await api.get(f"{USERS}?filter=created_at:contains:2020"), 400, 40003, "filter")


async def test_a_bad_sort_is_refused(api: ApiClient) -> None:
    for bad in ("email", "-", ",", "username,", "username,username", "username,-username", "--username", "Username"):
        refused(await api.get(f"{USERS}?sort={bad}"), 400, 40003, "sort")
