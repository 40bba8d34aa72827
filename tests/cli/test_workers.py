"""chatsrv serve --workers: one port, several processes, every transport, and every way in which any of them ends."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
import socketio
from aiohttp import ClientError, ClientSession, TCPConnector, TraceConfig

from tests.cli.shell import DEADLINE_S, Server, Shell, wait_until
from tests.cli.test_serve import find_processes_in, is_refused
from tests.clients.npm import installed_clients, needs_node
from tests.realtime.test_node_client import NodeClient, node_client
from tests.realtime.wire import closed
from tests.storage.valkey_owner import wait_for_end_of_server

WORKERS = 2
POLL = "/socket.io/?EIO=4&transport=polling"
WEBSOCKET = "/socket.io/?EIO=4&transport=websocket"
QUICK = {
    "CHATSRV_ACCESS_LOG": "0",
    "CHATSRV_DRAIN_S": "0.2",
    "CHATSRV_NODE_HEARTBEAT_S": "0.4",
    "CHATSRV_NODE_DEAD_S": "1.5",
    "CHATSRV_ORPHAN_GRACE_S": "2",
    "CHATSRV_SWEEP_EVERY_S": "0.5",
}


class Together:
    """A server of several processes. `key` is that of its app `demo`."""

    def __init__(self, server: Server, http: ClientSession) -> None:
        self.process = server.process
        self.url = server.url.replace("localhost", "127.0.0.1")
        self.port = int(server.url.rpartition(":")[2])
        self.key = server.key
        self.stop = server.stop
        self._http = http

    def worker_pids(self) -> set[int]:
        """Of those that the supervisor has now."""
        supervisor = self.process.pid
        children = Path(f"/proc/{supervisor}/task/{supervisor}/children").read_text().split()
        return {int(pid) for pid in children if b"chatsrv.cli.workers" in Path(f"/proc/{pid}/cmdline").read_bytes()}

    async def metrics(self) -> str:
        """As whoever happens to answer a new connection tells them."""
        async with ClientSession(headers={"X-Api-Key": self.key}) as anew, anew.get(f"{self.url}/metrics") as answer:
            assert answer.status == 200
            return await answer.text()

    async def sum_of(self, metric: str) -> float:
        found = re.findall(rf"^{re.escape(metric)} (\S+)$", await self.metrics(), re.M)
        return float(found[0]) if found else 0.0

    async def make_user(self, username: str) -> str:
        """Their token."""
        await self._post("/v1/demo/users", {"username": username})
        return str((await self._post(f"/v1/demo/users/{username}/tokens", {}))["token"])

    async def _post(self, path: str, body: Any) -> Any:
        async with self._http.post(self.url + path, json=body, headers={"X-Api-Key": self.key}) as answer:
            assert answer.status == 201, await answer.text()
            return await answer.json()

    @asynccontextmanager
    async def client(self, token: str, *transports: str) -> AsyncIterator[Any]:
        """A stock client that has been let in; it comes back by itself."""
        words = {"auth": {"token": token}, "transports": list(transports) or None, "wait_timeout": 10}
        async with ClientSession() as http:  # one of its own it would not always close
            client = socketio.AsyncClient(
                http_session=http, reconnection_delay=0.05, reconnection_delay_max=0.1, handle_sigint=False
            )
            await client.connect(self.url, **words)
            try:
                yield client
            finally:
                await client.shutdown()

    async def clients_on_each(self, stack: AsyncExitStack, token: str, *transports: str) -> list[Any]:
        """So many that every worker has one."""
        clients: list[Any] = []
        async with asyncio.timeout(DEADLINE_S):
            while len({client.eio.sid.partition(".")[0] for client in clients}) < WORKERS:
                clients.append(await stack.enter_async_context(self.client(token, *transports)))
        return clients

    async def open_polling(self) -> str:
        """The id of a session, opened on a connection of its own."""
        async with ClientSession() as anew, anew.get(self.url + POLL) as answer:
            return str(json.loads((await answer.text())[1:])["sid"])

    async def open_on_each(self) -> dict[str, str]:
        """By the mark of the worker: one session in each."""
        found: dict[str, str] = {}
        async with asyncio.timeout(DEADLINE_S):
            while len(found) < WORKERS:
                sid = await self.open_polling()
                found[sid.partition(".")[0]] = sid
        return found


@asynccontextmanager
async def together(shell: Shell, **variables: str) -> AsyncIterator[Together]:
    shell = Shell(shell.folder, {**QUICK, **variables})
    async with shell.serving("--workers", str(WORKERS)) as server, ClientSession() as http:
        yield Together(server, http)


async def until(holds: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(DEADLINE_S):
        while not await holds():
            await asyncio.sleep(0.05)


@needs_node
async def test_every_transport_of_stock_clients_works_and_the_metrics_tell_of_all(
    shell: Shell, tmp_path_factory: pytest.TempPathFactory
) -> None:
    async with together(shell) as world:
        anna = await world.make_user("anna")
        await python_clients_work(world, anna)
        folder = await installed_clients(tmp_path_factory)
        for _ in range(2):
            async with node_client(folder, world.url, anna) as client:
                assert await hear(client, {"upgrade", "hello"}) == {"upgrade": "websocket", "hello": "anna"}
        await one_connection_reaches_everybody(world, anna)


async def hear(client: NodeClient, events: set[str]) -> dict[str, str]:
    """Each once, in whichever order: the greeting may come before the upgrade is done, or after."""
    heard: dict[str, str] = {}
    assert client.process.stdout
    async with asyncio.timeout(DEADLINE_S):
        while events - heard.keys():
            said = json.loads(await client.process.stdout.readline())
            if said["event"] in events:
                value = said["value"]
                heard[said["event"]] = value if isinstance(value, str) else value["user"]["username"]
    return heard


async def python_clients_work(world: Together, token: str) -> None:
    async with AsyncExitStack() as stack:
        polling = await world.clients_on_each(stack, token, "polling")
        upgraded = await world.clients_on_each(stack, token)
        assert {client.transport() for client in upgraded} == {"websocket"}
        clients = polling + upgraded + await world.clients_on_each(stack, token, "websocket")
        for client in clients:
            answer = await client.call("presence:query", {"usernames": ["anna"]}, timeout=10)
            assert [user["presence_status"] for user in answer["users"]] == [1]
        for _ in range(3):
            assert await world.sum_of("chatsrv_sockets") == len(clients)
        assert "Multiprocess" not in await world.metrics()


async def one_connection_reaches_everybody(world: Together, token: str) -> None:
    """Sessions of every worker and REST in turns; the connection is the same from beginning to end."""
    sids = await world.open_on_each()
    connections = 0

    async def count(*_: object) -> None:
        nonlocal connections
        connections += 1

    trace = TraceConfig()
    trace.on_connection_create_end.append(count)
    async with ClientSession(connector=TCPConnector(limit=1), trace_configs=[trace]) as kept:

        async def ask(method: str, path: str, body: str | None = None) -> tuple[int, str]:
            async with kept.request(method, world.url + path, data=body) as answer:
                return answer.status, await answer.text()

        for sid in sids.values():
            joined = "40" + json.dumps({"token": token})
            assert await ask("POST", f"{POLL}&sid={sid}", joined) == (200, "ok")
        for _ in range(10):
            assert (await ask("GET", "/healthz"))[0] == 200
            for sid in sids.values():
                assert await ask("POST", f"{POLL}&sid={sid}", "3") == (200, "ok")
        for sid in sids.values():
            assert "hello" in (await ask("GET", f"{POLL}&sid={sid}"))[1]
        for stranger in ("7.aaaaaaaaaaaaaaaaaaaa", "0.aaaaaaaaaaaaaaaaaaaa", "1.aaaaaaaaaaaaaaaaaaaa", "aaaa", ""):
            assert await ask("POST", f"{POLL}&sid={stranger}", "3") == (400, "Unknown session")
    assert connections == 1


async def test_a_worker_that_is_killed_comes_back_unseen_and_sigterm_hands_over_what_all_have(shell: Shell) -> None:
    async with together(shell) as world, AsyncExitStack() as stack:
        anna, ben = [await world.make_user(name) for name in ("anna", "ben")]
        clients = await world.clients_on_each(stack, ben, "websocket")
        watchers = await world.clients_on_each(stack, anna, "websocket")
        everybody = len(clients) + len(watchers)
        changes: list[str] = []
        for watcher in watchers:
            watcher.on("presence:changes", lambda payload: changes.append(json.dumps(payload)))
            await watcher.call("presence:subscribe", {"usernames": ["ben"]}, timeout=10)
        opened, before = {client.eio.sid for client in clients}, world.worker_pids()
        doomed = min(before)
        os.kill(doomed, signal.SIGKILL)

        async def is_complete() -> bool:
            pids = world.worker_pids()
            is_manned = len(pids) == WORKERS and doomed not in pids
            return is_manned and await world.sum_of("chatsrv_sockets") == everybody

        async def was_swept() -> bool:
            return await world.sum_of('chatsrv_sessions_swept_total{reason="node_died"}') > 0

        await until(is_complete)
        assert len(world.worker_pids() & before) == 1
        assert 0 < len(opened & {client.eio.sid for client in clients}) < len(opened)
        await until(was_swept)
        assert [change for change in changes if "ben" in change] == []
        sessions = await world.open_on_each()
        await drains(world, sessions)
    assert find_processes_in(shell.folder) == []


async def drains(world: Together, sessions: Mapping[str, str]) -> None:
    async with ClientSession() as http:
        sockets = [await http.ws_connect(world.url + WEBSOCKET) for _ in range(4)]
        polls = [asyncio.create_task(poll(world, sid)) for sid in sessions.values()]
        codes = asyncio.gather(*(closed(one, DEADLINE_S) for one in sockets))
        result = await world.stop()
        assert set(await codes) == {1012}
        await asyncio.wait_for(asyncio.gather(*polls), DEADLINE_S)
    events = [json.loads(line)["event"] for line in result.err.splitlines()]
    assert (result.status, events[-1], events.count("stopping"), events.count("worker_died")) == (0, "stopped", 1, 1)


async def poll(world: Together, sid: str) -> None:
    """Until the session is over, however that is told."""
    async with ClientSession() as http:
        with suppress(ClientError):
            while True:
                async with http.get(f"{world.url}{POLL}&sid={sid}") as answer:
                    if answer.status != 200:
                        return


async def test_a_supervisor_that_is_killed_leaves_neither_workers_nor_a_valkey(shell: Shell) -> None:
    async with together(shell) as world, ClientSession() as http, http.ws_connect(world.url + WEBSOCKET):
        assert (await world.stop(signal.SIGKILL)).status == -signal.SIGKILL
        await wait_until(lambda: is_refused(world.port))
    await wait_for_end_of_server(shell.folder / "data" / "valkey")
    await wait_until(lambda: find_processes_in(shell.folder) == [])


async def test_stores_of_others_are_used_and_a_second_sigterm_ends_all_at_once(shell: Shell, valkey_url: str) -> None:
    """The first one waits for a request whose body never comes."""
    endless = {"CHATSRV_SHUTDOWN_TIMEOUT_S": "3600", "CHATSRV_BODY_TIMEOUT_S": "3600"}
    prefix = f"cli-{shell.folder.name}"
    async with together(shell, REDIS_URL=valkey_url, CHATSRV_REDIS_PREFIX=prefix, **endless) as world:
        assert not (shell.folder / "data" / "valkey").exists()
        writers = []
        for sid in (await world.open_on_each()).values():
            _, writer = await asyncio.open_connection("127.0.0.1", world.port)
            writer.write(f"POST {POLL}&sid={sid} HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n".encode())
            await writer.drain()
            writers.append(writer)
        for sid in await world.open_on_each():  # what came before has been read
            assert sid in ("0", "1")
        world.process.terminate()
        await wait_until(lambda: is_refused(world.port))
        assert world.process.returncode is None
        assert (await world.stop()).status == 1
        for writer in writers:
            writer.close()
    await wait_until(lambda: find_processes_in(shell.folder) == [])


async def test_a_port_in_use_is_one_line_and_starts_nothing(shell: Shell) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        result = await shell.run_process("serve", "--workers", "2", "--port", str(port))
    assert (result.status, result.out) == (1, "")
    assert result.complaint.startswith(f"chatsrv: cannot listen on 127.0.0.1:{port} (Address already in use): ")


async def test_no_worker_at_all_is_wrong_use_told_in_a_sentence(shell: Shell) -> None:
    result = await shell.run_process("serve", "--workers", "0")
    assert (result.status, result.out) == (2, "")
    assert "'--workers': 0 is not in the range x>=1." in result.complaint
