"""Documents as the panel writes them, held key by key, in their order, against those that we write."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from chatsrv.domain.apps import Scope
from chatsrv.services import Services
from tests.api.panel.people import ANNA, NATIVE, SERVERS, USERS, make, own, with_scopes
from tests.client import Answer, ApiClient

on_sqlite = pytest.mark.parametrize("database_source", ["sqlite_template"], indirect=True)

GOLDEN = Path(__file__).parents[2] / "golden" / "panel"
VARYING = {
    "id": r"\d+",
    "user": r"\d+",
    "uuid": r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}",
    "created_at": r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00",
    "updated_at": r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00",
    "resource": r"http://127\.0\.0\.1:\d+/api/application/users/\d+",
    "previous": r"http://127\.0\.0\.1:\d+/api/application/users\?page=\d+",
    "next": r"http://127\.0\.0\.1:\d+/api/application/users\?page=\d+",
}
"""What differs from run to run, by its key; it must have the same form in both documents, and the same type."""


def check(name: str, status: int, answer: Answer) -> None:
    golden = json.loads((GOLDEN / f"{name}.json").read_text("utf-8"))
    assert answer.status == status
    compare(golden, json.loads(answer.body), name)


def compare(golden: Any, ours: Any, where: str) -> None:
    assert type(golden) is type(ours), where
    if isinstance(golden, dict):
        assert list(golden) == list(ours), where
        for key in golden:
            if key in VARYING and not isinstance(golden[key], dict):
                compare_form(VARYING[key], golden[key], ours[key], f"{where}.{key}")
            else:
                compare(golden[key], ours[key], f"{where}.{key}")
    elif isinstance(golden, list):
        assert len(golden) == len(ours), where
        for number, (ours_item, golden_item) in enumerate(zip(ours, golden, strict=True)):
            compare(golden_item, ours_item, f"{where}[{number}]")
    else:
        assert golden == ours, where


def compare_form(form: str, golden: Any, ours: Any, where: str) -> None:
    assert type(golden) is type(ours), where
    assert re.fullmatch(form, str(golden)), where
    assert re.fullmatch(form, str(ours)), where
    if isinstance(ours, str) and "page=" in ours:
        assert golden.partition("?")[2] == ours.partition("?")[2], where


@on_sqlite
async def test_users_and_servers_are_documents_of_the_panel(api: ApiClient, services: Services) -> None:
    whole = {**ANNA, "external_id": "crm-4711", "root_admin": True}
    created = await api.post(USERS, whole)
    check("user_created", 201, created)
    anna = created.json["attributes"]["id"]
    check("user", 200, await api.get(f"{USERS}/{anna}"))
    check("user", 200, await api.get(f"{USERS}/external/crm-4711"))
    check("user", 200, await api.patch(f"{USERS}/{anna}", whole))
    check("users", 200, await api.get(USERS))
    check("server", 201, await api.post(SERVERS, {"name": "lobby", "user": anna}))
    lobby = (await api.get(SERVERS)).json["data"][0]["attributes"]["id"]
    check("server", 200, await api.get(f"{SERVERS}/{lobby}"))
    check("servers", 200, await api.get(SERVERS))
    check("user_with_servers", 200, await api.get(f"{USERS}/{anna}?include=servers"))
    reader = await with_scopes(api, services, Scope.USERS_READ)
    check("user_with_servers_withheld", 200, await reader.get(f"{USERS}/{anna}?include=servers"))


@on_sqlite
async def test_pages_are_documents_of_the_panel(api: ApiClient) -> None:
    await make(api)
    assert (await api.post(NATIVE, {"username": "Bo Lee"})).status == 201
    assert (await api.post(NATIVE, {"username": "eve"})).status == 201
    check("users_in_the_middle", 200, await api.get(f"{USERS}?per_page=1&page=2&sort=id"))
    check("users_beyond_the_end", 200, await api.get(f"{USERS}?per_page=1&page=9"))
    middle = (await api.get(f"{USERS}?per_page=1&page=2")).json["data"][0]["attributes"]["id"]
    check("user_of_another_dialect", 200, await api.get(f"{USERS}/{middle}"))


@on_sqlite
async def test_errors_are_documents_of_the_panel(api: ApiClient) -> None:
    anna = await make(api)
    await own(api, anna["id"])
    check("error_401", 401, await api.speaking_as(None).get(USERS))
    check("error_404", 404, await api.get(f"{USERS}/{anna['id'] + 1}"))
    wrong = {"username": "Anna", "email": "nope", "last_name": "Ray"}
    check("error_422", 422, await api.post(USERS, wrong))


def test_every_golden_document_is_used() -> None:
    text = Path(__file__).read_text("utf-8")
    assert [path.stem for path in GOLDEN.iterdir() if f'check("{path.stem}"' not in text] == []
