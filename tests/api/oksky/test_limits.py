"""Limits: too many requests and too much that would come along; and a store that is away."""

from __future__ import annotations

import pytest

from chatsrv.domain.presence import SERVER
from tests.api.oksky.people import add, add_room, as_key, refused
from tests.api.serving import serving, wire_to
from tests.conftest import MakeSettings

pytestmark = pytest.mark.parametrize("database_source", ["sqlite_template"], indirect=True)


async def test_whoever_asks_too_often_is_told_when_to_come_back(make_settings: MakeSettings) -> None:
    async with serving(make_settings(token_rate_per_minute=1, token_rate_burst=2)) as (api, services):
        _, key = await services.apps.create("demo", None)
        await services.users.create("demo", {"username": "anna"}, SERVER)
        anna = as_key(api, await services.access_tokens.issue("demo", "anna"))
        for left in ("1", "0"):
            answer = await anna.get("/users")
            assert (answer.status, answer.headers["X-RateLimit-Remaining"]) == (200, left)
        answer = await anna.get("/users")
        refused(answer, 429, 429, "Too Many Requests")
        assert int(answer.headers["Retry-After"]) >= 1
        assert (await as_key(api, key).get("/users")).status == 200


async def test_reads_go_on_while_the_presence_store_is_away(make_settings: MakeSettings, valkey_url: str) -> None:
    async with wire_to(valkey_url) as wire:
        url = f"redis://127.0.0.1:{wire.port}/0"
        async with serving(make_settings(redis_url=url, redis_timeout_s=0.5)) as (api, services):
            _, key = await services.apps.create("demo", None)
            await services.users.create("demo", {"username": "anna"}, SERVER)
            await wire.cut()
            answer = await as_key(api, key).get("/users?include=present_rooms")
            (anna,) = answer.json["data"]
            assert anna["attributes"]["status"] == "offline"
            assert anna["relationships"]["present_rooms"]["data"] == []


async def test_only_so_much_comes_along(make_settings: MakeSettings) -> None:
    async with serving(make_settings(included_max=4)) as (api, services):
        _, key = await services.apps.create("demo", None)
        sky = as_key(api, key)
        people = await add(services, "anna", "ben")
        for name in "ab":
            await add_room(services, name, 0, *people)
        assert len((await sky.get("/users?include=members")).json["included"]) == 4
        for query in ("include=members,rooms", "include=members.room", "include=rooms,rooms,members"):
            detail = "more than 4 resources belong to what is asked for"
            refused(await sky.get(f"/users?{query}"), 400, 112, "Invalid field", detail)
        await add_room(services, "c", 0, *people)
        refused(await sky.get("/users?include=members"), 400, 112, "Invalid field")
        assert (await sky.get("/users")).status == 200
