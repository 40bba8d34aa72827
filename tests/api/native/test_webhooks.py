"""Webhooks over REST: who may, what a good one is, what is shown when, and what is told of what went to it."""

from __future__ import annotations

import socket
import threading
from pathlib import Path
from typing import Any

import pytest

from chatsrv.domain.apps import ALL_SCOPES, Scope
from chatsrv.domain.audit import AuditQuery
from chatsrv.services import Services
from chatsrv.services.lookups import Names
from tests.client import Answer, ApiClient
from tests.conftest import DemoApp, MakeSettings

HOOKS = "/v1/demo/webhooks"
URL = "https://8.8.8.8/hooks?key=hunter2"


@pytest.fixture
def database_source(sqlite_template: Path) -> Path:
    """What is SQL alone is tried with both databases in tests/services."""
    return sqlite_template


@pytest.fixture
def make_settings(make_settings: MakeSettings) -> MakeSettings:
    """Nothing is sent in these tests."""
    return lambda **values: make_settings(**{"run_worker": False, "webhooks_per_app": 3, **values})


async def made(api: ApiClient, **values: Any) -> dict[str, Any]:
    answer = await api.post(HOOKS, {"url": URL, **values})
    assert answer.status == 201, answer.json
    webhook: dict[str, Any] = answer.json
    assert answer.headers["Location"] == f"{HOOKS}/{webhook['id']}"
    return webhook


def problems(answer: Answer) -> dict[str, str]:
    assert (answer.status, answer.code) == (400, 40003)
    return {error["field"]: error["message"] for error in answer.json["errors"]}


async def test_a_webhook_is_made_read_changed_and_deleted(api: ApiClient) -> None:
    webhook = await made(api, events=["user.created", "user.deleted", "user.created"], description="The shop")
    assert webhook["events"] == ["user.created", "user.deleted"]
    secret = webhook.pop("secret")
    place = f"{HOOKS}/{webhook['id']}"
    assert (await api.get(place)).json == webhook
    assert (await api.get(HOOKS)).json == {"webhooks": [webhook]}
    assert secret.startswith("whsec_")
    changed = await api.patch(place, {**webhook, "events": [], "active": False, "description": ""})
    assert changed.status == 200
    assert {name: changed.json[name] for name in ("url", "events", "active", "description")} == {
        "url": URL,
        "events": [],
        "active": False,
        "description": "",
    }
    assert changed.json["updated_at"] > webhook["updated_at"]
    assert (await api.delete(place)).status == 204
    assert (await api.get(place)).status == 404
    assert (await api.get(HOOKS)).json == {"webhooks": []}


BAD: tuple[tuple[dict[str, Any], str, str], ...] = (
    ({}, "url", "is required"),
    ({"url": "shop.example"}, "url", "must be a URL"),
    ({"url": "http://127.0.0.1/"}, "url", "is a private address"),
    ({"url": "http://169.254.169.254/latest"}, "url", "no address of a receiver"),
    ({"url": "https://anna:secret@8.8.8.8/"}, "url", "no user"),
    ({"url": URL, "events": "user.created"}, "events", "must be a list of user.created"),
    ({"url": URL, "events": ["user.born"]}, "events", "must be a list of"),
    ({"url": URL, "events": ["ping"]}, "events", "must be a list of"),
    ({"url": URL, "events": [1]}, "events", "must be a list of"),
    ({"url": URL, "description": 1}, "description", "at most 200"),
    ({"url": URL, "description": "x" * 201}, "description", "at most 200"),
    ({"url": URL, "description": "\u0000"}, "description", "at most 200"),
    ({"url": URL, "active": "yes"}, "active", "true or false"),
    ({"url": URL, "colour": "red"}, "colour", "is not known here"),
)


async def test_what_is_no_webhook_is_refused_by_field(api: ApiClient) -> None:
    place = f"{HOOKS}/{(await made(api))['id']}"
    for body, field, why in BAD:
        assert why in problems(await api.post(HOOKS, body))[field]
        if body:
            assert why in problems(await api.patch(place, body))[field]


async def test_a_name_that_means_an_address_of_ours_is_refused_when_it_is_given(
    api: ApiClient, services: Services
) -> None:
    asked: list[str] = []

    def ask(host: str) -> list[str]:
        asked.append(host)
        return ["10.0.0.7"]

    services.webhooks.names = Names(ask)
    answer = await api.post(HOOKS, {"url": "https://inside.example:8443/"})
    assert "10.0.0.7 is a private address" in problems(answer)["url"]
    place = f"{HOOKS}/{(await made(api))['id']}"
    assert "is a private address" in problems(await api.patch(place, {"url": "http://inside.example/"}))["url"]
    assert asked == ["inside.example", "inside.example"]


async def test_a_name_that_nobody_knows_now_may_be_given(api: ApiClient, services: Services) -> None:
    """It is looked up with each connection, and what hangs keeps nobody who makes a webhook."""
    back = threading.Event()

    def ask(host: str) -> list[str]:
        assert host == "unknown.example" or back.wait(60)
        raise socket.gaierror(socket.EAI_NONAME, "unknown")

    services.webhooks.names = Names(ask, limit_s=0.01)
    for host in ("unknown.example", "slow.example"):
        assert (await api.post(HOOKS, {"url": f"https://{host}/"})).status == 201
    back.set()


