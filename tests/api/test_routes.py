"""What is documented is mounted, and what is mounted is documented."""

from __future__ import annotations

import re

from aiohttp import web

from chatsrv.api import DIALECTS
from chatsrv.api.dialect import Dialect, OpenRoute, Route
from chatsrv.api.pages import read_document
from chatsrv.app import create_app
from chatsrv.services import Services, open_services
from tests.conftest import MakeSettings

METHODS = ("get", "put", "post", "delete", "patch")
UNDOCUMENTED = re.compile(r"/(admin|demo|docs|metrics|openapi|signin|socket\.io)(/.*)?|/")
"""Pages for people and what they ask for, metrics for machines, and the sockets, which OpenAPI cannot describe."""


def documented(name: str) -> set[str]:
    paths = read_document(name)["paths"]
    return {f"{method.upper()} {path}" for path, item in paths.items() for method in METHODS if method in item}


def routes_of(dialect: Dialect) -> list[Route | OpenRoute]:
    return [*dialect.routes, *dialect.open_routes]


def as_documented(path: str) -> str:
    """`{username:[^/]+}` is `{username}` in a document."""
    return re.sub(r"\{(\w+):[^}]*\}", r"{\1}", path)


def test_the_routes_of_each_dialect_are_those_of_its_document() -> None:
    probes = {"GET /healthz", "GET /readyz"}
    for dialect in DIALECTS:
        every = routes_of(dialect)
        routes = {f"{route.method} {as_documented(route.path)}" for route in every}
        assert len(routes) == len(every)
        assert routes == documented(dialect.name) - probes, dialect.name


async def test_nothing_is_mounted_that_no_document_names(make_settings: MakeSettings) -> None:
    async with open_services(make_settings()) as services:
        mounted = set(_mounted(services))
    expected = {name for dialect in DIALECTS for name in documented(dialect.name)}
    assert {name for name in mounted if not UNDOCUMENTED.fullmatch(name.split()[1])} == expected


def _mounted(services: Services) -> list[str]:
    """HEAD and the slash at the end are variants of a route, not routes of their own."""
    app: web.Application = create_app(services)
    routes = [(route.method, route.resource.canonical) for route in app.router.routes() if route.resource]
    return [f"{method} {path.rstrip('/') or '/'}" for method, path in routes if method != "HEAD"]


async def test_each_path_is_mounted_with_and_without_a_slash_at_its_end(make_settings: MakeSettings) -> None:
    async with open_services(make_settings()) as services:
        app = create_app(services)
    raw = {(route.method, route.resource.canonical) for route in app.router.routes() if route.resource}
    for dialect in DIALECTS:
        for route in routes_of(dialect):
            path = as_documented(route.path)
            methods = {route.method} | ({"HEAD"} if route.method == "GET" else set())
            assert {(method, end) for method in methods for end in (path, path + "/")} <= raw
