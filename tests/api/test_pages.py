"""The API page and the documents, as a browser gets them."""

from __future__ import annotations

from pathlib import Path

import pytest

import chatsrv
from chatsrv.api import DIALECTS
from chatsrv.api.pages import read_document
from tests.api.native.refusals import refused
from tests.api.raw import send
from tests.client import ApiClient

pytestmark = pytest.mark.parametrize("database_source", ["sqlite_template"], indirect=True)

FILES = Path(chatsrv.__file__).parent / "api" / "static" / "docs"
TYPES = {".html": "text/html", ".css": "text/css", ".js": "text/javascript"}


async def test_the_page_and_its_files_come_under_a_strict_policy(api: ApiClient) -> None:
    anyone = api.speaking_as(None)
    files = {f"/docs/{file.name}": file for file in FILES.iterdir() if file.suffix in (".css", ".js")}
    assert len(files) == 4
    pages = {"/docs": FILES / "index.html", "/docs/": FILES / "index.html"}
    for path, file in {**files, **pages}.items():
        answer = await anyone.get(path)
        assert (answer.status, answer.body) == (200, file.read_bytes())
        assert answer.headers["Content-Type"] == f"{TYPES[file.suffix]}; charset=utf-8"
        policy = dict(part.strip().split(" ", 1) for part in answer.headers["Content-Security-Policy"].split(";"))
        assert (policy["default-src"], policy["object-src"], policy["frame-ancestors"]) == (
            "'self'",
            "'none'",
            "'none'",
        )
        assert "unsafe" not in answer.headers["Content-Security-Policy"]
        assert answer.headers["X-Content-Type-Options"] == "nosniff"


async def test_every_document_is_served_without_a_key(api: ApiClient) -> None:
    for dialect in DIALECTS:
        answer = await api.speaking_as(None).get(f"/openapi/{dialect.name}.json")
        assert (answer.status, answer.headers["Content-Type"]) == (200, "application/json")
        assert answer.json == read_document(dialect.name)
        assert (await api.request("HEAD", f"/openapi/{dialect.name}.json")).body == b""


async def test_there_is_nothing_else_to_be_had(api: ApiClient) -> None:
    for name in (
        "nope.js",
        "LICENSE",
        "version.txt",
        "index.html",
        "..%2Finit.js",
        "%2e%2e/init.js",
        "a/init.js",
        ".js",
    ):
        refused(await send(api, f"GET /docs/{name}"), 404, 40400)
    for path in ("/openapi/nope.json", "/openapi/native.yaml", "/openapi", "/openapi/..%2fnative.json"):
        refused(await send(api, f"GET {path}"), 404, 40400)
    refused(await api.post("/docs"), 405, 40500)
