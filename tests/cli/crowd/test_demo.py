"""chatsrv demo beside a real server: who is made, who is seen to come, and that nobody is left."""

from __future__ import annotations

import asyncio
import json
import signal
from asyncio.subprocess import Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import pytest
import socketio
from aiohttp import ClientSession

from chatsrv.cli.crowd.people import make_people
from chatsrv.cli.crowd.play import Kind
from tests.cli.shell import DEADLINE_S, FORKED, Result, Server, Shell, ended

QUICK = ("--people", "12", "--coming", "6", "--every", "0.02", "--seed", "7")
NO_GRACE = {"CHATSRV_GRACE_S": "0", "CHATSRV_MOBILE_GRACE_S": "0", "CHATSRV_SWEEP_EVERY_S": "0.1"}


EVENTS = ("away", "back", *Kind)
REFUSALS_MAX = 20
"""More than that come of somebody who knocks again and again."""


def logged(result: Result) -> list[dict[str, Any]]:
    return [json.loads(line) for line in result.err.splitlines()]


def reasons_of(result: Result) -> list[str]:
    """Why each socket ended."""
    return [line["reason"] for line in logged(result) if line["event"] == "socket_disconnected"]


@dataclass(frozen=True, slots=True)
class Performance:
    """`chatsrv demo --json`, as it runs."""

    process: Process

    async def next(self, *events: str) -> Any:
        """The next of these."""
        assert self.process.stdout
        async with asyncio.timeout(DEADLINE_S):
            while True:
                line = await self.process.stdout.readline()
                assert line, (await self.process.communicate())[1].decode()
                told = json.loads(line)
                if told["event"] in events:
                    return told

    async def end(self, number: int = signal.SIGINT) -> tuple[Result, Any]:
        """How it ended, and its last words."""
        self.process.send_signal(number)
        out, err = await asyncio.wait_for(self.process.communicate(), DEADLINE_S)
        assert self.process.returncode is not None
        return Result(self.process.returncode, "", err.decode()), json.loads(out.splitlines()[-1])


@asynccontextmanager
async def performed(shell: Shell, server: Server, *words: str) -> AsyncIterator[Performance]:
    process = await shell.start("demo", *words, "--url", server.url, "--json", program=FORKED)
    async with ended(process):
        yield Performance(process)


@asynccontextmanager
async def onlooker(shell: Shell, server: Server) -> AsyncIterator[asyncio.Queue[dict[str, Any]]]:
    """What a stock client hears of the twelve."""
    seen: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
    token = (await shell.answer("token", "demo", "watcher"))["token"]
    async with ClientSession() as http:
        client = socketio.AsyncClient(http_session=http, handle_sigint=False)

        async def hear(told: Any) -> None:
            for change in told["changes"]:
                await seen.put(change)

        client.on("presence:diff", hear)
        await client.connect(server.url, auth={"token": token}, transports=["websocket"])
        names = [one["username"] for one in make_people(12)]
        answer = await client.call("presence:subscribe", {"usernames": names}, timeout=10)
        assert answer["unknown"] == []
        try:
            yield seen
        finally:
            await client.shutdown()


async def had_connected(server: Server, username: str) -> bool:
    """Whoever has gone is still known for a while, for a grace or because the server is new."""
    _, told = await server.get(f"/v1/demo/users/{username}/presence/explain")
    return bool(told["sessions"])


async def count_online(server: Server) -> int:
    status, counts = await server.get("/v1/demo/presence/counts")
    assert status == 200
    return int(counts["online"] + counts["away"] + counts["dnd"])


