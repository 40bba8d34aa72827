"""Whether the stores answer and the database is up to date."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from chatsrv.domain.errors import ChatError
from chatsrv.storage import migrating
from chatsrv.storage.database import Database
from chatsrv.storage.redis import Redis, ping, read_clock

OK = "ok"
CHECK_TIMEOUT_S = 2.0


class Health:
    def __init__(self, db: Database, redis: Redis) -> None:
        self._db = db
        self._redis = redis

    async def check(self) -> dict[str, str]:
        """`database`, `redis` and `migrations`: `ok`, or what is wrong in a sentence. Takes two seconds at most."""
        checks: dict[str, Callable[[], Awaitable[str]]] = {
            "database": self._check_database,
            "redis": self._check_redis,
            "migrations": self._check_migrations,
        }
        answers = await asyncio.gather(*(_within_time(check) for check in checks.values()))
        return dict(zip(checks, answers, strict=True))

    async def clock_skew_ms(self, now: Callable[[], int]) -> int:
        """How far our clock is ahead of Redis', in which all expiries are reckoned. Raises Unavailable."""
        return now() - await read_clock(self._redis)

    async def _check_database(self) -> str:
        await self._db.ping()
        return OK

    async def _check_redis(self) -> str:
        await ping(self._redis)
        return OK

    async def _check_migrations(self) -> str:
        missing = await migrating.missing(self._db)
        return f"behind by {', '.join(missing)}: run chatsrv migrate" if missing else OK


async def _within_time(check: Callable[[], Awaitable[str]]) -> str:
    try:
        async with asyncio.timeout(CHECK_TIMEOUT_S):
            return await check()
    except TimeoutError:
        return "no answer in time"
    except ChatError as error:
        return str(error)
