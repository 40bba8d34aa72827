"""Server keys: their two headers, scopes, networks, expiry, rotation and revocation."""

from __future__ import annotations

import pytest

from chatsrv.domain.apps import ALL_SCOPES, Scope
from chatsrv.domain.clock import Clock
from chatsrv.services import Services
from tests.api.native.people import USERS, add
from tests.api.native.refusals import refused
from tests.api.raw import send
from tests.api.serving import serving
from tests.client import ApiClient
from tests.conftest import DemoApp, MakeSettings

pytestmark = pytest.mark.parametrize("database_source", ["sqlite_template"], indirect=True)

CHANNELS = "/v1/demo/channels"
READ, WRITE, TOKENS = Scope.USERS_READ, Scope.USERS_WRITE, Scope.SESSIONS_WRITE
NEEDED = {
    ("GET", USERS): READ,
    ("HEAD", USERS): READ,
    ("GET", f"{USERS}/anna"): READ,
    ("GET", "/v1/users/anna"): READ,
    ("GET", "/v1/demo/bulk/users"): READ,
    ("POST", USERS): WRITE,
    ("POST", "/v1/users"): WRITE,
    ("PUT", f"{USERS}/anna"): WRITE,
    ("PATCH", f"{USERS}/anna"): WRITE,
    ("POST", f"{USERS}/anna/rename"): WRITE,
    ("POST", f"{USERS}/anna/deactivate"): WRITE,
    ("POST", f"{USERS}/anna/reactivate"): WRITE,
    ("POST", "/v1/demo/bulk/users"): WRITE,
    ("PUT", "/v1/demo/bulk/users"): WRITE,
    ("POST", f"{USERS}/anna/tokens"): TOKENS,
    ("DELETE", f"{USERS}/anna"): WRITE,
    ("GET", CHANNELS): READ,
    ("GET", f"{CHANNELS}/1"): READ,
    ("GET", f"{CHANNELS}/1/users"): READ,
    ("POST", CHANNELS): WRITE,
    ("PUT", f"{CHANNELS}/1"): WRITE,
    ("DELETE", f"{CHANNELS}/1"): WRITE,
    ("POST", f"{CHANNELS}/1/users"): WRITE,
    ("DELETE", f"{CHANNELS}/1/users"): WRITE,
}


async def key_with(services: Services, *scopes: Scope, networks: tuple[str, ...] = ()) -> str:
    return (await services.apps.create_key("demo", "test", frozenset(scopes), networks, None))[1]


async def test_a_key_may_come_in_either_header(api: ApiClient, demo: DemoApp) -> None:
    for headers in (
        {"Authorization": f"Bearer {demo.key}"},
        {"Authorization": f"bearer  {demo.key} "},
        {"X-Api-Key": demo.key},
        {"X-Api-Key": demo.key, "Authorization": "Basic eDp5"},
        {"X-Api-Key": "nonsense", "Authorization": f"Bearer {demo.key}"},
    ):
        assert (await api.speaking_as(None).get(USERS, headers=headers)).status == 200


async def test_without_a_good_key_the_answer_is_1302_and_says_nothing_of_rates(api: ApiClient, demo: DemoApp) -> None:
    nobody, (begin, end) = api.speaking_as(None), (demo.key[:-1], demo.key[-1])
    wrong = begin + ("a" if end != "a" else "b")
    bad = [
        "",
        "x",
        "cs_",
        "cs__",
        wrong,
        begin,
        demo.key + "a",
        demo.key.upper(),
        "cs_000000000000_x",
        "cs_é_x",
        "ÿ" * 9,
    ]
    for headers in ({}, {"Authorization": demo.key}, {"Authorization": "Bearer"}, *({"X-Api-Key": key} for key in bad)):
        answer = await nobody.get(USERS, headers=headers)
        refused(answer, 401, 1302)
        assert "X-RateLimit-Limit" not in answer.headers
    refused(await send(api, f"GET {USERS}\nX-Api-Key: cs_{'a' * 12}_\xff", anonymous=True), 401, 1302)


async def test_each_route_needs_its_scope_and_no_other(api: ApiClient, services: Services) -> None:
    await add(api, "anna")
    keys = {scope: api.speaking_as(await key_with(services, scope)) for scope in (READ, WRITE, TOKENS)}
    keys |= {Scope.ADMIN: api.speaking_as(await key_with(services, *(ALL_SCOPES - {READ, WRITE, TOKENS})))}
    for (method, path), needed in NEEDED.items():
        for scope, client in keys.items():
            body = {"username": "anna", "users": []} if method == "POST" and scope is needed else None
            answer = await client.request(method, path, json=body)
            allowed = scope is needed
            assert (answer.status == 403) is not allowed, (method, path, scope)
            if not allowed and method != "HEAD":
                refused(answer, 403, 40105)
            assert "X-RateLimit-Remaining" in answer.headers


