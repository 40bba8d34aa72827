"""A table: each way in which PostgreSQL fails, what goes on meanwhile, what is refused, and that it mends itself."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import asyncpg
import pytest

from chatsrv.services.migrations import migrate
from chatsrv.settings import Settings
from chatsrv.storage.database import Database, open_database, parse_url
from tests.client import Answer
from tests.faults.postgres import OwnPostgres, running_own_postgres
from tests.faults.store_rig import (
    AWAY,
    DND,
    ONLINE,
    USERS,
    Rig,
    refused_for_now,
    running_rig,
    says_so_in_its_own_words,
    settings_for,
)
from tests.faults.store_wire import StoreWire, socket_of, wire_to
from tests.faults.timings import FULL, TIMINGS
from tests.faults.waiting import eventually
from tests.postgres import administer, named

T = Settings().database_timeout_s if TIMINGS is FULL else 1.0
WITHIN_S = 3 * T
"""For a connection, for a statement, and until what is left of it has been taken back."""

POOL = 4
TEMPLATE = "chatsrv_template"

NO_ROOM = """
CREATE FUNCTION has_no_room() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN RAISE 'could not extend file: No space left on device' USING ERRCODE = 'disk_full'; END $$;
DO $$ DECLARE name text; BEGIN
    FOR name IN SELECT tablename FROM pg_tables WHERE schemaname = 'public' LOOP
        EXECUTE format('CREATE TRIGGER has_no_room BEFORE INSERT OR UPDATE OR DELETE ON %I '
                       'FOR EACH ROW EXECUTE FUNCTION has_no_room()', name);
    END LOOP;
END $$
"""
"""The database's own code for a full disk, wherever something is written."""


@dataclass(frozen=True, slots=True)
class Store:
    """Between the node and the database `name` of `postgres` is `wire`; `url` is a way of its own."""

    postgres: OwnPostgres
    wire: StoreWire
    name: str

    @property
    def url(self) -> str:
        return named(self.postgres.url, self.name)

    async def connections(self, asked: asyncpg.Connection) -> int:
        """Of the node, as the server counts them."""
        statement = "SELECT count(*) FROM pg_stat_activity WHERE datname = $1"
        return int(await asked.fetchval(statement, self.name))


Fault = Callable[[Store], AbstractAsyncContextManager[None]]


@asynccontextmanager
async def killed(store: Store) -> AsyncIterator[None]:
    store.postgres.kill()
    yield
    await store.postgres.start()


@asynccontextmanager
async def stopped(store: Store) -> AsyncIterator[None]:
    store.postgres.pause()
    try:
        yield
    finally:
        store.postgres.resume()


@asynccontextmanager
async def refusing(store: Store) -> AsyncIterator[None]:
    store.wire.refuse()
    yield
    await store.wire.open()


@asynccontextmanager
async def too_slow(store: Store) -> AsyncIterator[None]:
    store.wire.delay_s = 2 * T
    yield
    store.wire.delay_s = 0


@asynccontextmanager
async def read_only(store: Store) -> AsyncIterator[None]:
    """As after a failover to a replica, where connections are new."""
    await administer(store.postgres.url, f"ALTER DATABASE {store.name} SET default_transaction_read_only = on")
    store.wire.cut()
    yield
    await administer(store.postgres.url, f"ALTER DATABASE {store.name} RESET default_transaction_read_only")
    store.wire.cut()


@asynccontextmanager
async def without_room(store: Store) -> AsyncIterator[None]:
    await administer(store.url, NO_ROOM)
    yield
    await administer(store.url, "DROP FUNCTION has_no_room CASCADE")


@asynccontextmanager
async def full_of_clients(store: Store) -> AsyncIterator[None]:
    """Others have taken every connection that there is."""
    async with AsyncExitStack() as stack:
        others: list[asyncpg.Connection] = []

        async def have_all() -> bool:
            store.wire.cut()
            try:
                while True:
                    others.append(await asyncpg.connect(store.postgres.url))
                    stack.push_async_callback(others[-1].close)
            except asyncpg.TooManyConnectionsError:
                return await store.connections(others[0]) == 0

        await eventually(have_all, "no connection is left")
        yield


AWAY_NOW = "The database does not answer right now."


