"""From the change log to the sockets of this node. There is no other way for a change to reach anyone."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import structlog

from chatsrv.domain.errors import Unavailable
from chatsrv.domain.instants import to_text_or_none
from chatsrv.domain.presence import Changed, CloseCode, CloseOrdered, Entry, PresenceStatus, Warm
from chatsrv.metrics import Metrics

log = structlog.get_logger(__name__)

BLOCK_MS = 1000
RETRY_S = 0.5

UserKey = tuple[str, int]
"""App and user id."""


@dataclass(slots=True)
class Watcher:
    """A socket, and whom it watches. Until it has its snapshot (`floor` None), changes wait in `held`.

    `floor` is the version of `epoch` up to which the socket has seen everything.
    """

    sid: str
    names: dict[UserKey, str] = field(default_factory=dict)
    epoch: str = ""
    floor: int | None = None
    held: list[Changed] = field(default_factory=list)


class Fanout:
    """`read`: waits for what is new in the log. `send`: one event to one socket. `close`: ends a socket for good."""

    def __init__(
        self,
        read: Callable[[int], Awaitable[list[Entry]]],
        epoch_of: Callable[[str], str],
        send: Callable[[str, str, Any], Awaitable[None]],
        close: Callable[[str, CloseCode], Awaitable[None]],
        metrics: Metrics,
        window_ms: int,
    ) -> None:
        self._read = read
        self._epoch_of = epoch_of
        self._send = send
        self._close = close
        self._metrics = metrics
        self._window_ms = window_ms
        self._watchers: dict[str, Watcher] = {}
        self._by_user: dict[UserKey, set[str]] = {}
        self._waiting: dict[UserKey, Changed] = {}
        self._stirred = asyncio.Event()

    def join(self, sid: str, key: UserKey, username: str) -> None:
        """The socket watches the user (at first its own) from now on; nothing is sent before `release`."""
        watcher = self._watchers.setdefault(sid, Watcher(sid))
        watcher.names[key] = username
        self._by_user.setdefault(key, set()).add(sid)

    async def release(self, sid: str, epoch: str, version: int) -> None:
        """The socket has seen everything up to `version`: what is newer goes out, and from now on at once."""
        watcher = self._watchers.get(sid)
        if watcher is None:
            return
        watcher.epoch, watcher.floor = epoch, version
        held, watcher.held = watcher.held, []
        await self._deliver(watcher, held)

    def leave(self, sid: str) -> None:
        watcher = self._watchers.pop(sid, None)
        for key in watcher.names if watcher else ():
            sids = self._by_user[key]
            sids.discard(sid)
            if not sids:
                del self._by_user[key]

    async def follow(self) -> None:
        """Reads the log until cancelled; an outage is waited out."""
        while True:
            try:
                entries = await self._read(BLOCK_MS)
            except Unavailable:
                self._metrics.feed_failures.inc()
                await asyncio.sleep(RETRY_S)
                continue
            for entry in entries:
                await self._take_safely(entry)

    async def _take_safely(self, entry: Entry) -> None:
        """One that fails must not take the others of its batch with it."""
        try:
            await self._take(entry)
        except Exception:
            log.exception("change_not_delivered", app=entry.app_id, user=entry.user_id)

    async def _take(self, entry: Entry) -> None:
        key = (entry.app_id, entry.user_id)
        if isinstance(entry, CloseOrdered):
            await self._close_all(key, entry)
            return
        self._metrics.changes.inc()
        if key in self._by_user:
            self._waiting[key] = entry
            self._stirred.set()

    async def _close_all(self, key: UserKey, order: CloseOrdered) -> None:
        for sid in list(self._by_user.get(key, ())):
            if order.session_id in (None, sid) and self._is_own(sid, key):
                await self._close(sid, CloseCode(order.code))

    def _is_own(self, sid: str, key: UserKey) -> bool:
        """The first user a socket watches is its own."""
        return next(iter(self._watchers[sid].names), None) == key

    async def flush_forever(self) -> None:
        """Sends what has gathered, at most once per window, until cancelled."""
        while True:
            await self._stirred.wait()
            await asyncio.sleep(self._window_ms / 1000)
            await self.flush()

    async def flush(self) -> None:
        """One frame for each socket that watches somebody who changed; of one user the last change wins."""
        self._stirred.clear()
        waiting, self._waiting = self._waiting, {}
        by_socket: dict[str, list[Changed]] = {}
        for key, change in waiting.items():
            for sid in self._by_user.get(key, ()):
                by_socket.setdefault(sid, []).append(change)
        for sid, changes in by_socket.items():
            watcher = self._watchers.get(sid)
            if watcher and watcher.floor is None:
                watcher.held += changes
            elif watcher:
                await self._deliver(watcher, changes)

    async def _deliver(self, watcher: Watcher, changes: Iterable[Changed]) -> None:
        changes = list(changes)
        epoch = self._epoch_of(changes[0].app_id) if changes else watcher.epoch
        if epoch != watcher.epoch:
            watcher.epoch, watcher.floor = epoch, 0  # versions begin anew where Redis lost its data
        newer = [change for change in changes if change.warm.version > (watcher.floor or 0)]
        if not newer:
            return
        frame = {
            "epoch": epoch,
            "version": max(change.warm.version for change in newer),
            "changes": [render_change(watcher.names[change.app_id, change.user_id], change.warm) for change in newer],
        }
        await self._send(watcher.sid, "presence:diff", frame)


def render_change(username: str, warm: Warm) -> dict[str, Any]:
    """One change as a `presence:diff` carries it; `last_seen_at` is null while online, for that is now."""
    is_here = warm.status is not PresenceStatus.OFFLINE
    return {
        "username": username,
        "presence_status": int(warm.status),
        "text": None,
        "emoji": None,
        "last_active_at": to_text_or_none(warm.clocks.last_active_at),
        "last_seen_at": None if is_here else to_text_or_none(warm.clocks.last_seen_at),
        "changed_at": to_text_or_none(warm.clocks.presence_changed_at),
        "devices": list(warm.devices),
    }
