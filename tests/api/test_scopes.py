"""Scopes and networks of keys, on every route of every dialect: what a key may not is refused in their words."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from chatsrv.domain.apps import ALL_SCOPES, Scope
from tests.api.tenancy.requests import Asked, one_of_each
from tests.api.tenancy.world import BY_NAME, World, two_tenants
from tests.client import Answer

ELSEWHERE = ("10.0.0.0/8", "fd00::/8")
HERE = "127.0.0.0/8"
SPOOFED = {
    "X-Forwarded-For": "10.1.1.1",
    "Forwarded": "for=10.1.1.1",
    "X-Real-Ip": "10.1.1.1",
    "X-Client-Ip": "10.1.1.1",
}


@pytest.fixture(scope="module")
async def world(
    sqlite_template: Path, valkey_url: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[World]:
    async with two_tenants(sqlite_template, valkey_url, tmp_path_factory.mktemp("scopes")) as world:
        yield world


async def keyed(world: World, scopes: frozenset[Scope], *networks: str) -> str:
    return (await world.services.apps.create_key("demo", "test", scopes, networks, None))[1]


async def ask(world: World, asked: Asked, key: str, **headers: str) -> Answer:
    """For what nobody has, so that nothing is changed; the panel looks first whether it is there, at scopes then."""
    ids = world.ours.ids if asked.dialect == "panel" else {**world.nobodys, "app": "demo"}
    path, body = asked.filled(ids)
    return (await world.send(asked, key, path, body, **headers))[0]


def is_refused(asked: Asked, answer: Answer) -> bool:
    manner = BY_NAME[asked.dialect]
    return answer.status == 403 and answer.headers["Content-Type"] == manner.media_type and manner.is_error(answer)


async def test_a_key_with_every_scope_but_the_one_that_is_needed_may_not(world: World) -> None:
    lacking = {scope: await keyed(world, ALL_SCOPES - {scope}) for scope in Scope}
    before = (await world.losses(), await world.gains())
    for route, asked in one_of_each():
        answer = await ask(world, asked, lacking[route.scope])
        assert is_refused(asked, answer), (str(asked), answer.status, answer.body)
    assert (await world.losses(), await world.gains()) == before


async def test_a_key_with_the_scope_that_is_needed_and_no_other_may_as_much_as_one_with_all(world: World) -> None:
    single = {scope: await keyed(world, frozenset({scope})) for scope in Scope}
    for route, asked in one_of_each():
        if asked.dialect == "panel" and route.method == "DELETE":
            continue  # it would be
        answer = await ask(world, asked, single[route.scope])
        if answer.status in (401, 403):
            # nobody may, or no key
            assert (await ask(world, asked, world.ours.key)).status == answer.status == 403, (str(asked), answer.body)


async def test_a_key_of_other_networks_may_nothing_from_here_whatever_a_header_says(world: World) -> None:
    outside, inside = await keyed(world, ALL_SCOPES, *ELSEWHERE), await keyed(world, ALL_SCOPES, *ELSEWHERE, HERE)
    for route, asked in one_of_each():
        answer = await ask(world, asked, outside, **SPOOFED)
        assert is_refused(asked, answer), (str(asked), answer.status, answer.body)
        if route.method == "GET" and asked.path[0] != "/api/v1/identity":
            assert (await ask(world, asked, inside)).status in (200, 404)


def test_every_scope_opens_something() -> None:
    assert {route.scope for route, _ in one_of_each()} == ALL_SCOPES
