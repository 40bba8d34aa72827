"""Random schedules of faults on the real scripts; and wrong scripts, which the checker must catch."""

from __future__ import annotations

import os
from collections.abc import Mapping

import pytest

from chatsrv.storage.lane import open_lane
from chatsrv.storage.redis import open_redis
from chatsrv.storage.scripts import read_scripts
from tests.storage.presence_checker import Violated, World
from tests.storage.presence_mutants import CAUGHT_BY, MUTANTS, mutate

SCHEDULES = int(os.environ.get("CHATSRV_TEST_SCHEDULES", "60"))
STEPS = 80
MUTANT_SEEDS = 150


async def run_schedules(url: str, texts: Mapping[str, str], seeds: range) -> None:
    async with open_redis(url, 4, 5.0, True) as redis, open_lane(redis) as lane:
        for seed in seeds:
            world = World(redis, lane, texts, seed)
            try:
                await world.run(STEPS)
            except Violated as violation:
                raise Violated(f"seed {seed}: {violation}") from violation
            finally:
                await world.clear_keys()


@pytest.mark.parametrize("part", range(4))
async def test_no_schedule_of_faults_makes_a_ghost_or_loses_or_betrays_anybody(valkey_url: str, part: int) -> None:
    share = SCHEDULES // 4
    await run_schedules(valkey_url, read_scripts(), range(part * share, (part + 1) * share))


@pytest.mark.parametrize("name", MUTANTS)
async def test_the_checker_catches(valkey_url: str, name: str) -> None:
    begin = CAUGHT_BY.get(name, 0)
    with pytest.raises(Violated):
        await run_schedules(valkey_url, mutate(read_scripts(), name), range(begin, begin + MUTANT_SEEDS))
