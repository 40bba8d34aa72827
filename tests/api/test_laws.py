"""The laws that hold in every dialect: who may come in, what an error looks like, and that nothing leaks or breaks."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from chatsrv.api import DIALECTS
from chatsrv.api.dialect import Dialect
from chatsrv.domain.apps import ALL_SCOPES, Scope
from chatsrv.domain.presence import SERVER
from chatsrv.services import Services
from tests.api.manners import MANNERS, Manner
from tests.api.raw import send
from tests.api.serving import serving
from tests.client import Answer, ApiClient
from tests.conftest import DemoApp, MakeSettings

pytestmark = [
    pytest.mark.parametrize("database_source", ["sqlite_template"], indirect=True),
    pytest.mark.parametrize("manner", MANNERS, ids=lambda manner: manner.name),
]

NO_SUCH = {"appId": "demo", "username": "nobody", "sessionId": "x", "uuid": "018f0000-0000-7000-8000-000000000000"}


@pytest.fixture
def dialect(manner: Manner) -> Dialect:
    return next(dialect for dialect in DIALECTS if dialect.name == manner.name)


@pytest.fixture
def client(manner: Manner, api: ApiClient, demo: DemoApp) -> ApiClient:
    """Speaks the dialect with a key that may do everything."""
    return manner.speak(api, demo.key)


@pytest.fixture
async def neighbour(manner: Manner, api: ApiClient, services: Services) -> ApiClient:
    """The same with the key of another app."""
    _, key = await services.apps.create("next-door", None)
    return manner.speak(api, key)


def address(route: Any, value: str = "999999") -> str:
    """The route's path with something in every hole that nobody has."""
    path = str(route.path)
    while "{" in path:
        before, _, rest = path.partition("{")
        name, _, after = rest.partition("}")
        # a pattern such as {id:[^/]+} holds no brace itself
        path = before + NO_SUCH.get(name.partition(":")[0], value) + after
    return path


def is_refused(manner: Manner, answer: Answer, status: int) -> bool:
    assert (answer.status, answer.headers["Content-Type"]) == (status, manner.media_type), answer.body
    return manner.is_error(answer)


async def test_nobody_comes_in_without_a_credential_or_with_a_bad_one(
    manner: Manner, dialect: Dialect, api: ApiClient
) -> None:
    for route in dialect.routes:
        for key in (None, "cs_aaaaaaaaaaaa_x", "x", "a.b.c", "é"):
            headers = {"Accept": manner.media_type, "Content-Type": manner.media_type}
            if key:
                headers |= {name: value.encode().decode("latin-1") for name, value in manner.key(key).items()}
            answer = await api.with_headers(headers).request(route.method, address(route))
            assert is_refused(manner, answer, 401), route


async def test_an_unknown_path_and_a_method_that_a_path_lacks_need_no_credential(
    manner: Manner, dialect: Dialect, api: ApiClient, client: ApiClient
) -> None:
    anyone = api.with_headers({})
    for speaker in (anyone, client):
        for path in (f"{manner.prefix}/nothing", f"{manner.users}/x/y/z/q", f"{manner.users}//x"):
            assert is_refused(manner, await speaker.get(path), 404)
        for path in {address(route) for route in dialect.routes}:
            answer = await speaker.request("TRACE", path)
            assert is_refused(manner, answer, 405)
            allowed = set(answer.headers["Allow"].split(", "))
            assert {route.method for route in dialect.routes if address(route) == path} <= allowed


async def test_each_path_works_with_a_slash_at_its_end_and_is_told_by_options(
    manner: Manner, dialect: Dialect, client: ApiClient
) -> None:
    one = await manner.make(client, "anna")
    for path in (manner.users, one):
        plain, slashed = await client.get(path), await client.get(path + "/")
        assert (slashed.status, without_links(slashed)) == (200, without_links(plain))
        head = await client.request("HEAD", path)
        assert (head.status, head.body, head.headers["Content-Type"]) == (200, b"", plain.headers["Content-Type"])
        told = await client.with_headers({}).request("OPTIONS", path)
        assert (told.status, told.body) == (204, b"")
        assert {"GET", "HEAD", "OPTIONS"} <= set(told.headers["Allow"].split(", "))


def without_links(answer: Answer) -> str:
    """A page's links repeat the address that was asked."""
    return answer.body.decode().replace("/?", "?").replace('/"', '"')


