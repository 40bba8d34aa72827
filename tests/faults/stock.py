"""python-socketio's client as it comes: it reconnects by itself, or stays away when it is told to."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import socketio
from aiohttp import ClientSession

from tests.faults.timings import TIMINGS
from tests.faults.waiting import eventually


class StockClient:
    """Writes down what it is told, over all its connections.

    `hellos` has one entry for each connection that was let in, `closings` the payloads of `session:close`, `refusals`
    those of `connect_error`. `on_event(name, payload)` is called in the order of arrival, before anything else runs.
    """

    def __init__(self, http: ClientSession, url: str, auth: dict[str, Any]) -> None:
        self._url = url
        self._auth = auth
        delay = TIMINGS.reconnect_delay_s
        self.io = socketio.AsyncClient(
            http_session=http, reconnection_delay=delay, randomization_factor=delay / 2, handle_sigint=False
        )
        self.hellos: list[Any] = []
        self.closings: list[Any] = []
        self.refusals: list[Any] = []
        self.endings = 0
        self.on_event: Callable[[str, Any], Awaitable[None]] | None = None
        self.io.on("*", self._note)
        self.io.on("connect_error", self._refused)
        self.io.on("disconnect", self._ended)

    async def _note(self, event: str, payload: Any = None) -> None:
        if event == "hello":
            self.hellos.append(payload)
        if event == "session:close":
            self.closings.append(payload)
        if self.on_event:
            await self.on_event(event, payload)

    async def _refused(self, data: Any) -> None:
        self.refusals.append(data)

    async def _ended(self, _reason: str) -> None:
        self.endings += 1

    async def connect(self) -> None:
        """Returns when it has been greeted."""
        await self.io.connect(self._url, auth=self._auth, transports=["websocket"], wait_timeout=TIMINGS.patience_s)
        await eventually(lambda: bool(self.hellos), "the client is greeted")

    @property
    def is_connected(self) -> bool:
        """It was greeted on the connection that it has now."""
        return bool(self.io.connected) and len(self.hellos) > self.endings

    @property
    def stays_away(self) -> bool:
        """It has no connection and is not trying to get one."""
        trying = self.io._reconnect_task
        return not self.io.connected and (trying is None or trying.done())

    async def ask(self, event: str, payload: Any, take: Callable[[Any], None] | None = None) -> Any:
        """The ack. `take` sees it in its place among the events; whoever awaits comes later."""
        answered = asyncio.get_running_loop().create_future()

        def acked(answer: Any) -> None:
            if take:
                take(answer)
            if not answered.done():
                answered.set_result(answer)

        await self.io.emit(event, payload, callback=acked)
        return await asyncio.wait_for(answered, TIMINGS.patience_s)

    def lose(self) -> None:
        """The wire breaks; the client comes back by itself."""
        self.io.eio.ws._response.connection.transport.abort()

    async def end(self) -> None:
        """A logout, where it is connected; it does not come back."""
        await self.io.shutdown()
