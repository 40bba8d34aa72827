"""Whatever is thrown at it, each route gives an answer that its document names, and never an error of ours."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chatsrv.api.oksky import ROUTES
from chatsrv.api.oksky.table import KINDS, USER_RELATIONSHIPS
from chatsrv.api.oksky.users import WRITABLE
from chatsrv.services import Services
from tests.api.oksky.people import MEDIA_TYPE, ROOT, Sky, add, add_room
from tests.api.raw import send
from tests.client import Answer

BOUNDED = settings(
    max_examples=60,
    deadline=None,
    database=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)

routes = st.sampled_from([(route.method, route.path.replace(":[^/]+", "").removeprefix(ROOT)) for route in ROUTES])
texts = st.one_of(
    st.text(max_size=20), st.sampled_from(["1", "anna", "\x00", "a\x00", ".", "..", "{}", "%", "[]", "x" * 192])
)
ids = st.one_of(texts, st.sampled_from(["1", "2", "0", "-1", "+1", "9" * 18, "9" * 19, "9" * 40]), st.integers())
relationships = st.one_of(texts, st.sampled_from([*USER_RELATIONSHIPS, "room", "user", "customer"]))
scalars = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), texts, ids, st.just("a@b"), st.just(2**70), st.just("\ud800")
)
values: st.SearchStrategy[Any] = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3), max_leaves=8
)
types = st.one_of(values, st.sampled_from(list(KINDS)))
attributes = st.dictionaries(
    st.sampled_from([*WRITABLE, "kind", "is_private", "room_id", "user_id", "foo"]), values, max_size=4
)
resources = st.fixed_dictionaries(
    {},
    optional={
        "type": types,
        "id": st.one_of(ids, values),
        "attributes": st.one_of(attributes, values),
        "relationships": st.one_of(st.just({}), values),
        "meta": values,
    },
)
bodies = st.one_of(
    values,
    st.fixed_dictionaries({"data": st.one_of(resources, values, st.lists(resources, max_size=3))}),
    st.sampled_from(["users", "rooms", "members", "customers"]).flatmap(
        lambda type_: attributes.map(lambda found: {"data": {"type": type_, "id": "1", "attributes": found}})
    ),
)
lists = st.lists(
    st.one_of(texts, st.sampled_from([*USER_RELATIONSHIPS, "-id", "username", "members.room"])), max_size=3
)
parameters = st.tuples(
    st.one_of(
        texts,
        st.sampled_from(
            [
                *("sort", "include", "include[]", "filter", "filter[id]", "filter[id][]", "filter[uuid]", "fields"),
                *("fields[users]", "fields[rooms]", "page", "page[number]", "page[size]", "page[size][x]", "filter[[]"),
            ]
        ),
    ),
    st.one_of(texts, ids.map(str), lists.map(",".join)),
)


@pytest.fixture
async def sky(sky: Sky, services: Services) -> Sky:
    """Somebody is there to begin with."""
    own = await add(services, "anna", "ben", "carl", role="admin")
    for name in ("a", "b"):
        await add_room(services, name, 0, *own)
    return sky


def check(answer: Answer) -> None:
    """The client has held it against the document already."""
    assert answer.status < 500, answer.body
    if answer.status >= 400 and answer.body:
        assert answer.headers["Content-Type"] == MEDIA_TYPE
        assert all(error["status"] == str(answer.status) for error in answer.json["errors"])


def address(path: str, id_: Any, relationship: str) -> str:
    return path.replace("{id}", quote(str(id_), safe="")).replace("{relationship}", quote(relationship, safe=""))


@BOUNDED
@given(route=routes, id_=ids, relationship=relationships, body=bodies)
async def test_any_json_on_any_route(sky: Sky, route: tuple[str, str], id_: Any, relationship: str, body: Any) -> None:
    method, path = route
    check(await sky.request(method, address(path, id_, relationship), json.dumps(body).encode()))


@BOUNDED
@given(route=routes, relationship=relationships, query=st.lists(parameters, max_size=4))
async def test_any_query_on_any_route(
    sky: Sky, route: tuple[str, str], relationship: str, query: list[tuple[str, str]]
) -> None:
    method, path = route
    check(await sky.request(method, f"{address(path, '1', relationship)}?{urlencode(query, errors='replace')}"))


@BOUNDED
@given(attributes=attributes)
async def test_a_user_that_was_made_can_be_read(sky: Sky, attributes: dict[str, Any]) -> None:
    made = await sky.post("/users", json.dumps({"data": {"type": "users", "attributes": attributes}}).encode())
    check(made)
    if made.status == 201:
        assert (await sky.get(made.headers["Location"])).json["data"] == _without_linkage(made.json["data"])


def _without_linkage(resource: dict[str, Any]) -> dict[str, Any]:
    shown = {name: {"links": found["links"]} for name, found in resource["relationships"].items()}
    return {**resource, "relationships": shown}


@BOUNDED
@given(line=st.binary(max_size=20), header=st.binary(max_size=20))
async def test_bytes_that_are_no_text(sky: Sky, line: bytes, header: bytes) -> None:
    harmless = bytes(byte for byte in header if byte not in b"\r\n\0").decode("latin-1")
    target = quote(line, safe="%[]&=,")
    for name in ("Accept", "Content-Type", "X-Access-Token"):
        answer = await send(sky.api, f"POST {ROOT}/users?{target}\n{name}: {harmless}")
        assert 400 <= answer.status < 500
    raw = bytes(byte for byte in line if byte > 32).decode("latin-1")
    assert (await send(sky.api, f"GET {ROOT}/users?filter[id]={raw}&include={raw}")).status < 500
