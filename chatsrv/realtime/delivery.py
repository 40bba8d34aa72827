"""What goes out: changes that have gathered, and when and in which pieces their watchers are sent them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Iterator
from typing import Any

from chatsrv.domain.changes import Changed
from chatsrv.realtime.frames import Frame, Rendering, plan, split_changes, split_frames
from chatsrv.realtime.pace import Pace
from chatsrv.realtime.watchers import AppWatch, Watcher

SLICE = 2000
"""So many sockets are sent something, then others may run: some milliseconds."""

Send = Callable[[Collection[str], str, Any], None]


class Delivery:
    """Whoever else sends to watchers does it in `turn`. For what is given here see `Fanout`."""

    def __init__(
        self,
        epoch_of: Callable[[str], str],
        send: Send,
        quiet: Callable[[], asyncio.Future[None] | None],
        window_ms: int,
    ) -> None:
        self._epoch_of = epoch_of
        self._send = send
        self._quiet = quiet
        self._pace = Pace(window_ms / 1000)
        self._stirred_apps: dict[str, AppWatch] = {}
        self._stirred = asyncio.Event()
        # one at a time, or what is sent later could overtake a flush that lets others run
        self.turn = asyncio.Lock()

    def put(self, app: AppWatch, change: Changed) -> None:
        """It goes out with what gathers until then."""
        app.put(change)
        self._stirred_apps[app.id] = app
        self._stirred.set()

    def forget(self, is_affected: Callable[[str], bool]) -> None:
        """What waits in these apps is not sent."""
        for app in self._stirred_apps.values():
            if is_affected(app.id):
                app.forget_waiting()

    async def flush_forever(self) -> None:
        """Sends what has gathered when its time has come, until cancelled."""
        while True:
            await self._stirred.wait()
            await asyncio.sleep(self._pace.wait(_now()))
            if self._pace.patience_s and (quiet := self._quiet()):
                await asyncio.wait((quiet,), timeout=self._pace.patience_s)
            await self.flush()

    async def flush(self) -> None:
        """Sends what has gathered; of one user the last change wins. Where that is much, others run in between."""
        async with self.turn:
            begun = _now()
            for _ in self._deliver():
                await asyncio.sleep(0)
            self._pace.spend(begun, _now())

    def flush_in_one_go(self) -> None:
        """The same while nobody else runs. Needs the turn."""
        for _ in self._deliver():
            pass

    def _deliver(self) -> Iterator[None]:
        """All that waits, with a stop after each slice. Needs the turn."""
        self._stirred.clear()
        sent = 0
        for app_id in list(self._stirred_apps):
            app = self._stirred_apps.pop(app_id)
            for changes in split_changes(app, app.take()):
                for payload, sids in self._written(app, changes):
                    for start in range(0, len(sids), SLICE):
                        self._send(sids[start : start + SLICE], "presence:diff", payload)
                        sent += min(len(sids), SLICE)
                        if sent >= SLICE:
                            sent = 0
                            yield

    def _written(self, app: AppWatch, changes: list[Changed]) -> list[tuple[dict[str, Any], list[str]]]:
        """Frames and their sockets, in the order in which they go out: all are written before the first stop."""
        made, epoch = plan(app, changes), self._epoch_of(app.id)
        frames: dict[Frame, list[str]] = {}
        for watcher, its_changes in made.single.items():
            if watcher.hold and watcher.hold.coming:
                watcher.hold.held += its_changes
                continue
            for frame in split_frames(watcher.pick(its_changes, epoch), watcher.own.user_id):
                frames.setdefault(frame, []).append(watcher.sid)
            watcher.settle(epoch, changes[-1].version)
        rendering = Rendering(app, epoch)
        sheaves = sorted((*made.shared, *frames.items()), key=lambda sheaf: sheaf[0].order)
        return [(rendering.payload(frame), sids) for frame, sids in sheaves]

    def send_single(self, watcher: Watcher, held: list[Changed]) -> None:
        """What of these the socket watches and has not seen."""
        if not held:
            return
        app, epoch = watcher.own.app, self._epoch_of(watcher.own.app.id)
        rendering = Rendering(app, epoch)
        for frame in split_frames(watcher.pick(held, epoch), watcher.own.user_id):
            self._send([watcher.sid], "presence:diff", rendering.payload(frame))


def _now() -> float:
    return asyncio.get_running_loop().time()
