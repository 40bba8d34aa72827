"""NDJSON out and in: the whole directory, a user a line."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from io import BytesIO
from typing import Any

import pytest

from chatsrv.domain.clock import Clock
from chatsrv.services import Services
from tests.api.native.people import USERS, add, come_online
from tests.api.native.refusals import TYPES, refused
from tests.client import Answer, ApiClient

pytestmark = pytest.mark.parametrize("database_source", ["sqlite_template"], indirect=True)

BULK = "/v1/demo/bulk/users"
NDJSON = {"Content-Type": "application/x-ndjson"}
STORED = {"username", "first_name", "last_name", "name", "email", "external_id", "avatar", "role", "status", "metadata"}
STORED |= {"language", "timezone", "uuid", "created_at", "updated_at"}
STORED |= {"last_login_at", "last_active_at", "last_seen_at", "presence_changed_at"}
STORED |= {"to_others", "claims", "tokens_since", "onboarding"}


async def take(api: ApiClient, *lines: Any) -> dict[str, Any]:
    """Lines are bytes, or what JSON is made of; the last one has no end."""
    texts = [line if isinstance(line, bytes) else json.dumps(line).encode() for line in lines]
    answer = await api.put(BULK, data=BytesIO(b"\n".join(texts)), headers=NDJSON)
    assert answer.status == 200, answer.json
    result: dict[str, Any] = answer.json
    return result


def lines_of(answer: Answer) -> list[dict[str, Any]]:
    assert (answer.status, answer.headers["Content-Type"]) == (200, "application/x-ndjson")
    assert not answer.body or answer.body.endswith(b"\n")
    return [json.loads(line) for line in answer.body.splitlines()]


async def test_an_export_has_every_stored_field_of_everybody(api: ApiClient, services: Services) -> None:
    assert lines_of(await api.get(BULK)) == []
    await add(api, "Änna", metadata={"line": "a\nb"}, email="a@b")
    await add(api, "ben")
    await come_online(services, "ben")
    anna, ben = lines_of(await api.get(BULK))
    assert anna.keys() == ben.keys() == STORED
    assert (anna["username"], anna["metadata"], anna["last_login_at"]) == ("Änna", {"line": "a\nb"}, None)
    assert ben["last_login_at"] == (await api.get(f"{USERS}/ben")).json["last_login_at"]


async def test_what_was_exported_goes_in_again_as_it_is(api: ApiClient, services: Services, clock: Clock) -> None:
    await add(api, "Anna", metadata={"a": [1]}, email="a@b", external_id="x", role="admin", language="de")
    await add(api, "ben")
    await come_online(services, "ben")
    await api.post(f"{USERS}/anna/deactivate")
    exported = (await api.get(BULK)).body
    clock.advance(60)
    _, key = await services.apps.create("copy", None)
    copy = api.speaking_as(key)
    answer = await copy.put("/v1/copy/bulk/users", data=exported, headers=NDJSON)
    assert answer.json == {"created": 2, "updated": 0, "failed": []}
    assert (await copy.get("/v1/copy/bulk/users")).body == exported
    again = await api.put(BULK, data=exported, headers=NDJSON)
    assert again.json == {"created": 0, "updated": 2, "failed": []}
    assert (await api.get(BULK)).body == exported


async def test_an_import_leaves_what_a_line_does_not_say(api: ApiClient) -> None:
    await add(api, "anna", first_name="A", last_name="B")
    assert await take(api, {"username": "ANNA", "first_name": None}) == {"created": 0, "updated": 1, "failed": []}
    assert (await api.get(f"{USERS}/anna?fields=username,first_name,last_name")).json == {
        "username": "anna",
        "first_name": None,
        "last_name": "B",
    }


BAD: dict[bytes, tuple[int, list[str]]] = {
    b"{": (40000, []),
    b"[]": (40000, []),
    b"null": (40000, []),
    b'{"username":"\xff"}': (40000, []),
    b'{"username":"\\ud800"}': (40000, []),
    b'{"username":NaN}': (40000, []),
    b'{"username":"a"} {"username":"b"}': (40000, []),
    b'{"username":"deep","metadata":{"a":' + b"[" * 40 + b"]" * 40 + b"}}": (40000, []),
    b"[" * 5000: (40000, []),
    b"{}": (40003, ["username"]),
    b'{"username":null}': (40003, ["username"]),
    b'{"username":"a","foo":1}': (40003, ["foo"]),
    b'{"username":"a","uuid":"x"}': (40003, ["uuid"]),
    b'{"username":"a","status":2}': (40003, ["status"]),
    b'{"username":"a","status":true}': (40003, ["status"]),
    b'{"username":"a","created_at":"soon"}': (40003, ["created_at"]),
    b'{"username":"a","created_at":null}': (40003, ["created_at"]),
    b'{"username":"a","last_login_at":5}': (40003, ["last_login_at"]),
    b'{"username":"a","metadata":{"a":"' + b"x" * 8192 + b'"}}': (40013, ["metadata"]),
    b'{"username":"a","email":"Taken@b"}': (40900, ["email"]),
}


async def test_a_bad_line_is_named_by_its_number_and_spoils_no_other(api: ApiClient) -> None:
    await add(api, "taken", email="taken@b")
    lines: list[bytes] = []
    for number, line in enumerate(BAD):
        lines += [line, b'{"username":"good%d"}' % number]
    result = await take(api, *lines)
    assert (result["created"], result["updated"]) == (len(BAD), 0)
    assert [failure["line"] for failure in result["failed"]] == [2 * number + 1 for number in range(len(BAD))]
    for failure, (line, (code, fields)) in zip(result["failed"], BAD.items(), strict=True):
        error = failure["error"]
        assert (error["code"], error["type"]) == (code, TYPES[code]), line
        assert [item["field"] for item in error.get("errors", [])] == fields, line


async def test_empty_lines_count_and_line_ends_may_be_of_either_kind(api: ApiClient) -> None:
    body = b'\n{"username":"a"}\r\n  \n\r\n{"username":}\n{"username":"b"}\r\n\n'
    answer = await api.put(BULK, data=body, headers=NDJSON)
    assert (answer.json["created"], [failure["line"] for failure in answer.json["failed"]]) == (2, [5])
    assert (await api.put(BULK, data=b"", headers=NDJSON)).json == {"created": 0, "updated": 0, "failed": []}


async def test_a_line_that_is_too_long_fails_alone(api: ApiClient, services: Services) -> None:
    limit = services.settings.import_line_max_bytes
    fits = b'{"username":"fits"}'.ljust(limit)
    result = await take(api, fits, fits + b" ", b"x" * (3 * limit), b'{"username":"after"}', b"y" * (2 * limit))
    assert result["created"] == 2
    assert [failure["line"] for failure in result["failed"]] == [2, 3, 5]
    assert {failure["error"]["code"] for failure in result["failed"]} == {41300}


async def test_of_the_same_name_twice_the_later_line_wins(api: ApiClient) -> None:
    result = await take(api, {"username": "a", "name": "1"}, {"username": "A", "name": "2"})
    assert (result["created"], result["updated"]) == (1, 1)
    assert (await api.get(f"{USERS}/a?fields=name")).json == {"name": "2"}


async def test_an_import_has_no_limit_and_comes_in_pieces_of_any_size(api: ApiClient) -> None:
    body = b"".join(b'{"username":"u%d","name":"%s"}\n' % (number, b"x" * 100) for number in range(3000))

    async def pieces() -> AsyncIterator[bytes]:
        for start in range(0, len(body), 7777):
            yield body[start : start + 7777]

    answer = await api.put(BULK, data=pieces(), headers=NDJSON)
    assert answer.json == {"created": 3000, "updated": 0, "failed": []}
    assert len(lines_of(await api.get(BULK))) == 3000


async def test_an_import_of_nothing_but_bad_lines_stops_and_says_so(api: ApiClient, services: Services) -> None:
    most, batch = services.settings.import_failures_max, services.settings.import_batch
    result = await take(api, *[b"x"] * (most + 2 * batch), {"username": "late"})
    assert result["stopped"] is True
    assert len(result["failed"]) == most
    refused(await api.get(f"{USERS}/late"), 404, 40015)


async def test_an_import_is_ndjson_or_has_no_type(api: ApiClient) -> None:
    for given in ("application/json", "text/html", "application/xml", "x"):
        answer = await api.put(BULK, data=b"", headers={"Content-Type": given})
        refused(answer, 415, 41500)
    for given in ("application/x-ndjson", "application/x-ndjson; charset=utf-8", "application/ndjson"):
        answer = await api.put(BULK, data=b'{"username":"a"}', headers={"Content-Type": given})
        assert answer.status == 200
    untyped = await api.put(BULK, data=b'{"username":"b"}', skip_auto_headers=["Content-Type"])
    assert untyped.json["created"] == 1
    head = await api.request("HEAD", BULK)
    assert (head.status, head.body, head.headers["Content-Type"]) == (200, b"", "application/x-ndjson")
