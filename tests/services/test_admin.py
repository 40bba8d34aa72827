"""The operator's links, sessions and apps, on either database."""

from __future__ import annotations

import asyncio

import pytest

from chatsrv.domain.admin import AppSummary
from chatsrv.domain.apps import ALL_SCOPES, Operator
from chatsrv.domain.clock import Clock
from chatsrv.domain.errors import Unauthenticated
from chatsrv.domain.presence import SERVER, Claim, PresenceStatus, Source, Viewer
from chatsrv.domain.sessions import Device, NewSession
from chatsrv.services import Services
from tests.conftest import DemoApp


async def test_of_many_who_come_with_one_link_at_once_one_is_let_in(services: Services) -> None:
    token, _ = await services.admin.make_link()
    tries = [services.admin.sign_in_by_link(token, "192.0.2.1") for _ in range(8)]
    outcomes = await asyncio.gather(*tries, return_exceptions=True)
    (opened,) = [outcome for outcome in outcomes if isinstance(outcome, tuple)]
    assert [type(outcome) for outcome in outcomes if outcome is not opened] == [Unauthenticated] * 7
    assert await services.operators.find(opened[0], "192.0.2.1") == opened[1]


async def come(services: Services, username: str) -> None:
    user = await services.users.find("demo", username)
    app = await services.apps.get("demo")
    await services.presence.open(app, user, NewSession(username, "c", False, Device.WEB, None, "websocket", ""))


async def test_apps_are_told_with_who_lives_who_is_here_and_how_many_keys_open_them(
    services: Services, demo: DemoApp, clock: Clock
) -> None:
    await services.upkeep.beat()
    clock.advance(services.settings.node_dead_s + 1)  # in a new keyspace nobody is declared offline before that
    await services.apps.create("empty", "Nobody's")
    for name in ("anna", "ben", "cleo", "dora"):
        await services.users.create("demo", {"username": name}, SERVER)
        await come(services, name)
    hidden = Claim("x", Source.MANUAL, PresenceStatus.INVISIBLE, set_at=clock.now())
    await services.claims.put(await services.users.find("demo", "ben"), hidden, None, "", Viewer(None))
    await services.accounts.discard("demo", "dora", SERVER)
    revoked, _ = await services.apps.create_key("demo", "x", ALL_SCOPES, (), None)
    await services.apps.revoke_key("demo", revoked.id)
    await services.apps.create_key("demo", "x", ALL_SCOPES, (), clock.now() + 1000)
    clock.advance(2)
    everything = await services.overview.list_apps(Operator(clock.now() + 1))
    assert everything == [AppSummary("demo", "demo", 3, 1, 2), AppSummary("empty", "Nobody's", 0, 1, 0)]


@pytest.mark.parametrize("database_source", ["sqlite_template"], indirect=True)
async def test_who_came_by_a_key_sees_its_app_alone(services: Services, demo: DemoApp) -> None:
    _, key = await services.apps.create("other", None)
    _, operator = await services.admin.sign_in_by_key(key, "192.0.2.1")
    assert [app.id for app in await services.overview.list_apps(operator)] == ["other"]
