"""Telling every node whose rows in SQL have changed, so that none remembers what is no longer true."""

from __future__ import annotations

import asyncio

import structlog

from chatsrv.domain.errors import Unavailable
from chatsrv.services.memory.following import Following
from chatsrv.storage.presence import PresenceStore
from chatsrv.storage.touched import Touched

log = structlog.get_logger(__name__)

WAITING_MAX = 1000
"""More users of an app than that, who gather while Redis is away, are not named one by one."""


class Announcements:
    """This process forgets at once; the others hear of it through the change log, as soon as Redis takes it."""

    def __init__(self, store: PresenceStore, following: Following, *, is_heard: bool) -> None:
        """`is_heard`: there is a Redis, and so there may be other nodes."""
        self._is_heard = is_heard
        self._store = store
        self._following = following
        self._waiting: dict[str, set[int] | None] = {}
        self._stirred = asyncio.Event()

    def note(self, touched: Touched) -> None:
        """A transaction that changed these rows has committed."""
        self._following.drop(touched)
        if not self._is_heard:
            return
        for app_id, user_ids in touched.items():
            waiting = self._waiting.setdefault(app_id, set())
            if waiting is None or user_ids is None:
                self._waiting[app_id] = None
            else:
                waiting |= user_ids
                if len(waiting) > WAITING_MAX:
                    self._waiting[app_id] = None
        self._stirred.set()

    async def run(self) -> None:
        """Announces what is noted, until cancelled. Raises Unavailable; nothing is lost by it."""
        while True:
            await self.flush()
            await self._stirred.wait()

    async def flush(self) -> None:
        """Raises Unavailable; what was not announced waits."""
        self._stirred.clear()
        while self._waiting:
            app_id, user_ids = next(iter(self._waiting.items()))
            del self._waiting[app_id]
            try:
                await self._store.announce_stored(app_id, user_ids)
            except BaseException:
                self._put_back(app_id, user_ids)
                raise

    def _put_back(self, app_id: str, user_ids: set[int] | None) -> None:
        later = self._waiting.get(app_id, set())
        self._waiting[app_id] = None if later is None or user_ids is None else later | user_ids

    async def finish(self) -> None:
        """At the end of a process."""
        try:
            await self.flush()
        except Unavailable as error:
            log.warning("changes_not_announced", apps=len(self._waiting), reason=str(error))
