"""What is no request is answered in the words of the dialect that was meant, counted, and no news in the log."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import dataclass

import msgspec
import pytest
from yarl import URL

from chatsrv.services import Services
from tests.api.manners import MANNERS, Manner
from tests.api.raw import read_answer
from tests.api.serving import serving
from tests.client import Answer, ApiClient
from tests.conftest import MakeSettings

pytestmark = pytest.mark.parametrize("database_source", ["sqlite_template"], indirect=True)
EACH = pytest.mark.parametrize("manner", MANNERS, ids=lambda manner: manner.name)
NATIVE = MANNERS[0]

BROKEN: Mapping[str, str] = {
    "a verb": "GE(T {path} HTTP/1.1|Host: x||",
    "a version": "GET {path} HTTP/7.4|Host: x||",
    "a name": "GET {path} HTTP/1.1|Host: x|X(: a||",
    "a space before the colon": "GET {path} HTTP/1.1|Host: x|X : a||",
    "no host": "GET {path} HTTP/1.1|X: a||",
    "a NUL": "GET {path} HTTP/1.1|Host: x|X: a\0b||",
    "a length that is no number": "POST {path} HTTP/1.1|Host: x|Content-Length: x||",
    "a length below zero": "POST {path} HTTP/1.1|Host: x|Content-Length: -1||",
    "an endless length": "POST {path} HTTP/1.1|Host: x|Content-Length: 99999999999999999999||",
    "two lengths": "POST {path} HTTP/1.1|Host: x|Content-Length: 1|Content-Length: 2||ab",
    "a length and chunks": "POST {path} HTTP/1.1|Host: x|Content-Length: 1|Transfer-Encoding: chunked||0||",
    "a coding that there is none of": "POST {path} HTTP/1.1|Host: x|Transfer-Encoding: xchunked||0||",
    "a chunk": "POST {path} HTTP/1.1|Host: x|Transfer-Encoding: chunked||zz|",
    "a line that is too long": "GET {path}?" + "a" * 9000 + " HTTP/1.1|Host: x||",
    "a field that is too long": "GET {path} HTTP/1.1|Host: x|X: " + "a" * 9000 + "||",
    "too many fields": "GET {path} HTTP/1.1|Host: x|" + "X: a|" * 200 + "|",
}
NO_PATH: Mapping[str, bytes] = {
    "HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "a greeting of TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x99" * 40,
    "nonsense": b"\0\0\0\0",
    "a sentence": b"hello there, who are you?\r\n\r\n",
}


@dataclass(frozen=True, slots=True)
class Said:
    answer: Answer
    is_closed: bool


async def say(api: ApiClient, *pieces: bytes) -> Said:
    """What is answered, and whether the connection is over after it."""
    url = URL(api.url)
    reader, writer = await asyncio.open_connection(url.host, url.port)
    try:
        async with asyncio.timeout(5):
            for piece in pieces:
                writer.write(piece)
                await writer.drain()
                await asyncio.sleep(0.02 if len(pieces) > 1 else 0)
            answer = await read_answer(reader)
            return Said(answer, await reader.read() == b"")
    finally:
        writer.close()


def head(text: str, path: str) -> bytes:
    return text.replace("{path}", path).replace("|", "\r\n").encode()


def is_told(said: Said, manner: Manner) -> bool:
    answer = said.answer
    assert (answer.status, answer.headers["Content-Type"]) == (400, manner.media_type), answer.body
    assert manner.is_error(answer), answer.body
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    assert (answer.headers["Server"], answer.headers["Cache-Control"]) == ("chatsrv", "no-store")
    assert len(answer.headers["X-Request-Id"]) == 32
    return said.is_closed


def counted(services: Services, dialect: str) -> float:
    labels = {"dialect": dialect, "method": "none", "status": "400"}
    return services.metrics.registry.get_sample_value("chatsrv_http_requests_total", labels) or 0


def reached(services: Services, limit: str) -> float:
    return services.metrics.registry.get_sample_value("chatsrv_limits_reached_total", {"limit": limit}) or 0


@EACH
async def test_a_head_that_cannot_be_read_is_told_in_the_words_of_its_dialect(
    manner: Manner, api: ApiClient, services: Services, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        for what, text in BROKEN.items():
            said = await say(api, head(text, manner.users))
            assert is_told(said, manner), what
            assert b"aaaa" not in said.answer.body, what
    assert counted(services, manner.name) == len(BROKEN)
    assert (reached(services, "header_max_bytes"), reached(services, "header_max_fields")) == (2, 1)
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING or record.exc_info]


async def test_where_no_path_can_be_told_the_first_dialect_speaks(
    api: ApiClient, services: Services, caplog: pytest.LogCaptureFixture
) -> None:
    for what, sent in NO_PATH.items():
        assert is_told(await say(api, sent), NATIVE), what
    assert counted(services, "none") == len(NO_PATH)
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]


@EACH
async def test_a_broken_request_behind_a_good_one_is_told_in_its_own_words(manner: Manner, api: ApiClient) -> None:
    """The connection is aiohttp's for good by then, for what came first was sent in chunks."""
    other = MANNERS[MANNERS.index(manner) - 1]
    first = head("POST {path} HTTP/1.1|Host: x|Transfer-Encoding: chunked||0||", other.users)
    url = URL(api.url)
    reader, writer = await asyncio.open_connection(url.host, url.port)
    async with asyncio.timeout(5):
        writer.write(first)
        assert (await read_answer(reader)).status == 401
        writer.write(head("GE(T {path} HTTP/1.1|Host: x||", manner.users))
        answer = await read_answer(reader)
        assert is_told(Said(answer, await reader.read() == b""), manner)
    writer.close()