async def test_a_write_answers_its_own_result_to_a_key_that_may_not_read(api: ApiClient, services: Services) -> None:
    writer = api.speaking_as(await key_with(services, WRITE))
    made = await writer.post(USERS, {"username": "anna"})
    assert (made.status, made.json["username"]) == (201, "anna")
    refused(await writer.get(made.headers["Location"]), 403, 40105)


async def test_a_key_works_from_its_networks_alone(api: ApiClient, services: Services) -> None:
    for networks, status in {
        ("10.0.0.0/8",): 403,
        ("10.0.0.0/8", "127.0.0.0/8"): 200,
        ("::1", "127.0.0.1"): 200,
    }.items():
        client = api.speaking_as(await key_with(services, READ, networks=networks))
        answer = await client.get(USERS, headers={"X-Forwarded-For": "10.0.0.1"})
        assert answer.status == status
        if status == 403:
            refused(answer, 403, 40105)
            assert "X-RateLimit-Remaining" in answer.headers


async def test_behind_a_proxy_of_ours_its_word_on_the_address_counts(make_settings: MakeSettings) -> None:
    async with serving(make_settings(trusted_proxies=1)) as (anyone, services):
        await services.apps.create("demo", None)
        client = anyone.speaking_as(await key_with(services, READ, networks=("10.0.0.0/8",)))
        for forwarded, status in {
            "10.1.1.1": 200,
            "10.1.1.1, 9.9.9.9": 403,
            "9.9.9.9, 10.1.1.1": 200,
            "x": 403,
        }.items():
            answer = await client.get(f"{USERS}?presence=true", headers={"X-Forwarded-For": forwarded})
            assert answer.status == status, forwarded
        headers = {"X-Forwarded-For": "10.1.1.1", "X-Forwarded-Proto": "https"}
        page = await client.get(f"{USERS}?presence=true", headers=headers)
        assert page.json["links"]["current"].startswith("https://127.0.0.1:")


async def test_a_key_expires(api: ApiClient, services: Services, clock: Clock) -> None:
    expires_at = clock.now() + 60_000
    _, key = await services.apps.create_key("demo", "short", frozenset((READ,)), (), expires_at)
    assert (await api.speaking_as(key).get(USERS)).status == 200
    clock.advance(60)
    refused(await api.speaking_as(key).get(USERS), 401, 1302)


async def test_keys_are_rotated_by_having_several(api: ApiClient, services: Services, clock: Clock) -> None:
    old, text = await services.apps.create_key("demo", "backend", frozenset((READ,)), ("127.0.0.1",), None)
    new, new_text = await services.apps.rotate_key("demo", old.id)
    assert (new.name, new.scopes, new.networks) == (old.name, old.scopes, old.networks)
    assert [(await api.speaking_as(key).get(USERS)).status for key in (text, new_text)] == [200, 200]
    await services.apps.revoke_key("demo", old.id)
    clock.advance(1)
    assert [(await api.speaking_as(key).get(USERS)).status for key in (text, new_text)] == [401, 200]


async def test_a_revoked_key_is_dead_within_a_second_on_every_node(make_settings: MakeSettings, clock: Clock) -> None:
    async with serving(make_settings(), clock) as (one, services), serving(make_settings(), clock) as (other, _):
        await services.apps.create("demo", None)
        key, text = await services.apps.create_key("demo", "x", frozenset((READ,)), (), None)
        assert [(await node.speaking_as(text).get(USERS)).status for node in (one, other)] == [200, 200]
        await services.apps.revoke_key("demo", key.id)
        clock.advance(1)
        for node in (one, other):
            refused(await node.speaking_as(text).get(USERS), 401, 1302)


@pytest.mark.parametrize("header", ["X-Api-Key", "Authorization"])
async def test_a_credential_twice_is_no_way_round(api: ApiClient, demo: DemoApp, header: str) -> None:
    prefix = "Bearer " if header == "Authorization" else ""
    head = f"GET {USERS}\n{header}: {prefix}wrong\n{header}: {prefix}{demo.key}"
    assert (await send(api, head, anonymous=True)).status in (400, 401)