async def test_every_answer_has_the_exact_type_and_no_parameters(manner: Manner, client: ApiClient) -> None:
    made = await client.post(manner.users, manner.new_user("anna"))
    for answer in (made, await client.get(manner.users), await client.get(f"{manner.users}/{manner.id_of(made.json)}")):
        assert answer.headers["Content-Type"] == manner.media_type


async def test_a_body_that_is_too_large_or_broken_is_told_in_its_own_words(manner: Manner, client: ApiClient) -> None:
    large = json.dumps(manner.new_user("x" * 70_000)).encode()
    assert is_refused(manner, await client.request("POST", manner.users, data=large), 413)
    for broken in (b"{", b'{"a": 1}x', b"\xff\xfe", b"[" * 600 + b"]" * 600):
        assert is_refused(manner, await client.request("POST", manner.users, data=broken), 400)


async def test_a_rate_that_is_spent_is_told_with_the_time_to_wait(manner: Manner, make_settings: MakeSettings) -> None:
    rates = {"key_rate_burst": 3, "key_rate_per_minute": 3, "panel_rate_per_minute": 3, "pulse_rate_per_minute": 3}
    async with serving(make_settings(**rates)) as (anyone, services):
        client = manner.speak(anyone, (await services.apps.create("demo", None))[1])
        answers = [await client.get(manner.users) for _ in range(5)]
        refused = [answer for answer in answers if answer.status == 429]
        assert refused
        assert answers[0].status == 200
        for answer in refused:
            assert is_refused(manner, answer, 429)
            assert int(answer.headers["Retry-After"]) >= 1
            assert answer.headers["X-RateLimit-Remaining"] == "0"
        assert int(answers[0].headers["X-RateLimit-Remaining"]) > 0


async def test_a_database_that_is_away_or_broken_is_our_fault_and_tells_nothing(
    manner: Manner, make_settings: MakeSettings, free_port: int, tmp_path: Path
) -> None:
    away = make_settings(database_url=f"postgres://x:secret@127.0.0.1:{free_port}/x")
    broken = make_settings(database_url=f"sqlite:///{tmp_path}/never_migrated.db")
    for settings, status in ((away, 503), (broken, 500)):
        async with serving(settings) as (anyone, _):
            answer = await manner.speak(anyone, f"cs_{'a' * 12}_x").get(manner.users)
            assert is_refused(manner, answer, status)
            assert ("Retry-After" in answer.headers) is (status == 503)
            assert not [word for word in (b"secret", b"sqlite", b"server_keys", b"Error(") if word in answer.body]


async def test_a_key_without_a_scope_may_not_and_one_from_elsewhere_neither(
    manner: Manner, api: ApiClient, services: Services, client: ApiClient
) -> None:
    one = await manner.make(client, "anna")

    async def keyed(scopes: frozenset[Scope], *networks: str) -> ApiClient:
        return manner.speak(api, (await services.apps.create_key("demo", "k", scopes, networks, None))[1])

    reader, writer = await keyed(frozenset({Scope.USERS_READ})), await keyed(frozenset({Scope.USERS_WRITE}))
    outside = await keyed(ALL_SCOPES, "10.0.0.0/8")
    assert (await reader.get(one)).status == 200
    assert is_refused(manner, await reader.post(manner.users, manner.new_user("eve")), 403)
    assert is_refused(manner, await reader.delete(one), 403)
    assert is_refused(manner, await writer.get(manner.users), 403)
    assert is_refused(manner, await outside.get(manner.users), 403)
    assert (await client.get(one)).status == 200


async def test_the_neighbour_finds_nobody_and_changes_nothing(
    manner: Manner, client: ApiClient, neighbour: ApiClient, dialect: Dialect, services: Services
) -> None:
    one = await manner.make(client, "anna")
    before = (await client.get(one)).body
    for method in ("GET", "PUT", "PATCH", "DELETE"):
        answer = await neighbour.request(method, one, data=json.dumps(with_id(manner, one)).encode())
        assert answer.status in (403, 404, 405), (method, answer.status)
        assert is_refused(manner, answer, answer.status)
    assert (await client.get(one)).body == before
    theirs = await neighbour.get(manner.users)
    assert theirs.status == 403 or b"anna" not in theirs.body
    assert await services.users.count("next-door") == 0


