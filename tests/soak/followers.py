"""Clients that follow versions through everything, and are held against the truth at quiet moments."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from typing import Any

from aiohttp import ClientSession

from tests.faults.light import Light
from tests.soak.checks import OFFLINE, Order, Shown, find_missed, shown
from tests.soak.world import World

SUBSCRIBED_AT_ONCE = 500
LATE_S = 15.0
"""By then a change has come, or never will."""
QUIET_WITHIN_S = 60.0
UNCHANGED_S = 0.3
INSPECT_EVERY_S = 10.0
POLL_EVERY_S = 1.0


class View:
    """Everybody as the frames, changes and snapshots that one follower got have them; no I/O."""

    def __init__(self) -> None:
        self.people: dict[str, Shown] = {}
        self.order = Order()
        self.odd: list[str] = []

    @property
    def cursor(self) -> tuple[str, int]:
        return self.order.epoch, self.order.version

    def take_frame(self, frame: Mapping[str, Any]) -> None:
        self.odd += self.order.take(frame["epoch"], frame["version"], may_stay=False)
        self._apply(frame["changes"])

    def take_answer(self, answer: Mapping[str, Any], *, is_everybody: bool = False) -> None:
        """Of subscribe, resume or since. `is_everybody`: a full one names all who are not offline."""
        self.odd += self.order.take(answer["epoch"], answer["version"], may_stay=True)
        if answer["full"] and is_everybody:
            self.people.clear()
        self._apply(answer["users"] if answer["full"] else answer["changes"])

    def _apply(self, changes: Sequence[Mapping[str, Any]]) -> None:
        for change in changes:
            self.people[change["username"]] = shown(change)

    def of(self, usernames: Sequence[str]) -> dict[str, Shown]:
        return {name: self.people.get(name, OFFLINE) for name in usernames}


class SocketFollower:
    """Watches all visitors. `drops`: its wire is cut now and then, and it resumes where it was."""

    def __init__(self, world: World, username: str, drops: bool) -> None:
        self._world = world
        self.name = username
        self._drops = drops
        self.view = View()
        self.is_here = False

    async def live(self) -> None:
        world = self._world
        while not world.is_over:
            cursor = self.view.cursor  # of now: frames about itself may come before the answer to resume
            client = await Light.connect(world.url, world.auth(self.name), self._hear)
            try:
                await self._catch_up(client, *cursor)
                self.is_here = True
                await self._stay(client)
            finally:
                self.is_here = False
                client.cut()
            if not world.is_over:
                await world.pause(0.1, 8)

    async def _stay(self, client: Light) -> None:
        """Until it drops, or all is over."""
        world = self._world
        until = time.monotonic() + (world.random.uniform(5, 25) if self._drops else float("inf"))
        while not world.is_over and time.monotonic() < until:
            await asyncio.sleep(0.2)
            if client.is_over:
                world.findings.note("a follower lost the wire", self.name)
                return
        await world.may_act()

    async def _catch_up(self, client: Light, epoch: str, version: int) -> None:
        names = self._world.visitors
        for start in range(0, len(names), SUBSCRIBED_AT_ONCE):
            asked: dict[str, Any] = {"usernames": names[start : start + SUBSCRIBED_AT_ONCE]}
            event = "presence:subscribe"
            if epoch:
                event, asked = "presence:resume", {**asked, "epoch": epoch, "version": version}
            with self._world.timed(f"follower {event}"):
                answer = await client.ask(event, asked, self._take_answer)
            if "error" in answer:
                self._world.findings.note(f"{event} was refused", str(answer["error"]))
                return
            self._world.counts["resumed in full" if answer["full"] else "resumed"] += bool(epoch)

    def _take_answer(self, answer: dict[str, Any]) -> None:
        if "error" not in answer:
            self.view.take_answer(answer)

    def _hear(self, event: str, payload: Any) -> None:
        if event != "presence:diff":
            self._world.findings.note(f"a follower was sent {event}", str(payload))
            return
        self._world.counts["frames to followers"] += 1
        self.view.take_frame(payload)
        if not self._drops:
            for change in payload["changes"]:
                self._world.note_heard(change["text"])


class RestFollower:
    """Asks once a second what has changed since the answer before."""

    def __init__(self, world: World, username: str) -> None:
        self._world = world
        self.name = username
        self.view = View()
        self._turn = asyncio.Lock()

    async def live(self) -> None:
        async with ClientSession(headers=bearer(self._world, self.name)) as http:
            while not self._world.is_over:
                await self.poll(http)
                await asyncio.sleep(POLL_EVERY_S)

    async def poll(self, http: ClientSession) -> None:
        async with self._turn:
            await self._poll(http)

    async def _poll(self, http: ClientSession) -> None:
        epoch, version = self.view.cursor
        since = f"?since={epoch}.{version}" if epoch else ""
        path = f"{self._world.url}/v1/{self._world.site.app.id}/presence{since}"
        with self._world.timed("GET presence since"):
            async with http.get(path) as answer:
                body = await answer.json()
        if answer.status == 200:
            self.view.take_answer(body, is_everybody=True)
        else:
            self._world.findings.note(f"since was answered {answer.status}", str(body))


class Inspector:
    """Makes it quiet now and then, and holds every follower against what REST says to one of the app's users."""

    def __init__(self, world: World, sockets: Sequence[SocketFollower], poller: RestFollower, username: str) -> None:
        self._world = world
        self._sockets = sockets
        self._poller = poller
        self._name = username

    async def live(self) -> None:
        while not self._world.is_over:
            await self._world.pause(INSPECT_EVERY_S, INSPECT_EVERY_S)
            if not self._world.is_over:
                await self.inspect()

    async def inspect(self) -> None:
        async with self._world.quiet(), ClientSession(headers=bearer(self._world, self._name)) as http:
            try:
                async with asyncio.timeout(QUIET_WITHIN_S):
                    missed = await self._compare(http)
            except TimeoutError:
                missed = ["it did not become quiet"]
        self._world.findings.note_all("a change was missed", missed)
        for name, view in self._views(include_absent=True):
            self._world.findings.note_all("versions out of order", (f"{name}: {odd}" for odd in view.odd))
            view.odd.clear()
        self._world.counts["inspections"] += 1

    async def _compare(self, http: ClientSession) -> list[str]:
        """As long as the version stands still everybody must come to see what is so."""
        version, since, missed = -1, 0.0, [""]
        while missed:
            found, truth = await self._read_truth(http)
            if found != version:
                version, since, missed = found, time.monotonic(), [""]
            elif time.monotonic() - since > UNCHANGED_S:
                await self._poller.poll(http)
                missed = [
                    f"{name} at version {found}: {difference}"
                    for name, view in self._views()
                    for difference in find_missed(view.of(self._world.visitors), truth)
                ]
                if missed and time.monotonic() - since > LATE_S:
                    return missed
            await asyncio.sleep(0.1)
        return []

    def _views(self, *, include_absent: bool = False) -> list[tuple[str, View]]:
        """Of those who are connected; who is not will be looked at another time."""
        here = [(one.name, one.view) for one in self._sockets if one.is_here or include_absent]
        return [*here, ("since", self._poller.view)]

    async def _read_truth(self, http: ClientSession) -> tuple[int, dict[str, Shown]]:
        path = f"{self._world.url}/v1/{self._world.site.app.id}/presence/query"
        async with http.post(path, json={"usernames": self._world.visitors}) as answer:
            body = await answer.json()
            assert answer.status == 200, body
        return body["version"], {user["username"]: shown(user) for user in body["users"]}


def bearer(world: World, username: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {world.auth(username)['token']}"}