@dataclass(frozen=True, slots=True)
class Row:
    """`ready`: what /readyz says of it. `is_read`: who only reads is answered.

    `may_be_done`: what was sent may be done when it comes to itself, though nobody waits for the answer any more.
    """

    fault: Fault
    ready: tuple[str, ...]
    is_read: bool = False
    may_be_done: bool = False


ROWS = (
    Row(killed, (AWAY_NOW,)),
    Row(stopped, (AWAY_NOW, "no answer in time"), may_be_done=True),
    Row(refusing, (AWAY_NOW,)),
    Row(too_slow, (AWAY_NOW, "no answer in time"), may_be_done=True),
    Row(read_only, ("The database is read-only right now.",), is_read=True),
    Row(without_room, ("The database has no room on its disk right now.",), is_read=True),
    Row(full_of_clients, ("The database has no connection left right now.",)),
)


@pytest.fixture(scope="module")
async def postgres() -> AsyncIterator[OwnPostgres]:
    """Of this file alone, which treats it badly."""
    async with running_own_postgres() as one:
        await administer(one.url, f"CREATE DATABASE {TEMPLATE}")
        async with open_database(parse_url(named(one.url, TEMPLATE), Path()), 1, 30) as db:
            await migrate(db)
        yield one


@pytest.fixture
async def store(postgres: OwnPostgres) -> AsyncIterator[Store]:
    name = f"t{uuid4().hex}"
    await administer(postgres.url, f"CREATE DATABASE {name} TEMPLATE {TEMPLATE}")
    async with wire_to(socket_of(postgres.url)) as wire:
        yield Store(postgres, wire, name)


@pytest.fixture
async def rig(store: Store, valkey_url: str) -> AsyncIterator[Rig]:
    settings = settings_for(
        database_url=f"postgres://postgres:@127.0.0.1:{store.wire.port}/{store.name}",
        database_pool=POOL,
        database_timeout_s=T,
        redis_url=valkey_url,
        redis_prefix=store.name,
    )
    async with running_rig(settings, WITHIN_S) as one:
        yield one


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.fault.__name__)
async def test_a_database_in_trouble_takes_nothing_along_and_all_is_well_when_it_is_over(
    row: Row, rig: Rig, store: Store
) -> None:
    failures = rig.failures()
    async with row.fault(store):
        refused = await refuses_changes(rig)
        await asyncio.gather(reads_or_says_so(rig, row), goes_on_with_presence(rig), says_what_is_wrong(rig, row))
        assert await rig.is_let_in() == row.is_read
        await eventually(lambda: rig.failures() > failures, "loops count their failures")
    await eventually(lambda: is_well(rig), "all is well again")
    await is_whole(rig, row, refused)
    await may_be_tried_again(rig)
    await eventually(lambda: has_given_back(store), "no connection is left over")
    rig.assert_said_once()


async def refuses_changes(rig: Rig) -> list[str]:
    """By every dialect in its own words, with when to come back. Returns who was not made."""
    made, deleted, claimed = await asyncio.gather(rig.makes_everywhere("new"), rig.delete("carla"), rig.claim(AWAY))
    assert all(says_so_in_its_own_words(dialect, answer) for dialect, answer in made.items())
    for answer in (deleted, claimed):
        refused_for_now(answer)
    return [f"new{dialect}" for dialect in made]


async def reads_or_says_so(rig: Rig, row: Row) -> None:
    """What a node remembers it may tell for a moment."""

    async def is_so() -> bool:
        lists = await rig.lists_everywhere()
        if row.is_read:
            assert {answer.status for answer in lists.values()} == {200}
            return True
        return all(_refuses(dialect, answer) for dialect, answer in lists.items())

    await eventually(is_so, "every dialect reads, or says that it cannot")


def _refuses(dialect: str, answer: Answer) -> bool:
    return answer.status != 200 and says_so_in_its_own_words(dialect, answer)


async def goes_on_with_presence(rig: Rig) -> None:
    """Sockets are up, and what their users say counts."""
    said = await rig.ask("presence:set", {"status": DND})
    assert said["presence"]["presence_status"] == DND
    told = await rig.anna.io.call("presence:subscribe", {"usernames": ["carla"]}, timeout=TIMINGS.patience_s)
    assert [user["presence_status"] for user in told["users"]] == [ONLINE]
    assert rig.carla.io.connected


