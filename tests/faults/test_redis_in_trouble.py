"""A table: each way in which Redis fails, what goes on meanwhile, what is refused, and that it mends itself."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest
from redis.asyncio import Redis
from redis.exceptions import RedisError

from chatsrv.storage import keys
from tests.faults.store_rig import (
    AWAY,
    DND,
    ONLINE,
    USERS,
    Rig,
    refused_for_now,
    running_rig,
    settings_for,
)
from tests.faults.store_wire import StoreWire, socket_of, wire_to
from tests.faults.timings import DURATIONS, FULL, TIMINGS
from tests.faults.valkey import OwnValkey, running_valkey
from tests.faults.waiting import eventually

T = DURATIONS.redis_timeout_s
WITHIN_S = 2 * T
"""A command waits for a connection as long as it may take, and then takes as long as it may take."""


@dataclass(frozen=True, slots=True)
class Store:
    """Between the node and `valkey` is `wire`; `admin` has a way of its own. `folder` is where it saves."""

    valkey: OwnValkey
    wire: StoreWire
    admin: Redis
    folder: Path

    async def say(self, *words: str) -> None:
        await self.admin.execute_command(*words)  # type: ignore[no-untyped-call]

    async def clients(self) -> int:
        return len(await self.admin.client_list())


Fault = Callable[[Store], AbstractAsyncContextManager[None]]


@asynccontextmanager
async def killed(store: Store) -> AsyncIterator[None]:
    await store.valkey.kill()
    yield
    await store.valkey.start()


@asynccontextmanager
async def stopped(store: Store) -> AsyncIterator[None]:
    store.valkey.pause()
    yield
    store.valkey.resume()


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
async def out_of_memory(store: Store) -> AsyncIterator[None]:
    await store.admin.config_set("maxmemory", 1)
    yield
    await store.admin.config_set("maxmemory", 0)


@asynccontextmanager
async def read_only(store: Store) -> AsyncIterator[None]:
    """It is the replica of nobody who answers."""
    await store.say("REPLICAOF", "127.0.0.1", "1")
    yield
    await store.say("REPLICAOF", "NO", "ONE")


@asynccontextmanager
async def without_primary(store: Store) -> AsyncIterator[None]:
    await store.admin.config_set("replica-serve-stale-data", "no")
    async with read_only(store):
        yield


@asynccontextmanager
async def unable_to_save(store: Store) -> AsyncIterator[None]:
    """As on a disk that is full."""
    in_the_way = store.folder / "dump.rdb"
    in_the_way.mkdir()
    await store.admin.config_set("save", "3600 1")
    await _save(store, "err")
    yield
    in_the_way.rmdir()
    await _save(store, "ok")


async def _save(store: Store, status: str) -> None:
    async def has_come() -> bool:
        with suppress(RedisError):  # one that is under way
            await store.admin.bgsave()
        return bool((await store.admin.info("persistence"))["rdb_last_bgsave_status"] == status)

    await eventually(has_come, f"the last save is {status}")


@asynccontextmanager
async def full_of_clients(store: Store) -> AsyncIterator[None]:
    async with AsyncExitStack() as stack:
        await store.admin.config_set("maxclients", 2)
        await store.admin.client_kill_filter(_type="normal", skipme=True)
        other = await stack.enter_async_context(Redis.from_url(store.valkey.url))
        await other.ping()
        yield
    await store.admin.config_set("maxclients", 1000)


@asynccontextmanager
async def busy(store: Store) -> AsyncIterator[None]:
    """With a script that does not end."""
    await store.admin.config_set("busy-reply-threshold", 10)
    async with Redis.from_url(store.valkey.url, socket_timeout=None) as other:
        script = asyncio.ensure_future(other.eval("while true do end", 0))
        await eventually(lambda: _is_busy(store), "the script runs")
        yield
        await store.say("SCRIPT", "KILL")
        await asyncio.gather(script, return_exceptions=True)


async def _is_busy(store: Store) -> bool:
    try:
        return not await store.admin.ping()
    except RedisError as error:
        return "BUSY" in str(error) or "busy" in str(error)


@asynccontextmanager
async def locked(store: Store) -> AsyncIterator[None]:
    """Somebody has changed the password."""
    await store.say("ACL", "SETUSER", "default", "resetpass", ">another")
    await store.admin.client_kill_filter(_type="normal", skipme=True)
    yield
    await store.say("ACL", "SETUSER", "default", "nopass")


@asynccontextmanager
async def forbidding(store: Store) -> AsyncIterator[None]:
    """Somebody has taken rights away."""
    await store.say("ACL", "SETUSER", "default", "-evalsha")
    yield
    await store.say("ACL", "SETUSER", "default", "+evalsha")


SLOW_S = 2 * T / 3 if TIMINGS is FULL else T / 3
"""Two seconds where everything takes as long as by default."""

SLOWER_THAN_ASKED = "no answer in time"
"""Of a probe, which waits two seconds at the most."""

AWAY_NOW = "The presence store does not answer right now."


@dataclass(frozen=True, slots=True)
class Row:
    """`ready`: what /readyz says of it. `is_read`: Redis still answers who only reads.

    `may_be_done`: it may do, now or later, what it gave no answer to, or what makes room.
    """

    fault: Fault
    ready: str
    is_read: bool = False
    may_be_done: bool = False


ROWS = (
    Row(killed, AWAY_NOW),
    Row(stopped, AWAY_NOW, may_be_done=True),
    Row(refusing, AWAY_NOW),
    Row(too_slow, AWAY_NOW, may_be_done=True),
    Row(out_of_memory, "The presence store is out of memory right now.", is_read=True, may_be_done=True),
    Row(read_only, "The presence store is read-only right now.", is_read=True),
    Row(without_primary, "The presence store has lost its primary right now."),
    Row(unable_to_save, "The presence store cannot save its data right now.", is_read=True),
    Row(full_of_clients, "The presence store has no connection left right now."),
    Row(busy, "The presence store is busy right now."),
    Row(locked, "The presence store does not let us in right now."),
    Row(forbidding, "ok", is_read=True),
)


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    async with (
        running_valkey(tmp_path / "valkey") as valkey,
        wire_to(socket_of(valkey.url)) as wire,
        Redis.from_url(valkey.url) as admin,
    ):
        yield Store(valkey, wire, admin, tmp_path / "valkey")


@pytest.fixture
async def rig(store: Store, sqlite_template: Path, tmp_path: Path) -> AsyncIterator[Rig]:
    database = tmp_path / "chatsrv.db"
    shutil.copy(sqlite_template, database)
    settings = settings_for(database_url=f"sqlite:///{database}", redis_url=f"redis://127.0.0.1:{store.wire.port}")
    async with running_rig(settings, WITHIN_S) as one:
        yield one


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.fault.__name__)
async def test_a_redis_in_trouble_takes_nothing_along_and_all_is_well_when_it_is_over(
    row: Row, rig: Rig, store: Store
) -> None:
    clients, failures, wires = await store.clients(), rig.failures(), store.wire.connections
    carlas = await rig.sessions("carla")
    async with row.fault(store):
        await asyncio.gather(
            refuses_changes(rig, row), goes_on_reading(rig, row), keeps_sockets(rig), says_what_is_wrong(rig, row)
        )
        await eventually(lambda: rig.failures() > failures, "loops count their failures")
    await eventually(lambda: is_well(rig), "all is well again")
    await is_whole(rig, row, carlas)
    await may_be_tried_again(rig)
    await eventually(lambda: has_given_back(store, clients, wires), "no connection is left over")
    rig.assert_said_once()


async def refuses_changes(rig: Rig, row: Row) -> None:
    """At once or in time, and with when to come back."""
    claimed, signed_out = await asyncio.gather(rig.claim(AWAY), rig.sign_out())
    refused_for_now(claimed)
    if signed_out.status != 204 or not row.may_be_done:
        refused_for_now(signed_out)
    said = await rig.ask("presence:set", {"status": DND})
    assert said["error"]["code"] == 50300
    assert not await rig.is_let_in()


async def goes_on_reading(rig: Rig, row: Row) -> None:
    """The directory, in every dialect, and the presence that was last known."""
    for name, answer in (await rig.lists_everywhere()).items():
        assert answer.status == 200, name
    assert (await rig.make("dora")).status == 201

    async def is_told_as_known() -> bool:
        told = await rig.get(f"{USERS}/anna/presence")
        assert (told.status, told.json["presence_status"]) == (200, ONLINE)
        assert ("stale" in told.json) == ("Presence-Stale" in told.headers)
        return ("stale" in told.json) != row.is_read

    await eventually(is_told_as_known, "it says whether it is stale")


async def keeps_sockets(rig: Rig) -> None:
    told = await rig.anna.io.call("presence:subscribe", {"usernames": ["anna"]}, timeout=TIMINGS.patience_s)
    assert [user["presence_status"] for user in told["users"]] == [ONLINE]
    assert rig.anna.io.connected


async def says_what_is_wrong(rig: Rig, row: Row) -> None:
    await rig.assert_alive()

    async def is_said() -> bool:
        checks = await rig.ready()
        assert (checks["database"], checks["migrations"]) == ("ok", "ok")
        return checks["redis"] == row.ready

    await eventually(is_said, f"/readyz says: {row.ready}")


async def is_well(rig: Rig) -> bool:
    told = await rig.get(f"{USERS}/anna/presence")
    return set((await rig.ready()).values()) == {"ok"} and "stale" not in told.json and await rig.is_let_in()


async def is_whole(rig: Rig, row: Row, carlas: list[str]) -> None:
    """What was refused is not half done: Carla's session and her socket are both there or both gone."""
    shown = (await rig.get(f"{USERS}/anna/presence")).json["presence_status"]
    assert shown == ONLINE or row.may_be_done
    assert rig.anna.io.connected

    async def agree() -> bool:
        return await rig.sessions("carla") == (carlas if rig.carla.io.connected else [])

    await eventually(agree, "Carla's session is where her socket is")
    assert rig.carla.io.connected or row.may_be_done


