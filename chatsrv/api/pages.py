"""The API page and the documents it shows. Everything comes from this server; the browser asks nobody else."""

from __future__ import annotations

from functools import cache, lru_cache
from importlib.resources import files
from typing import Any

import msgspec
import yaml
from aiohttp import web

from chatsrv.api.dialect import Dialect

FOLDER = files("chatsrv.api")
CSP = (
    "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; form-action 'self'; "
    "frame-ancestors 'none'"
)
TYPES = {"html": "text/html", "css": "text/css", "js": "text/javascript"}


def mount(app: web.Application, dialects: tuple[Dialect, ...]) -> None:
    for dialect in dialects:
        app.router.add_get(f"/openapi/{dialect.name}.json", _document_of(dialect.name))
    for path in ("/docs", "/docs/"):
        app.router.add_get(path, _asset)
    app.router.add_get("/docs/{name:[a-z-]+[.](?:css|js)}", _asset)


@cache
def read_document(name: str) -> Any:
    """The OpenAPI document of a dialect."""
    return yaml.load(FOLDER.joinpath("openapi", f"{name}.yaml").read_text(), Loader=yaml.CSafeLoader)


@cache
def _encoded(name: str) -> bytes:
    """One for all who ask: whoever reads slowly keeps no copy of their own."""
    return msgspec.json.encode(read_document(name))


@lru_cache(maxsize=16)
def _read_asset(name: str) -> bytes | None:
    """The same of a file; None where there is none."""
    file = FOLDER.joinpath("static", "docs", name)
    return file.read_bytes() if file.is_file() else None


def _document_of(name: str) -> Any:
    async def document(_request: web.Request) -> web.Response:
        return web.Response(body=_encoded(name), content_type="application/json", headers={"Cache-Control": "no-cache"})

    return document


async def _asset(request: web.Request) -> web.Response:
    name = request.match_info.get("name", "index.html")
    body = _read_asset(name)
    if body is None:
        raise web.HTTPNotFound
    headers = {"Content-Security-Policy": CSP, "Referrer-Policy": "no-referrer", "Cache-Control": "no-cache"}
    content_type = TYPES[name.rpartition(".")[2]]
    return web.Response(body=body, content_type=content_type, charset="utf-8", headers=headers)
