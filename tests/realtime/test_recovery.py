"""Nodes that stop, data that are lost, and sockets that are gone: what presence makes of it."""

from __future__ import annotations

import pytest

from chatsrv.domain.clock import Clock
from chatsrv.domain.instants import to_text
from chatsrv.domain.presence import SERVER
from chatsrv.domain.sessions import Device, NewSession
from chatsrv.services import Services, open_services
from chatsrv.storage import users as rows
from tests.client import ApiClient
from tests.conftest import DemoApp, MakeSettings
from tests.realtime.conftest import Client, LoseData, NewClient, running_node, shows

pytestmark = pytest.mark.parametrize("database_source", ["sqlite_template"], indirect=True)


async def test_stopping_a_node_hands_its_users_over_without_a_change(
    services: Services, demo: DemoApp, token: str, make_settings: MakeSettings, clock: Clock
) -> None:
    async with open_services(make_settings(), clock) as stopping, running_node(stopping) as url:
        client = Client(url)
        await client.connect({"token": token, "client_id": "tab"})
    await client.io.disconnect()
    clock.advance(50)
    await services.upkeep.beat()
    await services.upkeep.sweep()
    person = await services.users.get(demo.id, "anna", SERVER)
    assert int(person.presence.status) == 1
    clock.advance(15)
    await services.upkeep.sweep()
    person = await services.users.get(demo.id, "anna", SERVER)
    assert int(person.presence.status) == 0


async def test_sessions_that_redis_lost_are_registered_again_under_a_new_epoch(
    api: ApiClient, new_client: NewClient, token: str, services: Services, lose_data: LoseData
) -> None:
    client = new_client()
    hello = await client.connect({"token": token})
    await lose_data()
    assert await shows(api, 1), "as this node remembers it"
    await services.upkeep.beat()
    assert await shows(api, 1)
    login_at = (await api.get("/v1/demo/users/anna")).json["last_login_at"]
    assert login_at == hello["user"]["last_login_at"], "a login that SQL did not have yet"
    diff = await client.next("presence:diff")
    assert diff["epoch"] != hello["epoch"]


async def test_a_session_whose_socket_is_gone_is_found_and_ended(
    api: ApiClient, token: str, services: Services, clock: Clock
) -> None:
    app, user = await services.apps.get("demo"), await services.users.find("demo", "anna")
    await services.presence.open(app, user, NewSession("gone", "gone", False, Device.WEB, False, "websocket", ""))
    services.presence._local.remove("gone")
    assert await shows(api, 1)
    await services.upkeep.reconcile()
    clock.advance(16)
    await services.upkeep.sweep()
    assert await shows(api, 0)


async def test_a_user_whom_sql_lost_behind_our_back_is_closed(
    new_client: NewClient, token: str, services: Services
) -> None:
    client = new_client()
    await client.connect({"token": token})
    async with services.db.write() as tx:
        anna = await rows.get(tx, "demo", "anna")
        assert anna
        await rows.remove(tx, anna)
    await services.upkeep.reconcile()
    assert (await client.next("session:close"))["code"] == 4004


async def test_logins_reach_sql_so_that_losing_redis_loses_none(
    new_client: NewClient, token: str, services: Services
) -> None:
    hello = await new_client().connect({"token": token})
    await services.clocks.flush()
    async with services.db.read() as tx:
        user = await rows.get(tx, "demo", "anna")
    assert user
    assert to_text(user.clocks.last_login_at) == hello["user"]["last_login_at"]
