"""All that Redis keeps for us, looked through and deleted as a whole."""

from __future__ import annotations

from chatsrv.storage.keys import SHARDS, key, shard_key
from chatsrv.storage.redis import Redis, translated

AT_ONCE = 1000


async def read_leases(redis: Redis, prefix: str) -> tuple[int, dict[str, int]]:
    """The time by Redis' clock, and when the lease of each node ends; both in ms. Raises Unavailable."""
    with translated():
        async with redis.pipeline(transaction=False) as pipe:
            pipe.time()
            for shard in range(SHARDS):
                pipe.zrange(key(shard_key(prefix, shard), "nodes"), 0, -1, withscores=True)
            (seconds, microseconds), *found = await pipe.execute()
    leases: dict[str, int] = {}
    for node, ends_at in (lease for leases_of_shard in found for lease in leases_of_shard):
        leases[node.decode()] = max(int(ends_at), leases.get(node.decode(), 0))
    return seconds * 1000 + microseconds // 1000, leases


async def delete_all(redis: Redis, prefix: str) -> int:
    """How many keys there were. Raises Unavailable."""
    pattern = f"{prefix}:{{*}}:*"  # nothing in a prefix means anything in a pattern
    deleted = 0
    with translated():
        found = []
        async for name in redis.scan_iter(match=pattern, count=AT_ONCE):
            found.append(name)
            if len(found) >= AT_ONCE:
                deleted += await redis.unlink(*found)
                found = []
        if found:
            deleted += await redis.unlink(*found)
    return deleted
