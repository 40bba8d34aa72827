"""What a session opens: a token for the public API of one app, for as long as the session lasts and no longer."""

from __future__ import annotations

from typing import Any

import pytest
from aiohttp import ClientSession
from sqlalchemy import text

from chatsrv.domain.apps import ALL_SCOPES, Scope
from chatsrv.domain.clock import Clock
from chatsrv.domain.presence import SERVER
from chatsrv.services import Services, open_services
from tests.admin.conftest import Browser, Seen
from tests.conftest import DemoApp, MakeSettings
from tests.listening import served_node

pytestmark = pytest.mark.parametrize("database_source", ["sqlite_template"], indirect=True)

USERS = "/v1/demo/users"


async def token_of(browser: Browser, app_id: str = "demo") -> str:
    seen = await browser.ask("POST", f"/admin/apps/{app_id}/access")
    assert seen.status == 200, seen.body
    token: str = seen.json["token"]
    return token


async def ask(browser: Browser, method: str, path: str, token: str, json: Any = None, **headers: str) -> Seen:
    """Without the cookie, which is nothing to the API."""
    return await Browser(browser.session, browser.url).ask(
        method, path, json, headers={"Authorization": f"Bearer {token}", **headers}
    )


async def status(browser: Browser, token: str, path: str = USERS) -> int:
    return (await ask(browser, "GET", path, token)).status


async def test_a_session_opens_the_api_of_an_app_and_is_given_the_same_token_again(operator: Browser) -> None:
    seen = await operator.ask("POST", "/admin/apps/demo/access")
    token = seen.json["token"]
    assert token.startswith("op_")
    assert seen.json["expires_at"] == (await operator.ask("GET", "/admin/session")).json["expires_at"]
    assert await status(operator, token) == 200
    assert await token_of(operator) == token
    made = await ask(operator, "POST", USERS, token, {"username": "anna"})
    assert made.status == 201
    assert made.headers["X-RateLimit-Limit"] == "90000"


async def test_it_is_for_that_app_alone(operator: Browser, services: Services) -> None:
    await services.apps.create("other", None)
    tokens = {app_id: await token_of(operator, app_id) for app_id in ("demo", "other")}
    assert tokens["demo"] != tokens["other"]
    for app_id, neighbour in (("demo", "other"), ("other", "demo")):
        assert await status(operator, tokens[app_id], f"/v1/{app_id}/users") == 200
        seen = await ask(operator, "GET", f"/v1/{neighbour}/users", tokens[app_id])
        assert (seen.status, seen.json["code"]) == (403, 40105)
    nobodys = await operator.ask("POST", "/admin/apps/nobodys/access")
    assert (nobodys.status, nobodys.json["code"]) == (404, 40400)


async def test_nothing_but_the_native_dialect_takes_it(operator: Browser, services: Services) -> None:
    token = await token_of(operator)
    for path, name in (
        ("/api/application/users", "Authorization"),
        ("/rapi/v1/users", "X-Access-Token"),
        ("/api/v1/users", "Authorization"),
        ("/admin/apps", "Authorization"),
    ):
        value = token if name == "X-Access-Token" else f"Bearer {token}"
        seen = await Browser(operator.session, operator.url).ask("GET", path, headers={name: value})
        assert seen.status == 401, path
    assert (await ask(operator, "GET", "/metrics", token)).status == 403
    assert (await Browser(operator.session, operator.url).ask("POST", "/admin/session", {"key": token})).status == 401


async def test_it_ends_with_the_session_at_once(operator: Browser, services: Services, clock: Clock) -> None:
    token = await token_of(operator)
    # twice the same bytes, as an answer would have to be given again if anything remembered it
    assert [await status(operator, token) for _ in range(3)] == [200] * 3
    assert (await operator.ask("DELETE", "/admin/session")).status == 204
    seen = await ask(operator, "GET", USERS, token)
    assert (seen.status, seen.json["code"]) == (401, 1302)
    await operator.sign_in(link=(await services.admin.make_link())[0])
    token = await token_of(operator)
    assert await status(operator, token) == 200
    clock.advance(services.settings.admin_session_ttl_s + 1)
    assert await status(operator, token) == 401


async def test_every_node_knows_it_and_none_any_more_when_it_is_over(
    operator: Browser, http: ClientSession, make_settings: MakeSettings, clock: Clock
) -> None:
    token = await token_of(operator)
    async with open_services(make_settings(), clock) as other, served_node(other) as url:
        elsewhere = Browser(http, url)
        assert await status(elsewhere, token) == 200
        assert (await operator.ask("DELETE", "/admin/session")).status == 204
        assert await status(elsewhere, token) == 401


