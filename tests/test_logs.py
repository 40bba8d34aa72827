"""Logs: one line per event in the form that was asked for, and nothing in it that opens a door."""

from __future__ import annotations

import asyncio
import io
import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog
from aiohttp import ClientSession

from chatsrv import logs
from chatsrv.domain.errors import ChatError
from chatsrv.domain.presence import SERVER
from chatsrv.services import Services, open_services
from chatsrv.settings import Settings
from chatsrv.storage.database import open_database, parse_url
from tests.conftest import DemoApp, MakeSettings
from tests.listening import served_node

TOKEN = "cs_0123456789ab_kept-to-ourselves"


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def own_logging() -> Iterator[None]:
    """Logging belongs to the process: what a test configures ends with it."""
    before = structlog.get_config()
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    levels = {name: logging.getLogger(name).level for name in logs.QUIET}
    yield
    root.handlers[:], root.level = handlers, level
    for name, quiet in levels.items():
        logging.getLogger(name).setLevel(quiet)
    logs.clear_contextvars()
    structlog.configure(**before)


def records(out: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in out.getvalue().splitlines()]


def fail(token: str) -> None:
    """A failure whose frame holds a token."""
    raise RuntimeError(f"failed with {len(token)} characters")


def log_failure(name: str) -> None:
    try:
        fail(TOKEN)
    except RuntimeError:
        structlog.get_logger(name).exception("request_failed", path="/v1/users")


def test_a_line_of_json_tells_what_when_where_and_for_which_request() -> None:
    out = io.StringIO()
    logs.configure("json", "info", out)
    logs.bind_contextvars(request_id="r1")
    structlog.get_logger("chatsrv.tests").info("request", status=200)
    (record,) = records(out)
    assert record.pop("timestamp").endswith("Z")
    assert record == {
        "event": "request",
        "level": "info",
        "logger": "chatsrv.tests",
        "request_id": "r1",
        "status": 200,
    }


def test_a_library_speaks_in_the_same_lines() -> None:
    out = io.StringIO()
    logs.configure("json", "info", out)
    logs.bind_contextvars(request_id="r1")
    logging.getLogger("aiohttp.server").error("broken %s", "pipe", extra={"peer": "p"})
    (record,) = records(out)
    assert (record["event"], record["level"], record["logger"]) == ("broken pipe", "error", "aiohttp.server")
    assert (record["request_id"], record["peer"]) == ("r1", "p")


def test_text_is_for_people() -> None:
    out = io.StringIO()
    logs.configure("text", "info", out)
    structlog.get_logger("chatsrv.tests").info("request", status=200)
    line = out.getvalue()
    assert "request" in line
    assert "status=200" in line
    assert "\x1b" not in line


def test_auto_is_text_on_a_terminal_and_json_elsewhere() -> None:
    terminal, pipe = Terminal(), io.StringIO()
    for out in (terminal, pipe):
        logs.configure("auto", "info", out)
        structlog.get_logger("chatsrv.tests").info("request")
    assert "\x1b" in terminal.getvalue()
    assert records(pipe)[0]["event"] == "request"


def test_levels_below_the_one_asked_for_are_silent() -> None:
    out = io.StringIO()
    logs.configure("json", "warning", out)
    log = structlog.get_logger("chatsrv.tests")
    log.info("quiet")
    log.warning("loud")
    logging.getLogger("elsewhere").info("quiet")
    assert [record["event"] for record in records(out)] == ["loud"]


def test_configuring_twice_does_not_double_the_lines() -> None:
    out = io.StringIO()
    logs.configure("json", "info", out)
    logs.configure("json", "info", out)
    structlog.get_logger("chatsrv.tests").info("once")
    assert len(records(out)) == 1


@pytest.mark.parametrize("kind", ["json", "text"])
def test_a_failure_is_logged_with_its_traceback_but_without_local_variables(kind: str) -> None:
    out = io.StringIO()
    logs.configure(kind, "debug", out)
    log_failure("chatsrv.tests")
    assert "RuntimeError" in out.getvalue()
    assert "test_logs.py" in out.getvalue()
    assert TOKEN not in out.getvalue()


def test_a_traceback_looks_like_no_line_of_the_log_whatever_its_error_says() -> None:
    out = io.StringIO()
    logs.configure("text", "info", out)
    try:
        raise RuntimeError("no\n2026-01-01T00:00:00Z [info] forged\x1b[2J")
    except RuntimeError:
        structlog.get_logger("chatsrv.tests").exception("request_failed")
    first, *rest = out.getvalue().splitlines()
    assert first.startswith("20")
    assert all(line.startswith("  ") and line.isprintable() for line in rest)
    assert any("forged" in line for line in rest)


