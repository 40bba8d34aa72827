"""How they connect: a Socket.IO client over one WebSocket, as light as it can be, which comes back by itself as stock
clients do."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from random import uniform
from typing import Any, Protocol

import msgspec
from aiohttp import ClientError, ClientSession, ClientWebSocketResponse, WSMsgType

PATH = "/socket.io/?EIO=4&transport=websocket"
ENTER_S = 15.0
PAUSE_S, PAUSE_MAX_S = 0.5, 8.0
LOG_OUT_S = 5.0
GOING_AWAY = 1001
"""As a browser closes what a page leaves behind. The usual code would say that somebody has left on purpose."""

EXPIRED, NOT_YET = 1020, (42900, 50300)
NOBODY = (40015, 40301)
"""Codes of refusals: a token that is over, a time to wait, somebody whom this app does not know or let in."""


class Pass(Protocol):
    """Gives the token of somebody, None where there is none any more; `anew` where the last one was refused."""

    async def __call__(self, username: str, *, anew: bool) -> str | None: ...


class NotTaken(Exception):
    """The server does not take the token for reasons that will last."""


class _Refused(Exception):
    def __init__(self, code: int, message: str, retry_after_s: float | None) -> None:
        super().__init__(message)
        self.code = code
        self.retry_after_s = retry_after_s


@dataclass(slots=True, eq=False)
class Visitor:
    """One device of somebody. `lost` is told when the server cannot be reached, `found` when it answers: it lets us in,
    or will not have us."""

    http: ClientSession
    url: str
    username: str
    device: str
    give_token: Pass
    lost: Callable[[], None]
    found: Callable[[], None]
    is_active: bool = True
    _is_over: bool = False
    _needs_token: bool = False
    _ws: ClientWebSocketResponse | None = None

    @property
    def is_in(self) -> bool:
        return self._ws is not None

    async def stay(self) -> None:
        """Until they leave, are dropped, or the server does not want them any more. Raises NotTaken."""
        pause_s = PAUSE_S
        while not self._is_over:
            try:
                await self._visit()
                pause_s = PAUSE_S
            except _Refused as refusal:
                pause_s = self._take(refusal, pause_s)
            except (ClientError, OSError, TimeoutError):
                self.lost()
                pause_s = min(pause_s * 2, PAUSE_MAX_S)
            if not self._is_over:
                await asyncio.sleep(pause_s * uniform(0.75, 1.25))  # noqa: S311 - no secret

    async def emit(self, event: str, payload: Any) -> None:
        """Of somebody who is not connected right now it is lost."""
        if self._ws:
            with suppress(ClientError, OSError):
                await self._ws.send_str("42" + msgspec.json.encode([event, payload]).decode())

    async def log_out(self) -> None:
        self._is_over = True
        if self._ws:
            with suppress(ClientError, OSError):
                await self._ws.send_str("41")
            await self._ws.close(code=GOING_AWAY)

    async def drop(self) -> None:
        """The connection goes without a word."""
        self._is_over = True
        if self._ws:
            await self._ws.close(code=GOING_AWAY)

    async def _visit(self) -> None:
        async with self.http.ws_connect(self.url + PATH) as ws:
            try:
                async with asyncio.timeout(ENTER_S):
                    silence_s = await self._enter(ws)
                await self._stay_in(ws, silence_s)
            finally:
                self._ws = None
                await ws.close(code=GOING_AWAY)

    async def _stay_in(self, ws: ClientWebSocketResponse, silence_s: float) -> None:
        if self._is_over:  # they had to leave before they were in
            await ws.send_str("41")
            return
        self._ws = ws
        self.found()
        await self._listen(ws, silence_s)

    async def _enter(self, ws: ClientWebSocketResponse) -> float:
        """How long the server may be silent. Raises _Refused."""
        opened = msgspec.json.decode((await _hear(ws))[1:])
        token = await self.give_token(self.username, anew=self._needs_token)
        self._needs_token = False
        if token is None:
            raise _Refused(NOBODY[0], "There is nobody of that name any more.", None)
        await ws.send_str("40" + msgspec.json.encode({"token": token, "device": self.device}).decode())
        while not (answer := await _hear(ws)).startswith("4"):
            await self._pong(ws)
        if answer.startswith("44"):
            told = msgspec.json.decode(answer[2:])
            data = told.get("data") or {}
            raise _Refused(data.get("code", 0), told.get("message", ""), data.get("retry_after_s"))
        return float(opened["pingInterval"] + opened["pingTimeout"]) / 1000

    async def _listen(self, ws: ClientWebSocketResponse, silence_s: float) -> None:
        """Until the server or we close it."""
        while True:
            message = await ws.receive(timeout=silence_s)
            if message.type is not WSMsgType.TEXT:
                return
            if message.data == "2":
                await self._pong(ws)
            elif message.data.startswith('42["session:close"'):
                self._close(msgspec.json.decode(message.data[2:])[1])

    async def _pong(self, ws: ClientWebSocketResponse) -> None:
        """With a sign of life of the person, or they would show as away after a while."""
        await ws.send_str("3")
        if self.is_active:
            await self.emit("presence:activity", {"active": True})

    def _close(self, told: dict[str, Any]) -> None:
        """Some ends are for good; after the others a fresh token opens the door again."""
        self._is_over = self._is_over or not told["reconnect"]
        self._needs_token = True

    def _take(self, refusal: _Refused, pause_s: float) -> float:
        """How long to wait now."""
        if refusal.code in NOT_YET:
            return refusal.retry_after_s or min(pause_s * 2, PAUSE_MAX_S)
        if refusal.code == EXPIRED:
            self._needs_token = True
            return min(pause_s * 2, PAUSE_MAX_S)
        self._is_over = True
        if refusal.code in NOBODY:
            self.found()
            return 0.0
        raise NotTaken(str(refusal))


async def _hear(ws: ClientWebSocketResponse) -> str:
    message = await ws.receive()
    if message.type is not WSMsgType.TEXT:
        raise ClientError("the server has closed the connection")
    return str(message.data)
