"""What the dashboard shows of all apps at once."""

from __future__ import annotations

from dataclasses import replace

from chatsrv.domain.admin import AppSummary
from chatsrv.domain.apps import Operator
from chatsrv.domain.clock import Clock
from chatsrv.domain.errors import Unavailable
from chatsrv.domain.presence import INVISIBLE, SERVER
from chatsrv.services.memory.sight import Sight
from chatsrv.storage import admin as rows
from chatsrv.storage.database import Database

APPS_MAX = 500
"""Apps that are shown."""


class Overview:
    def __init__(self, db: Database, sight: Sight, clock: Clock) -> None:
        self._db = db
        self._sight = sight
        self._clock = clock

    async def list_apps(self, operator: Operator) -> list[AppSummary]:
        """All that they see, but no more than APPS_MAX."""
        async with self._db.read() as tx:
            found = await rows.list_apps(tx, operator.app_id, self._clock.now(), APPS_MAX)
        return [replace(app, online=await self._count_online(app.id)) for app in found]

    async def _count_online(self, app_id: str) -> int | None:
        """Who is invisible counts nowhere."""
        try:
            here = await self._sight.who_is_here(app_id, SERVER)
        except Unavailable:
            return None
        return sum(len(ids) for status, ids in here.items() if status is not INVISIBLE)
