"""A server that ends while everybody writes: what it has answered is kept, and nobody gets half an answer."""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, closing, suppress
from dataclasses import dataclass, field
from pathlib import Path
from uuid import uuid4

import asyncpg
import pytest
from aiohttp import ClientSession, TCPConnector

from tests.cli.shell import Shell
from tests.cli.test_serve import find_processes_in
from tests.client import ApiClient
from tests.faults.callers import Callers, calling
from tests.faults.cluster import FaultApp, Prepared, create_app
from tests.faults.crowd import sign
from tests.faults.light import Light, Turned
from tests.faults.nodes import Node, running_node
from tests.faults.timings import FULL, TIMINGS
from tests.faults.waiting import eventually
from tests.storage.valkey_owner import wait_for_end_of_server

CALLERS = 4 if TIMINGS is FULL else 1
"""Of each kind of request."""
BUSY_S = 5.0 if TIMINGS is FULL else 0.3
"""What everybody has before the end."""
STAYING = 50 if TIMINGS is FULL else 10
PASSING = 8 if TIMINGS is FULL else 2


SETTINGS = {
    **TIMINGS.variables,
    "CHATSRV_ACCESS_LOG": "false",
    "CHATSRV_LOG_FORMAT": "json",
    "CHATSRV_PRESENCE_SETS": "1000",
    **({} if TIMINGS is FULL else {"CHATSRV_DRAIN_S": "0"}),
}


@dataclass(slots=True)
class Site:
    """A folder in which servers of the command line run, one after the other, on their own stores."""

    shell: Shell
    app: FaultApp
    http: ClientSession
    database_url: str

    @asynccontextmanager
    async def node(self, name: str, *words: str) -> AsyncIterator[Node]:
        async with running_node(self.shell, name, *words) as node:
            yield node
            assert node.errors() == []

    def rest(self, node: Node) -> ApiClient:
        return ApiClient(self.http, node.url, {"Authorization": f"Bearer {self.app.key}"})

    async def statuses(self, node: Node, names: Sequence[str]) -> dict[str, tuple[int, str | None]]:
        """How each of them shows, and their text."""
        answer = await self.rest(node).post(f"/v1/{self.app.id}/presence/query", {"usernames": list(names)})
        assert answer.status == 200, answer.json
        return {one["username"]: (one["presence_status"], one["text"]) for one in answer.json["users"]}

    async def assert_stored(self, names: set[str]) -> None:
        """As the database itself has them, whoever serves it."""
        lost = names - await self._read_names()
        assert not lost, f"{len(lost)} of {len(names)} were acknowledged, and are lost"

    async def _read_names(self) -> set[str]:
        if not self.database_url:
            with closing(sqlite3.connect(self.shell.folder / "data" / "chatsrv.db")) as file:
                return {name for (name,) in file.execute("SELECT username FROM users")}
        connection = await asyncpg.connect(self.database_url)
        try:
            return {str(row["username"]) for row in await connection.fetch("SELECT username FROM users")}
        finally:
            await connection.close()


@asynccontextmanager
async def opened_site(folder: Path, prepared: Prepared, database_url: str = "") -> AsyncIterator[Site]:
    """On the embedded stores, unless another database is named."""
    shell = Shell(folder, SETTINGS | ({"DATABASE_URL": database_url} if database_url else {}))
    if database_url:
        app = await create_app(shell, "demo")
    else:
        app = prepared.app
        (folder / "data").mkdir()
        shutil.copy(prepared.database, folder / "data" / "chatsrv.db")
    async with ClientSession(connector=TCPConnector(limit=0, force_close=True)) as http:
        yield Site(shell, app, http, database_url)


@dataclass(slots=True)
class Guests:
    """Users with sockets: who stays says a new text again and again; others come and go beside them.

    `said`: the newest text of each who stays; `acknowledged`: the newest that was answered.
    """

    site: Site
    url: str
    said: dict[str, str] = field(default_factory=dict)
    acknowledged: dict[str, str] = field(default_factory=dict)
    comings: int = 0
    oddities: list[Turned] = field(default_factory=list)

    async def stay(self, name: str) -> None:
        """Until the wire ends."""
        client = await self._come(name)
        assert client
        with suppress(ConnectionError):
            while True:
                text = self.said[name] = uuid4().hex
                answer = await client.ask("presence:set", {"status": "dnd", "text": text})
                assert answer["coalesced"] is False, answer
                self.acknowledged[name] = text
                await asyncio.sleep(0.1)

    async def come_and_go(self, name: str) -> None:
        """Until nobody is there."""
        while client := await self._come(name):
            self.comings += 1
            await client.log_out()

    async def _come(self, name: str) -> Light | None:
        try:
            return await Light.connect(self.url, {"token": sign(self.site.app, name)})
        except Turned as turned:
            if turned.status != 503:  # "Going down"
                self.oddities.append(turned)
        except OSError:
            pass
        return None

    def assert_said(self, shown: dict[str, tuple[int, str | None]]) -> None:
        """Who stayed is still here, as they said last, or as they said just as the wire ended."""
        for name, (status, text) in shown.items():
            assert (status, text) in {(4, self.acknowledged[name]), (4, self.said[name])}, name


