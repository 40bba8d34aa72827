"""Whatever is thrown at the panel, each route gives an answer that its document names, and never an error of ours."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chatsrv.api.panel import ROUTES
from chatsrv.api.panel.errors import WORDS
from chatsrv.api.panel.validation import SERVER, USER
from tests.api.panel.people import ANNA, make
from tests.client import Answer, ApiClient

BOUNDED = settings(
    max_examples=60,
    deadline=None,
    database=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
CODES = {words.code for words in WORDS.values()} | {"ValidationException", "InvalidFilterQuery", "InvalidSortQuery"}

routes = st.sampled_from([(route.method, route.path.replace(":[^/]+", "")) for route in ROUTES])
texts = st.one_of(
    st.text(max_size=20), st.sampled_from(["anna", "\x00", "a\x00", "a@b", "..", "%", "1", "x" * 192, str(2**63)])
)
ids = st.one_of(texts, st.just("1"), st.integers(0, 3).map(str), st.integers(2**62, 2**65).map(str))
scalars = st.one_of(st.none(), st.booleans(), st.integers(), st.integers(2**60, 2**70), st.floats(), texts)
values: st.SearchStrategy[Any] = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3), max_leaves=8
)
fields = st.sampled_from([*(field.name for field in (*USER, *SERVER)), "", "id"])
bodies = st.one_of(
    values,
    st.dictionaries(fields, values, max_size=5),
    st.dictionaries(fields, values, max_size=2).map(lambda changes: {**ANNA, **changes}),
)
keys = st.sampled_from(["page", "per_page", "sort", "include", "filter"])
columns = st.sampled_from(["email", "uuid", "username", "external_id", "id", ""])
parameters = st.one_of(
    st.tuples(keys, texts),
    st.tuples(st.sampled_from(["page", "per_page"]), st.integers(-(2**70), 2**70).map(str)),
    st.tuples(columns.map(lambda name: f"filter[{name}]"), texts),
    st.tuples(keys.map(lambda name: f"{name}[]"), texts),
    st.tuples(texts, texts),
)


def check(answer: Answer) -> None:
    """The client has held it against the document already."""
    assert answer.status < 500 or answer.status == 503, answer.body
    if answer.status >= 400:
        for error in answer.json["errors"]:
            assert (error["code"] in CODES, error["status"]) == (True, str(answer.status))


def address(path: str, value: str) -> str:
    for name in ("userId", "externalId", "serverId"):
        path = path.replace(f"{{{name}}}", quote(value, safe=""))
    return path


@pytest.fixture
async def unhurried(api: ApiClient) -> ApiClient:
    """One user and one server with the id 1, as far as ids begin anew."""
    anna = await make(api)
    await api.post("/api/application/servers", {"name": "lobby", "user": anna["id"]})
    return api


@BOUNDED
@given(route=routes, value=ids, body=bodies)
async def test_any_json_for_anybody(unhurried: ApiClient, route: tuple[str, str], value: str, body: Any) -> None:
    method, path = route
    check(await unhurried.request(method, address(path, value), data=json.dumps(body).encode()))


@BOUNDED
@given(route=routes, value=ids, query=st.lists(parameters, max_size=4))
async def test_any_parameters(
    unhurried: ApiClient, route: tuple[str, str], value: str, query: list[tuple[str, str]]
) -> None:
    method, path = route
    check(await unhurried.request(method, f"{address(path, value)}?{urlencode(query)}"))


@BOUNDED
@given(route=routes, body=st.binary(max_size=60), form=st.booleans())
async def test_any_bytes(unhurried: ApiClient, route: tuple[str, str], body: bytes, form: bool) -> None:
    method, path = route
    headers = {"Content-Type": "application/x-www-form-urlencoded" if form else "application/json"}
    check(await unhurried.request(method, address(path, "1"), data=body, headers=headers))