async def test_a_body_that_breaks_off_its_form_is_told_at_once_and_once(
    api: ApiClient, caplog: pytest.LogCaptureFixture
) -> None:
    """Not when the patience with a slow body is over; and no second answer follows it."""
    start = f"POST /v1/demo/users HTTP/1.1|Host: x|Authorization: {api.headers['Authorization']}|"
    chunked = head(start + 'Transfer-Encoding: chunked||4|{"a"|', "")
    packed = head(start + "Content-Encoding: gzip|Content-Length: 4||abcd", "")
    for pieces in ((chunked, b"zz\r\n"), (packed,)):
        said = await say(api, *pieces)
        assert (said.answer.status, said.is_closed) == (400, True), pieces
        assert NATIVE.is_error(said.answer)
        assert said.answer.json["message"] == "The body is broken."
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]


async def test_a_client_that_leaves_in_the_middle_of_its_body_is_no_news(
    api: ApiClient, caplog: pytest.LogCaptureFixture
) -> None:
    url = URL(api.url)
    for tail in ("Content-Length: 9||ab", "Transfer-Encoding: chunked||4|{"):
        _, writer = await asyncio.open_connection(url.host, url.port)
        text = f"POST /v1/demo/users HTTP/1.1|Host: x|Authorization: {api.headers['Authorization']}|{tail}"
        writer.write(head(text, ""))
        await writer.drain()
        await asyncio.sleep(0.05)
        writer.transport.abort()
    await asyncio.sleep(0.1)
    assert (await api.get("/v1/demo/users")).status == 200
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]


async def test_what_is_older_than_http_1_0_is_refused(api: ApiClient) -> None:
    for line in (b"GET /v1/demo/users\r\n\r\n", b"GET /healthz HTTP/0.9\r\n\r\n"):
        said = await say(api, line)
        assert (said.answer.status, said.is_closed) == (400, True)
        assert NATIVE.is_error(said.answer)


async def test_who_sends_nothing_that_can_be_read_is_soon_asked_to_slow_down(make_settings: MakeSettings) -> None:
    settings = make_settings(address_rate_per_minute=60, address_rate_burst=3)
    async with serving(settings) as (api, services):
        answers = [(await say(api, NO_PATH["nonsense"])).answer for _ in range(4)]
        assert [answer.status for answer in answers] == [400, 400, 400, 429]
        assert int(answers[-1].headers["Retry-After"]) >= 1
        assert reached(services, "address_rate_per_minute") == 1


async def test_the_line_in_the_log_has_the_id_of_the_answer_and_nothing_that_was_sent(
    make_settings: MakeSettings, capsys: pytest.CaptureFixture[str]
) -> None:
    async with serving(make_settings(access_log=True)) as (api, _):
        said = await say(api, b"GE(T /v1/x\x1b[31m HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer secret\r\n\r\n")
    printed = capsys.readouterr().out
    assert said.answer.headers["X-Request-Id"] in printed
    assert "secret" not in printed
    assert "\x1b[31m" not in printed
    assert msgspec.json.decode(said.answer.body)["traceId"] == said.answer.headers["X-Request-Id"]
