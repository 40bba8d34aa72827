"""The audit trail: who did what to whom, written along with the act.

Who acts is bound once, by the edge that lets them in, as a request's id is bound for the log: every service would have
to hand it down otherwise. Nothing but this module reads it, and nothing is decided by it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from chatsrv.domain.audit import SYSTEM, Act, Actor, AuditQuery, Entry
from chatsrv.domain.clock import Clock
from chatsrv.domain.errors import NotFound
from chatsrv.domain.fields import is_storable
from chatsrv.storage import apps as app_rows
from chatsrv.storage import audit as rows
from chatsrv.storage.database import Database, Transaction

_acting: ContextVar[Actor] = ContextVar("acting", default=SYSTEM)


@contextmanager
def acting(actor: Actor) -> Iterator[None]:
    """Whatever is done within the block is done by them."""
    token = _acting.set(actor)
    try:
        yield
    finally:
        _acting.reset(token)


async def note(tx: Transaction, now: int, *acts: Act) -> None:
    """In the transaction of the act: neither is there without the other. What is not administrative is passed over."""
    actor = _acting.get()
    await rows.add(tx, now, actor, [act for act in acts if act.is_administrative(actor)])


class Audit:
    """The trail itself, and acts that are no change of SQL."""

    def __init__(self, db: Database, clock: Clock) -> None:
        self._db = db
        self._clock = clock

    async def tell(self, act: Act) -> None:
        """In a transaction of its own, before it is done or answered: none is done that cannot be written.

        So there may be an entry of something that failed then. Raises Unavailable.
        """
        if act.is_administrative(_acting.get()):
            async with self._db.write() as tx:
                await note(tx, self._clock.now(), act)

    async def find(self, app_id: str, query: AuditQuery) -> list[Entry]:
        """The latest that fit, the oldest of them first; also of an app that has gone.

        Raises NotFound where there never was such an app, as far as anybody knows.
        """
        if not is_storable(app_id) or not is_storable(query.subject or ""):
            return []
        async with self._db.read() as tx:
            found = await rows.find(tx, app_id, query)
            is_known = found or await rows.find(tx, app_id, AuditQuery(1)) or await app_rows.get_app(tx, app_id)
        return found if is_known else _nothing_known(app_id)


def _nothing_known(app_id: str) -> list[Entry]:
    raise NotFound(f"There is no app {app_id!r}, and no entry of one.")
