"""The apps of the dashboard."""

from __future__ import annotations

from typing import Any

import pytest

from chatsrv.services import Services
from tests.admin.conftest import Browser
from tests.conftest import DemoApp

pytestmark = pytest.mark.parametrize("database_source", ["sqlite_template"], indirect=True)


async def test_who_came_by_a_link_makes_an_app_whose_key_and_secret_are_shown_once(
    operator: Browser, services: Services
) -> None:
    seen = await operator.ask("POST", "/admin/apps", {"id": "shop", "name": "The shop"})
    assert (seen.status, seen.json["app_id"]) == (201, "shop")
    app = await services.apps.get("shop")
    assert (app.name, app.jwt_secret) == ("The shop", seen.json["jwt_secret"])
    headers = {"Authorization": f"Bearer {seen.json['key']}"}
    assert (await operator.ask("GET", "/v1/shop/users", headers=headers)).status == 200
    listed = (await operator.ask("GET", "/admin/apps")).json["apps"]
    assert [(app["id"], app["name"], app["keys"]) for app in listed] == [("demo", "demo", 1), ("shop", "The shop", 1)]
    assert (await operator.ask("POST", "/admin/apps", {"id": "bare"})).status == 201
    assert (await services.apps.get("bare")).name == "bare"
    made = (await operator.ask("GET", "/admin/apps/shop/audit")).json["entries"]
    assert [(entry["action"], entry["actor"]["kind"]) for entry in made] == [
        ("key_created", "operator"),
        ("app_created", "operator"),
    ]


async def test_who_came_by_a_key_makes_none(browser: Browser, services: Services, demo: DemoApp) -> None:
    await browser.sign_in(key=demo.key)
    seen = await browser.ask("POST", "/admin/apps", {"id": "shop"})
    assert (seen.status, seen.json["code"]) == (403, 40105)
    assert [app.id for app, _ in await services.apps.list_apps()] == ["demo"]


CANNOT_BE: list[tuple[dict[str, Any], int, list[str]]] = [
    ({"id": "demo"}, 409, ["appId"]),
    ({"id": "users"}, 400, ["id"]),
    ({"id": ""}, 400, ["id"]),
    ({"id": "Shop\u0000"}, 400, ["id"]),
    ({"id": "shop", "name": "a" * 192}, 400, ["name"]),
    ({"id": "shop", "name": "a\u0000"}, 400, ["name"]),
    ({"id": 1}, 400, []),
    ({}, 400, []),
    ({"id": "shop", "more": 1}, 400, []),
]


async def test_an_app_that_cannot_be_is_told_by_its_field(operator: Browser, services: Services) -> None:
    for given, status, fields in CANNOT_BE:
        seen = await operator.ask("POST", "/admin/apps", given)
        assert (seen.status, [error["field"] for error in seen.json.get("errors", [])]) == (status, fields), given
    assert [app.id for app, _ in await services.apps.list_apps()] == ["demo"]


async def test_the_session_tells_the_page_what_it_needs(
    operator: Browser, browser: Browser, services: Services
) -> None:
    told = (await operator.ask("GET", "/admin/session")).json
    assert (told["app_id"], told["key"]) == (None, None)
    assert told["version"]
    stranger = Browser(browser.session, browser.url)
    assert (await stranger.ask("GET", "/admin/session")).json == {"signed_in": False}
