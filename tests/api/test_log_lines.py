"""What strangers send is in the log as text: it begins no line there, and steers no terminal that shows it."""

from __future__ import annotations

import io
import json
import logging
import re
from collections.abc import AsyncIterator, Iterator

import pytest
import structlog

from chatsrv import logs
from chatsrv.services import Services
from tests.api.raw import send
from tests.api.serving import serving
from tests.client import ApiClient
from tests.conftest import MakeSettings

pytestmark = pytest.mark.parametrize("database_source", ["sqlite_template"], indirect=True)

FORGED = "2026-01-01T00:00:00Z-forged"  # text with a space in it is quoted anyway
NASTY = ("\r\n", "\n", "\x1b[2J\x1b[31m", "\x9b31m", "\x00", "\x07", "\x85", "\u2028", "\u202e", "\t")
LINE = re.compile(r"\d{4}-\d\d-\d\dT\S+Z \[\w+ *\] .*")


@pytest.fixture(params=["json", "text"])
def out(request: pytest.FixtureRequest) -> Iterator[io.StringIO]:
    """What is logged, in this form."""
    before, root = structlog.get_config(), logging.getLogger()
    handlers, level = root.handlers[:], root.level
    stream = io.StringIO()
    logs.configure(request.param, "debug", stream)
    yield stream
    root.handlers[:], root.level = handlers, level
    structlog.configure(**before)
    logs.clear_contextvars()


@pytest.fixture
async def served(make_settings: MakeSettings) -> AsyncIterator[tuple[ApiClient, Services]]:
    """Behind a proxy whose word on the client's address counts, so that it is logged."""
    async with serving(make_settings(access_log=True, trusted_proxies=1)) as (anyone, services):
        _, key = await services.apps.create("demo", None)
        yield anyone.speaking_as(key), services


def lines(out: io.StringIO) -> list[str]:
    """Those of the log, each of which is what it should be: JSON, or a date, a level and readable text."""
    found = out.getvalue().split("\n")
    assert found.pop() == ""
    for line in found:
        assert line.isprintable(), line
        is_continued = line.startswith("  ")  # a traceback, in text alone
        assert isinstance(json.loads(line), dict) if line.startswith("{") else is_continued or LINE.fullmatch(line), (
            line
        )
    return found


def escaped(text: str) -> str:
    return "".join(f"%{byte:02X}" for byte in text.encode())


async def test_paths_that_are_asked_for_stay_on_their_line(
    out: io.StringIO, served: tuple[ApiClient, Services]
) -> None:
    api, _ = served
    before = len(lines(out))
    for nasty in NASTY:
        for path in ("/v1/demo/users/x", "/rapi/v1/users/x", "/api/v1/users/x", "/api/application/users/x", "/x"):
            answer = await send(api, f"GET {path}{escaped(nasty + FORGED)}")
            assert answer.status < 500
    logged = [line for line in lines(out)[before:] if "forged" in line]
    assert len(logged) == len(NASTY) * 5
    assert not [line for line in logged if line.startswith(FORGED)]


async def test_headers_names_and_reasons_stay_on_theirs(out: io.StringIO, served: tuple[ApiClient, Services]) -> None:
    api, services = served
    for nasty in NASTY:
        name = f"x{nasty}{FORGED}"
        await api.post("/v1/demo/users", {"username": name, "first_name": name, "metadata": {name: name}})
        await api.with_headers({"Authorization": "Bearer a.b.c"}).get("/v1/demo/users")
        if len(f"{nasty}x".splitlines()) == 1 and nasty < "\u0100":  # else it ends the header, or is no byte
            head = f"GET /v1/demo/users\nX-Forwarded-For: 10.1.1.1{nasty}\nUser-Agent: {nasty}\nX-Request-Id: {nasty}"
            await send(api, head)
        structlog.get_logger("chatsrv.tests").info("refused", reason=name, who=[name], deep={"name": name})
        logging.getLogger("aiohttp.server").error("said %s", name)
    lines(out)
    assert not [line for line in lines(out) if line.startswith(FORGED)]
    assert services.settings.access_log
