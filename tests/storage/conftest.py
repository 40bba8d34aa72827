"""What tests of the presence scripts share."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from chatsrv.domain.clock import Clock
from chatsrv.storage.redis import open_redis
from tests.storage.keyspace import Keyspace
from tests.storage.still_time import StillClock


@pytest.fixture
async def still(valkey_url: str) -> AsyncIterator[Keyspace]:
    """Time passes only when the test moves the clock of this keyspace."""
    async with open_redis(valkey_url, 4, 5.0, True) as redis:
        yield Keyspace(redis, StillClock())


@pytest.fixture
async def space(valkey_url: str, clock: Clock) -> AsyncIterator[Keyspace]:
    async with open_redis(valkey_url, 4, 5.0, True) as redis:
        yield Keyspace(redis, clock)
