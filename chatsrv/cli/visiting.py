"""What a command does in the stores, beside a server that may run."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

from chatsrv.domain.audit import Actor
from chatsrv.services import Services, open_services
from chatsrv.services.audit import acting
from chatsrv.services.migrations import ensure_current, find_missing, migrate
from chatsrv.settings import Settings
from chatsrv.worker import ANNOUNCE_AGAIN_S, Loop, running

T = TypeVar("T")


async def visit(
    settings: Settings, work: Callable[[Services], Awaitable[T]], operator: Actor, *, with_presence: bool
) -> T:
    """Opens the services for it, and closes them again."""
    with acting(operator):
        async with open_services(settings, as_guest=True, with_presence=with_presence) as services:
            await ensure_current(services.db)
            # servers hear of what a long command writes while it writes
            async with running([Loop("announce", ANNOUNCE_AGAIN_S, services.announcements.run)], services):
                return await work(services)


async def bring_up_to_date(settings: Settings, only_check: bool) -> list[str]:
    """The revisions that were applied, or that are missing."""
    async with open_services(settings, as_guest=True, with_presence=False, is_patient=True) as services:
        return await (find_missing(services.db) if only_check else migrate(services.db))
