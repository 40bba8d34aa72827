"""Whether the stores answer and take changes, and the database is up to date."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence

import structlog

from chatsrv.domain.errors import ChatError
from chatsrv.storage import deliveries, migrating
from chatsrv.storage.database import Database
from chatsrv.storage.deliveries import Failing, Queue
from chatsrv.storage.presence_reads import PresenceReads

log = structlog.get_logger(__name__)

OK = "ok"
CHECK_TIMEOUT_S = 2.0


class Health:
    """Each check runs once at a time, however many ask: a store that is silent must not cost a connection for each."""

    def __init__(self, db: Database, store: PresenceReads) -> None:
        self._db = db
        self._store = store
        self._checks: dict[str, Callable[[], Awaitable[str]]] = {
            "database": self._check_database,
            "redis": self._check_redis,
            "migrations": self._check_migrations,
        }
        self._running: dict[str, asyncio.Task[str]] = {}

    async def check(self) -> dict[str, str]:
        """`database`, `redis` and `migrations`: `ok`, or what is wrong in a sentence. Takes two seconds at most."""
        running = {name: self._run(name) for name in self._checks}
        await asyncio.wait(running.values(), timeout=CHECK_TIMEOUT_S)
        return {name: task.result() if task.done() else "no answer in time" for name, task in running.items()}

    async def close(self) -> None:
        for task in self._running.values():
            task.cancel()
        await asyncio.gather(*self._running.values(), return_exceptions=True)

    async def reach_redis(self) -> None:
        """Raises Unavailable."""
        await self._store.check()

    async def redis_info(self) -> Mapping[str, str]:
        """What Redis says of itself, by its own names; empty where it tells nothing. Raises Unavailable."""
        return await self._store.read_info()

    async def webhook_queues(self) -> Sequence[Queue]:
        """What waits to be delivered, by webhook. Raises Unavailable."""
        async with self._db.read() as tx:
            return await deliveries.queues(tx)

    async def failing_webhooks(self, most: int) -> Sequence[Failing]:
        """The first so many of all apps. Raises Unavailable."""
        async with self._db.read() as tx:
            return await deliveries.failing(tx, most)

    async def clock_skew_ms(self, now: Callable[[], int]) -> int:
        """How far our clock is ahead of Redis', in which all expiries are reckoned. Raises Unavailable."""
        return now() - await self._store.read_clock()

    def _run(self, name: str) -> asyncio.Task[str]:
        task = self._running.get(name)
        if task is None or task.done():
            task = self._running[name] = asyncio.create_task(_in_words(self._checks[name]), name=f"check_{name}")
        return task

    async def _check_database(self) -> str:
        await self._db.ping()
        return self._db.refusal or OK

    async def _check_redis(self) -> str:
        await self._store.check()
        return OK

    async def _check_migrations(self) -> str:
        missing = await migrating.missing(self._db)
        return f"behind by {', '.join(missing)}: run chatsrv migrate" if missing else OK


async def _in_words(check: Callable[[], Awaitable[str]]) -> str:
    try:
        return await check()
    except ChatError as error:
        return str(error)
    except Exception:
        log.exception("check_failed")
        return "the check itself has failed; the log tells why"
