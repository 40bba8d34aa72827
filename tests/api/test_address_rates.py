"""Addresses: what comes without a good server key has the rate of its address; what has one, never."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest

from chatsrv.domain.clock import Clock
from chatsrv.domain.presence import SERVER
from chatsrv.services import Services
from tests.api.manners import MANNERS, Manner
from tests.api.serving import serving
from tests.client import Answer, ApiClient
from tests.conftest import MakeSettings

pytestmark = pytest.mark.parametrize("database_source", ["sqlite_template"], indirect=True)
EACH = pytest.mark.parametrize("manner", MANNERS, ids=lambda manner: manner.name)

BURST = 4
WRONG = f"cs_{'a' * 12}_x"
RATES = {"address_rate_per_minute": 60, "address_rate_burst": BURST, "pulse_rate_per_minute": 1000}


@dataclass(frozen=True, slots=True)
class Gate:
    """A server whose address rate is soon spent. `trusted_proxies` is 1, so that a test may come from anywhere."""

    anyone: ApiClient
    services: Services
    key: str

    def speak(self, manner: Manner, credential: str | None, address: str = "203.0.113.7") -> ApiClient:
        """Without one where there is none."""
        headers = {**(manner.key(credential) if credential else {}), "Accept": manner.media_type}
        return self.anyone.with_headers({**headers, "Content-Type": manner.media_type, "X-Forwarded-For": address})

    @property
    def refused(self) -> float:
        labels = {"limit": "address_rate_per_minute"}
        return self.services.metrics.registry.get_sample_value("chatsrv_limits_reached_total", labels) or 0


@pytest.fixture
async def gate(make_settings: MakeSettings, clock: Clock) -> AsyncIterator[Gate]:
    async with serving(make_settings(trusted_proxies=1, **RATES), clock) as (api, services):
        _, key = await services.apps.create("demo", None)
        await services.users.create("demo", {"username": "anna"}, SERVER)
        yield Gate(api, services, key)


def is_refused(manner: Manner, answer: Answer) -> bool:
    assert (answer.status, answer.headers["Content-Type"]) == (429, manner.media_type), answer.body
    assert int(answer.headers["Retry-After"]) >= 1
    return manner.is_error(answer)


@EACH
@pytest.mark.parametrize("credential", [None, WRONG, "a.b.c", "ca_x", "cb_x"])
async def test_who_has_no_good_key_is_let_through_so_often_and_then_told_to_wait(
    gate: Gate, manner: Manner, credential: str | None, clock: Clock
) -> None:
    client = gate.speak(manner, credential)
    assert [(await client.get(manner.users)).status for _ in range(BURST)] == [401] * BURST
    assert is_refused(manner, await client.get(manner.users))
    assert gate.refused == 1
    assert (await gate.speak(manner, credential, "203.0.113.8").get(manner.users)).status == 401
    clock.advance(1)
    assert (await client.get(manner.users)).status == 401


@EACH
async def test_a_good_key_is_never_slowed_by_what_else_comes_from_its_address(gate: Gate, manner: Manner) -> None:
    backend, anybody = gate.speak(manner, gate.key), gate.speak(manner, None)
    for _ in range(BURST * 3):
        assert (await backend.get(manner.users)).status == 200
    assert [(await anybody.get(manner.users)).status for _ in range(BURST + 1)] == [401] * BURST + [429]
    for _ in range(BURST):
        assert (await backend.get(manner.users)).status == 200
    assert gate.refused == 1


@EACH
async def test_paths_that_there_are_none_of_and_methods_count(gate: Gate, manner: Manner) -> None:
    """Also with a key, for nobody looks at it."""
    client = gate.speak(manner, gate.key)
    assert (await client.get(f"{manner.prefix}/nothing")).status == 404
    assert (await client.request("TRACE", manner.users)).status == 405
    assert (await client.request("OPTIONS", manner.users)).status == 204
    assert (await client.get("/nothing")).status == 404
    assert is_refused(manner, await client.get(f"{manner.prefix}/nothing"))
    assert (await client.get(manner.users)).status == 200


async def test_user_tokens_count_and_so_do_pages_and_signing_in(gate: Gate) -> None:
    native, pulse = MANNERS[0], MANNERS[3]
    app = await gate.services.apps.get("demo")
    token, _ = await gate.services.callers.mint_token(app, "anna", 600)
    assert (await gate.speak(native, token).get(native.users)).status == 200
    assert (await gate.speak(native, None).get("/docs")).status == 200
    assert (await gate.speak(native, None).get("/openapi/native.json")).status == 200
    nobody = {"data": {"type": "identity", "attributes": {"email": "x@x.org", "password": "wrong"}}}
    sign_in = gate.speak(pulse, None)
    assert (await sign_in.post("/auth/signin", nobody)).status == 401
    for client, path, manner in (
        (gate.speak(native, token), native.users, native),
        (gate.speak(native, None), "/docs", native),
    ):
        assert is_refused(manner, await client.get(path))
    assert is_refused(pulse, await sign_in.post("/auth/signin", nobody))


async def test_a_key_beside_something_else_buys_no_free_requests(gate: Gate) -> None:
    """What is not a key where its dialect looks for one is none."""
    native, oksky = MANNERS[0], MANNERS[2]
    key = {"X-Api-Key": gate.key, "X-Forwarded-For": "203.0.113.7"}
    for headers in ({**key, "Authorization": "Bearer a.b.c"}, {**key, "X-Access-Token": "ca_x"}):
        client = gate.anyone.with_headers(headers)
        path = oksky.users if "X-Access-Token" in headers else native.users
        for _ in range(BURST // 2):
            assert (await client.get(path)).status == 401
    assert (await client.get(path)).status == 429


async def test_platforms_may_always_ask_how_the_server_is(gate: Gate) -> None:
    client = gate.speak(MANNERS[0], None)
    assert [(await client.get("/nothing")).status for _ in range(BURST + 1)] == [404] * BURST + [429]
    statuses = [(await client.get(path)).status for path in ("/healthz", "/readyz", "/metrics", "/readyzz")]
    assert statuses == [200, 200, 401, 429]


@EACH
async def test_an_address_that_gets_too_many_keys_wrong_is_told_so_by_each_dialect(
    make_settings: MakeSettings, manner: Manner
) -> None:
    wrong = {"pulse": "cb_x", "oksky": "ca_x"}.get(manner.name, WRONG)
    async with serving(make_settings(failed_credentials_per_minute=2)) as (api, services):
        _, key = await services.apps.create("demo", None)
        good, guesser = manner.speak(api, key), manner.speak(api, wrong)
        assert (await good.get(manner.users)).status == 200
        assert [(await guesser.get(manner.users)).status for _ in range(2)] == [401, 401]
        answer = await guesser.get(manner.users)
        assert is_refused(manner, answer)
        assert int(answer.headers["Retry-After"]) > 50
        assert (await good.get(manner.users)).status == 200
        limit = {"limit": "failed_credentials_per_minute"}
        assert services.metrics.registry.get_sample_value("chatsrv_limits_reached_total", limit) == 1
        assert (await api.with_headers({"X-Api-Key": WRONG}).get("/metrics")).status == 429
