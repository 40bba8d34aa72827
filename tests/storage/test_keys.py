"""The names of Redis keys: the same in Python and in Lua, and all keys of a shard in one slot."""

from __future__ import annotations

import string
from collections.abc import AsyncIterator

import pytest
from redis.asyncio import Redis
from redis.crc import key_slot

from chatsrv.storage.keys import SHARDS, TEMPLATES, key, lua_names, shard_key, shard_of
from chatsrv.storage.redis import open_redis


@pytest.fixture
async def redis(valkey_url: str) -> AsyncIterator[Redis]:
    async with open_redis(valkey_url, 2, 3, True) as client:
        yield client


def parts_of(name: str) -> tuple[str, ...]:
    """As many odd but possible parts as the key has."""
    return ("a-b_c", "9007199254740993")[: TEMPLATES[name].count("%s")]


@pytest.mark.parametrize("name", TEMPLATES)
async def test_python_and_lua_make_the_same_key(name: str, redis: Redis) -> None:
    prefix = shard_key("chatsrv", 7)
    parts = parts_of(name)
    script = f"{lua_names()}\nreturn key_{name}(unpack(ARGV))"
    made = await redis.eval(script, 1, prefix, *parts)
    assert made.decode() == key(prefix, name, *parts)


async def test_a_user_id_becomes_the_same_key_as_a_number(redis: Redis) -> None:
    prefix = shard_key("chatsrv", 0)
    assert key(prefix, "sessions", "demo", 7) == key(prefix, "sessions", "demo", "7") == "chatsrv:{0}:sessions:demo:7"


def test_no_two_names_make_the_same_key() -> None:
    keys = [key(shard_key("chatsrv", 1), name, *parts_of(name)) for name in TEMPLATES]
    assert len(set(keys)) == len(keys)


def test_all_keys_of_a_shard_lie_in_one_slot_and_those_of_different_shards_do_not() -> None:
    slots: list[int] = []
    for shard in range(SHARDS):
        prefix = shard_key("chatsrv", shard)
        own = {key_slot(key(prefix, name, *parts_of(name)).encode()) for name in TEMPLATES}
        assert own == {key_slot(prefix.encode())}
        slots += own
    assert len(set(slots)) == SHARDS


def test_the_prefix_separates_two_servers_on_one_redis() -> None:
    assert shard_key("one", 3) == "one:{3}"
    assert shard_key("one", 3) != shard_key("two", 3)


def test_an_app_stays_in_its_shard_for_good() -> None:
    assert {app_id: shard_of(app_id) for app_id in ("demo", "a", "a-b_c")} == {"demo": 0, "a": 3, "a-b_c": 4}


def test_apps_spread_over_all_shards() -> None:
    apps = [one + other for one in string.ascii_lowercase for other in string.ascii_lowercase]
    assert {shard_of(app_id) for app_id in apps} == set(range(SHARDS))
