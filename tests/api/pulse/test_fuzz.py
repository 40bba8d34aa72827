"""Whatever is thrown at it, each route gives an answer that its document names, and never an error of ours."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chatsrv.api.pulse import OPEN_ROUTES, ROUTES
from chatsrv.api.pulse.ids import account_id, role_id
from chatsrv.api.pulse.listing import OPERATORS, USERS
from tests.api.pulse.people import NOBODY, add, add_team, as_pulse, join
from tests.api.serving import serving
from tests.client import Answer, ApiClient
from tests.conftest import MakeSettings

pytestmark = pytest.mark.parametrize("database_source", ["sqlite_template"], indirect=True)

BOUNDED = settings(
    max_examples=60,
    deadline=None,
    database=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@pytest.fixture
async def fuzzed(make_settings: MakeSettings) -> AsyncIterator[tuple[ApiClient, list[str]]]:
    """A server that does not count, and ids of what is there."""
    async with serving(make_settings(pulse_rate_per_minute=10**6, pulse_auth_attempts=10**6)) as (api, services):
        _, key = await services.apps.create("demo", None)
        pulse = as_pulse(api, key)
        anna, team = await add(pulse, "Anna", email="anna@mail.test"), await add_team(pulse, "Night")
        ids = [anna, team, await join(pulse, team, anna), account_id("demo"), role_id("demo", "admin"), NOBODY]
        yield pulse, ids


routes = st.sampled_from([(one.method, one.path.replace(":[^/]+", "")) for one in (*ROUTES, *OPEN_ROUTES)])
texts = st.one_of(
    st.text(max_size=20), st.sampled_from(["anna", "\x00", "a\x00", "..", "{}", "%", "x" * 192, "a@b", "Night", ""])
)
places = st.integers(0, 5)
scalars = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), texts)
values: st.SearchStrategy[Any] = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3), max_leaves=8
)
NAMES = [
    "name",
    "email",
    "avatar",
    "status",
    "parent_team_id",
    "team_id",
    "user_id",
    "role_ids",
    "password",
    "token",
    "x",
]
attributes = st.dictionaries(st.sampled_from(NAMES), values, max_size=4)
types = st.sampled_from(
    ["users", "user", "teams", "team_memberships", "account_memberships", "identity", "account", "x"]
)
resources = st.fixed_dictionaries(
    {"type": types, "attributes": attributes},
    optional={"id": values, "relationships": values, "links": values, "data": values},
)
bodies = st.one_of(
    values, resources.map(lambda resource: {"data": resource}), values.map(lambda value: {"data": value})
)
brackets = st.sampled_from([*USERS.filters, ("name_blank",), ("x",), ("teams", "x"), ()])
parameters = st.one_of(
    st.tuples(
        brackets.map(lambda path: "filter" + "".join(f"[{part}]" for part in path)),
        st.tuples(st.sampled_from([*OPERATORS, "x"]), texts).map(":".join),
    ),
    st.tuples(
        st.sampled_from(["sort", "include"]), st.sampled_from([*USERS.sorts, "teams", "team_memberships.team", "-"])
    ),
    st.tuples(st.sampled_from(["page[number]", "page[size]", "fields[user]", "meta[permissions]", "include[]"]), texts),
    st.tuples(texts, texts),
)


def check(answer: Answer) -> None:
    """The client has held it against the document already."""
    assert answer.status < 500, answer.body
    if answer.status >= 400:
        assert answer.json["errors"], answer.body


@BOUNDED
@given(route=routes, place=places, body=bodies)
async def test_any_json(fuzzed: tuple[ApiClient, list[str]], route: tuple[str, str], place: int, body: Any) -> None:
    pulse, ids = fuzzed
    method, path = route
    raw = json.dumps(body).replace(f'"{NOBODY}"', f'"{ids[place]}"').encode()
    check(await pulse.request(method, path.replace("{id}", ids[place]), data=raw))


@BOUNDED
@given(sent=attributes, place=places, kind=types, above=places)
async def test_any_attributes_and_known_ids(
    fuzzed: tuple[ApiClient, list[str]], sent: dict[str, Any], place: int, kind: str, above: int
) -> None:
    pulse, ids = fuzzed
    known = {"team_id": ids[place], "user_id": ids[above], "role_ids": [ids[4]], "parent_team_id": ids[above]}
    body = {"data": {"type": kind, "attributes": sent | {k: v for k, v in known.items() if k in sent}}}
    for path in ("users", "teams", "team_memberships", "account_memberships"):
        check(await pulse.post(f"/api/v1/{path}", body))
    for path in ("users", "teams"):
        check(await pulse.patch(f"/api/v1/{path}/{ids[place]}", body))


@BOUNDED
@given(query=st.lists(parameters, max_size=4), id_=texts)
async def test_any_query(fuzzed: tuple[ApiClient, list[str]], query: list[tuple[str, str]], id_: str) -> None:
    pulse, ids = fuzzed
    for path in ("users", "teams", f"users/{ids[0]}", f"users/{quote(id_, safe='')}", "roles", f"teams/{ids[1]}"):
        check(await pulse.get(f"/api/v1/{path}?{urlencode(query, errors='replace')}"))


@BOUNDED
@given(route=routes, body=st.binary(max_size=60))
async def test_any_bytes(fuzzed: tuple[ApiClient, list[str]], route: tuple[str, str], body: bytes) -> None:
    pulse, ids = fuzzed
    method, path = route
    check(await pulse.request(method, path.replace("{id}", ids[0]), data=body))


@BOUNDED
@given(credential=st.text(st.characters(codec="latin-1", exclude_categories=["Cc"]), max_size=40))
async def test_any_credential(fuzzed: tuple[ApiClient, list[str]], credential: str) -> None:
    nobody = as_pulse(fuzzed[0], None)
    for value in (f"Bearer {credential}", f"Bearer cb_{credential}", credential):
        answer = await nobody.get("/api/v1/users", headers={"Authorization": value})
        assert answer.status == 401, answer.body
