"""Guessing: an address that gets too many credentials wrong is not listened to, but for what is known as good."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import jwt
import pytest

from chatsrv.domain.clock import Clock
from chatsrv.domain.errors import Distrust, TooManyRequests, Unauthenticated
from chatsrv.services import Services, open_services
from tests.conftest import DemoApp, MakeSettings
from tests.services.people import ANNA, PASSWORD, make_user
from tests.services.test_app_reads import counted

pytestmark = pytest.mark.parametrize("database_source", ["sqlite_template"], indirect=True)

HERE, ELSEWHERE = "203.0.113.7", "203.0.113.8"
MOST = 3
WRONG_KEY = f"cs_{'a' * 12}_x"


@pytest.fixture
async def services(make_settings: MakeSettings, clock: Clock) -> AsyncIterator[Services]:
    async with open_services(make_settings(failed_credentials_per_minute=MOST), clock) as opened:
        yield opened


@pytest.fixture
async def people(services: Services, demo: DemoApp) -> dict[str, str]:
    """Opaque credentials of a person, by the way they are shown."""
    await make_user(services, "demo", ANNA, PASSWORD)
    signed_in = await services.bearers.sign_in(ANNA, PASSWORD)
    return {"access": await services.access_tokens.issue("demo", "anna"), "bearer": signed_in.token, "key": demo.key}


Identify = Callable[[Services, str | None, str], Awaitable[Any]]

DOORS: dict[str, Identify] = {
    "native": lambda services, text, address: services.callers.identify(text, address),
    "panel": lambda services, text, address: services.callers.identify_key(text, address),
    "oksky": lambda services, text, address: services.callers.identify_access(text, address),
    "pulse": lambda services, text, address: services.callers.identify_bearer(text, address),
    "socket": lambda services, text, address: services.callers.identify_user(text or "", address),
    "observer": lambda services, text, address: services.callers.identify_server(text or "", address),
}


async def outcome(services: Services, door: str, text: str | None, address: str = HERE) -> Distrust | str:
    try:
        await DOORS[door](services, text, address)
    except Unauthenticated as error:
        return error.reason
    except TooManyRequests as error:
        return error.limit or "?"
    return "good"


SHUT = "failed_credentials_per_minute"


async def spend(services: Services) -> None:
    for _ in range(MOST):
        await outcome(services, "panel", WRONG_KEY)


async def sign(services: Services, app_id: str = "demo", **claims: Any) -> str:
    app = await services.apps.get("demo")
    now = services.clock.now() // 1000
    claims = {"sub": "anna", "aid": app_id, "iat": now, "exp": now + 60, **claims}
    return jwt.encode(claims, app.jwt_secret, algorithm="HS256")


async def reads(attempt: Awaitable[Any]) -> int:
    """How often the database was asked meanwhile."""
    with counted() as statements:
        await attempt
    return len(statements)


@pytest.mark.parametrize(
    ("door", "text", "reason"),
    [
        ("native", WRONG_KEY, Distrust.UNKNOWN_KEY),
        ("native", "a.b.c", Distrust.BAD_TOKEN),
        ("native", "op_nobodys", Distrust.UNKNOWN_KEY),
        ("panel", "x", Distrust.UNKNOWN_KEY),
        ("oksky", "ca_nobodys", Distrust.UNKNOWN_KEY),
        ("pulse", "cb_nobodys", Distrust.BAD_BEARER),
        ("socket", "a.b.c", Distrust.BAD_TOKEN),
        ("observer", WRONG_KEY, Distrust.UNKNOWN_KEY),
        ("observer", "op_nobodys", Distrust.UNKNOWN_KEY),
    ],
)
async def test_each_door_counts_what_is_wrong(services: Services, door: str, text: str, reason: Distrust) -> None:
    for _ in range(MOST):
        assert await outcome(services, door, text) is reason
    assert await outcome(services, "panel", WRONG_KEY) == SHUT
    assert await outcome(services, "panel", WRONG_KEY, ELSEWHERE) is Distrust.UNKNOWN_KEY


@pytest.mark.parametrize(
    ("door", "text"),
    [
        ("native", WRONG_KEY),
        ("native", "op_nobodys"),
        ("observer", WRONG_KEY),
        ("panel", WRONG_KEY),
        ("oksky", "ca_nobodys"),
        ("oksky", WRONG_KEY),
        ("pulse", "cb_nobodys"),
    ],
)
async def test_then_nothing_is_looked_up_any_more(services: Services, door: str, text: str) -> None:
    assert await reads(outcome(services, door, text)) > 0
    await spend(services)
    services.apps.forget("demo")
    assert await reads(outcome(services, door, text)) == 0
    assert await outcome(services, door, text) == SHUT


async def test_what_was_good_here_before_goes_on_and_what_was_not_does_not(
    services: Services, people: dict[str, str]
) -> None:
    """A backend behind the proxy of somebody who guesses; and a guess that is right tells nothing."""
    _, fresh = await services.apps.create_key("demo", "new", frozenset(), (), None)
    shown = {"native": people["key"], "oksky": people["access"], "pulse": people["bearer"]}
    for door, text in shown.items():
        assert await outcome(services, door, text) == "good"
    await spend(services)
    for door, text in shown.items():
        assert await outcome(services, door, text) == "good"
    assert await outcome(services, "native", fresh) == SHUT
    assert await outcome(services, "native", fresh, ELSEWHERE) == "good"
    assert await outcome(services, "native", fresh) == "good"


async def test_a_key_that_was_good_and_is_revoked_is_refused_as_ever(services: Services, demo: DemoApp) -> None:
    assert await outcome(services, "native", demo.key) == "good"
    await spend(services)
    await services.apps.revoke_key("demo", demo.key.split("_")[1])
    services.apps.forget("demo")
    assert await outcome(services, "native", demo.key) is Distrust.UNKNOWN_KEY


@pytest.mark.parametrize("door", ["native", "socket"])
async def test_tokens_of_an_app_that_is_known_are_verified_all_the_same(
    services: Services, people: dict[str, str], door: str
) -> None:
    assert await outcome(services, "native", people["key"]) == "good"
    await spend(services)
    assert await outcome(services, door, await sign(services)) == "good"
    assert await outcome(services, door, (await sign(services))[:-6] + "AAAAAA") is Distrust.BAD_TOKEN


@pytest.mark.parametrize("door", ["native", "socket"])
async def test_apps_that_are_not_known_are_not_looked_for(services: Services, demo: DemoApp, door: str) -> None:
    token = await sign(services, "no-such-app")
    assert await reads(outcome(services, door, token)) > 0
    await spend(services)
    other = await sign(services, "no-other-app")
    assert await reads(outcome(services, door, other)) == 0
    assert await outcome(services, door, other) == SHUT


async def test_an_office_whose_tokens_are_over_is_not_shut_out(
    services: Services, people: dict[str, str], clock: Clock
) -> None:
    token = await sign(services)
    clock.advance(3600)
    for door in ("native", "socket"):
        for _ in range(MOST + 1):
            assert await outcome(services, door, token) is Distrust.EXPIRED_TOKEN
            assert await outcome(services, "native", None) is Distrust.MISSING
            assert await outcome(services, door, await sign(services, sub="nobody")) is Distrust.NO_SUCH_USER
    assert await outcome(services, "native", people["key"]) == "good"
    assert await outcome(services, "panel", WRONG_KEY) is Distrust.UNKNOWN_KEY