async def test_it_ends_with_the_key_that_opened_the_session(
    browser: Browser, services: Services, demo: DemoApp, clock: Clock
) -> None:
    key, key_text = await services.apps.create_key("demo", "x", ALL_SCOPES, (), clock.now() + 60_000)
    await browser.sign_in(key=key_text)
    token = await token_of(browser)
    assert await status(browser, token) == 200
    await services.apps.revoke_key("demo", key.id)
    assert await status(browser, token) == 401
    _, key_text = await services.apps.create_key("demo", "x", ALL_SCOPES, (), clock.now() + 60_000)
    await browser.sign_in(key=key_text)
    token = await token_of(browser)
    clock.advance(61)
    assert await status(browser, token) == 401


async def test_it_may_do_what_the_key_may_and_from_where_the_key_may(
    http: ClientSession, make_settings: MakeSettings
) -> None:
    async with open_services(make_settings(trusted_proxies=1)) as services, served_node(services) as url:
        await services.apps.create("demo", None)
        few = frozenset((Scope.ADMIN, Scope.USERS_READ))
        _, key = await services.apps.create_key("demo", "x", few, ("10.0.0.0/8",), None)
        browser, inside, outside = Browser(http, url), "10.1.2.3", "192.0.2.1"
        at = {"X-Forwarded-For": inside}
        assert (await browser.ask("POST", "/admin/session", {"key": key}, headers=at)).status == 200
        token = (await browser.ask("POST", "/admin/apps/demo/access", headers=at)).json["token"]
        for method, address, expected in (("GET", inside, 200), ("GET", outside, 403), ("POST", inside, 403)):
            seen = await ask(browser, method, USERS, token, {"username": "a"}, **{"X-Forwarded-For": address})
            assert (seen.status, method, address) == (expected, method, address)
        elsewhere = await browser.ask("POST", "/admin/apps/demo/access", headers={"X-Forwarded-For": outside})
        assert elsewhere.status == 401


async def test_an_app_takes_its_token_along(operator: Browser, services: Services) -> None:
    token = await token_of(operator)
    await services.apps.delete("demo")
    assert await status(operator, token) == 401
    await services.apps.create("demo", None)
    assert await status(operator, token) == 401


async def test_what_nobody_was_given_is_nothing(operator: Browser, services: Services) -> None:
    token = await token_of(operator)
    for wrong in (token[:-1], token + "x", "op_", "op_" + "a" * 43, token.replace("op_", "cs_"), token.upper()):
        assert await status(operator, wrong) == 401, wrong
    async with services.db.read() as tx:
        kept = [str(tuple(row)) for row in await tx.execute(text("SELECT * FROM admin_access"))]
    assert len(kept) == 1
    assert token not in kept[0]


@pytest.mark.parametrize(
    "said", [{"Origin": None}, {"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "same-site"}]
)
async def test_only_a_page_of_ours_is_given_it(operator: Browser, said: dict[str, Any]) -> None:
    seen = await operator.ask("POST", "/admin/apps/demo/access", headers=said)
    assert (seen.status, seen.json["code"]) == (403, 40105)
    assert "token" not in seen.json


async def test_each_session_is_counted_by_itself_at_the_rate_of_a_key(
    http: ClientSession, make_settings: MakeSettings
) -> None:
    async with (
        open_services(make_settings(key_rate_per_minute=60, key_rate_burst=3)) as services,
        served_node(services) as url,
    ):
        await services.apps.create("demo", None)
        tokens = []
        for _ in range(2):
            browser = Browser(http, url)
            await browser.sign_in(link=(await services.admin.make_link())[0])
            tokens.append(await token_of(browser))
        one, other = [[await status(browser, token) for _ in range(4)] for token in tokens]
        assert one == other == [200, 200, 200, 429]


async def test_what_it_does_is_written_down_as_the_operators_or_as_the_keys(
    operator: Browser, http: ClientSession, services: Services, demo: DemoApp
) -> None:
    await services.users.create("demo", {"username": "anna"}, SERVER)
    by_key = Browser(http, operator.url)
    signed_in = await by_key.sign_in(key=demo.key)
    for browser, action in ((operator, "deactivate"), (by_key, "reactivate")):
        assert (await ask(browser, "POST", f"{USERS}/anna/{action}", await token_of(browser))).status == 200
    entries = (await operator.ask("GET", "/admin/apps/demo/audit?limit=2")).json["entries"]
    assert [entry["action"] for entry in entries] == ["user_reactivated", "user_deactivated"]
    key, dashboard = [entry["actor"] for entry in entries]
    assert key == {"kind": "key", **signed_in.json["key"]}
    assert (dashboard["kind"], dashboard["name"], len(dashboard["id"])) == ("operator", "dashboard", 12)
    assert dashboard["id"] not in operator.cookies["chatsrv_admin"]
