"""chatsrv serve: its first words, its addresses, and every way in which it ends."""

import asyncio
import json
import re
import signal
import socket
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from urllib.parse import unquote

import socketio

from tests.cli.shell import DEADLINE_S, Server, Shell, ended, wait_until
from tests.cli.terminal import on_terminal
from tests.storage.valkey_owner import wait_for_end_of_server


def find_processes_in(folder: Path) -> list[str]:
    """What still runs there, by its working folder; a server's Valkey runs in a folder below."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if (entry / "cwd").resolve().is_relative_to(folder):
                found.append((entry / "cmdline").read_text().replace("\0", " "))
        except (FileNotFoundError, ProcessLookupError, PermissionError):
            continue
    return found


async def test_a_port_in_use_is_one_line_and_the_demo_key_is_kept_for_a_start_that_works(shell: Shell) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        result = await shell.run_process("serve", "--port", str(port))
    assert (result.status, result.out) == (1, "")
    told = f"chatsrv: cannot listen on 127.0.0.1:{port} (Address already in use): "
    assert result.complaint == f"{told}choose another with --host, --port or PORT"
    async with shell.serving() as server:
        assert server.key.startswith("cs_")


async def test_a_second_server_on_the_same_folder_is_told_who_holds_it(shell: Shell) -> None:
    async with shell.serving() as server:
        port = server.url.rpartition(":")[2]
        second = await shell.run_process("serve", "--port", port)
        assert (second.status, second.out) == (1, "")
        assert f"is in use by process {server.process.pid} (" in second.complaint
        assert "CHATSRV_DATA_DIR" in second.complaint
        beside = await shell.answer("doctor")
        assert {row["check"]: row["state"] for row in beside}["redis"] == "ok"


async def test_sigterm_ends_the_server_with_status_0_and_leaves_no_process(shell: Shell) -> None:
    async with shell.serving() as server:
        result = await server.stop()
    assert result.status == 0
    events = [json.loads(line)["event"] for line in result.err.splitlines()]
    assert events[-2:] == ["stopping", "stopped"]
    assert find_processes_in(shell.folder) == []


async def test_a_server_takes_as_many_files_as_it_may_have(shell: Shell) -> None:
    few = ("bash", "-c", f'ulimit -Sn 256; exec "{sys.executable}" -m chatsrv "$@"', "bash")
    process = await shell.start("serve", "--port", "0", "--json", program=few)
    async with ended(process):
        assert process.stdout
        assert await asyncio.wait_for(process.stdout.readline(), DEADLINE_S)
        limits = Path(f"/proc/{process.pid}/limits").read_text()
        assert re.search(r"Max open files +(\d+) +\1 ", limits), limits
        assert not re.search(r"Max open files +256 ", limits)


async def test_a_second_sigterm_ends_the_server_at_once_and_leaves_no_process(shell: Shell) -> None:
    """The first one waits for a request whose body never comes; clients beyond are refused meanwhile."""
    shell = Shell(shell.folder, {"CHATSRV_SHUTDOWN_TIMEOUT_S": "3600", "CHATSRV_BODY_TIMEOUT_S": "3600"})
    async with shell.serving() as server:
        port = int(server.url.rpartition(":")[2])
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        head = f"POST /v1/demo/users HTTP/1.1\r\nHost: x\r\nX-Api-Key: {server.key}\r\nContent-Length: 9\r\n\r\n"
        writer.write(head.encode())
        await writer.drain()
        assert (await server.get("/healthz"))[0] == 200  # so that the request before it has been read, too
        server.process.terminate()
        await wait_until(lambda: is_refused(port))
        assert server.process.returncode is None
        assert (await server.stop()).status == 1
        writer.close()
    await wait_for_end_of_server(shell.folder / "data" / "valkey")
    await wait_until(lambda: find_processes_in(shell.folder) == [])


def is_refused(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0


async def test_a_server_that_is_killed_leaves_no_valkey_and_keeps_its_data(shell: Shell) -> None:
    async with shell.serving() as server:
        made = server.key
        assert (await server.stop(signal.SIGKILL)).status == -signal.SIGKILL
    async with shell.serving() as server:
        assert server.key == ""
        status, _ = await Server(server.process, server.url, made).get("/v1/demo/users")
        assert status == 200
        assert (await server.stop()).status == 0
    assert find_processes_in(shell.folder) == []


async def test_the_server_stops_in_order_when_its_redis_has_gone(shell: Shell, valkey_url: str) -> None:
    async with unreliable(valkey_url, shell.folder / "redis.sock") as (url, cut):
        variables = {"REDIS_URL": url, "CHATSRV_REDIS_PREFIX": f"cli-{shell.folder.name}"}
        async with Shell(shell.folder, variables).serving() as server:
            cut()
            assert (await server.get("/readyz"))[0] == 503
            result = await server.stop()
    assert result.status == 0, result.err
    assert "clocks_are_behind" in result.err


async def test_with_a_redis_url_servers_and_workers_share_one_folder(shell: Shell, valkey_url: str) -> None:
    variables = {"REDIS_URL": valkey_url, "CHATSRV_REDIS_PREFIX": f"cli-{shell.folder.name}", "CHATSRV_RUN_WORKER": "0"}
    shell = Shell(shell.folder, variables)
    worker = await shell.start("worker")
    async with ended(worker), shell.serving() as one, shell.serving() as other:
        assert worker.stderr is not None
        await wait_for_event(worker.stderr, "working")
        for server in (one, other):
            assert (await server.get("/readyz"))[0] == 200
            assert (await server.stop()).status == 0
        worker.terminate()
        assert await asyncio.wait_for(worker.wait(), DEADLINE_S) == 0


async def wait_for_event(logs: asyncio.StreamReader, event: str) -> None:
    async with asyncio.timeout(DEADLINE_S):
        while json.loads(await logs.readline())["event"] != event:
            pass


@asynccontextmanager
async def unreliable(url: str, path: Path) -> AsyncIterator[tuple[str, Callable[[], None]]]:
    """Another way to a Redis on a unix socket, and what cuts it off."""
    open_ends: list[asyncio.StreamWriter] = []

    async def relay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_unix_connection(unquote(url.removeprefix("unix://")))
        open_ends.extend((writer, far_writer))
        await asyncio.gather(pass_on(reader, far_writer), pass_on(far_reader, writer))

    def cut() -> None:
        server.close()
        for writer in open_ends:
            writer.transport.abort()

    server = await asyncio.start_unix_server(relay, path)
    try:
        yield f"unix://{path}", cut
    finally:
        cut()


async def pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while piece := await reader.read(65536):
            writer.write(piece)
            await writer.drain()
    writer.close()


async def test_who_ends_a_server_at_a_terminal_is_told_what_it_waits_for(shell: Shell) -> None:
    shell = Shell(shell.folder, {"CHATSRV_DRAIN_S": "0.1"})
    async with on_terminal(shell, "serve", "--port", "0", "--json", columns=400) as terminal:
        await terminal.wait_until(lambda frame: "serving" in frame)
        [told] = re.findall(r'^\{"url".*\}', terminal.drawn, re.M)
        anna = {"auth": {"token": await token_of_anna(shell)}, "transports": ["websocket"]}
        async with socketio.AsyncSimpleClient(reconnection=False) as client:
            await client.connect(json.loads(told)["url"], **anna)
            assert await terminal.stop(signal.SIGINT) == 0
    assert "Handing 1 socket over, at most 0.1 s; Ctrl-C again stops now." in terminal.drawn


async def token_of_anna(shell: Shell) -> str:
    (shell.folder / "anna").write_text('{"username": "anna"}')
    await shell.answer("user", "import", "demo", "anna")
    return str((await shell.answer("token", "demo", "anna"))["token"])