@asynccontextmanager
async def busy(site: Site, node: Node) -> AsyncIterator[tuple[Callers, Guests]]:
    """Everybody writes, and has for a while. Whoever is still at it when the block ends is waited for."""
    names = [f"{kind}{number}" for kind in ("stays", "passes") for number in range(STAYING)]
    users = {"users": [{"username": name} for name in names]}
    assert (await site.rest(node).post(f"/v1/{site.app.id}/bulk/users", users)).status == 200
    guests = Guests(site, node.url)
    tasks = [asyncio.create_task(guests.stay(name)) for name in names[:STAYING]]
    tasks += [asyncio.create_task(guests.come_and_go(name)) for name in names[STAYING : STAYING + PASSING]]
    async with calling(site.app, node.url, CALLERS) as callers:
        await eventually(lambda: len(guests.acknowledged) == STAYING and guests.comings > 0, "all are here")
        await asyncio.sleep(BUSY_S)
        yield callers, guests
    await asyncio.gather(*tasks)
    assert guests.oddities == []


async def stop_under_load(site: Site, node: Node) -> Guests:
    """SIGTERM, and what must hold whoever serves; returns who had sockets."""
    async with busy(site, node) as (callers, guests):
        finish = await callers.begin()
        moment, stopping = time.monotonic(), asyncio.create_task(node.stop())
        await eventually(lambda: callers.refusals > 0, "nobody new is heard")
        assert (await finish()).status == 201
        assert await stopping == 0
    assert callers.statuses() <= {200, 201, 503}
    callers.assert_no_half_answer()
    callers.assert_answered_who_asked_before(moment)
    assert find_processes_in(site.shell.folder) == []
    await site.assert_stored(callers.acknowledged)
    return guests


async def test_sigterm_under_load_answers_who_was_heard_and_hands_over_what_it_acknowledged(
    prepared: Prepared, tmp_path: Path
) -> None:
    async with opened_site(tmp_path, prepared) as site:
        async with site.node("first") as node:
            guests = await stop_under_load(site, node)
        async with site.node("second") as node:
            guests.assert_said(await site.statuses(node, sorted(guests.said)))
            assert await node.stop() == 0


async def test_sigterm_under_load_of_several_workers_answers_who_was_heard_and_keeps_what_it_acknowledged(
    prepared: Prepared, tmp_path: Path
) -> None:
    async with opened_site(tmp_path, prepared) as site, site.node("both", "--workers", "2") as node:
        await stop_under_load(site, node)


async def kill_under_load(site: Site, node: Node) -> Guests:
    async with busy(site, node) as (callers, guests):
        await node.kill()
    assert callers.statuses() <= {200, 201}
    await wait_for_end_of_server(site.shell.folder / "data" / "valkey")
    await eventually(lambda: find_processes_in(site.shell.folder) == [], "nothing of it runs")
    await site.assert_stored(callers.acknowledged)
    return guests


async def test_kill_9_under_load_loses_nothing_that_was_acknowledged_and_leaves_no_ghost(
    prepared: Prepared, tmp_path: Path
) -> None:
    async with opened_site(tmp_path, prepared) as site:
        async with site.node("first") as node:
            guests = await kill_under_load(site, node)
        names = sorted(guests.said)
        async with site.node("second") as node:

            async def are_all_offline() -> bool:
                return {status for status, _ in (await site.statuses(node, names)).values()} == {0}

            await eventually(are_all_offline, "nobody is online who is not here")
            client = await Light.connect(node.url, {"token": sign(site.app, names[0])})
            guests.assert_said(await site.statuses(node, names[:1]))
            await client.log_out()
            assert await node.stop() == 0


@pytest.mark.parametrize("database_source", ["postgres_url"], indirect=True)
async def test_kill_9_under_load_loses_nothing_that_postgres_had_acknowledged(
    prepared: Prepared, tmp_path: Path, database_url: str
) -> None:
    async with opened_site(tmp_path, prepared, database_url) as site, site.node("only") as node:
        await kill_under_load(site, node)
