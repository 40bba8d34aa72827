"""The keys of an app, from the dashboard."""

from __future__ import annotations

from typing import Any

import pytest

from chatsrv.domain.apps import ALL_SCOPES, Scope
from chatsrv.domain.clock import Clock
from chatsrv.domain.instants import to_text
from chatsrv.services import Services
from tests.admin.conftest import Browser
from tests.conftest import DemoApp

pytestmark = pytest.mark.parametrize("database_source", ["sqlite_template"], indirect=True)

KEYS = "/admin/apps/demo/keys"


async def works(browser: Browser, key: str) -> bool:
    seen = await browser.ask("GET", "/v1/demo/users", headers={"Authorization": f"Bearer {key}"})
    assert seen.status in (200, 401)
    return seen.status == 200


async def listed(browser: Browser) -> list[dict[str, Any]]:
    seen = await browser.ask("GET", KEYS)
    assert seen.status == 200
    keys: list[dict[str, Any]] = seen.json["keys"]
    return keys


async def test_a_key_is_made_shown_once_and_listed_without_its_text(operator: Browser, clock: Clock) -> None:
    given = {
        "name": "reports",
        "scopes": ["users:read"],
        "networks": ["127.0.0.1", "10.0.0.0/8"],
        "expires_at": to_text(clock.now() + 60_000),
    }
    made = await operator.ask("POST", KEYS, given)
    assert made.status == 201
    assert await works(operator, made.json["key"])
    (found,) = [key for key in await listed(operator) if key["id"] == made.json["id"]]
    networks = ["127.0.0.1/32", "10.0.0.0/8"]
    assert found == {
        **given, "networks": networks, "id": made.json["id"], "state": "live",
        "created_at": found["created_at"], "revoked_at": None,
    }  # fmt: skip
    assert made.json["key"] not in str(await listed(operator))


async def test_without_a_word_it_may_do_everything_for_ever(operator: Browser) -> None:
    made = await operator.ask("POST", KEYS, {})
    (found,) = [key for key in await listed(operator) if key["id"] == made.json["id"]]
    assert (found["name"], found["scopes"], found["networks"]) == ("key", sorted(ALL_SCOPES), [])
    assert found["expires_at"] is None


async def test_it_may_end_after_some_seconds(operator: Browser, clock: Clock) -> None:
    made = await operator.ask("POST", KEYS, {"expires_in_s": 60})
    assert await works(operator, made.json["key"])
    clock.advance(61)
    assert not await works(operator, made.json["key"])
    assert [(key["id"], key["state"]) for key in await listed(operator)][-1] == (made.json["id"], "expired")


async def test_a_key_is_rotated_and_the_old_one_lives_until_it_is_revoked(operator: Browser) -> None:
    old = (await operator.ask("POST", KEYS, {"name": "shop", "scopes": ["users:read"]})).json
    seen = await operator.ask("POST", f"{KEYS}/{old['id']}/rotate")
    assert seen.status == 201
    assert await works(operator, old["key"])
    assert await works(operator, seen.json["key"])
    assert (await operator.ask("DELETE", f"{KEYS}/{old['id']}")).status == 204
    assert not await works(operator, old["key"])
    assert await works(operator, seen.json["key"])
    keys = await listed(operator)
    assert [key["state"] for key in keys] == ["live", "live", "revoked"]
    assert (keys[0]["id"], keys[0]["name"], keys[0]["scopes"]) == (seen.json["id"], "shop", ["users:read"])
    assert keys[-1]["revoked_at"]
    for method, path in (("DELETE", KEYS + f"/{old['id']}"), ("POST", KEYS + f"/{old['id']}/rotate")):
        assert (await operator.ask(method, path)).status == 404
    actions = (await operator.ask("GET", "/admin/apps/demo/audit?limit=3")).json["entries"]
    assert [(entry["action"], entry["actor"]["kind"]) for entry in actions] == [
        ("key_revoked", "operator"), ("key_rotated", "operator"), ("key_created", "operator"),
    ]  # fmt: skip


