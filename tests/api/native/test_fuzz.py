"""Whatever is thrown at it, each route gives an answer that its document names, and never an error of ours."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote, urlencode

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chatsrv.api.native import ROUTES
from chatsrv.api.native.listing import OPERATORS
from chatsrv.domain.listing import FILTER_FIELDS, SORT_FIELDS
from chatsrv.domain.user_fields import RESTORABLE, RULES
from chatsrv.domain.wire import FIELDS
from tests.api.native.people import USERS
from tests.api.native.refusals import TYPES
from tests.client import Answer, ApiClient

BOUNDED = settings(
    max_examples=60,
    deadline=None,
    database=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)

routes = st.sampled_from([(route.method, route.path.replace(":[^/]+", "")) for route in ROUTES])
texts = st.one_of(
    st.text(max_size=20), st.sampled_from(["anna", "ANNA", "ben", "\x00", "a\x00", ".", "..", "{}", "%", "x" * 192])
)
scalars = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), texts, st.just("2026-01-01"), st.just("a@b"))
values: st.SearchStrategy[Any] = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3), max_leaves=8
)
names = st.sampled_from([*RULES, *RESTORABLE, "avatar_url", "ttl", "users", "foo", ""])
users = st.dictionaries(names, values, max_size=5)
bodies = st.one_of(
    values,
    users,
    users.flatmap(lambda user: texts.map(lambda name: {**user, "username": name})),
    st.lists(users, max_size=4).map(lambda items: {"users": items}),
)
filters = st.tuples(st.sampled_from([*FILTER_FIELDS, "x"]), st.sampled_from([*OPERATORS, "x"]), texts).map(":".join)
parameters = st.one_of(
    st.tuples(st.just("filter"), filters),
    st.tuples(st.just("sort"), st.lists(st.sampled_from([*SORT_FIELDS, "-username", "x"]), max_size=3).map(",".join)),
    st.tuples(st.just("fields"), st.lists(st.sampled_from([*FIELDS, "*"]), max_size=3).map(",".join)),
    st.tuples(st.sampled_from(["limit", "offset", "cursor", "presence", "sort", "fields"]), texts),
    st.tuples(st.sampled_from(["limit", "offset"]), st.integers(-1, 201).map(str)),
    st.tuples(texts, texts),
)


def check(answer: Answer) -> None:
    """The client has held it against the document already."""
    assert answer.status < 500, answer.body
    if answer.status >= 400:
        assert answer.json["type"] == TYPES[answer.json["code"]]
        assert answer.json["traceId"] == answer.headers["X-Request-Id"]


def address(path: str, username: str) -> str:
    return path.replace("{appId}", "demo").replace("{username}", quote(username, safe=""))


@BOUNDED
@given(route=routes, username=texts, body=bodies)
async def test_any_json_for_anybody(api: ApiClient, route: tuple[str, str], username: str, body: Any) -> None:
    method, path = route
    kind = {
        "Content-Type": "application/x-ndjson" if (method, path[-10:]) == ("PUT", "bulk/users") else "application/json"
    }
    check(await api.request(method, address(path, username), data=json.dumps(body).encode(), headers=kind))


@BOUNDED
@given(query=st.lists(parameters, max_size=4), username=texts)
async def test_any_query(api: ApiClient, query: list[tuple[str, str]], username: str) -> None:
    for path in (USERS, f"{USERS}/{quote(username, safe='')}"):
        check(await api.get(f"{path}?{urlencode(query)}"))


@BOUNDED
@given(route=routes, body=st.binary(max_size=60))
async def test_any_bytes(api: ApiClient, route: tuple[str, str], body: bytes) -> None:
    method, path = route
    check(await api.request(method, address(path, "anna"), data=body, skip_auto_headers=["Content-Type"]))


@BOUNDED
@given(lines=st.lists(users, max_size=6), name=texts)
async def test_any_users_at_once_are_each_taken_or_told_why_not(
    api: ApiClient, lines: list[dict[str, Any]], name: str
) -> None:
    lines = [*lines, *({**line, "username": name} for line in lines)]
    answer = await api.post("/v1/demo/bulk/users", {"users": lines}) if "NaN" not in json.dumps(lines) else None
    if answer is not None and answer.status == 200:
        assert len(answer.json["results"]) == len(lines)
    body = "\n".join(json.dumps(line) for line in lines).encode()
    answer = await api.put("/v1/demo/bulk/users", data=body, skip_auto_headers=["Content-Type"])
    result = answer.json
    assert (answer.status, result["created"] + result["updated"] + len(result["failed"])) == (200, len(lines))
    check(await api.get("/v1/demo/bulk/users"))


@BOUNDED
@given(credential=st.text(st.characters(codec="latin-1", exclude_categories=["Cc"]), max_size=40))
async def test_any_credential(api: ApiClient, credential: str) -> None:
    for headers in (
        {"X-Api-Key": credential},
        {"Authorization": f"Bearer {credential}"},
        {"Authorization": credential},
    ):
        answer = await api.speaking_as(None).get(USERS, headers=headers)
        check(answer)
        assert answer.status == 401
