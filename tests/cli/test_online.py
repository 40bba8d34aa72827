"""chatsrv online beside a server: everybody once, a line for each change, and a table that outlives the server."""

import asyncio
import json
import signal
from asyncio.subprocess import Process
from typing import Any

import pytest
from aiohttp import ClientSession

from tests.cli.shell import DEADLINE_S, FORKED, Server, Shell, ended, hung_valkey
from tests.cli.terminal import on_terminal

HIDDEN, SHOWN = "\x1b[?25l", "\x1b[?25h"
"""The cursor."""

TURNED = "\u202etxt.exe"
"""What a bidi-aware terminal shows backwards, with all that follows."""


async def come(server: Server, name: str, **claim: str) -> None:
    """Over HTTP, for ten minutes."""
    async with ClientSession(server.url, headers={"X-Api-Key": server.key}) as client:
        async with client.post("/v1/demo/users", json={"username": name}) as made:
            assert made.status in (201, 409)
        async with client.put(f"/v1/demo/users/{name}/presence", json={"ttl": 600, **claim}) as said:
            assert said.status == 200, await said.text()


async def test_everybody_is_told_once_beside_a_server(shell: Shell) -> None:
    async with shell.serving() as server:
        for name, claim in (
            ("bert", {}),
            ("anna", {"status": "dnd", "text": TURNED}),
            ("carl", {"status": "invisible"}),
        ):
            await come(server, name, **claim)
        told = await shell.run("online", "demo")
        one = await shell.run("online", "demo", "--limit", "1", "--sort", "state")
        answer = await shell.answer("online", "demo")
    assert (told.status, told.err) == (0, "")
    head, *people, counts = told.out.splitlines()
    assert head.split() == ["username", "state", "since", "devices", "name", "says"]
    assert [line.split()[:2] for line in people] == [["anna", "dnd"], ["bert", "online"], ["carl", "invisible"]]
    assert people[0].endswith(r"\u202etxt.exe")
    assert counts == "1 online, 1 dnd, 1 invisible; of 3 users"
    assert [line.split()[0] for line in one.out.splitlines()[1:3]] == ["bert", "and"]
    assert answer["counts"] == {"online": 1, "away": 0, "dnd": 1, "invisible": 1, "total": 3}
    assert [(one["username"], one["presence_status"]) for one in answer["people"]] == [
        ("anna", 4),
        ("bert", 1),
        ("carl", 2),
    ]
    assert (answer["app"], answer["stale"]) == ("demo", False)


async def test_without_a_server_it_says_what_to_do(filled: Shell) -> None:
    refused = await filled.run("online", "demo")
    assert (refused.status, refused.out) == (1, "")
    assert refused.complaint.endswith(f"{filled.folder / 'data'}: start one with chatsrv serve")


async def test_an_embedded_valkey_that_hangs_is_told_and_the_table_comes_with_its_answer(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("chatsrv.storage.running_valkey.ANSWER_S", 0.2)
    async with shell.serving() as server:
        told = f"the embedded Valkey of process {server.process.pid} does not answer: wait, or restart the server"
        async with hung_valkey(shell.folder / "data"):
            refused = await shell.run("online", "demo")
            assert (refused.status, refused.complaint) == (1, f"chatsrv: {told}")
            following = await shell.start("online", "demo", "--follow", "--json", program=FORKED)
            assert await next_line(following) == {"event": "stale", "reason": told}
        async with ended(following):
            assert (await next_line(following))["event"] == "snapshot"


async def test_an_app_that_is_not_there_is_told_with_where_to_look(shell: Shell) -> None:
    await shell.answer("app", "create", "shop")
    refused = await shell.run("online", "shp")
    assert "There is no app 'shp'. (chatsrv app list tells" in refused.complaint


async def test_lines_follow_each_change_and_say_when_the_server_is_gone(shell: Shell) -> None:
    async with shell.serving() as server:
        following = await shell.start("online", "demo", "--follow", "--json", program=FORKED)
        async with ended(following):
            assert (await next_line(following))["event"] == "snapshot"
            await come(server, "anna", text="lunch")
            changed = await next_line(following)
            while changed["person"]["text"] is None:  # they are there a moment before they say something
                changed = await next_line(following)
            assert (changed["event"], changed["person"]["username"]) == ("changed", "anna")
            await server.stop()
            stale = await next_line(following)
            assert (stale["event"], "does not answer" in stale["reason"]) == ("stale", True)
            following.send_signal(signal.SIGTERM)
            assert await asyncio.wait_for(following.communicate(), DEADLINE_S) == (b"", b"")
            assert following.returncode == 0


async def next_line(process: Process) -> Any:
    assert process.stdout is not None
    return json.loads(await asyncio.wait_for(process.stdout.readline(), DEADLINE_S))


async def test_the_table_changes_with_people_says_that_it_is_stale_and_mends_itself(shell: Shell) -> None:
    async with shell.serving() as server, on_terminal(shell, "online", "demo") as terminal:
        await terminal.wait_until(lambda frame: "Nobody is online." in frame)
        await come(server, "anna", text=TURNED)
        frame = await terminal.wait_until(lambda frame: "txt.exe" in frame)
        assert "1 online" in frame
        assert TURNED[0] not in frame
        await server.stop()
        frame = await terminal.wait_until(lambda frame: "stale" in frame)
        assert "anna" in frame
        async with shell.serving():
            await terminal.wait_until(lambda frame: "anna" in frame and "stale" not in frame)
            assert await terminal.stop(signal.SIGINT) == 0
    assert terminal.drawn.count(HIDDEN) == terminal.drawn.count(SHOWN) == 1
    assert terminal.drawn.rstrip().endswith(SHOWN)
    assert "Traceback" not in terminal.drawn
