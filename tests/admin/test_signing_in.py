"""Signing in to the dashboard: by a link that works once, or by a key; and what ends a session."""

from __future__ import annotations

import pytest
from aiohttp import ClientSession
from sqlalchemy import text

from chatsrv.domain.apps import ALL_SCOPES, Scope
from chatsrv.domain.clock import Clock
from chatsrv.domain.presence import SERVER
from chatsrv.services import Services, open_services
from tests.admin.conftest import COOKIE, Browser
from tests.conftest import DemoApp, MakeSettings
from tests.listening import served_node

pytestmark = pytest.mark.parametrize("database_source", ["sqlite_template"], indirect=True)


async def link(services: Services) -> str:
    return (await services.admin.make_link())[0]


async def refused(browser: Browser, status: int, **given: str) -> bool:
    seen = await browser.ask("POST", "/admin/session", given)
    assert (seen.status, seen.cookies) == (status, {}), seen.body
    return not await browser.is_signed_in()


async def test_a_link_signs_in_once(browser: Browser, http: ClientSession, services: Services) -> None:
    token = await link(services)
    seen = await browser.sign_in(link=token)
    assert (seen.json["signed_in"], seen.json["app_id"], seen.json["key"]) == (True, None, None)
    assert await browser.is_signed_in()
    assert await refused(Browser(http, browser.url), 401, link=token)


async def test_a_link_is_over_soon(browser: Browser, services: Services, clock: Clock) -> None:
    late, later = await link(services), await link(services)
    clock.advance(services.settings.admin_link_ttl_s - 1)
    await browser.sign_in(link=late)
    browser.cookies.clear()
    clock.advance(2)
    assert await refused(browser, 401, link=later)


async def test_another_process_on_the_same_database_makes_links_and_knows_sessions(
    browser: Browser, http: ClientSession, services: Services, make_settings: MakeSettings, clock: Clock
) -> None:
    async with open_services(make_settings(), clock) as other, served_node(other) as url:
        await browser.sign_in(link=await link(other))
        elsewhere = Browser(http, url, dict(browser.cookies))
        assert await elsewhere.is_signed_in()
        await elsewhere.ask("DELETE", "/admin/session")
    assert not await browser.is_signed_in()


async def test_a_key_with_the_scope_admin_signs_in(browser: Browser, demo: DemoApp) -> None:
    seen = await browser.sign_in(key=demo.key)
    assert (seen.json["app_id"], seen.json["key"]["name"]) == ("demo", "default")
    assert await browser.is_signed_in()


async def test_no_other_key_does_and_no_token_of_a_user(browser: Browser, services: Services, demo: DemoApp) -> None:
    few = ALL_SCOPES - {Scope.ADMIN}
    _, without = await services.apps.create_key("demo", "x", few, (), None)
    _, elsewhere = await services.apps.create_key("demo", "x", ALL_SCOPES, ("10.0.0.0/8",), None)
    revoked, over = await services.apps.create_key("demo", "x", ALL_SCOPES, (), None)
    await services.apps.revoke_key("demo", revoked.id)
    await services.users.create("demo", {"username": "anna"}, SERVER)
    token, _ = await services.callers.mint_token(await services.apps.get("demo"), "anna", 60)
    for key, status in ((without, 403), (elsewhere, 403), (over, 401), (f"{demo.key}x", 401), (token, 401)):
        assert await refused(browser, status, key=key)


async def test_a_key_takes_its_session_along(browser: Browser, services: Services, clock: Clock, demo: DemoApp) -> None:
    revoked, key = await services.apps.create_key("demo", "x", ALL_SCOPES, (), None)
    await browser.sign_in(key=key)
    await services.apps.revoke_key("demo", revoked.id)
    assert not await browser.is_signed_in()
    _, key = await services.apps.create_key("demo", "x", ALL_SCOPES, (), clock.now() + 60_000)
    seen = await browser.sign_in(key=key)
    assert int(seen.cookies[COOKIE]["max-age"]) <= 60
    clock.advance(61)
    assert not await browser.is_signed_in()