async def may_be_tried_again(rig: Rig) -> None:
    """Twice, to the same effect."""
    for _ in range(2):
        answer = await rig.claim(AWAY)
        assert (answer.status, answer.json["presence_status"]) == (200, AWAY)
        assert (await rig.sign_out()).status == 204
    await eventually(lambda: not rig.carla.io.connected, "Carla's socket is closed")

    async def is_gone() -> bool:
        return await rig.sessions("carla") == []

    await eventually(is_gone, "and so is her session, though it may just have been put back")


async def has_given_back(store: Store, clients: int, wires: int) -> bool:
    return await store.clients() <= clients and store.wire.connections <= wires


async def test_a_claim_whose_answer_was_cut_off_is_refused_and_may_be_tried_again(rig: Rig, store: Store) -> None:
    """Whether it was done is not known; whoever asks again gets the same."""
    store.wire.cut_after = b"lunch"
    refused_for_now(await rig.claim(AWAY, "lunch"))
    assert not store.wire.cut_after
    for _ in range(2):
        answer = await rig.claim(AWAY, "lunch")
        assert (answer.status, answer.json["presence_status"]) == (200, AWAY)
    assert len(await rig.sessions("anna")) == 1
    rig.assert_said_once()


async def test_a_redis_that_is_only_slow_is_waited_for(rig: Rig, store: Store) -> None:
    """No lease of this node ends, though a beat goes to every shard: they are asked at once."""
    ours = await rig.sessions("anna")
    store.wire.delay_s = SLOW_S
    began, failures = asyncio.get_running_loop().time(), rig.failures()
    while asyncio.get_running_loop().time() - began < 2 * DURATIONS.node_dead_s:
        assert (await rig.claim(AWAY)).status == 200
        assert (await rig.ready())["redis"] in ("ok", SLOWER_THAN_ASKED)
        assert await rig.sessions("anna") == ours
        assert min(await leases_left_ms(store)) > 0
    assert rig.failures() == failures
    assert not [line for line in rig.said if line["event"] == "presence_registered_again"]


async def leases_left_ms(store: Store) -> list[float]:
    """Of the one node, in every shard, by Redis' own clock."""
    seconds, microseconds = await store.admin.time()
    now = seconds * 1000 + microseconds / 1000
    shards = [keys.shard_key("chatsrv", shard) for shard in range(keys.SHARDS)]
    script = "return redis.call('ZRANGE', KEYS[1], 0, -1, 'WITHSCORES')[2]"
    leases = [await store.admin.eval(script, 1, keys.key(shard, "nodes")) for shard in shards]
    return [float(ends_at) - now for ends_at in leases]
