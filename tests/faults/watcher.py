"""A client that watches users and writes down every change with the moment of its arrival."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Collection, Iterable
from dataclasses import dataclass
from enum import Enum
from itertools import pairwise
from typing import Any

from tests.faults.stock import StockClient

ASK_AGAIN_S = 0.2


class Source(Enum):
    """Where a change was learnt from; a snapshot tells of one where it differs from what was known."""

    FRAME = "frame"
    RESUME = "resume"
    SNAPSHOT = "snapshot"


@dataclass(frozen=True, slots=True)
class Seen:
    """One user became `status`. `at` is the monotonic clock; `change` is as it came."""

    at: float
    source: Source
    username: str
    status: int
    change: dict[str, Any]


class Watcher:
    """A stock client that keeps to the protocol, and so sees what any user of it would see.

    It resumes where it left off after a reconnect and when it is told of another epoch, and asks anew after a reset.
    `view` is the status of each user as it knows them: the snapshots with the frames over them. `seen` holds every
    change, whether it came in a frame, in a resume or as a difference between `view` and a snapshot. `fulls` holds
    the answers to a resume that were full.
    """

    def __init__(self, client: StockClient, usernames: Iterable[str]) -> None:
        self.client = client
        self.usernames = list(usernames)
        self.view: dict[str, int] = {}
        self.seen: list[Seen] = []
        self.fulls: list[dict[str, Any]] = []
        self.cursors: list[tuple[str, int]] = []
        self._epoch = ""
        self._version = 0
        self._tasks: set[asyncio.Task[Any]] = set()
        client.on_event = self._take

    async def begin(self) -> None:
        await self.client.connect()
        await self.subscribe()

    async def subscribe(self) -> dict[str, Any]:
        answer: dict[str, Any] = await self.client.ask(
            "presence:subscribe", {"usernames": self.usernames}, self._take_snapshot
        )
        return answer

    async def resume(self) -> dict[str, Any]:
        """Asks for what was missed since the newest version that it saw."""
        cursor = {"epoch": self._epoch, "version": self._version, "usernames": self.usernames}
        answer: dict[str, Any] = await self.client.ask("presence:resume", cursor, self._take_resumed)
        return answer

    @property
    def username(self) -> str:
        """Its own user's."""
        return str(self.client.hellos[0]["user"]["username"])

    @property
    def epoch(self) -> str:
        return self._epoch

    @property
    def cursor(self) -> tuple[str, int]:
        """Epoch and version up to which it has seen everything."""
        return self._epoch, self._version

    def forget(self) -> None:
        """From here on: what was seen so far no longer counts."""
        self.seen.clear()

    def history(self, username: str, source: Source | None = None) -> list[int]:
        """What that user became, in order; by that source, or by any."""
        return [one.status for one in self.seen if one.username == username and source in (None, one.source)]

    def arrivals(self, usernames: Collection[str], status: int) -> list[float]:
        """When each of these users became so, on the monotonic clock."""
        return [one.at for one in self.seen if one.username in usernames and one.status == status]

    def knows(self, usernames: Iterable[str], status: int) -> bool:
        """All of these are so in its view."""
        return all(self.view.get(name) == status for name in usernames)

    def assert_silent_about(self, usernames: Iterable[str]) -> None:
        """Nothing at all was told of these users."""
        told = {name: self.history(name) for name in usernames if self.history(name)}
        assert not told, f"changes that nobody should see: {told}"

    def assert_one_change_each(self, usernames: Iterable[str], status: int) -> None:
        told = {name: self.history(name) for name in usernames if self.history(name) != [status]}
        assert not told, f"not exactly one change to {status}: {told}"

    def assert_versions_grow(self) -> None:
        """Over all frames of one epoch; and an epoch that is over does not come back."""
        for (epoch, version), (next_epoch, next_version) in pairwise(self.cursors):
            assert next_epoch != epoch or next_version > version, self.cursors
        epochs = [epoch for epoch, _ in self.cursors]
        changes = sum(1 for one, other in pairwise(epochs) if one != other)
        assert changes == max(len(set(epochs)) - 1, 0), self.cursors

    # What comes in

    async def _take(self, event: str, payload: Any) -> None:
        if event == "presence:diff":
            self._take_frame(payload)
        elif event == "presence:reset":
            self._spawn(self.subscribe)
        elif event == "hello" and self._epoch:
            self._spawn(self.resume)

    def _take_frame(self, frame: dict[str, Any]) -> None:
        self.cursors.append((frame["epoch"], frame["version"]))
        for change in frame["changes"]:
            self._note(Source.FRAME, change)
        if frame["epoch"] == self._epoch:
            self._version = frame["version"]
        else:
            self._spawn(self.resume)  # with the old epoch: the answer is full, and brings the new one

    def _take_snapshot(self, answer: dict[str, Any]) -> None:
        if "error" in answer:
            return
        for user in answer["users"]:
            if user["username"] in self.view and self.view[user["username"]] != user["presence_status"]:
                self._note(Source.SNAPSHOT, user)
            self.view[user["username"]] = user["presence_status"]
        self._epoch, self._version = answer["epoch"], answer["version"]

    def _take_resumed(self, answer: dict[str, Any]) -> None:
        if "error" in answer:
            return  # of an outage
        if answer["full"]:
            self.fulls.append(answer)
            self._take_snapshot(answer)
            return
        for change in answer["changes"]:
            self._note(Source.RESUME, change)
        self._version = answer["version"]

    def _note(self, source: Source, change: dict[str, Any]) -> None:
        username, status = change["username"], change["presence_status"]
        self.seen.append(Seen(time.monotonic(), source, username, status, change))
        self.view[username] = status

    def _spawn(self, ask: Callable[[], Awaitable[dict[str, Any]]]) -> None:
        task = asyncio.create_task(self._insist(ask))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _insist(self, ask: Callable[[], Awaitable[dict[str, Any]]]) -> None:
        """Until it is answered: a server whose Redis is away acks an error."""
        while "error" in await ask():
            await asyncio.sleep(ASK_AGAIN_S)

    async def end(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.client.end()
