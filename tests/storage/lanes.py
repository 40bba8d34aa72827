"""What the tests of the lane share: a server of their own, and ways to treat it badly."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

from redis.asyncio import Redis

from chatsrv.storage.lane import Lane, open_lane
from chatsrv.storage.redis import open_redis

TIMEOUT_S = 0.5
BLOCKED = ("BLPOP", "never", 0)
"""What is never answered."""


@asynccontextmanager
async def lane_to(url: str, timeout_s: float = TIMEOUT_S) -> AsyncIterator[tuple[Lane, Redis]]:
    async with open_redis(url, 2, timeout_s, True) as redis, open_lane(redis) as lane:
        yield lane, redis


@contextmanager
def stopped(pid: int) -> Iterator[None]:
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


async def cut(redis: Redis) -> None:
    """The server closes every connection but the one that says so."""
    await redis.client_kill_filter(_type="normal", skipme=True)


async def sent(redis: Redis) -> None:
    """Returns when the server has what is never answered."""
    async with asyncio.timeout(10):
        while not (await redis.info("clients"))["blocked_clients"]:
            await asyncio.sleep(0.01)
