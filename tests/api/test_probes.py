"""What platforms and operators ask: /healthz, /readyz and /metrics."""

from __future__ import annotations

import asyncio
import socket
import sqlite3
from pathlib import Path

import pytest
from aiohttp import ClientSession

from chatsrv.api.probes import metrics_app
from chatsrv.app import create_app
from chatsrv.domain.apps import ALL_SCOPES, Scope
from chatsrv.services import Services
from tests.api.native.people import USERS
from tests.api.native.refusals import refused
from tests.api.serving import serving, wire_to
from tests.client import Answer, ApiClient
from tests.conftest import MakeSettings
from tests.listening import served

ON_SQLITE = pytest.mark.parametrize("database_source", ["sqlite_template"], indirect=True)
OK = {"database": "ok", "redis": "ok", "migrations": "ok"}


async def test_a_server_that_has_all_it_needs_is_alive_and_ready(api: ApiClient) -> None:
    anyone = api.speaking_as(None)
    health, ready = await anyone.get("/healthz"), await anyone.get("/readyz")
    assert (health.status, health.json) == (200, {"status": "ok"})
    assert (ready.status, ready.json) == (200, {"status": "ok", "checks": OK})
    assert (await anyone.request("HEAD", "/readyz")).status == 200


def unready(answer: Answer) -> set[str]:
    """Which checks do not say ok."""
    assert (answer.status, answer.json["status"]) == (503, "unavailable")
    assert answer.json["checks"].keys() == OK.keys()
    return {name for name, found in answer.json["checks"].items() if found != "ok"}


@ON_SQLITE
async def test_without_a_database_it_is_alive_and_not_ready(make_settings: MakeSettings, free_port: int) -> None:
    settings = make_settings(database_url=f"postgres://x:secret@127.0.0.1:{free_port}/x")
    async with serving(settings) as (api, _):
        answer = await api.get("/readyz")
        assert unready(answer) == {"database", "migrations"}
        assert b"secret" not in answer.body
        assert (await api.get("/healthz")).status == 200


@ON_SQLITE
async def test_without_redis_it_is_alive_and_not_ready_until_redis_is_back(
    make_settings: MakeSettings, valkey_url: str
) -> None:
    async with wire_to(valkey_url) as wire:
        url = f"redis://127.0.0.1:{wire.port}"
        async with serving(make_settings(redis_url=url, redis_timeout_s=0.2)) as (api, _):
            assert (await api.get("/readyz")).json["checks"] == OK
            await wire.cut()
            assert unready(await api.get("/readyz")) == {"redis"}
            assert (await api.get("/healthz")).status == 200
            await wire.open()
            assert (await api.get("/readyz")).status == 200


@ON_SQLITE
async def test_a_database_that_is_behind_is_told_with_its_remedy(make_settings: MakeSettings, tmp_path: Path) -> None:
    sqlite3.connect(tmp_path / "empty.db").close()
    async with serving(make_settings(database_url=f"sqlite:///{tmp_path}/empty.db")) as (api, _):
        answer = await api.get("/readyz")
        assert unready(answer) == {"migrations"}
        assert "chatsrv migrate" in answer.json["checks"]["migrations"]


@ON_SQLITE
async def test_a_store_that_accepts_and_never_answers_is_not_waited_for(make_settings: MakeSettings) -> None:
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        url = f"postgres://x:y@127.0.0.1:{deaf.getsockname()[1]}/x"
        async with serving(make_settings(database_url=url, database_timeout_s=60)) as (api, _):
            assert unready(await api.get("/readyz")) == {"database", "migrations"}


@ON_SQLITE
async def test_the_metrics_take_a_key_with_the_scope_admin(api: ApiClient, services: Services) -> None:
    refused(await api.speaking_as(None).get("/metrics"), 401, 1302)
    _, other = await services.apps.create_key("demo", "x", ALL_SCOPES - {Scope.ADMIN}, (), None)
    refused(await api.speaking_as(other).get("/metrics"), 403, 40105)
    await api.post(USERS, {"username": "anna"})
    token = (await api.post(f"{USERS}/anna/tokens")).json["token"]
    refused(await api.speaking_as(token).get("/metrics"), 403, 40105)
    answer = await api.get("/metrics")
    assert (answer.status, answer.headers["Content-Type"]) == (200, "text/plain; version=0.0.4; charset=utf-8")
    assert b'chatsrv_http_requests_total{dialect="native",method="POST",status="201"}' in answer.body


@ON_SQLITE
async def test_no_app_learns_from_the_metrics_that_there_is_another(api: ApiClient, services: Services) -> None:
    assert (await api.get("/metrics")).status == 200
    _, neighbours = await services.apps.create("next-door", None)
    for client in (api, api.speaking_as(neighbours)):
        refused(await client.get("/metrics"), 403, 40105)
    await services.apps.delete("next-door")
    assert (await api.get("/metrics")).status == 200


@ON_SQLITE
async def test_a_key_of_the_server_opens_the_metrics_and_then_no_key_of_an_app(make_settings: MakeSettings) -> None:
    async with serving(make_settings(metrics_key="ours and long")) as (api, services):
        _, key = await services.apps.create("demo", None)
        for name, value in (("Authorization", "Bearer ours and long"), ("X-Api-Key", "ours and long")):
            assert (await api.speaking_as(None).with_headers({name: value}).get("/metrics")).status == 200
        refused(await api.speaking_as(key).get("/metrics"), 403, 40105)
        refused(await api.speaking_as(None).get("/metrics"), 401, 1302)
        refused(await api.speaking_as("ours and longer").get("/metrics"), 401, 1302)
        refused(await api.speaking_as("ours and long").get("/v1/demo/users"), 401, 1302)
        reader, writer = await asyncio.open_connection("127.0.0.1", int(api.url.rpartition(":")[2]))
        writer.write(b"GET /metrics HTTP/1.1\r\nHost: x\r\nX-Api-Key: \xff\r\nConnection: close\r\n\r\n")
        assert b" 401 " in (await reader.read()).partition(b"\r\n")[0]
        writer.close()


@ON_SQLITE
async def test_on_their_own_address_the_metrics_need_no_key(services: Services) -> None:
    async with served(metrics_app(create_app(services)), services.settings) as url, ClientSession() as session:
        api = ApiClient(session, url, {})
        answer = await api.get("/metrics")
        assert (answer.status, b"chatsrv_sockets" in answer.body) == (200, True)
        assert (await api.get(USERS)).status == 404


@ON_SQLITE
async def test_the_metrics_tell_how_many_tasks_there_are(api: ApiClient) -> None:
    before = await count_tasks(api)
    waiting = [asyncio.create_task(asyncio.Event().wait()) for _ in range(1000)]
    # some that served the test before may still be ending
    assert abs(await count_tasks(api) - before - 1000) < 200
    for task in waiting:
        task.cancel()
    await asyncio.wait(waiting)
    assert abs(await count_tasks(api) - before) < 200


async def count_tasks(api: ApiClient) -> float:
    lines = (await api.get("/metrics")).body.decode().splitlines()
    return float(next(line for line in lines if line.startswith("chatsrv_tasks ")).split()[1])
