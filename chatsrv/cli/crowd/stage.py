"""Where the play is performed: each act with real clients, at its time, for as long as somebody looks on."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Protocol

from aiohttp import ClientSession

from chatsrv.cli.crowd.play import Act, Kind, Status
from chatsrv.cli.crowd.visitor import LOG_OUT_S, Pass, Visitor
from chatsrv.domain.clock import Clock
from chatsrv.domain.instants import to_text

BEHIND_MAX_S = 5.0
"""A play that is behind by more goes on from now, and does not hurry."""


class Tell(Protocol):
    """Tells an act, or `away` and `back` of the server; `here`: whose clients are connected."""

    def __call__(self, event: str, act: Act | None, here: int) -> None: ...


@dataclass(slots=True)
class Stage:
    http: ClientSession
    url: str
    give_token: Pass
    tell: Tell
    clock: Clock = field(default_factory=Clock)
    _visitors: dict[str, dict[Visitor, asyncio.Task[None]]] = field(default_factory=dict)
    _failed: asyncio.Event = field(default_factory=asyncio.Event)
    _failure: BaseException | None = None
    _stirred: asyncio.Event = field(default_factory=asyncio.Event)
    """That the server is back, or somebody has failed."""
    _is_away: bool = False
    _is_away_told: bool = False

    async def play(self, acts: Iterable[Act]) -> None:
        """As long as there are acts; while the server is away nobody does anything but try to come back.

        Raises NotTaken, and whatever else went wrong with a client.
        """
        loop = asyncio.get_running_loop()
        began_at = loop.time()
        for act in acts:
            left_s = began_at + act.at_s - loop.time()
            if left_s < -BEHIND_MAX_S:
                began_at -= left_s
            await self._wait(left_s)
            await self._until_found()
            await self._perform(act)
            self.tell(act.kind, act, len(self._visitors))

    async def empty(self) -> int:
        """Everybody logs out; how many they were."""
        usernames = list(self._visitors)
        await asyncio.gather(*(self._leave(username, Visitor.log_out) for username in usernames))
        return len(usernames)

    async def _wait(self, seconds: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(max(seconds, 0)):
                await self._failed.wait()
        self._check()

    async def _until_found(self) -> None:
        while self._is_away:
            self._stirred.clear()
            await self._stirred.wait()
            self._check()

    def _check(self) -> None:
        if self._failure:
            raise self._failure

    async def _perform(self, act: Act) -> None:
        match act.kind:
            case Kind.COMES | Kind.RETURNS:
                self._come(act.username, act.devices)
            case Kind.LEAVES:
                await self._leave(act.username, Visitor.log_out)
            case Kind.DROPS:
                await self._leave(act.username, Visitor.drop)
            case Kind.RESTS | Kind.STIRS:
                await self._move(act.username, act.kind is Kind.STIRS)
            case Kind.SAYS | Kind.CLEARS:
                await self._say(act.username, act.said)

    def _come(self, username: str, devices: tuple[str, ...]) -> None:
        self._visitors[username] = {}
        for device in devices:
            visitor = Visitor(self.http, self.url, username, device, self.give_token, self._lose, self._find_again)
            task = asyncio.create_task(visitor.stay())
            task.add_done_callback(self._note_end)
            self._visitors[username][visitor] = task

    async def _leave(self, username: str, how: Callable[[Visitor], Awaitable[None]]) -> None:
        """A client that hangs is let go: what was to be said has been said."""
        for visitor, task in self._visitors.pop(username, {}).items():
            try:
                async with asyncio.timeout(LOG_OUT_S):
                    await how(visitor)
            except TimeoutError:
                pass
            task.cancel()
            await asyncio.wait({task})

    async def _move(self, username: str, is_active: bool) -> None:
        for visitor in self._visitors.get(username, ()):
            visitor.is_active = is_active
            await visitor.emit("presence:activity", {"active": is_active})

    async def _say(self, username: str, said: Status | None) -> None:
        payload: dict[str, Any] = {"status": "online"}  # without text it clears what was said
        if said:
            expires_at = to_text(self.clock.now() + said.lasts_min * 60_000)
            payload = {"status": said.status, "expires_at": expires_at}
            payload |= {name: value for name in ("text", "emoji") if (value := getattr(said, name))}
        for visitor in list(self._visitors.get(username, ()))[:1]:
            await visitor.emit("presence:set", payload)

    def _note_end(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (error := task.exception()):
            self._failure = self._failure or error
            self._failed.set()
            self._stirred.set()

    def _lose(self) -> None:
        """A server that ends refuses those who come before it has let go of those who are there: it is told to be away
        once nobody is."""
        self._is_away = True
        if not self._is_away_told and not self._is_anybody_in():
            self._is_away_told = True
            self.tell("away", None, 0)

    def _is_anybody_in(self) -> bool:
        return any(visitor.is_in for visitors in self._visitors.values() for visitor in visitors)

    def _find_again(self) -> None:
        self._is_away = False
        self._stirred.set()
        if self._is_away_told:
            self._is_away_told = False
            self.tell("back", None, len(self._visitors))
