"""What comes as a body: broken, deep, huge, compressed, late, or of another type."""

from __future__ import annotations

import asyncio
import gzip
import json
import time
from collections.abc import AsyncIterator
from io import BytesIO

import pytest
from yarl import URL

from tests.api.native.people import USERS, add
from tests.api.native.refusals import refused
from tests.api.raw import send
from tests.api.serving import serving
from tests.client import Answer, ApiClient
from tests.conftest import DemoApp, MakeSettings

pytestmark = pytest.mark.parametrize("database_source", ["sqlite_template"], indirect=True)

JSON = {"Content-Type": "application/json"}
LIMIT = 65_536


async def give(api: ApiClient, body: bytes | AsyncIterator[bytes], **headers: str) -> Answer:
    return await api.post(USERS, data=body, headers={**JSON, **headers})


async def test_malformed_json_is_a_bad_request(api: ApiClient) -> None:
    bodies = [b"", b" ", b"{", b"nope", b'{"username":"a",}', b'{"username":"a"} x', b"{'username':'a'}", b"\xff"]
    bodies += [b'{"username":NaN}', b'{"metadata":{"a":Infinity},"username":"a"}', b'{"username":"\\ud800"}']
    bodies += [b"\xef\xbb\xbf{}", b'{"username":"\xff"}', b'{"username":1e999}', b"9" * 5000, b'{"username":"a\nb"}']
    bodies += ['{"username":"a"}'.encode("utf-16"), b'{"username":"a"', b"\x00"]
    for body in bodies:
        refused(await give(api, body), 400, 40000)
    assert (await api.get(USERS)).json == []


async def test_json_of_another_shape_is_a_bad_request(api: ApiClient) -> None:
    await add(api, "anna")
    for value in ([], "x", 7, None, True, [{"username": "a"}]):
        refused(await give(api, json.dumps(value).encode()), 400, 40000)
        refused(await api.put(f"{USERS}/anna", data=json.dumps(value).encode(), headers=JSON), 400, 40000)


async def test_nesting_has_an_end(api: ApiClient) -> None:
    def nested(depth: int) -> bytes:
        return b'{"username":"a","metadata":{"x":' + b"[" * (depth - 2) + b"]" * (depth - 2) + b"}}"

    refused(await give(api, nested(33)), 400, 40000)
    refused(await give(api, b"[" * LIMIT), 400, 40000)
    refused(await give(api, b'{"a":' * 10_000), 400, 40000)
    assert (await give(api, nested(32))).status == 201
    brackets = json.dumps({"username": "[" * 90 + '"' + "{\\" * 40, "name": "]"}).encode()
    assert (await give(api, brackets)).status == 201


async def test_hostile_quotes_cost_no_more_than_others(api: ApiClient) -> None:
    """A pattern that looks again at what it has seen takes minutes for the larger of these."""

    async def seconds(escapes: int) -> float:
        body = b'{"users":' + b"[]" * 40 + b'"' + b'\\"' * escapes
        started = time.process_time()
        refused(await api.post("/v1/demo/bulk/users", data=BytesIO(body), headers=JSON), 400, 40000)
        return time.process_time() - started

    small, large = await seconds(20_000), await seconds(200_000)
    assert large < 40 * (small + 0.05)


async def test_a_body_over_64_kib_is_too_large_however_it_is_sent(api: ApiClient, demo: DemoApp) -> None:
    fits = b'{"username":"anna"}'.ljust(LIMIT)

    async def chunked(body: bytes) -> AsyncIterator[bytes]:
        for start in range(0, len(body), 5000):
            yield body[start : start + 5000]

    refused(await give(api, fits + b" "), 413, 41300)
    refused(await give(api, chunked(fits + b" ")), 413, 41300)
    refused(await give(api, chunked(fits * 20)), 413, 41300)
    refused(await send(api, f"POST {USERS}\nContent-Length: {2**62}"), 413, 41300)
    assert (await give(api, chunked(fits))).status == 201
    assert (await api.put(f"{USERS}/anna", data=fits, headers=JSON)).status == 200


async def test_a_compressed_body_counts_as_what_it_holds(api: ApiClient) -> None:
    small, bomb = gzip.compress(b'{"username":"anna"}'), gzip.compress(b" " * 20_000_000)
    refused(await send(api, f"POST {USERS}\nContent-Encoding: gzip\nContent-Length: {len(bomb)}", bomb), 413, 41300)
    head = f"POST {USERS}\nContent-Encoding: gzip\nContent-Length: "
    refused(await send(api, f"{head}9", b"not gzip!"), 400, 40000)
    assert (await send(api, f"{head}{len(small)}", small)).status == 201


async def test_a_body_of_another_type_is_refused(api: ApiClient) -> None:
    for given in (
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "",
        "json",
        "\xff",
    ):
        head = f"POST {USERS}\nContent-Length: 16\nContent-Type: {given}"
        refused(await send(api, head, b'{"username":"a"}'), 415, 41500)
    twice = f"POST {USERS}\nContent-Length: 16\nContent-Type: application/json\nContent-Type: text/plain"
    assert (await send(api, twice, b'{"username":"a"}')).status in (400, 415)


async def test_a_body_without_a_type_is_read_as_json(api: ApiClient) -> None:
    assert (await send(api, f"POST {USERS}\nContent-Length: 16", b'{"username":"a"}')).status == 201
    for given in ("application/json; charset=utf-8", "Application/JSON", "application/json;x=y"):
        head = f"PUT {USERS}/a\nContent-Length: 14\nContent-Type: {given}"
        assert (await send(api, head, b'{"name":"new"}')).status == 200


async def test_of_a_key_twice_the_later_counts(api: ApiClient) -> None:
    assert (await give(api, b'{"username":"a","username":"b"}')).json["username"] == "b"


async def test_an_operation_without_a_body_ignores_one(api: ApiClient) -> None:
    await add(api, "anna")
    for method, path in (("POST", f"{USERS}/anna/deactivate"), ("GET", USERS), ("DELETE", f"{USERS}/anna")):
        answer = await api.request(method, path, data=b"{nonsense", headers={"Content-Type": "text/plain"})
        assert answer.status in (200, 204)


async def test_whoever_stops_in_the_middle_is_not_waited_for(make_settings: MakeSettings) -> None:
    async with serving(make_settings(body_timeout_s=0.2)) as (anyone, services):
        api = anyone.speaking_as((await services.apps.create("demo", None))[1])
        refused(await send(api, f"POST {USERS}\nContent-Length: 100", b'{"user'), 400, 40000)
        refused(await send(api, f"POST {USERS}\nTransfer-Encoding: chunked", b'5\r\n{"use\r\n'), 400, 40000)


async def test_whoever_leaves_in_the_middle_leaves_nothing_behind(api: ApiClient) -> None:
    url = URL(api.url)
    for _ in range(3):
        _, writer = await asyncio.open_connection(url.host, url.port)
        head = f"PUT /v1/demo/bulk/users HTTP/1.1\r\nHost: x\r\nAuthorization: {api.headers['Authorization']}\r\n"
        writer.write(f'{head}Content-Length: 99\r\n\r\n{{"username":"cut"'.encode())
        await writer.drain()
        writer.close()
        await writer.wait_closed()
    assert (await api.get(USERS)).json == []
