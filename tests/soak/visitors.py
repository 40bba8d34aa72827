"""Sockets that come, act, and go in all the ways in which sockets go."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any
from uuid import uuid4

from tests.faults.light import Light, Turned
from tests.soak.site import PING_INTERVAL_S, PING_TIMEOUT_S
from tests.soak.world import World

WATCHED = 20
ACTS = (2, 8)
BETWEEN_ACTS_S = (1.0, 8.0)
AWAY_S = (0.5, 12.0)
"""Some come back within their grace, some after it."""
STATUSES = ("online", "online", "away", "dnd", "dnd", "invisible")
HALF_OPEN_S = PING_INTERVAL_S + PING_TIMEOUT_S + 10
WAYS = ("log out", "log out", "cut", "cut", "half-open")


class Visitor:
    """One user with one device, again and again. Half of them have a client_id of their own."""

    def __init__(self, world: World, username: str) -> None:
        self._world = world
        self._username = username
        self._own_id = {"client_id": f"tab-{username}"} if world.random.random() < 0.5 else {}
        self._watched = world.random.sample(world.visitors, WATCHED)
        self._cursor: tuple[str, int] | None = None
        self._client: Light | None = None
        self._frozen: set[asyncio.Task[None]] = set()

    async def live(self) -> None:
        world = self._world
        await world.pause(0, AWAY_S[1])
        while not world.is_over:
            try:
                await self._visit()
            except Turned as turned:
                world.findings.note("a visitor was refused", str(turned))
            except TimeoutError:
                world.findings.note("a visitor waited too long", self._username)
            except OSError as error:
                world.findings.note("a visitor lost the wire", f"{self._username}: {error}")
            await world.pause(*AWAY_S)
        await asyncio.gather(*self._frozen)

    async def _visit(self) -> None:
        world = self._world
        cursor = self._cursor
        with world.timed("connect"):
            client = await Light.connect(world.url, world.auth(self._username, **self._own_id), self._hear)
        try:
            await self._watch(client, cursor)
            for _ in range(world.random.randint(*ACTS)):
                await world.pause(*BETWEEN_ACTS_S)
                if client.is_over:
                    raise ConnectionResetError("the server ended it")
                if world.is_over:
                    break
                await self._act(client)
        except BaseException:
            client.cut()
            raise
        await self._leave(client)

    async def _watch(self, client: Light, cursor: tuple[str, int] | None) -> None:
        if cursor is None:
            await self._ask(client, "presence:subscribe", {"usernames": self._watched}, self._take_cursor)
        else:
            epoch, version = cursor
            asked = {"epoch": epoch, "version": version, "usernames": self._watched}
            await self._ask(client, "presence:resume", asked, self._take_cursor)

    def _take_cursor(self, answer: dict[str, Any]) -> None:
        if "epoch" in answer:
            self._cursor = answer["epoch"], answer["version"]

    async def _act(self, client: Light) -> None:
        match self._world.random.randrange(10):
            case 0 | 1 | 2 | 3 | 4:
                await self._show(client)
            case 5 | 6:
                await self._ask(client, "presence:activity", {"active": self._world.random.random() < 0.7})
            case 7:
                await self._ask(client, "presence:query", {"usernames": self._world.random.sample(self._watched, 10)})
            case 8:
                half = self._watched[: WATCHED // 2]
                await self._ask(client, "presence:unsubscribe", {"usernames": half})
                await self._ask(client, "presence:subscribe", {"usernames": half})
            case 9:
                await self._ask(client, "presence:set", {"status": "online"})

    async def _show(self, client: Light) -> None:
        """A text that nobody else has, so that a watcher knows it again."""
        world, text = self._world, uuid4().hex
        status = world.random.choice(STATUSES)
        if status != "invisible":
            world.note_said(text)
        await self._ask(client, "presence:set", {"status": status, "text": text})

    async def _ask(
        self, client: Light, event: str, payload: dict[str, Any], take: Callable[[Any], object] = lambda _: None
    ) -> None:
        with self._world.timed(event):
            answer = await client.ask(event, payload, take)
        if "error" in answer:
            self._world.findings.note(f"{event} was refused", str(answer["error"]))

    def _hear(self, event: str, payload: Any) -> None:
        if event == "presence:diff":
            self._world.counts["frames"] += 1
            self._cursor = payload["epoch"], payload["version"]
        else:
            self._world.findings.note(f"a visitor was sent {event}", str(payload))

    async def _leave(self, client: Light) -> None:
        way = self._world.random.choice(WAYS)
        self._world.counts[way] += 1
        if way == "log out":
            with self._world.timed("log out"):
                await client.log_out()
        elif way == "cut":
            client.cut()
        else:
            client.freeze()
            task = asyncio.create_task(self._stay_frozen(client))
            self._frozen.add(task)
            task.add_done_callback(self._frozen.discard)

    async def _stay_frozen(self, client: Light) -> None:
        """Until the server must have noticed."""
        for _ in range(int(HALF_OPEN_S)):
            if not self._world.is_over:
                await asyncio.sleep(1)
        if self._world.is_over:
            await asyncio.sleep(HALF_OPEN_S / 5)
        client.cut()