async def test_its_session_is_none_from_where_the_key_is_none(
    http: ClientSession, make_settings: MakeSettings, clock: Clock
) -> None:
    async with open_services(make_settings(trusted_proxies=1), clock) as services, served_node(services) as url:
        await services.apps.create("demo", None)
        _, key = await services.apps.create_key("demo", "x", ALL_SCOPES, ("10.0.0.0/8",), None)
        browser = Browser(http, url)
        inside, outside = {"X-Forwarded-For": "10.1.2.3"}, {"X-Forwarded-For": "192.0.2.1"}
        assert (await browser.ask("POST", "/admin/session", {"key": key}, headers=inside)).status == 200
        for headers, status in ((inside, 200), (outside, 401)):
            assert (await browser.ask("GET", "/admin/apps", headers=headers)).status == status


async def test_a_session_ends_by_time_or_when_one_signs_out(
    operator: Browser, http: ClientSession, services: Services, clock: Clock
) -> None:
    kept = Browser(http, operator.url, dict(operator.cookies))
    assert (await operator.ask("DELETE", "/admin/session")).status == 204
    assert operator.cookies == {}
    assert not await kept.is_signed_in()
    await operator.sign_in(link=await link(services))
    clock.advance(services.settings.admin_session_ttl_s - 1)
    assert await operator.is_signed_in()
    clock.advance(2)
    assert not await operator.is_signed_in()
    assert (await operator.ask("GET", "/admin/apps")).status == 401


async def test_only_hashes_are_kept_and_what_is_over_is_deleted(
    browser: Browser, services: Services, clock: Clock
) -> None:
    unused, token = await link(services), await link(services)
    await browser.sign_in(link=token)
    assert [len(rows) for rows in await kept(services)] == [1, 1]
    everything = str(await kept(services))
    assert not any(secret in everything for secret in (unused, token, browser.cookies[COOKIE]))
    await services.tidying.tidy()
    assert [len(rows) for rows in await kept(services)] == [1, 1]
    clock.advance(services.settings.admin_link_ttl_s + 1)
    await services.tidying.tidy()
    assert [len(rows) for rows in await kept(services)] == [0, 1]
    clock.advance(services.settings.admin_session_ttl_s)
    await services.tidying.tidy()
    assert [len(rows) for rows in await kept(services)] == [0, 0]


async def kept(services: Services) -> list[list[tuple[object, ...]]]:
    """The links and the sessions as SQL has them."""
    async with services.db.read() as tx:
        return [
            [tuple(row) for row in await tx.execute(text(f"SELECT * FROM {table}"))]
            for table in ("admin_links", "admin_sessions")
        ]


async def test_guesses_are_counted_with_those_of_keys(http: ClientSession, make_settings: MakeSettings) -> None:
    async with (
        open_services(make_settings(failed_credentials_per_minute=3)) as services,
        served_node(services) as url,
    ):
        browser = Browser(http, url)
        statuses = []
        for given in ({"link": "x"}, {"key": f"cs_{'a' * 12}_x"}, {"link": "y"}, {"link": "z"}, {"key": "cs_none"}):
            statuses.append((await browser.ask("POST", "/admin/session", given)).status)
        assert statuses == [401, 401, 401, 429, 429]
        good = await link(services)
        seen = await browser.ask("POST", "/admin/session", {"link": good})
        assert seen.status == 429
        assert int(seen.headers["Retry-After"]) >= 1


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"{", 400),
        (b"[]", 400),
        (b'"x"', 400),
        (b"{}", 400),
        (b'{"link": "a", "key": "b"}', 400),
        (b'{"link": 1}', 400),
        (b'{"link": "a", "more": 1}', 400),
        (b'{"link": "\\ud800"}', 400),
        (b'{"link": "\\u0000"}', 401),
        (b'{"key": "' + "é".encode() + b'"}', 401),
        (b'{"link": "' + b"a" * 5000 + b'"}', 413),
    ],
)
async def test_no_body_is_too_odd(browser: Browser, body: bytes, status: int) -> None:
    headers = {"Content-Type": "application/json"}
    seen = await browser.ask("POST", "/admin/session", data=body, headers=headers)
    assert (seen.status, seen.cookies) == (status, {})
    assert {"code", "type", "message"} <= seen.json.keys()
