"""Somebody who watches a whole app as the dashboard does, with a stock client, and knows what it was told."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.realtime.conftest import Client

DEADLINE_S = 10.0


class Onlooker:
    """`people`: what each shows by what was told of them; `told`: the last counts; `frames`: all that came."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self.people: dict[str, dict[str, Any]] = {}
        self.frames: list[tuple[str, Any]] = []
        self.begun: dict[str, Any] = {}
        self.told: dict[str, int] = {}

    async def come(self, token: str) -> dict[str, Any]:
        hello: dict[str, Any] = await self.client.connect({"token": token})
        return hello

    async def call(self, event: str, payload: Any = None) -> dict[str, Any]:
        acked: dict[str, Any] = await self.client.io.call(event, {} if payload is None else payload)
        return acked

    async def watch(self) -> dict[str, Any]:
        self.begun = await self.call("app:watch")
        assert "error" not in self.begun, self.begun
        return self.begun

    @property
    def shown(self) -> dict[str, int]:
        return {name: change["presence_status"] for name, change in self.people.items()}

    def count(self, event: str) -> int:
        return sum(name == event for name, _ in self.frames)

    async def hear(self) -> tuple[str, Any]:
        """The next event, whatever it is."""
        try:
            async with asyncio.timeout(DEADLINE_S):
                event, payload = await self.client.events.get()
        except TimeoutError:
            told = [
                (name, payload if name != "presence:diff" else len(payload["changes"])) for name, payload in self.frames
            ]
            raise AssertionError(
                f"nothing came any more; before it {told}, so that {len(self.people)} are known"
            ) from None
        self.frames.append((event, payload))
        if event == "presence:diff":
            assert len(payload["changes"]) <= 500
            for change in payload["changes"]:
                self.people[change["username"]] = change
        elif event == "app:counts":
            self.told = payload
        return event, payload

    async def hear_until(self, event: str) -> Any:
        """Its payload."""
        while True:
            heard, payload = await self.hear()
            if heard == event:
                return payload

    async def sees(self, **shown: int) -> None:
        """Hears until these show so."""
        while any(self.shown.get(name) != status for name, status in shown.items()):
            await self.hear()

    async def counts(self, **counts: int) -> None:
        """Hears until these are the last that were told."""
        while any(self.told.get(name) != count for name, count in counts.items()):
            await self.hear()
