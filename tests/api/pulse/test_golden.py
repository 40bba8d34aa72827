"""Documents of the shape that Pulse has, held key by key, in their order, against those that we write."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from chatsrv.api.pulse.ids import account_id, role_id
from chatsrv.domain.presence import SERVER
from chatsrv.services import Services
from tests.api.pulse.people import (
    ACCOUNT_MEMBERSHIPS,
    NOBODY,
    PASSWORD,
    TEAM_MEMBERSHIPS,
    TEAMS,
    USERS,
    add,
    as_pulse,
    document,
    id_of,
)
from tests.client import Answer, ApiClient

on_sqlite = pytest.mark.parametrize("database_source", ["sqlite_template"], indirect=True)

GOLDEN = Path(__file__).parents[2] / "golden" / "pulse"
UUID = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
INSTANT = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"


def check(name: str, status: int, answer: Answer) -> None:
    """What differs from run to run is the same in both as soon as ids are numbered and instants have no value."""
    golden = (GOLDEN / f"{name}.json").read_text("utf-8")
    assert (answer.status, answer.headers["Content-Type"]) == (status, "application/vnd.api+json")
    assert plain(json.dumps(json.loads(answer.body))) == plain(json.dumps(json.loads(golden))), name


def plain(text: str) -> Any:
    """Objects as lists, so that the order of keys counts."""
    ids: dict[str, str] = {}
    text = re.sub(UUID, lambda found: ids.setdefault(found[0], f"id {len(ids)}"), text)
    text = re.sub(f'"{INSTANT}"', '"instant"', text)
    return json.loads(re.sub(r'"ci_[^"]+"', '"token"', text), object_pairs_hook=list)


def anna(**attributes: Any) -> dict[str, Any]:
    return document("users", name="Anna Berg", email="anna@mail.test", avatar="anna.png", **attributes)


@on_sqlite
async def test_users_are_documents_of_pulse(pulse: ApiClient) -> None:
    check("users_none", 200, await pulse.get(USERS))
    created = await pulse.post(USERS, anna())
    check("user_created", 201, created)
    here = f"{USERS}/{id_of(created, 201)}"
    check("user_created", 200, await pulse.get(here))
    check("user_created", 200, await pulse.put(here, anna()))
    check("user_with_permissions", 200, await pulse.get(f"{here}?meta[permissions]=actions"))
    check("user_invited", 200, await pulse.post(f"{here}/invite?meta[invitation]=token"))
    check("user_created", 200, await pulse.delete(f"{here}/invite"))
    check("user_deleted", 200, await pulse.delete(here))
    check("user_with_a_name_alone", 201, await pulse.post(USERS, document("users", name="Anna Berg")))


@on_sqlite
async def test_pages_are_documents_of_pulse(pulse: ApiClient) -> None:
    for name in ("Ben", "Anna", "Cleo"):
        await add(pulse, name)
    check("users_in_the_middle", 200, await pulse.get(f"{USERS}?sort=-name&page[number]=2&page[size]=1"))


@on_sqlite
async def test_teams_accounts_and_what_is_included_are_documents_of_pulse(pulse: ApiClient) -> None:
    user, admin = id_of(await pulse.post(USERS, anna()), 201), role_id("demo", "admin")
    made = await pulse.post(TEAMS, document("teams", name="Night shift"))
    check("team", 201, made)
    body = document("team_memberships", team_id=id_of(made, 201), user_id=user, role_ids=[admin])
    joined = await pulse.post(TEAM_MEMBERSHIPS, body)
    check("team_membership", 201, joined)
    check("team_membership", 200, await pulse.get(f"{TEAM_MEMBERSHIPS}/{id_of(joined, 201)}"))
    await pulse.post(ACCOUNT_MEMBERSHIPS, document("account_memberships", user_id=user, role_ids=[admin]))
    everything = "include=account,account_memberships,teams,team_memberships"
    check("user_with_everything_included", 200, await pulse.get(f"{USERS}/{user}?{everything}"))
    check("account", 200, await pulse.get(f"/api/v1/accounts/{account_id('demo')}"))
    check("roles", 200, await pulse.get("/api/v1/roles"))
    await pulse.patch(f"{USERS}/{user}", document("users", email=None, avatar=None))
    body = document("account_memberships", user_id=user, role_ids=[admin])
    check("account_membership", 201, await pulse.post(f"{ACCOUNT_MEMBERSHIPS}?include=user,roles", body))


@on_sqlite
async def test_identities_are_documents_of_pulse(pulse: ApiClient, services: Services) -> None:
    await services.users.create("demo", {"username": "anna", "email": "anna@mail.test"}, SERVER, PASSWORD)
    sign_in = document("identity", email="anna@mail.test", password=PASSWORD)
    answer = await as_pulse(pulse, None).post("/auth/signin", sign_in)
    check("identity", 200, answer)
    check("identity", 200, await as_pulse(pulse, answer.headers["Authorization"][7:]).get("/api/v1/identity"))


@on_sqlite
async def test_errors_are_documents_of_pulse(pulse: ApiClient) -> None:
    check("error_400", 400, await pulse.get(f"{USERS}?sort=shoe"))
    check("error_401", 401, await as_pulse(pulse, None).post("/auth/signin", document("identity", email="x")))
    check("error_404", 404, await pulse.get(f"{USERS}/{NOBODY}"))
    check("error_409", 409, await pulse.post(USERS, document("teams", name="x")))
    check("error_422", 422, await pulse.post(USERS, document("users", name="", email="x")))
    german = {"Accept-Language": "de-DE, en;q=0.5"}
    answer = await pulse.post(USERS, document("users", name="A", status="active"), headers=german)
    check("error_422_in_german", 422, answer)
    user = await add(pulse, "Anna")
    check("error_422_of_a_state", 422, await pulse.delete(f"{USERS}/{user}/invite"))


def test_every_golden_document_is_used() -> None:
    text = Path(__file__).read_text("utf-8")
    assert [path.stem for path in GOLDEN.iterdir() if f'check("{path.stem}"' not in text] == []