async def test_who_revokes_the_key_that_they_came_by_is_out(browser: Browser, demo: DemoApp) -> None:
    key_id = (await browser.sign_in(key=demo.key)).json["key"]["id"]
    assert (await browser.ask("DELETE", f"{KEYS}/{key_id}")).status == 204
    assert (await browser.ask("GET", KEYS)).status == 401
    assert not await browser.is_signed_in()


async def test_nobody_makes_a_key_that_may_do_more_than_they_do(browser: Browser, services: Services) -> None:
    few = frozenset((Scope.ADMIN, Scope.USERS_READ))
    more, _ = await services.apps.create_key("demo", "more", few | {Scope.USERS_WRITE}, (), None)
    own, text = await services.apps.create_key("demo", "few", few, (), None)
    await browser.sign_in(key=text)
    for given in ({}, {"scopes": ["users:read", "users:write"]}):
        seen = await browser.ask("POST", KEYS, given)
        assert (seen.status, seen.json["code"]) == (403, 40105)
    assert (await browser.ask("POST", f"{KEYS}/{more.id}/rotate")).status == 403
    assert len(await services.apps.list_keys("demo")) == 3
    assert (await browser.ask("POST", KEYS, {"scopes": ["users:read"]})).status == 201
    assert (await browser.ask("POST", f"{KEYS}/{own.id}/rotate")).status == 201


async def test_a_key_for_a_while_and_a_network_makes_none_that_is_for_more(
    browser: Browser, services: Services, clock: Clock
) -> None:
    ends_at, networks = clock.now() + 60_000, ("127.0.0.0/8",)
    unlimited, _ = await services.apps.create_key("demo", "more", frozenset({Scope.ADMIN}), (), None)
    _, text = await services.apps.create_key("demo", "few", frozenset({Scope.ADMIN}), networks, ends_at)
    await browser.sign_in(key=text)
    given = {"scopes": ["admin"]}
    for more in ({"networks": ["0.0.0.0/0"]}, {"networks": ["127.0.0.1", "::/0"]}, {"expires_in_s": 61}):
        assert (await browser.ask("POST", KEYS, given | more)).status == 403, more
    assert (await browser.ask("POST", f"{KEYS}/{unlimited.id}/rotate")).status == 403
    for less, network in (({}, "127.0.0.0/8"), ({"networks": ["127.0.0.1"], "expires_in_s": 30}, "127.0.0.1/32")):
        made = await browser.ask("POST", KEYS, given | less)
        assert made.status == 201, made.body
        [key] = [key for key in await services.apps.list_keys("demo") if key.id == made.json["id"]]
        assert key.networks == (network,)
        assert key.expires_at is not None
        assert key.expires_at <= ends_at


CANNOT_BE: list[tuple[dict[str, Any], list[str]]] = [
    ({"scopes": ["users:read", "all"]}, ["scopes"]),
    ({"networks": ["10.0.0.0/8", "here"]}, ["networks"]),
    ({"networks": ["10.0.0.0/8"] * 101}, ["networks"]),
    ({"name": "a" * 192}, ["name"]),
    ({"name": "\u0000", "scopes": ["x"]}, ["name", "scopes"]),
    ({"expires_at": "tomorrow"}, ["expires_at"]),
    ({"expires_at": "2020-01-01"}, ["expires_at"]),
    ({"expires_in_s": 0}, ["expires_in_s"]),
    ({"expires_in_s": 10**17}, ["expires_in_s"]),
    ({"expires_in_s": 60, "expires_at": "2999-01-01"}, ["expires_in_s"]),
]


async def test_a_key_that_cannot_be_is_told_by_its_fields(operator: Browser, services: Services) -> None:
    for given, fields in CANNOT_BE:
        seen = await operator.ask("POST", KEYS, given)
        assert (seen.status, seen.json["code"]) == (400, 40003), given
        assert [error["field"] for error in seen.json["errors"]] == fields
    assert len(await services.apps.list_keys("demo")) == 1
