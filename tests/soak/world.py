"""What everybody in a soak shares: the users, the gate that makes a quiet moment, and where it is written what was."""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from typing import Any

from tests.faults.crowd import sign
from tests.soak.checks import Findings
from tests.soak.latencies import Latencies
from tests.soak.site import Site

TOKEN_LIFE_S = 24 * 3600
VISITORS = 300
READERS = 5000
"""Users who are only read and written by REST."""


@dataclass(slots=True)
class World:
    """`visitors` have sockets, `readers` are there to be looked up; both are usernames. `load`: 1.0 is as much as
    takes a third of an idle core."""

    site: Site
    random: random.Random
    load: float = 1.0
    findings: Findings = field(default_factory=Findings)
    latencies: Latencies = field(default_factory=Latencies)
    counts: Counter[str] = field(default_factory=Counter)
    readers: list[str] = field(default_factory=lambda: [f"reader{number:05}" for number in range(READERS)])
    said: dict[str, float] = field(default_factory=dict)
    is_over: bool = False
    visitors: list[str] = field(init=False)
    _open: asyncio.Event = field(default_factory=asyncio.Event)
    _tokens: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.visitors = [f"visitor{number:04}" for number in range(int(VISITORS * self.load))]

    @property
    def url(self) -> str:
        return self.site.node.url

    def auth(self, username: str, **further: Any) -> dict[str, Any]:
        if username not in self._tokens:
            self._tokens[username] = sign(self.site.app, username, TOKEN_LIFE_S)
        return {"token": self._tokens[username], **further}

    # The gate

    def let_act(self) -> None:
        self._open.set()

    async def may_act(self) -> None:
        """Returns when nobody wants it quiet."""
        await self._open.wait()

    @asynccontextmanager
    async def quiet(self) -> AsyncIterator[None]:
        """Nobody begins anything that others see; what was begun goes on."""
        self._open.clear()
        try:
            yield
        finally:
            self._open.set()

    async def pause(self, shortest_s: float, longest_s: float) -> None:
        """Some time, and until one may act; less where all is over."""
        until = time.monotonic() + self.random.uniform(shortest_s, longest_s)
        while not self.is_over and time.monotonic() < until:
            await asyncio.sleep(min(until - time.monotonic(), 0.5))
        await self.may_act()

    # What was

    @contextmanager
    def timed(self, kind: str) -> Iterator[None]:
        """How long the block took; nothing of one that fails."""
        began = time.monotonic()
        yield
        now = time.monotonic()
        self.counts[kind] += 1
        self.latencies.note(kind, now - began, now)

    def note_said(self, text: str) -> None:
        """Somebody shows this text from now on: how long until a watcher hears of it?"""
        self.said[text] = time.monotonic()

    def note_heard(self, text: str | None) -> None:
        if text is not None and (began := self.said.pop(text, None)) is not None:
            now = time.monotonic()
            self.latencies.note("change to watcher", now - began, now)