async def test_people_are_made_once_come_and_go_before_others_and_log_out_at_the_end(shell: Shell) -> None:
    shell = Shell(shell.folder, NO_GRACE)
    async with shell.serving() as server:
        async with performed(shell, server, *QUICK) as first:
            begins = await first.next("begins")
            assert (begins["people"], begins["created"], begins["seed"]) == (12, 12, 7)
            (shell.folder / "watcher").write_text('{"username": "watcher"}')
            await shell.answer("user", "import", "demo", "watcher")
            async with onlooker(shell, server) as seen:
                async with asyncio.timeout(DEADLINE_S):
                    heard: set[int] = set()
                    while not {0, 1} <= heard:
                        heard.add((await seen.get())["presence_status"])
                    while not (await seen.get())["emoji"]:
                        pass
            assert await count_online(server) > 0
            result, last = await first.end()
        assert (result.status, result.err, last["event"]) == (0, "", "ends")
        assert last["logged_out"] > 0
        async with asyncio.timeout(DEADLINE_S):
            while await count_online(server):  # those whose wire was cut a moment ago, though there is no grace
                await asyncio.sleep(0.02)
        async with performed(shell, server, *QUICK) as second:
            begins = await second.next("begins")
            assert (begins["people"], begins["created"]) == (12, 0)
            await second.next("leaves")
            assert (await second.end(signal.SIGTERM))[0].status == 0
        assert (await server.get("/v1/demo/users?presence=true"))[1]["total_count"] == 13


async def test_who_is_dropped_goes_without_a_word(shell: Shell) -> None:
    async with shell.serving() as server, performed(shell, server, *QUICK) as performance:
        while not await had_connected(server, (await performance.next("drops"))["username"]):
            pass
        assert (await performance.end())[0].status == 0
        assert "transport close" in reasons_of(await server.stop())


async def test_everybody_logs_out_at_the_end(shell: Shell) -> None:
    async with shell.serving() as server, performed(shell, server, *QUICK, "--every", "3600") as performance:
        async with asyncio.timeout(DEADLINE_S):
            while await count_online(server) < 6:
                await asyncio.sleep(0.02)
        assert (await performance.end())[1]["logged_out"] == 6
        assert set(reasons_of(await server.stop())) == {"client disconnect"}


async def test_they_come_back_to_a_server_that_was_started_anew(shell: Shell) -> None:
    shell = Shell(shell.folder, {"CHATSRV_DRAIN_S": "0"})
    async with shell.serving() as server:
        port = server.url.rpartition(":")[2]
        async with performed(shell, server, *QUICK) as performance:
            await performance.next("says")
            await server.stop()
            away = await performance.next("away", "back")
            assert (away["event"], away["here"]) == ("away", 0)
            async with shell.serving("--port", port) as again:
                meanwhile = await performance.next(*EVENTS)
                assert meanwhile["event"] == "back"
                assert meanwhile["here"] > 0
                key = (await shell.answer("key", "create", "demo"))["key"]
                again = Server(again.process, again.url, key)
                async with asyncio.timeout(DEADLINE_S):
                    while not await count_online(again):
                        await asyncio.sleep(0.02)
                assert (await performance.end())[0].status == 0


async def test_an_app_with_people_of_its_own_is_left_alone_unless_one_says_yes(shell: Shell) -> None:
    await shell.answer("app", "create", "shop")
    (shell.folder / "one").write_text('{"username": "anna"}\n{"username": "misaki.tanaka"}')
    await shell.answer("user", "import", "shop", "one")
    async with shell.serving() as server:
        words = ("demo", "shop", "--people", "12", "--url", server.url)
        refused = await shell.run(*words)
        assert refused.status == 2
        assert "the app 'shop' has 2 people of its own" in refused.complaint
        assert "add --yes" in refused.complaint
        async with performed(shell, server, "shop", *QUICK, "--yes") as performance:
            begins = await performance.next("begins")
            assert (begins["created"], begins["people"]) == (11, 11)  # who has a name of ours is nobody of ours
            assert (await performance.next("comes"))["username"] != "misaki.tanaka"
            await performance.end()
        key = (await shell.answer("key", "create", "shop"))["key"]
        _, misaki = await Server(server.process, server.url, key).get("/v1/shop/users/misaki.tanaka")
        assert (misaki["first_name"], misaki["last_login_at"]) == (None, None)


