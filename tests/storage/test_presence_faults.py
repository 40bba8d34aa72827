"""Random schedules of faults on the real scripts; and wrong scripts, which the checker must catch."""

from __future__ import annotations

import os

import pytest

from chatsrv.storage.redis import open_redis
from chatsrv.storage.scripts import read_scripts
from tests.storage.presence_checker import Violated, World

SCHEDULES = int(os.environ.get("CHATSRV_TEST_SCHEDULES", "120"))
STEPS = 80

MUTANTS = {
    "registering takes no lease": ("fold", "redis.call('ZADD', key_nodes(), 'NX', now + lease_ms, session.n)", ""),
    "no hold after a data loss": ("fold", "math.max(now + grace_ms, held_until)", "now + grace_ms"),
    "a sleeper sweeps before it registers": ("sweep", "then return {-1, -1} end", "then end"),
    "the version does not grow": ("fold", "'HINCRBY', key_versions(), app, 1", "'HINCRBY', key_versions(), app, 0"),
    "a change that nobody sees is told": (
        "fold",
        "if state.s ~= before then\n    remember",
        "if true then\n    remember",
    ),
    "a change is not told": ("close", "settle(app, user, {n = now, a = tonumber(ARGV[10])})", ""),
    "coming back leaves the old grace running": (
        "fold",
        "redis.call('HDEL', key_sessions(app, user), id)\n  redis.call('ZREM', key_node",
        "redis.call('ZREM', key_node",
    ),
    "a grace that ends forgets the session": ("sweep", "drop(app, user, id, session)", ""),
    "a dead node's sessions are dropped from the list alone": (
        "sweep",
        "let_end(app, user, id, session, session.g, heard_at)",
        "",
    ),
    "a dead node's users go at once": (
        "sweep",
        "if redis.call('ZCARD', key_node(node)) == 0 then redis.call('ZREM', key_nodes(), node) end",
        "redis.call('ZREM', key_nodes(), node)\n  redis.call('DEL', key_node(node))",
    ),
    "a purge leaves the sessions": ("purge", "drop(app, user, all[i], cjson.decode(all[i + 1]))", ""),
}


async def run_schedules(url: str, texts: dict[str, str], seeds: range) -> None:
    async with open_redis(url, 4, 5.0, True) as redis:
        for seed in seeds:
            world = World(redis, texts, seed)
            try:
                await world.run(STEPS)
            except Violated as violation:
                raise Violated(f"seed {seed}: {violation}") from violation
            finally:
                await world.clear()


@pytest.mark.parametrize("part", range(4))
async def test_no_schedule_of_faults_makes_a_ghost_or_loses_anybody(valkey_url: str, part: int) -> None:
    share = SCHEDULES // 4
    await run_schedules(valkey_url, read_scripts(), range(part * share, (part + 1) * share))


@pytest.mark.parametrize("name", MUTANTS)
async def test_the_checker_catches(valkey_url: str, name: str) -> None:
    where, good, wrong = MUTANTS[name]
    texts = read_scripts()
    mutated = {
        script: wrong.join(text.rsplit(good, 1)) if where in (script, "fold") else text
        for script, text in texts.items()
    }
    assert mutated != texts
    with pytest.raises(Violated):
        await run_schedules(valkey_url, mutated, range(500))
