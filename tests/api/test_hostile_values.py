"""Hostile values in every field, path and query of every route: an answer in the dialect's own words, and never a 500.

What is refused has changed nothing. The database is PostgreSQL, which is the stricter one about texts and numbers.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import count, cycle
from typing import TypeVar
from urllib.parse import quote, unquote

import pytest
from aiohttp import ClientSession
from yarl import URL

from chatsrv.services import Services, open_services
from tests.api.hostile import ASSIGNED, BODIES, JSON_VALUES, PARTS, Place, places, put_in, query_names
from tests.api.raw import send
from tests.api.tenancy.requests import EVERY, Asked, Ref
from tests.api.tenancy.tenants import Tenant, furnish
from tests.api.tenancy.watch import Costs, counted
from tests.api.tenancy.world import BY_NAME, unlimited
from tests.client import Answer, ApiClient
from tests.listening import served_node
from tests.postgres import fresh_database

T = TypeVar("T")
OURS = (b"Traceback", b'File \\"', b"sqlalchemy", b"asyncpg", b"psycopg", b"Exception:", b"Error(")
"""Words of a program, which are nobody's business."""
EACH = int(os.environ.get("CHATSRV_TEST_HOSTILE_VALUES", "1"))
"""So many values for each place; the next place is given the next ones. With 50 every place is given them all."""


@dataclass(slots=True)
class World:
    api: ApiClient
    services: Services
    tenant: Tenant
    costs: Costs
    numbers: Iterator[int] = field(default_factory=count)

    async def complaints(self, asked: Asked, path: str, body: bytes | None) -> list[str]:
        """What is wrong with the answer to this, if anything is."""
        number = f"h{next(self.numbers)}"
        client = BY_NAME[asked.dialect].speak(self.api, self.tenant.key)
        url = URL(self.api.url + path, encoded=True)
        answer = await client.request(asked.method, url, data=body, headers={"X-Request-Id": number})
        wrong = judge(asked, answer)
        if answer.status >= 400 and (written := self.costs.written(number)):
            wrong.append(f"refused, and yet it wrote {written}")
        return [f"{asked.method} {path} {(body or b'')[:200]!r}: {sentence}" for sentence in wrong]


def judge(asked: Asked, answer: Answer) -> list[str]:
    manner = BY_NAME[asked.dialect]
    wrong = [f"{word!r} in {answer.body[:300]!r}" for word in OURS if answer.status >= 400 and word in answer.body]
    if answer.status >= 500:
        wrong.append(f"{answer.status} {answer.body[:300]!r}")
    if (
        answer.status >= 400
        and answer.body
        and not (answer.headers["Content-Type"] == manner.media_type and manner.is_error(answer))
    ):
        wrong.append(f"{answer.status} in other words: {answer.headers['Content-Type']} {answer.body[:300]!r}")
    return [*wrong, *(f"a header of ours: {name}" for name in answer.headers if name.lower() == "x-evil")]


@pytest.fixture(scope="module")
async def world(postgres_url: str, valkey_url: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    folder = tmp_path_factory.mktemp("hostile")
    async with (
        fresh_database(postgres_url) as database_url,
        open_services(unlimited(database_url, valkey_url, folder)) as services,
        served_node(services) as url,
        ClientSession() as session,
    ):
        api = ApiClient(session, url, {})
        tenant = await furnish(api, services, "demo")
        with counted() as costs:
            yield World(api, services, tenant, costs)


def plain() -> Iterator[Asked]:
    """One request for each handler with each kind of thing that its path can name, and without a query.

    PUT and PATCH, and the subtypes of users, share their handlers.
    """
    seen = set()
    for asked in EVERY:
        key = (asked.dialect, asked.route.handler, *(ref.kind for ref in asked.path if isinstance(ref, Ref)))
        if key not in seen and not any(isinstance(part, str) and "?" in part for part in asked.path):
            seen.add(key)
            yield asked


def turns(values: Sequence[T]) -> Iterator[list[T]]:
    every = cycle(values)
    while True:
        yield [next(every) for _ in range(EACH)]


def assigned(documented: list[Place], names: list[str]) -> list[Place]:
    """Beside every member that there is."""
    holders = dict.fromkeys(place[:-1] for place in documented)
    return [(*holder, name) for holder in holders for name in names]


async def test_no_field_of_any_body_is_too_hostile(world: World) -> None:
    found, values, bodies, names = [], turns(JSON_VALUES), turns(BODIES), turns(ASSIGNED)
    for asked in plain():
        if asked.body is None:
            continue
        path, good = asked.filled(world.tenant.ids)
        documented = places(asked.dialect, asked.method, asked.route.path)
        for place in [*documented, *assigned(documented, next(names))]:
            for raw in next(values):
                found += await world.complaints(asked, path, put_in(good, place, raw))
        for body in next(bodies):
            found += await world.complaints(asked, path, body)
    assert found == []


async def test_no_part_of_any_path_is_too_hostile(world: World) -> None:
    found, values = [], turns(PARTS)
    for asked in plain():
        for place, ref in enumerate(part for part in asked.path if isinstance(part, Ref)):
            for part in next(values):
                if ref.kind == "app" and "{" in unquote(part):
                    continue  # no app is called so, and no route leads there
                path, body = asked.filled(world.tenant.ids, place, {ref.kind: part})
                found += await world.complaints(asked, path, None if body is None else put_in(body, ("x",), "1"))
    assert found == []


async def test_no_parameter_of_any_query_is_too_hostile(world: World) -> None:
    found, values = [], turns(PARTS)
    for asked in plain():
        if asked.method != "GET":
            continue
        path, _ = asked.filled(world.tenant.ids)
        for name in [*query_names(asked.dialect, asked.route.path), "x"]:
            for part in next(values):
                for written in (part, f"a:eq:{part}"):
                    found += await world.complaints(asked, f"{path}?{quote(name, safe='')}={written}", None)
    assert found == []


async def test_a_page_links_to_itself_as_it_was_asked_but_for_what_no_url_holds(world: World) -> None:
    client = BY_NAME["native"].speak(world.api, world.tenant.key)
    for path in ("/v1/demo/users?presence=true&filter=username:eq:", "/v1/demo/supports?customer="):
        for asked, told in {
            "a{}": "a%7B%7D",
            '%41<">;rel="next"': "%41%3C%22%3E;rel=%22next%22",
            "a,b:%2C": "a,b:%2C",
        }.items():
            answer = await send(client, f"GET {path}{asked}")
            assert answer.json["links"]["current"] == f"http://test{path}{told}"
            assert '"next' not in answer.headers["Link"]
