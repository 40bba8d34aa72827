"""A fan-out by itself: the log and the sockets are the test's, and so is the order in which things happen."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from typing import Any

import msgspec

from chatsrv.domain.changes import Changed, Entry
from chatsrv.domain.presence import Display, Presence, PresenceStatus, Warm
from chatsrv.domain.sessions import CloseCode
from chatsrv.domain.users import Clocks
from chatsrv.metrics import Metrics
from chatsrv.realtime.fanout import Fanout
from chatsrv.realtime.watchers import Watcher

APP = "demo"
DEADLINE_S = 20.0


class World:
    """Redis and the wire, as far as the fan-out knows them. What a user shows is told by the version in its text."""

    def __init__(self, window_ms: int = 0) -> None:
        self.epoch, self.version = "e1", 0
        self.log: asyncio.Queue[list[Entry]] = asyncio.Queue()
        self.states: dict[int, int] = {}
        self.secrets: dict[int, int] = {}
        self.sent: dict[str, list[tuple[str, Any]]] = {}
        self.sends = 0
        self.closed: list[tuple[str, CloseCode]] = []
        self.quiet: asyncio.Future[None] | None = None
        self.fanout = Fanout(
            self.read, lambda _: self.epoch, self.send, self.close, lambda: self.quiet, Metrics(), window_ms
        )

    async def read(self, _block_ms: int) -> list[Entry]:
        return await self.log.get()

    def send(self, sids: Collection[str], event: str, payload: Any) -> None:
        """Decoded as clients do, so that each has its own."""
        self.sends += 1
        raw = msgspec.json.encode(payload)
        for sid in sids:
            self.sent.setdefault(sid, []).append((event, msgspec.json.decode(raw)))

    async def close(self, sid: str, code: CloseCode) -> None:
        self.closed.append((sid, code))

    def change(self, user_id: int, is_own: bool = False, app_id: str = APP) -> Changed:
        """Takes the next version, unless it is for the user's own eyes; nobody has read it yet."""
        self.version += not is_own
        self.secrets[user_id] = self.secrets.get(user_id, 0) + 1
        if not is_own:
            self.states[user_id] = self.version
        to_others = _presence(f"v{self.states.get(user_id, 0)}")
        truth = _presence(f"v{self.states.get(user_id, 0)} s{self.secrets[user_id]}")
        return Changed(app_id, user_id, self.version, Warm(truth, to_others, self.version), is_own)

    async def tell(self, *entries: Entry) -> None:
        for entry in entries:
            await self.fanout._take(entry)

    async def happen(self, *user_ids: int) -> None:
        """Changes of these users, one after the other, at once read and sent."""
        await self.tell(*(self.change(user_id) for user_id in user_ids))
        await self.fanout.delivery.flush()

    def join(self, sid: str, user_id: int) -> Watcher:
        watcher = self.fanout.join(sid, APP, user_id, f"u{user_id}")
        self.fanout.greet(watcher, self.epoch, self.version)
        return watcher

    async def watch(self, watcher: Watcher, *user_ids: int) -> None:
        self.fanout.subscribe(watcher, {user_id: f"u{user_id}" for user_id in user_ids})
        await self.fanout.show(watcher, user_ids, self.epoch, self.version)
        await self.fanout.release(watcher)

    def frames(self, sid: str) -> list[Any]:
        """What it was sent since the last look."""
        return [payload for _, payload in self.sent.pop(sid, [])]

    def heard(self, sid: str) -> list[tuple[str, str]]:
        return [(change["username"], change["text"]) for frame in self.frames(sid) for change in frame["changes"]]


def _presence(text: str) -> Presence:
    return Presence(Display(PresenceStatus.ONLINE, text), Clocks(1, 1, 0, 1))
