"""A page takes as many statements and round trips with many users as with few, and none for what is not shown."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import redis.asyncio as redis
from sqlalchemy import Engine, event

from chatsrv.services import Services
from tests.api.oksky.people import Sky, add, add_room, as_person

pytestmark = pytest.mark.parametrize("database_source", ["sqlite_template"], indirect=True)

EVERYTHING = "rooms,members.room,members.user,present_rooms,supports,starred_customers,memos,user_events,user_infos"

Count = Callable[[str], Awaitable[tuple[int, int]]]


@contextmanager
def counted_statements() -> Iterator[list[str]]:
    """What is read, without looking up who asks: that is cached for a second."""
    statements: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        is_credential = any(table in statement for table in ("server_keys", "access_tokens", "FROM apps"))
        if statement.lstrip().startswith("SELECT") and not is_credential:
            statements.append(statement)

    event.listen(Engine, "before_cursor_execute", note)
    try:
        yield statements
    finally:
        event.remove(Engine, "before_cursor_execute", note)


@pytest.fixture
async def count(sky: Sky, valkey_url: str) -> AsyncIterator[Count]:
    """The statements and the transactions of Redis, each of which is one round trip, that one list takes."""
    async with redis.Redis.from_url(valkey_url) as client:

        async def round_trips() -> int:
            stats = await client.info("commandstats")
            return sum(stats[name]["calls"] for name in ("cmdstat_exec", "cmdstat_evalsha") if name in stats)

        async def count_once(query: str) -> tuple[int, int]:
            before = await round_trips()
            with counted_statements() as statements:
                answer = await sky.get(f"/users?page[size]=100&{query}")
            assert answer.status == 200
            return len(statements), await round_trips() - before

        async def count_one(query: str) -> tuple[int, int]:
            """The least of a few: the loops of the server go on meanwhile."""
            tries = [await count_once(query) for _ in range(8)]
            return min(statements for statements, _ in tries), min(trips for _, trips in tries)

        yield count_one


async def crowd(services: Services, numbers: range) -> None:
    """Each in a room of their own and in one with everybody."""
    for number in numbers:
        (one,) = await add(services, f"u{number}")
        await add_room(services, f"r{number}", 1, one)
        await services.channels.add_members("demo", 1, [int(one)], None)


async def test_the_size_of_a_page_does_not_matter(sky: Sky, services: Services, count: Count) -> None:
    await add_room(services, "all")
    await crowd(services, range(2))
    await sky.get("/users")  # whoever asks first fills the caches
    queries = ("", f"include={EVERYTHING}", "fields[users]=name")
    few = [await count(query) for query in queries]
    await crowd(services, range(2, 20))
    assert [await count(query) for query in queries] == few
    (plain, round_trips), (with_everything, _), (sparse, fewer) = few
    # the page itself, its total and how everybody shows are remembered
    assert (plain, with_everything, sparse) == (8, 18, 2)
    assert (round_trips, fewer) == (1, 0)


async def test_a_customers_page_does_not_matter_either(sky: Sky, services: Services) -> None:
    await add_room(services, "all")
    await crowd(services, range(2))
    as_customer = await as_person(services, sky, "u0")

    async def count_once() -> int:
        with counted_statements() as statements:
            assert (await as_customer.get(f"/users?page[size]=100&include={EVERYTHING}")).status == 200
        return len(statements)

    async def count() -> int:
        return min([await count_once() for _ in range(4)])

    few = await count()
    await crowd(services, range(2, 12))
    assert await count() == few
