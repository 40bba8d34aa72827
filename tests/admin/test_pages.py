"""The dashboard's page: plain files under a strict policy, which know nothing before they ask."""

from __future__ import annotations

from pathlib import Path

import pytest

import chatsrv
from chatsrv.domain.presence import SERVER
from chatsrv.services import Services
from tests.admin.conftest import Browser

pytestmark = pytest.mark.parametrize("database_source", ["sqlite_template"], indirect=True)

FILES = Path(chatsrv.__file__).parent / "admin" / "static"
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'"
)
NAMES = sorted(str(file.relative_to(FILES)) for file in FILES.rglob("*") if file.is_file())
PAGES = {"/": "index.html", "/signin": "index.html", "/demo": "demo/index.html"} | {
    f"/admin/{name}": name for name in NAMES if name != "index.html"
}
TYPES = {
    ".html": "text/html",
    ".css": "text/css",
    ".js": "text/javascript",
    ".svg": "image/svg+xml",
    ".txt": "text/plain",
}


async def test_every_file_comes_under_the_strict_policy(browser: Browser) -> None:
    assert {"app.js", "lib/ui.js", "views/people.js", "vendor/socket.io.js"} < set(NAMES)
    for path, name in PAGES.items():
        seen = await browser.ask("GET", path)
        assert (seen.status, seen.body) == (200, (FILES / name).read_bytes())
        assert seen.headers["Content-Type"] == f"{TYPES[Path(name).suffix]}; charset=utf-8"
        assert seen.headers["Content-Security-Policy"] == POLICY
        assert seen.headers["Referrer-Policy"] == "no-referrer"
        assert seen.headers["X-Content-Type-Options"] == "nosniff"
        assert seen.headers["Cross-Origin-Opener-Policy"] == "same-origin"


async def test_a_file_that_a_browser_has_is_not_sent_again(browser: Browser) -> None:
    first = await browser.ask("GET", "/admin/app.js")
    assert first.headers["Cache-Control"] == "no-cache"
    etag = first.headers["ETag"]
    for known, status in ((etag, 304), (f'"x", W/{etag}', 304), ("*", 304), ('"x"', 200)):
        seen = await browser.ask("GET", "/admin/app.js", headers={"If-None-Match": known})
        assert (seen.status, seen.headers["ETag"], bool(seen.body)) == (status, etag, status == 200)
        assert seen.headers["Content-Security-Policy"] == POLICY
    assert (await browser.ask("GET", "/admin/theme.js")).headers["ETag"] != etag


async def test_behind_the_sign_in_nothing_is_kept_by_a_cache_or_is_a_page(operator: Browser) -> None:
    for method, path in (("GET", "/admin/apps"), ("GET", "/admin/session"), ("DELETE", "/admin/session")):
        seen = await operator.ask(method, path)
        assert seen.status < 300
        assert seen.headers["Cache-Control"] == "no-store"
        assert seen.headers["Content-Security-Policy"] == "default-src 'none'; frame-ancestors 'none'"
    assert (await operator.ask("GET", "/admin/apps")).headers["Cache-Control"] == "no-store"


async def test_the_apps_are_told_as_data(operator: Browser, services: Services) -> None:
    await services.apps.change_setting("demo", "name", "<img src=x onerror=alert(1)>")
    await services.users.create("demo", {"username": "anna"}, SERVER)
    seen = await operator.ask("GET", "/admin/apps")
    assert seen.headers["Content-Type"] == "application/json"
    (app,) = seen.json["apps"]
    assert app == {"id": "demo", "name": "<img src=x onerror=alert(1)>", "users": 1, "keys": 1, "online": 0}


async def test_there_is_nothing_else_to_be_had(operator: Browser) -> None:
    names = ("", "/", "/index.html", "/..%2f__init__.py", "/lib/..%2f..%2fpages.py", "/lib", "/lib/", "/views/none.js")
    for path in (*(f"/admin{name}" for name in names), "/admin/apps/demo", "/signin/x", "/app.js"):
        assert (await operator.ask("GET", path)).status == 404
    assert (await operator.ask("PUT", "/admin/session")).status == 405
