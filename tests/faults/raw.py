"""A light client on the bare wire: it answers pings and writes down events, and never comes back by itself."""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress
from typing import Any, Self

from aiohttp import ClientSession, ClientWebSocketResponse, WSMsgType

from tests.faults.timings import TIMINGS

ENDPOINT = "/socket.io/?EIO=4&transport=websocket"


class Refused(Exception):
    """The server's connect_error; `data` is {code, type}."""

    def __init__(self, data: dict[str, Any]) -> None:
        super().__init__(str(data))
        self.data = data


class RawClient:
    """One connection. `hello` is what it was greeted with; `events` are (name, payload) of what came after."""

    def __init__(self, ws: ClientWebSocketResponse) -> None:
        self._ws = ws
        self._reading: asyncio.Task[None] | None = None
        self.hello: dict[str, Any] = {}
        self.events: list[tuple[str, Any]] = []

    @classmethod
    async def connect(cls, http: ClientSession, url: str, auth: dict[str, Any]) -> Self:
        """Returns when it has been greeted. Raises Refused."""
        client = cls(await open_websocket(http, url))
        try:
            await client._ws.send_str(connect_packet(auth))
            async with asyncio.timeout(TIMINGS.patience_s):
                while not client.hello:
                    await client._take(await client._ws.receive_str())
        except BaseException:
            await client.end()
            raise
        client._reading = asyncio.create_task(client._read())
        return client

    @property
    def session_id(self) -> str:
        return str(self.hello["session_id"])

    @property
    def is_over(self) -> bool:
        """The connection has ended, whoever ended it."""
        return self._reading is None or self._reading.done()

    def heard(self, event: str) -> list[Any]:
        """The payloads of all such events."""
        return [payload for name, payload in self.events if name == event]

    async def emit(self, event: str, payload: Any) -> None:
        await self._ws.send_str("42" + json.dumps([event, payload]))

    async def _read(self) -> None:
        async for message in self._ws:
            if message.type is WSMsgType.TEXT:
                await self._take(message.data)

    async def _take(self, text: str) -> None:
        if text == "2":
            await self._pong()
        elif text == "41":
            await self._ws.close()  # as stock clients do, or the server would wait for another connect packet
        elif text.startswith("44"):
            raise Refused(json.loads(text[2:])["data"])
        elif text.startswith("42"):
            name, *payload = json.loads(text[2:])
            if name == "hello":
                self.hello = payload[0]
            else:
                self.events.append((name, payload[0] if payload else None))

    async def _pong(self) -> None:
        with suppress(OSError):  # the end is read next
            await self._ws.send_str("3")

    async def log_out(self) -> None:
        """The user's own disconnect: no grace."""
        await self._ws.send_str("41")
        await self._ws.close(code=1000)
        await self.end()

    def vanish(self) -> None:
        """The wire breaks, as on a closed page: no word from the client."""
        abort(self._ws)

    async def end(self) -> None:
        """Gone, and nothing of it is left here."""
        self.vanish()
        if self._reading:
            await asyncio.wait([self._reading])
        await self._ws.close()


def connect_packet(auth: dict[str, Any]) -> str:
    return "40" + json.dumps(auth)


async def open_websocket(http: ClientSession, url: str) -> ClientWebSocketResponse:
    """An Engine.IO session that has not said yet who it is."""
    ws = await http.ws_connect(url + ENDPOINT, max_msg_size=0)
    opened = await ws.receive_str()
    assert opened.startswith("0{"), opened
    return ws


def abort(ws: ClientWebSocketResponse) -> None:
    """The TCP connection is reset; what is not on the wire yet is lost."""
    connection = ws._response.connection
    if connection and connection.transport:
        connection.transport.abort()
