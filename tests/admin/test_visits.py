"""The one door to what the dashboard shows: who is let in, to which apps, and the audit trail that tells of it."""

from __future__ import annotations

from itertools import product

import pytest
from aiohttp import ClientSession

from chatsrv.admin import APP, PREFIX, ROUTES
from chatsrv.services import Services
from tests.admin.conftest import Browser
from tests.conftest import DemoApp

pytestmark = pytest.mark.parametrize("database_source", ["sqlite_template"], indirect=True)

EVERY = [(method, PREFIX + path) for method, path, _ in ROUTES] + [("POST", f"{PREFIX}{APP}/access")]
OF_AN_APP = [(method, path) for method, path in EVERY if "{app" in path]


def path_in(path: str, app_id: str, key_id: str = "none") -> str:
    return path.replace("{app:[^/]+}", app_id).replace("{key:[^/]+}", key_id)


async def test_who_is_not_signed_in_is_told_nothing(browser: Browser) -> None:
    for method, path in EVERY:
        seen = await browser.ask(method, path_in(path, "demo"))
        assert (seen.status, seen.json["code"]) == (401, 1302), path


async def test_what_changes_something_or_gives_a_secret_away_is_for_pages_of_ours(operator: Browser) -> None:
    for method, path in EVERY:
        seen = await operator.ask(method, path_in(path, "demo"), headers={"Origin": "https://evil.example"})
        assert (seen.status == 403) is (method != "GET"), path


async def test_the_neighbours_app_is_there_as_little_as_nobodys(
    browser: Browser, services: Services, demo: DemoApp
) -> None:
    await services.apps.create("other", None)
    (theirs,) = await services.apps.list_keys("other")
    await browser.sign_in(key=demo.key)
    for method, path in OF_AN_APP:
        seen = []
        for app_id, key_id in (("other", theirs.id), ("nobodys", theirs.id)):
            answer = await browser.ask(method, path_in(path, app_id, key_id), {} if method == "POST" else None)
            described = {name: value for name, value in answer.json.items() if name != "traceId"}
            seen.append((answer.status, str(described).replace(app_id, "APP")))
        assert seen[0] == seen[1]
        assert seen[0][0] == 404, path
    assert [key.is_live(0) for key in await services.apps.list_keys("other")] == [True]
    assert [app["id"] for app in (await browser.ask("GET", "/admin/apps")).json["apps"]] == ["demo"]


async def test_a_key_of_another_app_is_none_of_this_one(operator: Browser, services: Services) -> None:
    await services.apps.create("other", None)
    (theirs,) = await services.apps.list_keys("other")
    for method, end in (("DELETE", ""), ("POST", "/rotate")):
        assert (await operator.ask(method, f"/admin/apps/demo/keys/{theirs.id}{end}")).status == 404
    assert len(await services.apps.list_keys("other")) == 1


async def test_no_name_is_too_odd(operator: Browser) -> None:
    odds = ("%00", "%ED%A0%80", "a%2Fb", "..", "%20")
    for (method, path), odd in product(OF_AN_APP, odds):
        for app_id, key_id in ((odd, "none"), ("demo", odd)):
            if "{key" not in path and key_id == odd:
                continue
            seen = await operator.ask(method, path_in(path, app_id, key_id), {} if method == "POST" else None)
            assert seen.status in (404, 405), (path, seen.status)


async def test_the_trail_is_paged_from_the_newest_on(operator: Browser, http: ClientSession) -> None:
    for number in range(5):
        await operator.ask("POST", "/admin/apps/demo/keys", {"name": f"key {number}"})
    first = (await operator.ask("GET", "/admin/apps/demo/audit?limit=3")).json["entries"]
    assert [entry["detail"]["name"] for entry in first] == ["key 4", "key 3", "key 2"]
    rest = (await operator.ask("GET", f"/admin/apps/demo/audit?before={first[-1]['id']}")).json["entries"]
    assert [entry["action"] for entry in rest] == ["key_created"] * 3 + ["app_created"]
    assert (await operator.ask("GET", f"/admin/apps/demo/audit?before={rest[-1]['id']}")).json["entries"] == []
    assert (await operator.ask("GET", "/admin/apps/nobodys/audit")).status == 404


async def test_a_page_of_the_trail_that_cannot_be_is_told(operator: Browser) -> None:
    for asked in ("limit=0", "limit=201", "limit=x", "before=0", "before=-1", "before=" + "9" * 30):
        seen = await operator.ask("GET", f"/admin/apps/demo/audit?{asked}")
        fields = [problem["field"] for problem in seen.json["errors"]]
        assert (seen.status, fields) == (400, [asked.split("=")[0]])
