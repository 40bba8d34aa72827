"""chatsrv doctor: what it says of the port, the machine and Redis, and that it ends whatever answers or does not."""

import asyncio
import resource
import shutil
import sqlite3
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, closing
from types import SimpleNamespace

import pytest

from chatsrv import __version__
from chatsrv.cli.examining_machine import (
    DISK_FULL_BYTES,
    DISK_LOW_BYTES,
    OTHER_FILES,
    SOCKETS,
    check_elsewhere,
    check_files,
    check_folder,
    check_port,
    check_proxies,
)
from chatsrv.cli.examining_stores import check_info, check_nodes, check_webhooks
from chatsrv.domain.nodes import Node, Tally
from chatsrv.settings import Settings
from tests.cli.shell import Result, Shell, hung_valkey
from tests.cli.terminal import on_terminal

NOT_READY = b'HTTP/1.1 503 x\r\n\r\n{"status": "unavailable", "checks": {"redis": "is gone", "database": "ok"}}'
STRANGERS = {
    "a page": b"HTTP/1.1 200 OK\r\n\r\n<html>",
    "other JSON": b'HTTP/1.1 200 OK\r\n\r\n{"checks": 5}',
    "a list": b"HTTP/1.1 200 OK\r\n\r\n[]",
    "nothing": b"",
    "no HTTP": b"\xff\xfe\r\n" * 10,
    "too long": b"HTTP/1.1 200 OK\r\n\r\n" + b" " * 200_000 + b'{"checks": {}}',
}


def row(told: Result, check: str) -> tuple[str, str, str]:
    [found] = [found for found in told.answer if found["check"] == check]
    return found["state"], found["found"], found["mend"]


