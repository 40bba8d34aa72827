"""Forgetting who is here: an older or another database gives new users ids that Redis knows as somebody else's."""

from __future__ import annotations

import asyncio

from chatsrv.domain.errors import SetupError
from chatsrv.storage.forgetting import delete_all, read_leases
from chatsrv.storage.redis import Redis

POLL_S = 0.2


class Forgetting:
    def __init__(self, redis: Redis, prefix: str) -> None:
        self._redis = redis
        self._prefix = prefix

    async def forget_all(self) -> int:
        """Deletes all that Redis keeps for this server's prefix; how many keys that was.

        A server that has stopped holds its lease for some seconds more: they are waited for. Raises SetupError when
        one is renewed, for then a server runs; and Unavailable.
        """
        _, at_first = await read_leases(self._redis, self._prefix)
        while True:
            now, leases = await read_leases(self._redis, self._prefix)
            if any(ends_at > at_first.get(node, 0) for node, ends_at in leases.items()):
                raise SetupError("a server is running on this Redis: stop every one first")
            if all(ends_at <= now for ends_at in leases.values()):
                return await delete_all(self._redis, self._prefix)
            await asyncio.sleep(POLL_S)
