"""What tests of the presence scripts share."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from redis.asyncio import Redis

from chatsrv.domain.clock import Clock
from chatsrv.storage.embedded import embedded_valkey
from chatsrv.storage.lane import Lane, open_lane
from chatsrv.storage.redis import open_redis
from tests.storage.keyspace import Keyspace
from tests.storage.lanes import lane_to
from tests.storage.still_time import StillClock


@pytest.fixture
async def still(valkey_url: str) -> AsyncIterator[Keyspace]:
    """Time passes only when the test moves the clock of this keyspace."""
    async with open_redis(valkey_url, 4, 5.0, True) as redis, open_lane(redis) as lane:
        yield Keyspace(redis, lane, StillClock())


@pytest.fixture
async def space(valkey_url: str, clock: Clock) -> AsyncIterator[Keyspace]:
    async with open_redis(valkey_url, 4, 5.0, True) as redis, open_lane(redis) as lane:
        yield Keyspace(redis, lane, clock)


@pytest.fixture
async def own_url(tmp_path: Path) -> AsyncIterator[str]:
    """A server of the test's own, which it may treat as it likes."""
    async with embedded_valkey(tmp_path) as url:
        yield url


@pytest.fixture
async def lane(own_url: str) -> AsyncIterator[Lane]:
    async with lane_to(own_url, 10) as (lane, _):
        yield lane


@pytest.fixture
async def redis(own_url: str) -> AsyncIterator[Redis]:
    """Somebody else, on connections of their own."""
    async with open_redis(own_url, 2, 10, True) as redis:
        yield redis
