"""What is kept of an app in both stores, and what a request costs them."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from redis.asyncio import Redis
from sqlalchemy import event, select
from sqlalchemy.engine import Engine
from structlog.contextvars import get_contextvars

from chatsrv.services import Services
from chatsrv.storage.schema import metadata

Row = tuple[Any, ...]
Rows = frozenset[Row]


async def sql_rows(services: Services) -> Rows:
    """Every row of every table, with the table's name."""
    found: list[Row] = []
    async with services.db.read() as tx:
        for table in metadata.sorted_tables:
            found += [(table.name, *row) for row in await tx.execute(select(table))]
    return frozenset(found)


async def redis_items(services: Services) -> Rows:
    """Every item of every key, as (key, field or rank, value)."""
    settings = services.settings
    found: list[Row] = []
    async with Redis.from_url(settings.redis_url, decode_responses=True) as redis:
        async for name in redis.scan_iter(match=f"{settings.redis_prefix}:*", count=1000):
            found += [(name, *item) for item in await _items(redis, name)]
    return frozenset(found)


async def _items(redis: Any, name: str) -> list[Row]:
    kind = await redis.type(name)
    if kind == "hash":
        return list((await redis.hgetall(name)).items())
    if kind == "zset":
        return list(await redis.zrange(name, 0, -1, withscores=True))
    if kind == "set":
        return [(member,) for member in await redis.smembers(name)]
    if kind == "stream":
        return [(id_, *fields.items()) for id_, fields in await redis.xrange(name)]
    return [(await redis.get(name),)]


CREDENTIALS = ("server_keys", "FROM apps", "BEGIN", "COMMIT", "ROLLBACK")
WRITES = ("INSERT", "UPDATE", "DELETE")


class Costs:
    """The statements that each request led to, by the id that it came with."""

    def __init__(self) -> None:
        self._statements: dict[str, list[str]] = defaultdict(list)
        self._under_way: dict[Any, list[tuple[str, str]]] = defaultdict(list)
        self._committed: dict[str, list[str]] = defaultdict(list)

    def of(self, request_id: str) -> Counter[str]:
        """Without what is looked up of keys and apps, which a node remembers for a while."""
        statements = self._statements[request_id]
        return Counter(said for said in statements if not any(word in said for word in CREDENTIALS))

    def written(self, request_id: str) -> list[str]:
        """The statements with which it changed the database for good."""
        return self._committed[request_id]

    def note(self, connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        request_id, said = str(get_contextvars().get("request_id")), " ".join(statement.split())
        self._statements[request_id].append(said)
        if said.startswith(WRITES):
            self._under_way[id(connection)].append((request_id, said))

    def note_commit(self, connection: Any) -> None:
        for request_id, said in self._under_way.pop(id(connection), ()):
            self._committed[request_id].append(said)

    def note_rollback(self, connection: Any) -> None:
        self._under_way.pop(id(connection), None)


@contextmanager
def counted() -> Iterator[Costs]:
    costs = Costs()
    heard: dict[str, Any] = {
        "before_cursor_execute": costs.note,
        "commit": costs.note_commit,
        "rollback": costs.note_rollback,
    }
    for name, listener in heard.items():
        event.listen(Engine, name, listener)
    try:
        yield costs
    finally:
        for name, listener in heard.items():
            event.remove(Engine, name, listener)