async def says_what_is_wrong(rig: Rig, row: Row) -> None:
    await rig.assert_alive()

    async def is_said() -> bool:
        checks = await rig.ready()
        assert checks["redis"] == "ok"
        assert (checks["migrations"] == "ok") or not row.is_read
        return checks["database"] in row.ready

    await eventually(is_said, f"/readyz says: {row.ready}")


async def is_well(rig: Rig) -> bool:
    if set((await rig.ready()).values()) != {"ok"} or not await rig.is_let_in():
        return False
    changed: Answer = await rig.in_time(rig.api.patch(f"{USERS}/ben", json={"first_name": "Ben"}))
    return changed.status == 200


async def is_whole(rig: Rig, row: Row, refused: list[str]) -> None:
    """What was refused is not half done: Carla is there with her socket, or gone with it."""
    found = {name: (await rig.get(f"{USERS}/{name}")).status for name in [*refused, "carla"]}
    if not row.may_be_done:
        assert found == dict.fromkeys(refused, 404) | {"carla": 200}
    if found["carla"] == 404:
        await eventually(lambda: not rig.carla.io.connected, "her socket is closed, too")
    else:
        assert rig.carla.io.connected
    assert rig.anna.io.connected


async def may_be_tried_again(rig: Rig) -> None:
    """To the same effect: what is there already is a conflict, and no second one."""
    assert (await rig.make("newnative")).status in (201, 409)
    assert (await rig.make("newnative")).status == 409
    assert (await rig.delete("carla")).status in (204, 404)
    assert (await rig.delete("carla")).status == 404
    await eventually(lambda: not rig.carla.io.connected, "Carla's socket is closed")
    assert (await rig.claim(AWAY)).status == 200


async def has_given_back(store: Store) -> bool:
    asked = await asyncpg.connect(store.postgres.url)
    try:
        return store.wire.connections <= POOL and await store.connections(asked) <= POOL
    finally:
        await asked.close()


async def cut_off(rig: Rig, store: Store, words: bytes, *, is_done: bool) -> str:
    """Who was being made when the connection was cut after these words, done or not.

    It may have been that of a loop, or a transaction of the request that only read.
    """
    async with asyncio.timeout(TIMINGS.patience_s):
        for number in itertools.count():
            dora = f"dora{number}"
            store.wire.cut_after = words
            answer = await rig.make(dora)
            if answer.status != 201:
                refused_for_now(answer)
                if ((await rig.get(f"{USERS}/{dora}")).status == 200) == is_done:
                    break
    return dora


async def test_a_user_whose_commit_got_no_answer_is_there_and_the_second_try_says_so(rig: Rig, store: Store) -> None:
    dora = await cut_off(rig, store, b"COMMIT", is_done=True)
    assert (await rig.make(dora)).status == 409
    upserted = await rig.in_time(rig.api.post("/v1/demo/bulk/users", {"users": [{"username": dora}]}))
    assert [result["status"] for result in upserted.json["results"]] == ["updated"]
    rig.assert_said_once()


async def test_a_user_whose_transaction_was_cut_off_is_not_there_and_the_second_try_makes_them(
    rig: Rig, store: Store
) -> None:
    dora = await cut_off(rig, store, b"BEGIN", is_done=False)
    assert (await rig.make(dora)).status == 201
    rig.assert_said_once()


async def test_a_database_that_is_only_slow_is_waited_for(rig: Rig, store: Store) -> None:
    """One statement of a request after the other: each may take its time."""
    store.wire.delay_s = T / 10
    assert (await rig.api.post(USERS, {"username": "dora"})).status == 201
    assert (await rig.claim(AWAY)).status == 200
    assert (await rig.delete("dora")).status == 204
    assert await rig.is_let_in()


async def test_a_database_that_hangs_keeps_nobody_from_ending(store: Store) -> None:
    """Each connection would be waited for as long as a statement may take, one after the other."""
    async with AsyncExitStack() as stack:
        db = await stack.enter_async_context(open_database(parse_url(store.url, Path()), 2, 60))
        await asyncio.gather(*(_rest(db) for _ in range(2)))
        async with stopped(store), asyncio.timeout(30):
            await stack.aclose()


async def _rest(db: Database) -> None:
    async with db.read() as tx:
        await tx.exec_driver_sql("SELECT pg_sleep(0.1)")
