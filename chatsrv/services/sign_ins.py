"""The sign-in log: who came when. What this node notes reaches SQL in batches, as the clocks do."""

from __future__ import annotations

import asyncio
from collections.abc import Collection

from chatsrv.domain.clock import Clock
from chatsrv.domain.errors import NotFound
from chatsrv.domain.presence import Viewer
from chatsrv.domain.sign_ins import NewSignIn, SignIn
from chatsrv.domain.users import UserRef
from chatsrv.metrics import Metrics
from chatsrv.services.user_changes import check_storable, no_user
from chatsrv.settings import Settings
from chatsrv.storage import sign_ins as rows
from chatsrv.storage import users as user_rows
from chatsrv.storage.database import Database

BATCH = 1000
DAY_MS = 24 * 60 * 60 * 1000


class SignIns:
    """What is noted here and not written yet would be lost with the process."""

    def __init__(self, db: Database, settings: Settings, clock: Clock, metrics: Metrics) -> None:
        self._db = db
        self._settings = settings
        self._clock = clock
        self._metrics = metrics
        self._waiting: list[NewSignIn] = []
        self._turn = asyncio.Lock()

    def note(self, item: NewSignIn) -> None:
        """Costs nothing now. While the database is away the oldest go first where there are too many."""
        self._waiting.append(item)
        surplus = len(self._waiting) - self._settings.sign_ins_waiting_max
        if surplus > 0:
            del self._waiting[:surplus]
            self._metrics.lost_sign_ins.inc(surplus)

    async def flush(self) -> None:
        """Writes what was noted. Raises Unavailable; what could not be written waits."""
        async with self._turn:
            while self._waiting:
                await self._write(self._take())

    def _take(self) -> list[NewSignIn]:
        batch = self._waiting[:BATCH]
        del self._waiting[:BATCH]
        return batch

    async def _write(self, batch: list[NewSignIn]) -> None:
        try:
            async with self._db.write() as tx:
                await rows.add(tx, batch)
        except BaseException:
            self._waiting[:0] = batch
            raise

    async def forget_old(self) -> None:
        """Raises Unavailable."""
        if self._settings.sign_ins_kept_days == 0:
            return
        oldest = self._clock.now() - int(self._settings.sign_ins_kept_days * DAY_MS)
        forgotten = BATCH
        while forgotten == BATCH:
            async with self._db.write() as tx:
                forgotten = await rows.forget_before(tx, oldest, BATCH)

    async def page(
        self, app_id: str, ref: UserRef, viewer: Viewer, limit: int, offset: int
    ) -> tuple[list[SignIn], int]:
        """The latest first, and how many there are. Those on other nodes come a little later. Raises UserNotFound."""
        check_storable(ref)
        await self.flush()
        async with self._db.read() as tx:
            user = await user_rows.get(tx, app_id, ref) or no_user(ref)
            return await rows.page(tx, user.id, viewer, limit, offset)

    async def get(self, app_id: str, sign_in_id: int, viewer: Viewer) -> SignIn:
        """Raises NotFound."""
        async with self._db.read() as tx:
            found = await rows.get(tx, app_id, sign_in_id, viewer)
        return found or _no_sign_in(sign_in_id)

    async def find_latest(self, user_ids: Collection[int], viewer: Viewer) -> dict[int, list[SignIn]]:
        """Of each of these users the latest `sign_ins_shown`, the newest first, in one query."""
        await self.flush()
        async with self._db.read() as tx:
            return await rows.find_latest(tx, user_ids, viewer, self._settings.sign_ins_shown)


def _no_sign_in(sign_in_id: int) -> SignIn:
    raise NotFound(f"There is no sign-in {sign_in_id}.")
