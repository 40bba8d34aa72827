"""Errors of the panel: paths and methods that there are none of, and stores that do not answer."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest

from tests.api.panel.people import ANNA, NOT_FOUND, SERVERS, USERS, make, refusal
from tests.api.serving import serving
from tests.client import ApiClient
from tests.conftest import MakeSettings

pytestmark = pytest.mark.parametrize("database_source", ["sqlite_template"], indirect=True)


async def test_an_unknown_path_needs_no_key_and_is_named(api: ApiClient) -> None:
    for path in ("/x", "", "/", "/users/1/x", "/users/1/servers/", "/nodes", "/servers/1/build", "/%C3%A4%00"):
        answer = await api.speaking_as(None).get(f"/api/application{path}")
        named = f"api/application{path}".strip("/")
        assert refusal(answer) == (404, "NotFoundHttpException", f"The route {named} could not be found."), path
    assert refusal(await api.get(f"{USERS}/external/")) == NOT_FOUND


async def test_a_method_that_a_path_lacks_is_named_with_those_that_it_has(api: ApiClient) -> None:
    for method, path, supported in (
        ("PUT", f"{USERS}/2", "GET, HEAD, PATCH, DELETE"),
        ("POST", f"{USERS}/2/", "GET, HEAD, PATCH, DELETE"),
        ("PATCH", USERS, "GET, HEAD, POST"),
        ("DELETE", USERS, "GET, HEAD, POST"),
        ("DELETE", f"{USERS}/external/x", "GET, HEAD"),
        ("PATCH", f"{SERVERS}/1", "GET, HEAD, DELETE"),
        ("PUT", SERVERS, "GET, HEAD, POST"),
        ("GET", f"{SERVERS}/1/force", "DELETE"),
        ("PURGE", USERS, "GET, HEAD, POST"),
    ):
        answer = await api.speaking_as(None).request(method, path)
        assert refusal(answer) == (
            405,
            "MethodNotAllowedHttpException",
            f"The {method} method is not supported for route {path.strip('/')}. Supported methods: {supported}.",
        )
        assert set(supported.split(", ")) <= set(answer.headers["Allow"].split(", "))


async def test_options_and_head_are_answered(api: ApiClient) -> None:
    assert (await api.speaking_as(None).request("OPTIONS", USERS)).status == 204
    head = await api.request("HEAD", USERS)
    assert (head.status, head.body, head.headers["Content-Type"]) == (200, b"", "application/json")


async def test_a_store_that_does_not_answer_is_told_with_when_to_come_back(make_settings: MakeSettings) -> None:
    settings = make_settings(database_timeout_s=0.2)
    async with serving(settings) as (anyone, services):
        _, key = await services.apps.create("demo", None)
        api = anyone.speaking_as(key)
        with closing(sqlite3.connect(settings.database_url.removeprefix("sqlite:///"))) as other:
            other.execute("BEGIN IMMEDIATE")
            answer = await api.post(USERS, ANNA)
            assert refusal(answer)[:2] == (503, "ServiceUnavailableHttpException")
            assert int(answer.headers["Retry-After"]) >= 1
        await make(api)
