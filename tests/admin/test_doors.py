"""Who may use the dashboard's cookie: pages of our own, and nothing but the dashboard."""

from __future__ import annotations

import json
from typing import Any

import pytest
from aiohttp import ClientSession

from chatsrv.api import DIALECTS
from chatsrv.services import Services, open_services
from tests.admin.conftest import COOKIE, Browser
from tests.api.manners import MANNERS
from tests.api.test_laws import address
from tests.conftest import DemoApp, MakeSettings
from tests.listening import served_node

pytestmark = pytest.mark.parametrize("database_source", ["sqlite_template"], indirect=True)

JSON = {"Content-Type": "application/json"}


async def test_the_cookie_is_for_no_script_no_other_site_and_no_longer_than_the_session(
    browser: Browser, services: Services
) -> None:
    seen = await browser.sign_in(link=(await services.admin.make_link())[0])
    assert list(seen.cookies) == [COOKIE]
    cookie = seen.cookies[COOKIE]
    assert (cookie["httponly"], cookie["samesite"], cookie["path"], cookie["domain"]) == (True, "Strict", "/", "")
    assert services.settings.admin_session_ttl_s - 5 <= int(cookie["max-age"]) <= services.settings.admin_session_ttl_s
    assert len(cookie.value) >= 43
    assert not cookie["secure"]


@pytest.mark.parametrize("proxies", [0, 1])
async def test_over_https_it_is_secure_and_of_this_host_alone(
    http: ClientSession, make_settings: MakeSettings, proxies: int
) -> None:
    async with open_services(make_settings(trusted_proxies=proxies)) as services, served_node(services) as url:
        browser = Browser(http, url)
        said = {"Origin": "https://chat.example", "Host": "chat.example", "X-Forwarded-Proto": "https"}
        # without a proxy that we trust, the browser's own word says that the page is ours
        said |= {} if proxies else {"Sec-Fetch-Site": "same-origin"}
        given = {"link": (await services.admin.make_link())[0]}
        seen = await browser.ask("POST", "/admin/session", given, headers=said)
        assert list(seen.cookies) == ["__Host-chatsrv_admin"]
        cookie = seen.cookies["__Host-chatsrv_admin"]
        assert (cookie["secure"], cookie["httponly"], cookie["samesite"]) == (True, True, "Strict")
        assert (cookie["path"], cookie["domain"]) == ("/", "")
        assert await browser.is_signed_in()
        planted = Browser(http, url, {COOKIE: cookie.value})
        assert not (await planted.ask("GET", "/admin/session", headers=said)).json["signed_in"]
        assert (await browser.ask("DELETE", "/admin/session", headers=said)).status == 204
        assert browser.cookies == {}


FOREIGN: list[dict[str, Any]] = [
    {"Origin": None},
    {"Origin": "null"},
    {"Origin": "https://evil.example"},
    {"Origin": "http://127.0.0.1:1"},
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
    {"Sec-Fetch-Site": "none"},
    {"Origin": "https://evil.example", "X-Forwarded-Host": "evil.example", "X-Forwarded-Proto": "https"},
]


@pytest.mark.parametrize("said", FOREIGN, ids=str)
async def test_whatever_changes_something_must_come_from_a_page_of_ours(
    operator: Browser, services: Services, demo: DemoApp, said: dict[str, Any]
) -> None:
    assert (await operator.ask("DELETE", "/admin/session", headers=said)).status == 403
    assert await operator.is_signed_in()
    link = (await services.admin.make_link())[0]
    for given in ({"link": link}, {"key": demo.key}):
        seen = await operator.ask("POST", "/admin/session", given, headers=said)
        assert (seen.status, seen.cookies) == (403, {})
    await operator.sign_in(link=link)


async def test_a_browser_that_names_the_site_needs_no_origin(browser: Browser, services: Services) -> None:
    said = {"Origin": None, "Sec-Fetch-Site": "same-origin"}
    given = {"link": (await services.admin.make_link())[0]}
    assert (await browser.ask("POST", "/admin/session", given, headers=said)).status == 200


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""])
async def test_nothing_that_a_form_could_send_signs_in(browser: Browser, services: Services, kind: str) -> None:
    link = (await services.admin.make_link())[0]
    body = json.dumps({"link": link}).encode()
    seen = await browser.ask("POST", "/admin/session", data=body, headers={"Content-Type": kind})
    assert (seen.status, seen.cookies) == (415, {})
    await browser.sign_in(link=link)


async def test_no_page_of_another_origin_reads_what_is_there_whatever_apps_allow(
    operator: Browser, services: Services
) -> None:
    await services.apps.change_setting("demo", "allowed_origins", "*")
    await services.origins.load()
    for method, path in (("GET", "/admin/apps"), ("GET", "/admin/session"), ("OPTIONS", "/admin/session")):
        seen = await operator.ask(method, path, headers={"Origin": "https://shop.example"})
        assert not [name for name in seen.headers if name.startswith("Access-Control")]


async def test_no_dialect_takes_the_cookie(operator: Browser) -> None:
    for dialect in DIALECTS:
        media_type = next(manner.media_type for manner in MANNERS if manner.name == dialect.name)
        headers = {"Accept": media_type, "Content-Type": media_type, "Sec-Fetch-Site": "same-origin"}
        for route in dialect.routes:
            seen = await operator.ask(route.method, address(route), headers=headers)
            assert seen.status == 401, route
    assert (await operator.ask("GET", "/metrics")).status == 401


async def test_neither_does_a_socket(operator: Browser, http: ClientSession) -> None:
    kept = "; ".join(f"{name}={value}" for name, value in operator.cookies.items())
    session = operator.cookies[COOKIE]
    for auth in ("", "{}", json.dumps({"token": session})):
        headers = {"Cookie": kept, "Origin": operator.url}
        async with http.ws_connect(f"{operator.url}/socket.io/?EIO=4&transport=websocket", headers=headers) as ws:
            await ws.receive_str()
            await ws.send_str(f"40{auth}")
            answer = await ws.receive_str()
            assert answer.startswith("44")
            assert json.loads(answer[2:])["data"]["code"] in (1302, 1021)


async def test_the_secret_of_a_session_is_no_key_and_a_key_is_no_session(operator: Browser, demo: DemoApp) -> None:
    headers = {"Authorization": f"Bearer {operator.cookies[COOKIE]}"}
    assert (await operator.ask("GET", "/v1/demo/users", headers=headers)).status == 401
    operator.cookies[COOKIE] = demo.key
    assert not await operator.is_signed_in()
    operator.cookies.clear()
    assert (await operator.ask("GET", "/admin/apps", headers={"Authorization": f"Bearer {demo.key}"})).status == 401
