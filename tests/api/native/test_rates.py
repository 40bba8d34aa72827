"""Rates: how many requests a caller has left, and what happens when there are none."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from chatsrv.domain.apps import Scope
from chatsrv.domain.clock import Clock
from chatsrv.services import Services
from tests.api.native.people import USERS, add
from tests.api.native.refusals import refused
from tests.api.serving import serving
from tests.client import Answer, ApiClient
from tests.conftest import MakeSettings

pytestmark = pytest.mark.parametrize("database_source", ["sqlite_template"], indirect=True)

RATES = {"key_rate_per_minute": 60, "key_rate_burst": 5, "token_rate_per_minute": 30, "token_rate_burst": 3}


class Slow:
    """A server with small rates and an app with a key that has used two of its five requests."""

    def __init__(self, api: ApiClient, services: Services, key: str) -> None:
        self.anyone = api
        self.services = services
        self.backend = api.speaking_as(key)

    async def another_key(self) -> ApiClient:
        return self.anyone.speaking_as(
            (await self.services.apps.create_key("demo", "x", frozenset(Scope), (), None))[1]
        )


@pytest.fixture
async def slow(make_settings: MakeSettings, clock: Clock) -> AsyncIterator[Slow]:
    async with serving(make_settings(**RATES), clock) as (api, services):
        _, key = await services.apps.create("demo", None)
        slow = Slow(api, services, key)
        await add(slow.backend, "anna", "ben")
        yield slow


def left(answer: Answer) -> int:
    return int(answer.headers["X-RateLimit-Remaining"])


async def test_the_defaults_are_those_of_the_documents(api: ApiClient, services: Services) -> None:
    await add(api, "anna")
    answer = await api.get(USERS)
    assert answer.headers["X-RateLimit-Limit"] == "90000"
    assert left(answer) in (1998, 1999)
    token = (await api.post(f"{USERS}/anna/tokens")).json["token"]
    answer = await api.speaking_as(token).get(USERS)
    assert (answer.headers["X-RateLimit-Limit"], left(answer)) == ("600", 599)


async def test_each_answer_counts_down_whatever_it_is(slow: Slow) -> None:
    assert [left(await slow.backend.get(path)) for path in ("/v1/demo/users/nobody", "/v1/other/users")] == [2, 1]
    last = await slow.backend.get(f"{USERS}?foo=1")
    assert (last.status, left(last), last.headers["X-RateLimit-Limit"]) == (400, 0, "60")


async def test_reset_says_in_epoch_seconds_when_all_are_back(slow: Slow, clock: Clock) -> None:
    answer = await slow.backend.get(USERS)
    in_s = int(answer.headers["X-RateLimit-Reset"]) - clock.now() / 1000
    assert 1 <= in_s <= 4
    clock.advance(in_s)
    assert left(await slow.backend.get(USERS)) == 4


async def test_whoever_has_none_left_is_told_when_to_come_back(slow: Slow, clock: Clock) -> None:
    for _ in range(3):
        assert (await slow.backend.get(USERS)).status == 200
    answer = await slow.backend.get(USERS)
    refused(answer, 429, 42900)
    assert (answer.headers["X-RateLimit-Limit"], left(answer)) == ("60", 0)
    assert (await slow.backend.request("HEAD", USERS)).status == 429
    clock.advance(int(answer.headers["Retry-After"]))
    assert (await slow.backend.get(USERS)).status == 200
    refused(await slow.backend.get(USERS), 429, 42900)


async def test_refused_requests_do_not_count(slow: Slow, clock: Clock) -> None:
    for _ in range(20):
        await slow.backend.get(USERS)
    clock.advance(5)
    assert [(await slow.backend.get(USERS)).status for _ in range(5)] == [200] * 5


async def test_nothing_is_done_for_whoever_has_none_left(slow: Slow, clock: Clock) -> None:
    for _ in range(3):
        await slow.backend.get(USERS)
    refused(await slow.backend.post(USERS, {"username": "eve"}), 429, 42900)
    clock.advance(5)
    refused(await slow.backend.get(f"{USERS}/eve"), 404, 40015)


async def test_every_key_and_every_user_has_a_rate_of_their_own(slow: Slow) -> None:
    token = (await slow.backend.post(f"{USERS}/anna/tokens")).json["token"]
    other = (await slow.backend.post(f"{USERS}/ben/tokens")).json["token"]
    assert left(await slow.backend.get(USERS)) == 0
    anna = slow.anyone.speaking_as(token)
    assert [(await anna.get(USERS)).status for _ in range(4)] == [200, 200, 200, 429]
    assert left(await slow.anyone.speaking_as(other).get(USERS)) == 2
    assert left(await (await slow.another_key()).get(USERS)) == 4


async def test_a_second_token_of_the_same_user_gives_no_more(slow: Slow) -> None:
    tokens = [(await slow.backend.post(f"{USERS}/anna/tokens", {"ttl": ttl})).json["token"] for ttl in (60, 90)]
    first, second = (slow.anyone.speaking_as(token) for token in tokens)
    assert [(await client.get(USERS)).status for client in (first, second, first, second)] == [200, 200, 200, 429]


async def test_whoever_is_unknown_spends_nobodys_rate(slow: Slow) -> None:
    stolen = slow.backend.headers["Authorization"].removeprefix("Bearer ")[:-1]
    for _ in range(20):
        refused(await slow.anyone.speaking_as(stolen).get(USERS), 401, 1302)
    assert (await slow.backend.get(USERS)).status == 200
