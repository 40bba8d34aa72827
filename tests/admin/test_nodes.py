"""The nodes of the dashboard: what each says of itself, and how many sockets of an app it has, by transport."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any

import pytest
import socketio
from aiohttp import ClientSession

from chatsrv.domain.clock import Clock
from chatsrv.domain.presence import SERVER
from chatsrv.services import Services, open_services
from chatsrv.storage.keys import shard_of
from tests.admin.conftest import Browser
from tests.conftest import DemoApp, MakeSettings
from tests.realtime.conftest import Client, eventually
from tests.realtime.observer import Onlooker

pytestmark = pytest.mark.parametrize("database_source", ["sqlite_template"], indirect=True)


@pytest.fixture
async def sockets() -> AsyncIterator[AsyncExitStack]:
    async with AsyncExitStack() as stack:
        yield stack


async def come(sockets: AsyncExitStack, services: Services, url: str, app_id: str, *transports: str) -> Any:
    users, _ = await services.watching.find(app_id, ["anna"])
    if not users:
        await services.users.create(app_id, {"username": "anna"}, SERVER)
    token, _ = await services.callers.mint_token(await services.apps.get(app_id), "anna", 600)
    client = socketio.AsyncClient(reconnection=False)
    await client.connect(url, auth={"token": token}, transports=transports)
    if transports == ("polling",):
        # its own way out takes half a minute
        sockets.push_async_callback(client.eio.http.close)
    else:
        sockets.push_async_callback(client.disconnect)
    return client


async def nodes(browser: Browser, app_id: str = "demo") -> dict[str, Any]:
    seen = await browser.ask("GET", f"/admin/apps/{app_id}/nodes")
    assert seen.status == 200, seen.body
    told: dict[str, Any] = seen.json
    return told


async def test_each_node_tells_who_it_is_and_the_sockets_of_the_app_by_their_transport_of_now(
    operator: Browser, services: Services, sockets: AsyncExitStack
) -> None:
    await services.apps.create("other", None)
    for app_id in ("demo", "demo", "other"):
        await come(sockets, services, operator.url, app_id, "websocket")
    polling = await come(sockets, services, operator.url, "demo", "polling")
    upgraded = await come(sockets, services, operator.url, "demo", "polling", "websocket")
    await services.upkeep.beat()
    told = await nodes(operator)
    (node,) = told["nodes"]
    assert (node["sockets"], node["observers"]) == ({"websocket": 3, "polling": 1}, 0)
    assert told["transports"] == node["sockets"]
    assert node["node"] == services.presence._local.node
    assert all(node[name] for name in ("host", "pid", "version", "started_at"))
    assert node["alive"] is True
    dead_ms = services.settings.node_dead_s * 1000
    assert abs(node["lease_age_ms"] + node["lease_left_ms"] - dead_ms) <= 1
    assert (await nodes(operator, "other"))["transports"] == {"websocket": 1, "polling": 0}
    await upgraded.disconnect()
    await polling.eio.http.close()

    async def is_gone() -> bool:
        return services.metrics.registry.get_sample_value("chatsrv_sockets") == 4

    await eventually(is_gone, "the socket is gone")
    await services.upkeep.beat()
    assert (await nodes(operator))["transports"] == {"websocket": 2, "polling": 1}


async def test_who_comes_over_to_websocket_later_is_counted_there_from_then_on(
    operator: Browser, http: ClientSession, services: Services, demo: DemoApp
) -> None:
    """As browsers do it: connect by polling first."""
    await services.users.create("demo", {"username": "anna"}, SERVER)
    token, _ = await services.callers.mint_token(await services.apps.get("demo"), "anna", 600)
    path = f"{operator.url}/socket.io/?EIO=4&transport="
    async with http.get(f"{path}polling") as opened:
        sid = json.loads((await opened.text())[1:])["sid"]
    async with http.post(f"{path}polling&sid={sid}", data=f'40{{"token":"{token}"}}') as sent:
        assert await sent.text() == "ok"
    async with http.get(f"{path}polling&sid={sid}") as polled:
        assert "hello" in await polled.text()
    await services.upkeep.beat()
    assert (await nodes(operator))["transports"] == {"websocket": 0, "polling": 1}
    async with http.ws_connect(f"{path}websocket&sid={sid}") as ws:
        await ws.send_str("2probe")
        assert await ws.receive_str() == "3probe"
        await ws.send_str("5")

        async def has_come_over() -> bool:
            await services.upkeep.beat()
            return bool((await nodes(operator))["transports"] == {"websocket": 1, "polling": 0})

        await eventually(has_come_over, "it is counted as a WebSocket")


async def test_who_watches_the_app_is_no_socket_of_it_but_is_told(
    operator: Browser, services: Services, demo: DemoApp
) -> None:
    onlooker = Onlooker(Client(operator.url))
    await onlooker.come(demo.key)
    await services.upkeep.beat()
    (node,) = (await nodes(operator))["nodes"]
    assert (node["sockets"], node["observers"]) == ({"websocket": 0, "polling": 0}, 1)
    await onlooker.client.io.disconnect()


async def test_a_node_whose_lease_is_over_is_told_so_until_it_is_swept_and_then_is_gone(
    operator: Browser, services: Services, make_settings: MakeSettings, clock: Clock
) -> None:
    await services.upkeep.beat()
    clock.advance(services.settings.node_dead_s / 2)
    async with open_services(make_settings(), clock) as dying:
        dying.nodes.count("demo", websocket=7)
        await dying.upkeep.beat()
        dead = dying.presence._local.node
    assert (await nodes(operator))["transports"]["websocket"] == 7
    clock.advance(services.settings.node_dead_s - 1)
    await services.upkeep.beat()
    assert [node["alive"] for node in (await nodes(operator))["nodes"]] == [True, True]
    clock.advance(2)
    first, second = (await nodes(operator))["nodes"]
    assert (first["alive"], second["alive"], second["node"], second["lease_left_ms"]) == (True, False, dead, 0)
    assert second["lease_age_ms"] >= services.settings.node_dead_s * 1000
    assert (await nodes(operator))["transports"]["websocket"] == 0
    await services.upkeep.sweep()
    assert [node["node"] for node in (await nodes(operator))["nodes"]] == [first["node"]]
    store = services.presence._store
    reports = await store._lane.call("HKEYS", store._key(shard_of("demo"), "reports"))
    assert [name.decode() for name in reports] == [first["node"]]


async def test_a_node_that_says_nothing_of_itself_is_told_all_the_same(operator: Browser, services: Services) -> None:
    await services.upkeep.beat()
    store = services.presence._store
    await store.beat(shard_of("demo"), "older")
    found = {node["node"]: node for node in (await nodes(operator))["nodes"]}
    assert (found["older"]["host"], found["older"]["started_at"]) == (None, None)
    assert found["older"]["sockets"] == {"websocket": 0, "polling": 0}


async def test_what_a_node_says_does_not_grow_with_its_sockets_nor_with_apps_that_were_there(
    services: Services, http: ClientSession
) -> None:
    nodes = services.nodes
    empty = [nodes.report(shard) for shard in range(16)]
    nodes.count("demo", websocket=1)
    one = len(nodes.report(shard_of("demo")))
    nodes.count("demo", websocket=99_998)
    assert len(nodes.report(shard_of("demo"))) - one == 4
    nodes.count("demo", websocket=-99_999)
    assert [nodes.report(shard) for shard in range(16)] == empty


async def test_of_an_app_that_nobody_has_there_are_none(operator: Browser) -> None:
    assert (await operator.ask("GET", "/admin/apps/nobodys/nodes")).status == 404