async def test_who_is_deleted_or_discarded_elsewhere_is_not_here(
    manner: Manner, client: ApiClient, services: Services
) -> None:
    one, other = await manner.make(client, "anna"), await manner.make(client, "bert")
    await services.accounts.delete("demo", "anna")
    await services.accounts.discard("demo", "bert", SERVER)
    assert is_refused(manner, await client.get(one), 404)
    if manner.name != "pulse":
        assert is_refused(manner, await client.get(other), 404)
        assert b"bert" not in (await client.get(manner.users)).body


def with_id(manner: Manner, path: str) -> Any:
    """A change of this user to another name; JSON:API repeats the id."""
    body = manner.new_user("eve")
    if "data" in body:
        body["data"]["id"] = path.rpartition("/")[2]
    return body


ODD_TEXTS = ("", "\0", "a\0b", "\ud800", "x" * 5000, "\u202e")
ODD_VALUES: tuple[Any, ...] = (None, True, 0, -1, 2**70, 1.5, *ODD_TEXTS, [], {}, [[]], {"a": None})
ODD_NUMBERS = ("0", "-1", "9" * 30, "1e3", "null")
ODD_PARTS = ("%00", "%FF", "%ED%A0%80", "..%2F..", "%20", "%7B%7D", "a" * 300, "%2F", *ODD_NUMBERS)
ODD_QUERIES = (
    "page[number]=%00&page[size]=9",
    "page[number]=" + "9" * 30,
    "page=9999999999999999999999&per_page=99999999999999999999",
    "filter[email]=%00&filter[id]=99999999999999999999999",
    "filter[uuid]=%ED%A0%80&sort=%00",
    "filter[[[]]]=x&page[=1&]=2&[]=3&include=,,.,&fields[]=",
    "sort=-&include=" + "a." * 400,
    "filter=" + "%27%22;--" * 50,
    "limit=1e9&offset=%00&cursor=%00&fields=%ED%A0%80",
    "&".join(f"filter[name]={number}" for number in range(200)),
)


def odd_bodies(manner: Manner) -> list[bytes]:
    """A good body with one thing odd in it, at every place."""
    good = manner.new_user("odd")
    made = [json.dumps(value).encode() for value in ODD_VALUES]
    for value in ODD_VALUES:
        for path in _places(good):
            made.append(json.dumps(_with(good, path, value)).encode())
    return made


def _places(value: Any, at: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    below = value.items() if isinstance(value, dict) else ()
    inner = [place for name, part in below for place in _places(part, (*at, name))]
    return [at, *inner] if at else inner


def _with(value: Any, path: tuple[str, ...], new: Any) -> Any:
    if not path:
        return new
    return {**value, path[0]: _with(value[path[0]], path[1:], new)}


def check_answer(manner: Manner, answer: Answer, what: object) -> None:
    assert answer.status < 500, (what, answer.body)
    if answer.status >= 400 and answer.body:
        assert answer.headers["Content-Type"] == manner.media_type, what
        assert manner.is_error(answer), (what, answer.body)


def is_of_one_user(manner: Manner, path: str) -> bool:
    return path.replace("{appId}", "demo").startswith(f"{manner.users}/{{") and path.endswith("}")


async def test_no_path_is_too_odd(manner: Manner, dialect: Dialect, client: ApiClient) -> None:
    for route in dialect.routes:
        for part in ODD_PARTS if "{" in route.path else ():
            path = address(route, part).replace("nobody", part)
            raw = await send(client, f"{route.method} {path}", b"")
            check_answer(manner, raw, (route, part))


async def test_no_query_is_too_odd(manner: Manner, dialect: Dialect, client: ApiClient) -> None:
    await manner.make(client, "anna")
    for route in dialect.routes:
        for query in ODD_QUERIES if route.method == "GET" else ():
            check_answer(manner, await send(client, f"GET {address(route)}?{query}"), (route, query))


async def test_no_body_is_too_odd(manner: Manner, dialect: Dialect, client: ApiClient) -> None:
    one = await manner.make(client, "anna")
    writes = [route for route in dialect.routes if route.method in ("POST", "PUT", "PATCH")]
    paths = {(route.method, one if is_of_one_user(manner, route.path) else address(route)) for route in writes}
    for method, path in sorted(paths):
        for body in odd_bodies(manner):
            check_answer(manner, await client.request(method, path, data=body), (method, path, body))