async def test_an_app_that_is_missing_is_made_and_its_key_told(shell: Shell) -> None:
    async with shell.serving() as server, performed(shell, server, "stage", *QUICK) as performance:
        begins = await performance.next("begins")
        assert (begins["app_id"], begins["created"]) == ("stage", 12)
        assert (await Server(server.process, server.url, begins["key"]).get("/v1/stage/users"))[0] == 200
        await performance.next("comes")
        await performance.end()


async def test_whom_an_operator_deletes_or_deactivates_stays_away_and_the_play_goes_on(shell: Shell) -> None:
    async with shell.serving() as server, performed(shell, server, *QUICK) as performance:
        gone, idle = [(await performance.next("comes"))["username"] for _ in range(2)]
        headers = {"X-Api-Key": server.key}
        async with ClientSession(server.url, headers=headers) as http:
            assert (await http.delete(f"/v1/demo/users/{gone}")).status == 204
            assert (await http.post(f"/v1/demo/users/{idle}/deactivate")).status == 200
        knocking = {gone, idle}
        while knocking:  # the play goes on for all of them, and lets them come again
            knocking.discard((await performance.next("comes"))["username"])
        await performance.next("leaves")
        assert (await server.get(f"/v1/demo/users/{gone}"))[0] == 404
        _, presence = await server.get(f"/v1/demo/users/{idle}/presence")
        assert presence["presence_status"] == 0
        assert (await performance.end())[0].status == 0
        refusals = [line for line in logged(await server.stop()) if line["event"] == "connect_refused"]
    assert len(refusals) < REFUSALS_MAX


async def test_without_a_server_nothing_is_made_and_one_is_told_how_to_start_it(shell: Shell) -> None:
    result = await shell.run("demo", "--url", "http://127.0.0.1:1")
    assert (result.status, result.out) == (1, "")
    assert "no chatsrv answers at http://127.0.0.1:1: start one with chatsrv serve" in result.complaint
    assert not (shell.folder / "data").exists()


async def test_the_server_that_runs_here_is_found_whatever_its_port_unless_one_is_named(shell: Shell) -> None:
    async with shell.serving() as server:
        process = await shell.start("demo", *QUICK, "--json", program=FORKED)
        async with ended(process):
            assert (await Performance(process).next("begins"))["url"] == server.url
        result = await shell.run("demo", "--port", "1")
        assert "no chatsrv answers at http://localhost:1: start one" in result.complaint
    both = await shell.run("demo", "--port", "1", "--url", "http://127.0.0.1:1")
    assert (both.status, "contradict each other" in both.complaint) == (2, True)


async def test_a_server_on_other_stores_is_told_from_the_one_that_is_meant(
    shell: Shell, tmp_path_factory: pytest.TempPathFactory
) -> None:
    elsewhere = Shell(tmp_path_factory.mktemp("elsewhere"), {})
    async with shell.serving() as server:
        result = await elsewhere.run_process("demo", "--url", server.url, "--people", "3", program=FORKED)
    assert result.status == 1
    assert "does not let them in" in result.complaint
    assert "Run this with that server's own settings" in result.complaint


async def test_people_read_a_line_for_each_act(shell: Shell) -> None:
    async with shell.serving() as server:
        process = await shell.start("demo", *QUICK, "--url", server.url, program=FORKED)
        async with ended(process):
            assert process.stdout
            lines: list[str] = []
            async with asyncio.timeout(DEADLINE_S):
                while not lines or " is idle" not in lines[-1]:
                    lines.append((await process.stdout.readline()).decode())
            process.terminate()
            end, _ = await asyncio.wait_for(process.communicate(), DEADLINE_S)
    told = "".join(lines)
    assert "12 people are new in the app demo, which has 12 now." in told
    assert "Of 12, about 6 are here at a time" in told
    assert "--seed 7" in told
    assert f"{server.url}/" in told
    assert " comes, on " in told
    assert "people have logged out." in end.decode()
