"""Observers: sockets of a backend or of the dashboard that watch all of an app. They are nobody: no user comes online
by one, and none of them has a session.

What happens is told in windows: of each user the last change, in truth. What cannot be told as a change (a new name,
somebody who was deleted, anything that was missed) makes all who watch ask anew.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import structlog

from chatsrv.domain.apps import Caller
from chatsrv.domain.changes import Changed
from chatsrv.domain.errors import Unavailable
from chatsrv.domain.instants import to_text
from chatsrv.domain.sessions import CloseCode
from chatsrv.domain.wire import render_change
from chatsrv.realtime.delivery import Send
from chatsrv.realtime.fanout import Fanout
from chatsrv.realtime.frames import FRAME_MAX
from chatsrv.realtime.observed import Observed
from chatsrv.services import Services

log = structlog.get_logger(__name__)

WINDOW_S = 0.25
RESET_EVERY_S = COUNT_EVERY_S = 1.0
COUNT_AT_LEAST_EVERY_S = 5.0
COUNT_SHARE = 20
"""Counting may take that part of the time: a large app is counted less often."""


@dataclass(slots=True, eq=False)
class Observer:
    """A socket that watches an app. `address`: where its client is."""

    sid: str
    caller: Caller
    address: str
    app: Observed


class Observers:
    """`send`: one event to sockets. `close`: ends a socket for good."""

    def __init__(
        self, services: Services, fanout: Fanout, send: Send, close: Callable[[str, CloseCode], Awaitable[None]]
    ) -> None:
        self._services = services
        self._fanout = fanout
        self._send = send
        self._close = close
        self._observers: dict[str, Observer] = {}
        self._stirred = asyncio.Event()
        self._told_at = 0.0

    # Who is here

    def find(self, sid: str) -> Observer | None:
        return self._observers.get(sid)

    def join(self, sid: str, caller: Caller, address: str) -> None:
        app = self._fanout.observed.get(caller.app.id)
        if app is None:
            app = self._fanout.observed[caller.app.id] = Observed(caller.app.id, self._stirred.set)
        app.observers.add(sid)
        self._observers[sid] = Observer(sid, caller, address, app)

    def leave(self, sid: str) -> Observer | None:
        """Who it was, if it was one."""
        observer = self._observers.pop(sid, None)
        if observer:
            app = observer.app
            app.part(sid)
            app.observers.discard(sid)
            if not app.observers:
                self._fanout.observed.pop(app.id, None)
        return observer

    def greet(self, observer: Observer) -> None:
        """`hello`, right after the connect."""
        now = to_text(self._services.clock.now())
        hello = {"observer": True, "app": observer.app.id, **self._now_in(observer.app), "server_time": now}
        self._send([observer.sid], "hello", hello)

    async def watch(self, observer: Observer) -> dict[str, Any]:
        """How many are there. From the moment at which this returns it is told every change: whatever was before is in
        what anybody reads from then on. Raises Unavailable."""
        counts = await self._services.watching.count(observer.app.id)
        # nothing is awaited from here to the answer
        if self._observers.get(observer.sid) is observer:
            observer.app.welcome(observer.sid)
        return {**self._now_in(observer.app), "counts": asdict(counts)}

    def _now_in(self, app: Observed) -> dict[str, Any]:
        return {"epoch": self._services.upkeep.epoch_of(app.id), "version": self._fanout.version_of(app.id)}

    async def check(self) -> None:
        """Ends those whose key or session is over. Raises Unavailable: then they stay until somebody knows."""
        observers = list(self._observers.values())
        over = await self._services.callers.find_over([observer.caller for observer in observers])
        for observer in observers:
            if observer.caller.name in over:
                await self._close(observer.sid, CloseCode.TOKEN_REVOKED)

    # What they are told

    def distrust(self) -> None:
        """Something may have been missed of every app."""
        for app in self._fanout.observed.values():
            app.break_off()

    async def tell_forever(self) -> None:
        """Tells what has gathered, at once after a calm and else when the window is over, until cancelled."""
        while True:
            await self._stirred.wait()
            await asyncio.sleep(self._told_at + WINDOW_S - _now())
            self._stirred.clear()
            for app in list(self._fanout.observed.values()):
                await self._tell_safely(app)
            self._told_at = _now()
            if any(app.is_restless for app in self._fanout.observed.values()):
                self._stirred.set()

    async def _tell_safely(self, app: Observed) -> None:
        """One app that fails must not keep the others from being told."""
        try:
            if app.is_broken:
                self._tell_anew(app)
            else:
                await self._tell_changes(app)
                await self._tell_counts(app)
        except Exception:
            log.exception("observers_not_told", app=app.id)
            app.break_off()

    def _tell_anew(self, app: Observed) -> None:
        """All must ask anew: as soon as there is somebody to answer them, and not on and on."""
        now = _now()
        if now >= app.may_reset_at and self._services.freshness.is_followed(app.id):
            app.may_reset_at = now + RESET_EVERY_S
            self._send(app.part_all(), "presence:reset", self._now_in(app))

    async def _tell_changes(self, app: Observed) -> None:
        # who begins to watch meanwhile has seen what waits now
        watchers = list(app.watchers)
        changes, doubtful = app.take_waiting()
        wanted = {change.user_id for change in changes} | doubtful
        if not wanted:
            return
        try:
            names = await self._services.watching.names(app.id, wanted)
        except Unavailable:
            app.put_back(changes, doubtful)
            return
        if len(names) < len(wanted):
            app.break_off()
        for start in range(0, len(changes), FRAME_MAX):
            if app.is_broken:
                return
            payload = self._payload(app, changes[start : start + FRAME_MAX], names)
            self._send([sid for sid in watchers if sid in app.watchers], "presence:diff", payload)
            await asyncio.sleep(0)

    def _payload(self, app: Observed, changes: Sequence[Changed], names: dict[int, str]) -> dict[str, Any]:
        return {
            **self._now_in(app),
            "version": changes[-1].version,
            "changes": [render_change(names[change.user_id], change.warm.truth) for change in changes],
        }

    async def _tell_counts(self, app: Observed) -> None:
        began = _now()
        if not app.has_new_counts or began < app.may_count_at:
            return
        app.has_new_counts = False
        counts = app.told
        try:
            counts = await self._services.watching.count(app.id)
        except Unavailable:
            app.has_new_counts = True
        pause_s = min((_now() - began) * COUNT_SHARE, COUNT_AT_LEAST_EVERY_S)
        app.may_count_at = began + max(COUNT_EVERY_S, pause_s)
        if counts and counts != app.told:
            app.told = counts
            self._send(list(app.watchers), "app:counts", asdict(counts))


def _now() -> float:
    return asyncio.get_running_loop().time()
