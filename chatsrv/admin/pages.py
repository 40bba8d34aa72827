"""The page and its files. It has nothing inline, loads nothing from elsewhere, and tells nothing before somebody has
signed in: what it shows it asks for then."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from importlib.resources import files

from aiohttp import web

from chatsrv.domain.admin import SIGN_IN

FOLDER = files("chatsrv.admin") / "static"
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-cache",
}
TYPES = {"index.html": "text/html", "page.css": "text/css", "page.js": "text/javascript", "icon.svg": "image/svg+xml"}
PATHS = {
    "/": "index.html",
    SIGN_IN: "index.html",
    "/admin/page.css": "page.css",
    "/admin/page.js": "page.js",
    "/admin/icon.svg": "icon.svg",
}


def mount(app: web.Application) -> None:
    for path, name in PATHS.items():
        app.router.add_get(path, _file_of(name))


def _file_of(name: str) -> Callable[[web.Request], Awaitable[web.Response]]:
    body = FOLDER.joinpath(name).read_bytes()

    async def answer(_request: web.Request) -> web.Response:
        return web.Response(body=body, content_type=TYPES[name], charset="utf-8", headers=HEADERS)

    return answer
