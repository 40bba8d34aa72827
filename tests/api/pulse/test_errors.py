"""Errors: each status in the words of JSON:API, and German titles for those who want them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from chatsrv.domain.clock import Clock
from chatsrv.services import Services
from tests.api.pulse.people import PASSWORD, TEAMS, USERS, add, as_pulse, document, names, refused
from tests.api.raw import send
from tests.api.serving import serving
from tests.client import ApiClient
from tests.conftest import MakeSettings

pytestmark = pytest.mark.parametrize("database_source", ["sqlite_template"], indirect=True)

VND = "application/vnd.api+json"


async def test_what_a_user_cannot_be(pulse: ApiClient) -> None:
    await add(pulse, "Anna", email="anna@mail.test")
    bad: list[tuple[dict[str, Any], str, str, str]] = [
        ({}, "name", "blank", "can't be blank"),
        ({"name": None}, "name", "blank", "can't be blank"),
        ({"name": "  "}, "name", "blank", "can't be blank"),
        ({"name": 7}, "name", "invalid", "is invalid"),
        ({"name": "a\0b"}, "name", "invalid", "is invalid"),
        ({"name": "x" * 192}, "name", "too_long", "is too long (maximum is 191 characters)"),
        ({"name": "B", "email": "nothing"}, "email", "invalid", "is invalid"),
        ({"name": "B", "email": "Anna@MAIL.test"}, "email", "taken", "has already been taken"),
        ({"name": "B", "avatar": "a/b.png"}, "avatar", "invalid", "is invalid"),
        ({"name": "B", "avatar": ".."}, "avatar", "invalid", "is invalid"),
        ({"name": "B", "avatar": "https://a.test/b.png"}, "avatar", "invalid", "is invalid"),
        ({"name": "B", "status": "active"}, "status", "read_only", "can't be changed"),
        ({"name": "B", "discarded_at": None}, "discarded_at", "read_only", "can't be changed"),
        ({"name": "B", "username": "b"}, "username", "unknown", "is unknown"),
        ({"name": "B", "a/b~c": "b"}, "a~1b~0c", "unknown", "is unknown"),
    ]
    for attributes, name, code, title in bad:
        [error] = refused(await pulse.post(USERS, document("users", **attributes)), 422, f"/data/attributes/{name}")
        assert (error["code"], error["title"]) == (code, title), attributes
        assert error["meta"] == {
            "attribute": name.replace("~1", "/").replace("~0", "~").rpartition("/")[2],
            "message": title,
        }
    assert names(await pulse.get(USERS)) == ["Anna"]


async def test_an_update_keeps_the_same_rules_and_changes_nothing_where_one_is_broken(pulse: ApiClient) -> None:
    anna, ben = await add(pulse, "Anna", email="anna@mail.test"), await add(pulse, "Ben", email="ben@mail.test")
    for attributes, *fields in (
        ({"status": "active", "discarded_at": 1}, "status", "discarded_at"),
        ({"name": "", "email": "x", "avatar": 5}, "name", "email", "avatar"),
        ({"name": "Benno", "email": "anna@mail.test"}, "email"),
    ):
        answer = await pulse.patch(f"{USERS}/{ben}", document("users", **attributes))
        refused(answer, 422, *(f"/data/attributes/{field}" for field in fields))
    assert names(await pulse.get(USERS)) == ["Anna", "Ben"]
    assert anna != ben


async def test_german_titles_are_for_those_who_want_german_more_than_english(pulse: ApiClient) -> None:
    body = document("users", email="x")
    german_ones = ("de", "DE", "de-AT,de;q=0.9,en;q=0.8", "fr, de;q=0.5")
    others = ("en", "", "*", "en;q=0.2,de;q=0.1", "de;q=0", "de;q=x", ";;,q=", "en, de")
    for header in german_ones + others:
        answer = await pulse.post(USERS, body, headers={"Accept-Language": header})
        errors = refused(answer, 422, "/data/attributes/name", "/data/attributes/email")
        titles = {error["source"]["pointer"][17:]: error["title"] for error in errors}
        german = {"name": "muss ausgefüllt werden", "email": "ist ungültig"}
        assert titles == (german if header in german_ones else {"name": "can't be blank", "email": "is invalid"}), (
            header
        )
    await add(pulse, "Anna", email="anna@mail.test")
    titles = {}
    for attributes in (
        {"name": "x" * 192},
        {"name": "B", "email": "anna@mail.test"},
        {"name": "B", "a": 1, "status": 1},
    ):
        answer = await pulse.post(USERS, document("users", **attributes), headers={"Accept-Language": "de"})
        titles |= {error["code"]: error["title"] for error in answer.json["errors"]}
    assert titles == {
        "too_long": "ist zu lang (nicht mehr als 191 Zeichen)",
        "taken": "ist bereits vergeben",
        "unknown": "ist unbekannt",
        "read_only": "kann nicht geändert werden",
    }


async def test_bodies_that_are_no_resource(pulse: ApiClient) -> None:
    anna = await add(pulse, "Anna")
    bodies: list[tuple[Any, int, list[str]]] = [
        ("", 400, []),
        ("{", 400, []),
        ("[]", 400, []),
        ("null", 400, []),
        ('{"data":' * 40, 400, []),
        (b"\xff", 400, []),
        ({}, 422, ["/data"]),
        ({"data": []}, 422, ["/data"]),
        ({"data": None}, 422, ["/data"]),
        ({"data": {}}, 422, ["/data/type"]),
        ({"data": {"type": "teams"}}, 409, ["/data/type"]),
        ({"data": {"type": ["users"]}}, 409, ["/data/type"]),
        ({"data": {"type": "users", "id": TEAMS}}, 409, ["/data/id"]),
        ({"data": {"type": "users", "attributes": []}}, 200, []),
        ({"data": {"type": "users", "attributes": [1]}}, 422, ["/data/attributes"]),
        ({"data": {"type": "users", "attributes": "name"}}, 422, ["/data/attributes"]),
        ({"data": {"type": "users", "relationships": []}}, 422, ["/data/relationships"]),
        ({"data": {"type": "users", "relationships": {"a/b": {"data": []}}}}, 422, ["/data/relationships/a~1b"]),
        ({"data": {"type": "users", "relationships": {"teams": {"links": {}}, "x": None}}}, 200, []),
        ({"data": {"type": "users", "id": None, "relationships": None, "links": {}, "meta": 1}}, 200, []),
    ]
    for body, status, sources in bodies:
        raw = body if isinstance(body, str | bytes) else json.dumps(body)
        answer = await pulse.patch(f"{USERS}/{anna}", data=raw)
        if status == 200:
            assert answer.status == 200, (body, answer.body)
        else:
            refused(answer, status, *sources)
    refused(
        await pulse.post(USERS, {"data": {"type": "users", "id": anna, "attributes": {"name": "B"}}}), 409, "/data/id"
    )


async def test_only_a_body_of_json_api_is_read(pulse: ApiClient) -> None:
    anna = await add(pulse, "Anna")
    body = document("users", name="Anne")
    for kind in ("application/json", "text/plain", "application/x-www-form-urlencoded"):
        for method, path in (("POST", USERS), ("PATCH", f"{USERS}/{anna}"), ("POST", f"{USERS}/{anna}/deactivate")):
            refused(await pulse.request(method, path, json=body, headers={"Content-Type": kind}), 415)
    answer = await pulse.patch(f"{USERS}/{anna}", body, headers={"Content-Type": f"{VND}; charset=utf-8"})
    assert answer.status == 200
    for method, path in (("GET", USERS), ("DELETE", f"{USERS}/{anna}")):
        answer = await pulse.request(method, path, json=body, headers={"Content-Type": "text/plain"})
        assert answer.status == 200


async def test_too_much_too_deep_and_the_wrong_door(pulse: ApiClient) -> None:
    refused(await pulse.post(USERS, data=b'{"a":"' + b"x" * 70_000 + b'"}'), 413)
    refused(await pulse.get("/api/v1/nothing"), 404)
    refused(await pulse.get("/auth/nothing"), 404)
    refused(await pulse.get("/api/v1"), 404)
    answer = await pulse.put(USERS, document("users"))
    refused(answer, 405)
    assert set(answer.headers["Allow"].split(", ")) == {"GET", "HEAD", "OPTIONS", "POST"}
    assert (await pulse.request("OPTIONS", USERS)).status == 204
    head = await pulse.request("HEAD", USERS)
    assert (head.status, head.body, head.headers["Content-Type"]) == (200, b"", VND)


async def test_bytes_that_are_no_text(pulse: ApiClient) -> None:
    raw = ["?filter[name]=eq:%ED%A0%80", "?sort=%FF", "?include=%ED%A0%80", "?%FF=%FF", "/%FF", "?filter[%FF]=eq:1"]
    for query in raw:
        answer = await send(pulse, f"GET {USERS}{query}")
        assert answer.status in (200, 400, 404), (query, answer.body)
        assert b"\\ud" not in answer.body


async def test_an_address_may_ask_so_often_and_sign_in_less_often(make_settings: MakeSettings, clock: Clock) -> None:
    async with serving(make_settings(pulse_rate_per_minute=60), clock) as (api, services):
        _, key = await services.apps.create("demo", None)
        pulse = as_pulse(api, key)
        for left in range(59, 54, -1):
            attempt = await as_pulse(api, None).post("/auth/signin", document("identity", email="x", password=PASSWORD))
            refused(attempt, 401)
            assert attempt.headers["X-RateLimit-Remaining"] == str(left)
        refused_now = await as_pulse(api, None).post("/auth/signin", document("identity"))
        refused(refused_now, 429)
        assert 1 <= int(refused_now.headers["Retry-After"]) <= 20
        for path in ("/auth/signout", "/auth/accept_invitation"):
            refused(await pulse.request("DELETE" if "out" in path else "POST", path), 429)
        # the others go on until the minute's are spent, whoever asks
        answers = [await pulse.get(USERS) for _ in range(53)]
        assert [answer.status for answer in answers] == [200] * 52 + [429]
        assert {answer.headers["X-RateLimit-Limit"] for answer in answers} == {"60"}
        refused(await as_pulse(api, None).get(USERS), 429)
        assert (await api.speaking_as(key).get("/v1/demo/users")).status == 200
        clock.advance(60)
        assert (await pulse.get(USERS)).status == 200
        refused(await as_pulse(api, None).post("/auth/signin", document("identity", email="x", password="y")), 401)


async def test_the_limits_are_those_of_the_documents(services: Services) -> None:
    settings = services.settings
    assert settings.pulse_rate_per_minute == 300
    assert (settings.pulse_auth_attempts, settings.pulse_auth_window_s) == (5, 20)
    assert (settings.pulse_page_default, settings.pulse_page_max) == (25, 100)
