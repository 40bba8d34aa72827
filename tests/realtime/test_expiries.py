"""Tokens that run out while their socket lives."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from chatsrv.domain.clock import Clock
from chatsrv.domain.instants import from_text
from chatsrv.domain.presence import SERVER
from chatsrv.services import Services
from tests.conftest import DemoApp
from tests.realtime.conftest import Client

pytestmark = pytest.mark.parametrize("database_source", ["sqlite_template"], indirect=True)

NewClient = Callable[..., Client]


@pytest.fixture
async def anna(new_client: NewClient, services: Services, demo: DemoApp) -> Client:
    """Connected with a token that is good for ten minutes, and never idle."""
    await services.apps.change_setting(demo.id, "idle_after_s", "0")
    for username in ("anna", "bert"):
        await services.users.create(demo.id, {"username": username}, SERVER)
    client = new_client()
    await client.connect({"token": await mint(services, "anna", 600)})
    return client


async def mint(services: Services, username: str, ttl_s: int) -> str:
    return (await services.callers.mint_token(await services.apps.get("demo"), username, ttl_s))[0]


async def test_a_socket_is_warned_and_then_closed_with_leave_to_come_back(anna: Client, clock: Clock) -> None:
    clock.advance(545)
    warning = await anna.next("token:expiring")
    assert 0 < from_text(warning["expires_at"]) - clock.now() <= 60_000
    clock.advance(85)
    assert await anna.next("session:close") == {"code": 4008, "reason": "token_expired", "reconnect": True}
    await anna.io.wait()


async def test_a_newer_token_keeps_the_socket(anna: Client, services: Services, clock: Clock) -> None:
    clock.advance(545)
    await anna.next("token:expiring")
    ack = await anna.io.call("auth:refresh", {"token": await mint(services, "anna", 3600)})
    assert from_text(ack["expires_at"]) > clock.now() + 3_500_000
    clock.advance(600)
    assert await anna.io.call("presence:unsubscribe", {"usernames": []}) == {"count": 0}
    assert anna.events.empty()


async def test_a_token_of_somebody_else_or_of_nobody_is_refused(anna: Client, services: Services) -> None:
    other = await anna.io.call("auth:refresh", {"token": await mint(services, "bert", 3600)})
    assert (other["error"]["code"], other["error"]["type"]) == (40005, "BadUsernameInToken")
    assert (await anna.io.call("auth:refresh", {"token": "x.y.z"}))["error"]["code"] == 1021
    assert (await anna.io.call("auth:refresh", {"token": 7}))["error"]["code"] == 40003
    assert (await anna.io.call("auth:refresh", {}))["error"]["code"] == 40003