@asynccontextmanager
async def somebody(answer: bytes | None) -> AsyncIterator[int]:
    """At this port: who says something gets the answer, or (None) waits in vain."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if answer is None:
            await reader.read()
        else:
            await reader.read(4096)
            writer.write(answer)
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        yield server.sockets[0].getsockname()[1]


def at(shell: Shell, port: int | str, **variables: str) -> Shell:
    return Shell(shell.folder, {"CHATSRV_PORT": str(port), **variables})


async def test_a_server_that_has_the_port_is_asked_whether_it_is_ready(shell: Shell) -> None:
    async with shell.serving() as server:
        port = server.url.rpartition(":")[2]
        told = await at(shell, port).run("doctor", "--json")
    assert row(told, "port") == ("ok", f"chatsrv answers on 127.0.0.1:{port}, and is ready", "")
    state, servers, _ = row(told, "servers")
    assert state == "ok"
    assert servers.endswith(f" process {server.process.pid}; version {__version__}")
    assert told.status == 0


async def test_a_server_on_another_port_than_that_of_the_settings_is_found(shell: Shell) -> None:
    async with somebody(b"") as port:
        free = str(port)
    async with shell.serving() as server:
        told = await at(shell, free).run("doctor", "--json")
    where = server.url.removeprefix("http://")
    ports = [found["found"] for found in told.answer if found["check"] == "port"]
    assert ports == [f"127.0.0.1:{free} is free", f"chatsrv answers on {where}, and is ready"]
    assert told.status == 0


async def test_a_server_that_has_ended_without_a_word_is_noted() -> None:
    async with somebody(b"") as port:
        pass
    [found] = await check_elsewhere(Settings(), [f"http://localhost:{port}"])
    assert (found["state"], found["mend"].partition(":")[0]) == ("note", "look again in a minute")


async def test_an_embedded_valkey_that_hangs_is_told_and_nobody_is_advised_to_stop_the_server(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("chatsrv.storage.running_valkey.ANSWER_S", 0.2)
    async with shell.serving() as server:
        async with hung_valkey(shell.folder / "data"):
            told = await shell.run("doctor", "--json")
        what = f"the embedded Valkey of process {server.process.pid} does not answer"
        assert row(told, "redis") == ("fail", what, "wait, or restart the server")
        assert row(told, "database")[0] == "ok"
        assert "stop that process" not in told.out


async def test_a_server_that_is_not_ready_is_told_with_its_reasons(shell: Shell) -> None:
    async with somebody(NOT_READY) as port:
        told = await at(shell, port).run("doctor", "--json")
    found = f"chatsrv answers on 127.0.0.1:{port}, and is not ready (redis: is gone)"
    assert row(told, "port") == ("fail", found, "mend that first")
    assert told.status == 1


@pytest.mark.parametrize("answer", STRANGERS.values(), ids=STRANGERS)
async def test_a_port_that_a_stranger_has_is_told_with_the_mend(answer: bytes) -> None:
    async with somebody(answer) as port:
        [found] = await check_port(Settings(port=port))
    assert (found["state"], found["found"]) == ("fail", f"something that is no chatsrv has 127.0.0.1:{port}")
    assert found["mend"] == "stop that, or choose another with --host, --port or PORT"


async def test_a_port_of_the_metrics_that_is_taken_may_be_ours() -> None:
    async with somebody(b"") as port:
        public, metrics = await check_port(Settings(port=0, metrics_port=port))
    assert (public["state"], metrics["state"]) == ("ok", "note")
    assert "choose another with metrics_port" in metrics["mend"]


async def test_it_ends_where_nothing_ever_answers(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("chatsrv.cli.examining_machine.PROBE_TIMEOUT_S", 0.2)
    monkeypatch.setattr("chatsrv.cli.examining_stores.TIMEOUT_S", 0.3)
    async with somebody(None) as port:
        silent = {"DATABASE_URL": f"postgres://u:hunter2@127.0.0.1:{port}/x", "REDIS_URL": f"redis://127.0.0.1:{port}"}
        told = await asyncio.wait_for(at(shell, port, **silent).run("doctor", "--json"), 5)
    for check in ("port", "database", "redis", "clock"):
        assert row(told, check)[0] == "fail"
    assert row(told, "database")[1:] == ("no answer within 0.3 s", "check DATABASE_URL and that the server runs")
    assert "hunter2" not in told.out


async def test_each_check_is_one_line_in_colour_on_a_terminal_alone(shell: Shell) -> None:
    nowhere = Shell(shell.folder, {"DATABASE_URL": "postgres://u@127.0.0.1:1/x", "REDIS_URL": "redis://127.0.0.1:1"})
    piped = await nowhere.run("doctor")
    async with on_terminal(nowhere, "doctor", columns=400) as terminal:
        await terminal.wait_until(lambda frame: "clock" in frame)
    assert "\x1b[31mfail\x1b[0m  database" in terminal.drawn
    assert "\x1b" not in piped.out
    [redis] = [line for line in piped.out.splitlines() if line.split()[1] == "redis"]
    assert redis.startswith("fail  redis        The presence store does not answer right now.")
    assert redis.endswith(" -> check REDIS_URL and that the server runs")


@pytest.mark.parametrize(
    ("settings", "source", "states"),
    [
        (Settings(port=5000), "PORT", ["note"]),
        (Settings(port=5000, trusted_proxies=1), "PORT", []),
        (Settings(port=5000), "CHATSRV_PORT", []),
        (Settings(port=0), "PORT", []),
    ],
)
def test_a_platform_that_names_the_port_may_stand_in_front(settings: Settings, source: str, states: list[str]) -> None:
    assert [found["state"] for found in check_proxies(settings, {"port": source})] == states


@pytest.mark.parametrize(
    ("limit", "state"),
    [
        (1024, "note"),
        (SOCKETS + OTHER_FILES - 1, "note"),
        (SOCKETS + OTHER_FILES, "ok"),
        (resource.RLIM_INFINITY, "ok"),
    ],
)
def test_few_files_mean_few_sockets(limit: int, state: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda _: (limit, limit))
    found = check_files()
    assert found["state"] == state
    assert ("LimitNOFILE=65536" in found["mend"]) == (state == "note")


@pytest.mark.parametrize(
    ("free", "state"),
    [(DISK_FULL_BYTES - 1, "fail"), (DISK_LOW_BYTES - 1, "note"), (DISK_LOW_BYTES, "ok")],
)
def test_a_disk_that_is_nearly_full_is_told(free: int, state: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=free))
    folder, disk = check_folder(Settings())
    assert (folder["state"], disk["check"], disk["state"]) == ("ok", "disk", state)


def test_a_folder_in_which_nothing_is_kept_is_not_looked_at() -> None:
    [found] = check_folder(Settings(database_url="postgres://h/x", redis_url="redis://h", data_dir="/proc/nowhere"))
    assert (found["check"], found["state"]) == ("data folder", "ok")


@pytest.mark.parametrize(
    ("info", "told"),
    [
        ({}, []),
        ({"redis_version": "6.2.0", "maxmemory": "0", "maxmemory_policy": "allkeys-lru"}, []),
        ({"redis_version": "7.2.4", "valkey_version": "9.1.0", "maxmemory": "1048576"}, []),
        ({"redis_version": "6.0.16"}, ["fail: use Redis 6.2 or newer, or Valkey"]),
        ({"maxmemory": "1048576", "maxmemory_policy": "allkeys-lru"}, ["fail: set maxmemory-policy noeviction"]),
        ({"maxmemory": "1000000", "used_memory": "900001"}, ["note: give it more memory"]),
        ({"rdb_last_bgsave_status": "err"}, ["fail: make room on its disk, and look into its log"]),
        ({"aof_last_write_status": "err"}, ["fail: make room on its disk, and look into its log"]),
    ],
)
def test_a_redis_that_would_lose_what_it_is_given_is_told(info: Mapping[str, str], told: list[str]) -> None:
    assert [f"{found['state']}: {found['mend']}" for found in check_info(info)] == told


def node(version: str | None, is_alive: bool = True) -> Node:
    return Node("n", "web1", 7, version, None, 0, 0, is_alive, Tally())


@pytest.mark.parametrize(
    ("nodes", "state", "told"),
    [
        ([], "ok", "none runs"),
        ([node("0.0.1", is_alive=False)], "ok", "none runs"),
        ([node(__version__)], "ok", f"web1 process 7; version {__version__}"),
        ([node("0.0.1")], "note", "version 0.0.1, and this command is"),
        ([node(__version__), node(None)], "note", f"version {__version__} and unknown"),
    ],
)
def test_servers_of_another_version_are_told(nodes: list[Node], state: str, told: str) -> None:
    found = check_nodes(nodes)
    assert found["state"] == state
    assert told in found["found"]


@pytest.mark.parametrize(
    ("waiting", "state", "told"),
    [
        ([], "ok", "nothing waits"),
        ([(1, 0)], "ok", "1 delivery waits, for 9 min"),
        ([(3, 0), (2, 500_000)], "ok", "5 deliveries wait for 2 webhooks, the oldest for 9 min"),
        ([(3000, 0)], "note", "3,000 deliveries wait, the oldest for 10 min"),
    ],
)
def test_webhooks_that_are_behind_are_told(waiting: list[tuple[int, int]], state: str, told: str) -> None:
    found = check_webhooks(waiting, (), 599_999 if state == "ok" else 600_000)
    assert (found["state"], found["found"].startswith(told)) == (state, True), found


async def test_a_webhook_that_is_failing_is_noted_with_what_its_receiver_said(shell: Shell) -> None:
    await shell.answer("app", "create", "demo")
    for name in ("a", "b"):
        await shell.answer("webhook", "add", "demo", f"https://8.8.8.8/{name}")
    with closing(sqlite3.connect(shell.folder / "data" / "chatsrv.db")) as db:
        db.execute("UPDATE webhooks SET failing_since = 1 WHERE id = 2")
        db.execute("UPDATE webhook_deliveries SET last_error = 'Answered 500.' WHERE webhook_id = 2")
        db.commit()
    state, found, mend = row(await shell.run("doctor", "--json"), "webhooks")
    assert (state, found.partition("; ")[2]) == ("note", "webhook 2 of demo is failing: Answered 500")
    assert found.startswith("2 deliveries wait for 2 webhooks")
    assert mend.endswith("chatsrv webhook list demo")
