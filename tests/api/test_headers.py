"""What every answer tells browsers, whoever asked for what, and what no cache may keep."""

from __future__ import annotations

import pytest

from chatsrv.api import DIALECTS
from chatsrv.api.dialect import Dialect
from chatsrv.domain.presence import SERVER
from chatsrv.services import Services
from tests.api.manners import MANNERS, Manner
from tests.api.pulse.people import PASSWORD, as_pulse, document
from tests.api.raw import send
from tests.api.test_laws import address
from tests.client import Answer, ApiClient
from tests.conftest import DemoApp

pytestmark = pytest.mark.parametrize("database_source", ["sqlite_template"], indirect=True)

EACH = pytest.mark.parametrize("manner", MANNERS, ids=lambda manner: manner.name)
NO_PAGE = "default-src 'none'; frame-ancestors 'none'"


def is_guarded(answer: Answer, policy: str = NO_PAGE) -> bool:
    headers = answer.headers
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "no-referrer"
    return headers["Content-Security-Policy"] == policy


def dialect_of(manner: Manner) -> Dialect:
    return next(dialect for dialect in DIALECTS if dialect.name == manner.name)


@EACH
async def test_no_answer_is_a_page_and_none_is_kept_by_a_cache_for_everybody(
    manner: Manner, api: ApiClient, demo: DemoApp
) -> None:
    client = manner.speak(api, demo.key)
    one = await manner.make(client, "anna")
    here = [("GET", one), ("GET", manner.users), ("GET", f"{manner.prefix}/nothing"), ("PUT", one), ("OPTIONS", one)]
    routes = [(route.method, address(route)) for route in dialect_of(manner).routes]
    for who, asked in ((client, here), (api.with_headers({}), here[:1] + routes)):
        for method, path in asked:
            answer = await who.request(method, path)
            assert is_guarded(answer), (method, path)
            is_read = method == "GET" and answer.status < 400
            assert answer.headers["Cache-Control"] == ("private, no-cache" if is_read else "no-store"), (method, path)


async def test_neither_are_those_of_other_paths_and_of_what_is_no_request(api: ApiClient) -> None:
    for path in ("/healthz", "/readyz", "/metrics", "/nothing", "/socket.io/?EIO=4&transport=polling", "/socket.io/"):
        for client in (api, api.with_headers({})):
            answer = await client.get(path)
            assert is_guarded(answer), path
            if path != "/metrics" or client is not api:
                assert answer.headers["Cache-Control"] == "no-store", path
    assert is_guarded(await send(api, "NONSENSE"))


async def test_what_opens_a_door_is_kept_by_no_cache(api: ApiClient, services: Services) -> None:
    person = {"username": "anna", "email": "anna@mail.test"}
    await services.users.create("demo", person, SERVER, PASSWORD)
    one = "/v1/demo/users/anna"
    signing_in = document("identity", email="anna@mail.test", password=PASSWORD)
    answers = [
        await api.post(f"{one}/tokens"),
        await api.post(f"{one}/access_token"),
        await api.get(f"{one}/sessions"),
        await as_pulse(api, None).post("/auth/signin", signing_in),
    ]
    assert [answer.status for answer in answers] == [201, 201, 200, 200]
    assert {answer.headers["Cache-Control"] for answer in answers} == {"no-store"}


async def test_documents_are_data_too(api: ApiClient) -> None:
    for dialect in DIALECTS:
        assert is_guarded(await api.get(f"/openapi/{dialect.name}.json"))
