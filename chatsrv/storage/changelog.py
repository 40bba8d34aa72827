"""The change log in Redis: what a node reads to learn of every change, whoever made it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import structlog
from redis.asyncio import Redis

from chatsrv.domain.changes import Changed, CloseOrdered, Entry, Renamed
from chatsrv.storage import keys
from chatsrv.storage.records import read_warm
from chatsrv.storage.redis import translated

log = structlog.get_logger(__name__)

READ_COUNT = 1000


class ChangeLog:
    """A reader with one cursor for each shard. It wants a client of its own, whose reads may block."""

    def __init__(self, redis: Redis, prefix: str) -> None:
        self._redis = redis
        self._prefix = prefix
        self._feeds = {keys.key(keys.shard_key(prefix, shard), "feed").encode(): shard for shard in range(keys.SHARDS)}
        self._cursors: dict[bytes, bytes] = {}

    async def seek_end(self) -> dict[str, int]:
        """Goes behind the newest entry of each shard: what came before is in the states.

        Returns each app's version there.
        """
        versions: dict[str, int] = {}
        for feed, shard in self._feeds.items():
            with translated():
                pipe = self._redis.pipeline(transaction=True)
                pipe.xrevrange(feed, count=1)
                pipe.hgetall(keys.key(keys.shard_key(self._prefix, shard), "versions"))
                newest, found = await pipe.execute()
            self._cursors[feed] = newest[0][0] if newest else b"0-0"
            versions |= {app_id.decode(): int(version) for app_id, version in found.items()}
        return versions

    def rewind(self, shard: int) -> None:
        """To the beginning of a log that began anew: its ids may be smaller than our cursor."""
        feed = next(feed for feed, its_shard in self._feeds.items() if its_shard == shard)
        self._cursors[feed] = b"0-0"

    async def read(self, block_ms: int | None) -> list[Entry]:
        """Waits up to `block_ms` (None: not at all) for what is new, in the log's order within a shard.

        An entry that cannot be read, as a newer version may write one, is logged and passed over. Raises Unavailable.
        """
        with translated():
            cursors: Any = dict(self._cursors)
            found: Any = await self._redis.xread(cursors, count=READ_COUNT, block=block_ms)
        entries: list[Entry] = []
        for feed, items in found.items() if isinstance(found, dict) else found or ():
            for entry_id, fields in items:
                self._cursors[feed] = entry_id
                entries += _entries(fields)
        return entries


def _entries(fields: Mapping[bytes, bytes]) -> list[Entry]:
    try:
        return [_entry(fields)]
    except (KeyError, ValueError):
        log.exception("change_unreadable")
        return []


def _entry(fields: Mapping[bytes, bytes]) -> Entry:
    app_id, user_id = fields[b"app"].decode(), int(fields[b"user"])
    kind = fields[b"kind"]
    if kind in (b"change", b"own", b"unheard"):
        warm = read_warm(fields[b"state"])
        return Changed(app_id, user_id, int(fields[b"version"]), warm, kind != b"change", kind == b"unheard")
    if kind == b"renamed":
        return Renamed(app_id, user_id, fields[b"name"].decode())
    session = fields[b"session"].decode()
    return CloseOrdered(app_id, user_id, None if session == "*" else session, int(fields[b"code"]))
