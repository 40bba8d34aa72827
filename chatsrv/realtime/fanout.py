"""From the change log to the sockets of this node. There is no other way for a change to reach anyone."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Mapping
from typing import Any

import structlog

from chatsrv.domain.changes import Changed, CloseOrdered, Entry, Renamed
from chatsrv.domain.errors import Unavailable
from chatsrv.domain.sessions import CloseCode
from chatsrv.domain.wire import render_change
from chatsrv.metrics import Metrics
from chatsrv.realtime.watchers import Frame, UserKey, Watch, Watcher, split_frames

log = structlog.get_logger(__name__)

BLOCK_MS = 1000
RETRY_S = 0.5
CATCH_UP_S = 2.0
Send = Callable[[list[str], str, Any], Awaitable[None]]


class Fanout:
    """`read`: waits for what is new in the log. `send`: one event to sockets. `close`: ends a socket for good."""

    def __init__(
        self,
        read: Callable[[int], Awaitable[list[Entry]]],
        epoch_of: Callable[[str], str],
        send: Send,
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
        self._own_waiting: dict[UserKey, Changed] = {}
        self._seen: dict[str, int] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._turn = asyncio.Lock()
        self._stirred = asyncio.Event()
        self._progress = asyncio.Event()

    # Who watches whom

    def join(self, sid: str, key: UserKey, username: str) -> None:
        """The socket of this user is here; nothing is sent to it before `show` and `release`."""
        self._watchers[sid] = Watcher(sid, key)
        self._watch(self._watchers[sid], key, username)

    def subscribe(self, sid: str, users: Mapping[UserKey, str]) -> Iterable[UserKey]:
        """Watching begins now; returns who is new. Then: read the snapshot, `show` it, send it, and `release`."""
        watcher = self._watchers[sid]
        watcher.holding += 1
        new = {key: username for key, username in users.items() if key not in watcher.watches}
        for key, username in new.items():
            self._watch(watcher, key, username)
        watcher.subscribed |= users.keys()
        return new.keys()

    def _watch(self, watcher: Watcher, key: UserKey, username: str) -> None:
        watcher.watches[key] = Watch(username)
        self._by_user.setdefault(key, set()).add(watcher.sid)

    def unsubscribe(self, sid: str, keys: Iterable[UserKey]) -> int:
        """How many the socket still watches."""
        watcher = self._watchers[sid]
        for key in watcher.subscribed & set(keys):
            watcher.subscribed.discard(key)
            if key != watcher.own:
                del watcher.watches[key]
                self._forget(sid, key)
        return len(watcher.subscribed)

    def count_with(self, sid: str, keys: Iterable[UserKey]) -> int:
        """How many the socket would watch with these."""
        return len(self._watchers[sid].subscribed | set(keys))

    def leave(self, sid: str) -> None:
        watcher = self._watchers.pop(sid, None)
        for key in watcher.watches if watcher else ():
            self._forget(sid, key)

    def _forget(self, sid: str, key: UserKey) -> None:
        sids = self._by_user[key]
        sids.discard(sid)
        if not sids:
            del self._by_user[key]

    async def show(self, sid: str, keys: Iterable[UserKey], epoch: str, version: int) -> None:
        """A snapshot of these users at `version` is about to be sent: what is older of others goes out before it."""
        await self.catch_up(sid, version)
        async with self._turn:
            watcher = self._watchers.get(sid)
            if watcher is None:
                return
            if watcher.epoch != epoch:
                watcher.begin_epoch(epoch)
            for key in keys:
                if key in watcher.watches:
                    watcher.watches[key].floor = version
            # what is for its own eyes came at that version, but before or after the snapshot: it follows, to be safe
            older = [change for change in watcher.held if change.version + change.is_own <= version]
            watcher.held = [change for change in watcher.held if change.version + change.is_own > version]
            await self._send_frames({sid: self._visible(watcher, older)})

    async def release(self, sid: str) -> None:
        """The snapshot has been sent: what is newer goes out, and from now on at once."""
        async with self._turn:
            watcher = self._watchers.get(sid)
            if watcher is None:
                return
            watcher.holding -= 1
            if not watcher.holding:
                held, watcher.held = watcher.held, []
                await self._send_frames({sid: self._visible(watcher, held)})

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """asyncio itself keeps no strong reference to a task."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    # What happens

    def begin(self, versions: Mapping[str, int]) -> None:
        """The versions up to which the log had been written when we began to follow it."""
        self._seen = dict(versions)

    def begin_anew(self, is_affected: Callable[[str], bool]) -> None:
        """The log of these apps began anew, and their versions with it."""
        for app_id in [app_id for app_id in self._seen if is_affected(app_id)]:
            self._seen[app_id] = 0

    async def reset(self, is_affected: Callable[[str], bool]) -> None:
        """All who watch somebody in these apps must ask anew."""
        for app_id in {watcher.own[0] for watcher in self._watchers.values() if is_affected(watcher.own[0])}:
            await self._reset(app_id, self._seen.get(app_id, 0))

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
            self._progress.set()

    async def catch_up(self, sid: str, version: int) -> None:
        """Returns when the log has been followed to `version` of the socket's app, or after two seconds."""
        app_id = self._watchers[sid].own[0]
        try:
            async with asyncio.timeout(CATCH_UP_S):
                while self._seen.get(app_id, 0) < version:
                    self._progress.clear()
                    await self._progress.wait()
        except TimeoutError:
            log.warning("log_is_behind", app=app_id, wanted=version, seen=self._seen.get(app_id, 0))
        await self.flush()

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
        if isinstance(entry, Renamed):
            await self._rename(key, entry.username)
            return
        self._metrics.changes.inc()
        await self._note_version(entry)
        if key not in self._by_user or entry.is_unheard:
            return
        if entry.is_own:
            self._own_waiting[key] = entry
        else:
            self._waiting[key] = entry
            self._own_waiting.pop(key, None)  # this one is newer, for them too
        self._stirred.set()

    async def _rename(self, key: UserKey, username: str) -> None:
        """What changed before goes out under the old name."""
        await self.flush()
        for sid in self._by_user.get(key, ()):
            self._watchers[sid].watches[key].username = username

    async def _note_version(self, entry: Changed) -> None:
        """A version that was skipped is a change that this node never saw: its sockets must ask anew."""
        seen = self._seen.get(entry.app_id, 0)
        if seen and entry.version > seen + 1:
            log.warning("change_log_gap", app=entry.app_id, seen=seen, found=entry.version)
            await self._reset(entry.app_id, entry.version)
        self._seen[entry.app_id] = max(seen, entry.version)

    async def _reset(self, app_id: str, version: int) -> None:
        sids = [watcher.sid for watcher in self._watchers.values() if watcher.own[0] == app_id and watcher.subscribed]
        if sids:
            await self._send(sids, "presence:reset", {"epoch": self._epoch_of(app_id), "version": version})

    async def _close_all(self, key: UserKey, order: CloseOrdered) -> None:
        for sid in list(self._by_user.get(key, ())):
            if order.session_id in (None, sid) and self._watchers[sid].own == key:
                await self._close(sid, CloseCode(order.code))

    # What goes out

    async def flush_forever(self) -> None:
        """Sends what has gathered, at most once per window, until cancelled."""
        while True:
            await self._stirred.wait()
            await asyncio.sleep(self._window_ms / 1000)
            await self.flush()

    async def flush(self) -> None:
        """Sends what has gathered; of one user the last change wins."""
        self._stirred.clear()
        waiting, self._waiting = self._waiting, {}
        own_waiting, self._own_waiting = self._own_waiting, {}
        by_socket: dict[str, list[Changed]] = {}
        for key, change in (*waiting.items(), *own_waiting.items()):
            for sid in self._by_user.get(key, ()):
                if not change.is_own or self._watchers[sid].own == key:
                    by_socket.setdefault(sid, []).append(change)
        # one at a time, or a later flush could overtake this one on its way to a socket
        async with self._turn:
            due = {}
            for sid, changes in by_socket.items():
                watcher = self._watchers.get(sid)
                if watcher and watcher.holding:
                    watcher.held += changes
                elif watcher:
                    due[sid] = self._visible(watcher, changes)
            await self._send_frames(due)

    def _visible(self, watcher: Watcher, changes: Iterable[Changed]) -> list[Changed]:
        """Those that the socket watches and has not seen, by version."""
        visible = []
        for change in changes:
            epoch = self._epoch_of(change.app_id)
            if epoch != watcher.epoch:
                watcher.begin_epoch(epoch)
            watch = watcher.watches.get((change.app_id, change.user_id))
            if watch and watch.floor is not None and change.version + change.is_own > watch.floor:
                visible.append(change)
        return sorted(visible, key=lambda change: (change.version, change.is_own))

    async def _send_frames(self, by_socket: Mapping[str, list[Changed]]) -> None:
        """Sockets that are to see the same are sent the same frame."""
        frames: dict[Frame, list[str]] = {}
        for sid, changes in by_socket.items():
            for frame in split_frames(changes, self._watchers[sid].own):
                frames.setdefault(frame, []).append(sid)
        for frame in sorted(frames, key=lambda frame: frame.order):
            await self._send(frames[frame], "presence:diff", self._render(frame))

    def _render(self, frame: Frame) -> dict[str, Any]:
        return {
            "epoch": self._epoch_of(frame.changes[0].app_id),
            "version": frame.changes[-1].version,
            "changes": [
                render_change(self._name_of(change), change.warm.truth if frame.in_truth else change.warm.to_others)
                for change in frame.changes
            ],
        }

    def _name_of(self, change: Changed) -> str:
        key = (change.app_id, change.user_id)
        return next(self._watchers[sid].watches[key].username for sid in self._by_user[key])