async def test_an_app_may_have_so_many(api: ApiClient) -> None:
    for _ in range(3):
        webhook = await made(api)
    assert "an app may have 3" in problems(await api.post(HOOKS, {"url": URL}))["url"]
    await api.delete(f"{HOOKS}/{webhook['id']}")
    await made(api)


async def test_nobody_but_a_server_key_with_the_scope_admin_may(
    api: ApiClient, services: Services, demo: DemoApp
) -> None:
    place = f"{HOOKS}/{(await made(api))['id']}"
    _, key = await services.apps.create_key("demo", "lesser", ALL_SCOPES - {Scope.ADMIN}, (), None)
    await api.post("/v1/demo/users", {"username": "anna"})
    token = (await api.post("/v1/demo/users/anna/tokens")).json["token"]
    for credential in (key, token):
        client = api.speaking_as(credential)
        for answer in (await client.get(HOOKS), await client.get(place), await client.post(f"{place}/ping")):
            assert (answer.status, answer.code) == (403, 40105)


async def test_a_secret_is_shown_once_and_replaced_by_another(api: ApiClient) -> None:
    webhook = await made(api)
    place = f"{HOOKS}/{webhook['id']}"
    rotated = (await api.post(f"{place}/rotate_secret")).json
    assert rotated["secret"] != webhook["secret"]
    for answer in (await api.get(HOOKS), await api.get(place), await api.patch(place, {})):
        assert "whsec_" not in answer.body.decode()


async def test_what_went_to_a_webhook_is_listed_a_page_at_a_time(api: ApiClient) -> None:
    webhook = await made(api)
    for number in range(4):
        await api.post("/v1/demo/users", {"username": f"u{number}"})
    place = f"{HOOKS}/{webhook['id']}/deliveries"
    seqs: list[int] = []
    link = f"{place}?limit=2"
    while link:
        answer = await api.get(link)
        seqs += [one["seq"] for one in answer.json["deliveries"]]
        link = answer.json["links"]["next"]
    assert seqs == [5, 4, 3, 2, 1]
    [newest, *_] = (await api.get(place)).json["deliveries"]
    assert (newest["type"], newest["status"], newest["attempts"]) == ("user.created", "pending", 0)
    assert (await api.get(f"{place}?status=failed")).json == {"deliveries": [], "links": {"next": None}}
    assert (await api.get(f"{place}?status=lost")).status == 400
    assert (await api.get(f"{place}?cursor=x")).status == 400
    assert (await api.get(f"{place}?limit=201")).status == 400


async def test_deliveries_are_replayed_one_by_one_and_by_range(api: ApiClient) -> None:
    place = f"{HOOKS}/{(await made(api))['id']}"
    [ping] = (await api.get(f"{place}/deliveries")).json["deliveries"]
    answer = await api.post(f"{place}/deliveries/{ping['id']}/replay")
    assert answer.status == 202
    assert answer.json["event_id"] == ping["event_id"]
    for body in ({}, {"status": "failed"}, {"from": "2026-01-01", "to": None}):
        answer = await api.post(f"{place}/replay", body)
        assert (answer.status, answer.json) == (202, {"count": 0})
    for field, value in (("status", "lost"), ("from", "soon"), ("to", 5), ("until", "2026-01-01")):
        assert field in problems(await api.post(f"{place}/replay", {field: value}))
    assert (await api.post(f"{place}/deliveries/999/replay")).status == 404
    assert (await api.post(f"{place}/deliveries/x/replay")).status == 404


async def test_to_a_webhook_that_is_not_active_nothing_is_sent(api: ApiClient) -> None:
    place = f"{HOOKS}/{(await made(api, active=False))['id']}"
    assert (await api.get(f"{place}/deliveries")).json["deliveries"] == []
    for path in ("ping", "replay"):
        answer = await api.post(f"{place}/{path}", {})
        assert (answer.status, answer.code) == (409, 40902)
    await api.patch(place, {"active": True})
    assert (await api.post(f"{place}/ping")).status == 202
    [ping] = (await api.get(f"{place}/deliveries")).json["deliveries"]
    assert ping["type"] == "ping"


async def test_what_is_done_to_a_webhook_is_in_the_audit_trail_without_its_secrets(
    api: ApiClient, services: Services
) -> None:
    place = f"{HOOKS}/{(await made(api))['id']}"
    await api.patch(place, {"description": "B", "url": URL})
    await api.post(f"{place}/rotate_secret")
    await api.post(f"{place}/replay", {})
    await api.delete(place)
    entries = [one for one in await services.audit.find("demo", AuditQuery(50)) if one.action.startswith("webhook_")]
    assert [(one.action.removeprefix("webhook_"), one.actor_kind) for one in entries] == [
        ("created", "key"),
        ("changed", "key"),
        ("secret_rotated", "key"),
        ("replayed", "key"),
        ("deleted", "key"),
    ]
    assert entries[0].detail == {"host": "8.8.8.8", "events": []}
    assert entries[1].detail == {"host": "8.8.8.8", "fields": ["description"]}
    assert "hunter2" not in str(entries)
    assert "whsec_" not in str(entries)