@pytest.mark.parametrize("kind", ["json", "text"])
def test_settings_in_a_log_line_tell_no_password(kind: str) -> None:
    out = io.StringIO()
    logs.configure(kind, "debug", out)
    structlog.get_logger("chatsrv.tests").info("settings", all=Settings(database_url="postgres://a:hunter2@h/d"))
    assert "settings" in out.getvalue()
    assert "hunter2" not in out.getvalue()


def test_libraries_that_print_what_they_carry_are_quiet_even_when_debugging() -> None:
    out = io.StringIO()
    logs.configure("json", "debug", out)
    for name in ("socketio.server", "engineio.server", "aiohttp.access", "aiosqlite"):
        logging.getLogger(name).info("received %s", TOKEN)
    assert out.getvalue() == ""


async def test_debugging_the_whole_way_of_a_key_and_a_token_prints_neither(services: Services) -> None:
    out = io.StringIO()
    logs.configure("json", "debug", out)
    app, key = await services.apps.create("quiet", None)
    await services.users.create("quiet", {"username": "anna"}, SERVER)
    token, _ = await services.callers.mint_token(app, "anna", 60)
    for credential in (key, token, key + "x", token + "x"):
        try:
            await services.callers.identify(credential)
        except ChatError as error:
            structlog.get_logger("chatsrv.tests").info("refused", reason=str(error))
    assert "refused" in out.getvalue()
    for secret in (key, token, app.jwt_secret, key.rpartition("_")[2]):
        assert secret not in out.getvalue()


async def test_a_failing_statement_does_not_tell_its_values(tmp_path: Path) -> None:
    async with open_database(parse_url("", tmp_path), 1, 1) as db:
        with pytest.raises(Exception, match="no such table") as caught:
            async with db.write() as tx:
                await tx.exec_driver_sql("INSERT INTO nowhere VALUES (?)", (TOKEN,))
    assert TOKEN not in str(caught.value)


@pytest.mark.parametrize("database_source", ["sqlite_template"], indirect=True)
async def test_a_secret_in_an_address_reaches_no_line(
    services: Services, demo: DemoApp, make_settings: MakeSettings
) -> None:
    """No dialect takes one from there; who sends one all the same shall not find it in the log."""
    out = io.StringIO()
    logs.configure("json", "debug", out)
    query = f"access_token={TOKEN}&token={TOKEN}&EIO=4&transport=polling&sid={TOKEN}"
    paths = ("/v1/demo/users", "/rapi/v1/users", "/api/v1/users", "/api/application/users", "/nothing", "/socket.io/")
    async with open_services(make_settings(access_log=True)) as logging_services, served_node(logging_services) as url:
        async with ClientSession(headers={"Referer": f"{url}/?{query}"}) as session:
            for path in paths:
                for headers in ({}, {"Authorization": f"Bearer {demo.key}"}, {"Cookie": f"token={TOKEN}"}):
                    async with session.get(f"{url}{path}?{query}", headers=headers) as answer:
                        assert answer.status in (200, 400, 401, 404)
        reader, writer = await asyncio.open_connection("127.0.0.1", int(url.rpartition(":")[2]))
        writer.write(f"GET /v1/demo/users?{query} nonsense\r\n\r\n".encode())
        assert b" 400 " in await reader.readline()
        writer.close()
    assert "/api/application/users" in out.getvalue()
    assert TOKEN not in out.getvalue()


@pytest.mark.parametrize("database_source", ["sqlite_template"], indirect=True)
async def test_each_line_of_a_request_names_the_key_or_the_user_that_was_shown(
    services: Services, demo: DemoApp, make_settings: MakeSettings
) -> None:
    out = io.StringIO()
    logs.configure("json", "info", out)
    anna = (await services.users.create("demo", {"username": "anna"}, SERVER)).user
    token, _ = await services.callers.mint_token(await services.apps.get("demo"), "anna", 60)
    async with (
        open_services(make_settings(access_log=True)) as logging_services,
        served_node(logging_services) as url,
        ClientSession() as session,
    ):
        for credential in (demo.key, token, "cs_none"):
            headers = {"Authorization": f"Bearer {credential}"}
            async with session.get(f"{url}/v1/demo/users/anna", headers=headers) as answer:
                await answer.read()
    shown = [json.loads(line) for line in out.getvalue().splitlines()]
    by = [line["by"] for line in shown if line["event"] == "request"]
    assert by == [f"key {demo.key.split('_')[1]}", f"user demo {anna.id}", "nobody"]
