"""From the change log to the sockets of this node. There is no other way for a change to reach anyone."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Collection, Coroutine, Iterable, Mapping
from typing import Any

import structlog

from chatsrv.domain.changes import Changed, CloseOrdered, Entry, Forgotten, Renamed, SessionTold, Stored
from chatsrv.domain.errors import Unavailable
from chatsrv.domain.sessions import CloseCode
from chatsrv.metrics import Metrics
from chatsrv.realtime.delivery import Delivery, Send
from chatsrv.realtime.observed import Observed
from chatsrv.realtime.watchers import Hold, Watcher, Watchers

log = structlog.get_logger(__name__)

BLOCK_MS = 1000
RETRY_S = 0.5
CATCH_UP_S = 2.0


class Fanout:
    """`read`: waits for what is new in the log. `send`: one event to sockets. `close`: ends a socket for good.

    `quiet`: done when nothing that this node has changed is on its way into the log or from it; None where nothing is.
    """

    def __init__(
        self,
        read: Callable[[int], Awaitable[list[Entry]]],
        epoch_of: Callable[[str], str],
        send: Send,
        close: Callable[[str, CloseCode], Awaitable[None]],
        quiet: Callable[[], asyncio.Future[None] | None],
        metrics: Metrics,
        window_ms: int,
    ) -> None:
        self._read = read
        self._epoch_of = epoch_of
        self._send = send
        self._close = close
        self._metrics = metrics
        self.delivery = Delivery(epoch_of, send, quiet, window_ms)
        self._watchers = Watchers()
        self.observed: dict[str, Observed] = {}
        """The apps that sockets here watch as a whole."""
        self._unsettled: deque[Watcher] = deque()
        self._seen: dict[str, int] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._progress = asyncio.Event()

    # Who watches whom

    def join(self, sid: str, app_id: str, user_id: int, username: str) -> Watcher:
        """The socket of this user is here; nothing is sent to it before `greet`."""
        return self._watchers.join(sid, app_id, user_id, username)

    def greet(self, watcher: Watcher, epoch: str, version: int) -> None:
        """The socket has been sent its own user at `version`: what is newer goes out, and from now on at once."""
        watcher.see_own(epoch, version)
        self._let_go(watcher)

    def subscribe(self, watcher: Watcher, users: Mapping[int, str]) -> list[int]:
        """Watching begins now; returns who is new. Then: read the snapshot, `show` it, send it, and `release`."""
        hold = watcher.hold or Hold(self._epoch_of(watcher.own.app.id), {}, coming=0)
        hold.coming += 1
        watcher.hold = hold
        new = self._watchers.subscribe(watcher, users)
        hold.floors |= dict.fromkeys(new)
        return new

    async def unsubscribe(self, watcher: Watcher, user_ids: Iterable[int]) -> int:
        """How many the socket still watches. Nothing of the others is on its way any more."""
        async with self.delivery.turn:
            self._watchers.unsubscribe(watcher, user_ids)
        return len(watcher.subscribed or ())

    @staticmethod
    def count_with(watcher: Watcher, user_ids: Collection[int]) -> int:
        """How many the socket would watch with these."""
        return len({audience.user_id for audience in watcher.subscribed or ()}.union(user_ids))

    def leave(self, watcher: Watcher) -> None:
        self._watchers.leave(watcher)

    async def show(self, watcher: Watcher, user_ids: Iterable[int], epoch: str, version: int) -> None:
        """A snapshot of these users at `version` is about to be sent: what is older of others goes out before it."""
        await self._catch_up(watcher.own.app.id, version)
        async with self.delivery.turn:
            # in one go: who asked may be cancelled, and others would miss what is left
            self.delivery.flush_in_one_go()
            watcher.see(user_ids, epoch, version)
            if watcher.hold:
                self.delivery.send_single(watcher, watcher.hold.take_held(version))

    async def release(self, watcher: Watcher) -> None:
        """The snapshot has been sent: what is newer goes out, and from now on at once."""
        async with self.delivery.turn:
            self._let_go(watcher)

    def _let_go(self, watcher: Watcher) -> None:
        hold = watcher.hold
        if hold is None:
            return
        hold.coming -= 1
        if not hold.coming:
            self.delivery.send_single(watcher, hold.take_held())
            if not self._settle(watcher):
                self._unsettled.append(watcher)

    def _settle(self, watcher: Watcher) -> bool:
        app = watcher.own.app
        return watcher.settle(self._epoch_of(app.id), app.handed(self.version_of(app.id)))

    def _settle_more(self) -> None:
        """Those who were ahead of the log."""
        while self._unsettled:
            hold = self._unsettled[0].hold
            if hold and not hold.coming and not self._settle(self._unsettled[0]):
                return
            self._unsettled.popleft()

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """asyncio itself keeps no strong reference to a task."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    # What happens

    def version_of(self, app_id: str) -> int:
        """How far the log has been followed."""
        return self._seen.get(app_id, 0)

    def begin(self, versions: Mapping[str, int]) -> None:
        """The versions up to which the log had been written when we began to follow it."""
        self._seen = dict(versions)

    def begin_anew(self, is_affected: Callable[[str], bool]) -> None:
        """The log of these apps began anew, and their versions with it. Whoever watches will be told to ask anew."""
        for app_id in [app_id for app_id in self._seen if is_affected(app_id)]:
            self._seen[app_id] = 0
        self.delivery.forget(is_affected)
        for app_id in filter(is_affected, self.observed):
            self.observed[app_id].break_off()

    async def reset(self, is_affected: Callable[[str], bool]) -> None:
        """All who watch somebody in these apps must ask anew."""
        for app_id in list(filter(is_affected, self._watchers.apps.keys() | self.observed.keys())):
            await self._reset(app_id, self.version_of(app_id))

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
            self._settle_more()

    async def _catch_up(self, app_id: str, version: int) -> None:
        """Returns when the log has been followed to `version` of the app, or after two seconds."""
        if self.version_of(app_id) >= version:
            return
        try:
            async with asyncio.timeout(CATCH_UP_S):
                while self.version_of(app_id) < version:
                    self._progress.clear()
                    await self._progress.wait()
        except TimeoutError:
            log.warning("log_is_behind", app=app_id, wanted=version, seen=self.version_of(app_id))

    async def _take_safely(self, entry: Entry) -> None:
        """One that fails must not take the others of its batch with it."""
        try:
            await self._take(entry)
        except Exception:
            log.exception("change_not_delivered", app=entry.app_id, user=entry.user_id)

    async def _take(self, entry: Entry) -> None:
        if observed := self.observed.get(entry.app_id):
            observed.take(entry)
        match entry:
            case Changed():
                await self._take_change(entry)
            case CloseOrdered():
                await self._close_all(entry)
            case Renamed():
                await self._rename(entry)
            case Forgotten() | Stored() | SessionTold():
                pass

    async def _take_change(self, entry: Changed) -> None:
        await self._note_version(entry)
        if entry.is_unheard:
            return
        self._metrics.changes.inc()
        audience = self._watchers.find(entry.app_id, entry.user_id)
        if audience:
            self.delivery.put(audience.app, entry)

    async def _rename(self, entry: Renamed) -> None:
        """What changed before goes out under the old name."""
        await self.delivery.flush()
        audience = self._watchers.find(entry.app_id, entry.user_id)
        if audience:
            audience.username = entry.username

    async def _note_version(self, entry: Changed) -> None:
        """A version that was skipped is a change that this node never saw: its sockets must ask anew."""
        seen = self.version_of(entry.app_id)
        if seen and entry.version > seen + 1:
            log.warning("change_log_gap", app=entry.app_id, seen=seen, found=entry.version)
            await self._reset(entry.app_id, entry.version)
        self._seen[entry.app_id] = max(seen, entry.version)

    async def _reset(self, app_id: str, version: int) -> None:
        if observed := self.observed.get(app_id):
            observed.break_off()
        async with self.delivery.turn:
            app = self._watchers.apps.get(app_id)
            audiences = app.users.values() if app else ()
            sids = [watcher.sid for audience in audiences for watcher in audience.own if watcher.subscribed]
            if sids:
                self._send(sids, "presence:reset", {"epoch": self._epoch_of(app_id), "version": version})

    async def _close_all(self, order: CloseOrdered) -> None:
        audience = self._watchers.find(order.app_id, order.user_id)
        for watcher in audience.own if audience else ():
            if order.session_id in (None, watcher.sid):
                await self._close(watcher.sid, CloseCode(order.code))
