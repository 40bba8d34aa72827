"""Random lives of a directory, written in whichever dialect, held against a model: every dialect, viewer and follower.

CHATSRV_TEST_LIVES is how many lives there are, longer ones; CHATSRV_TEST_SEED which.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator

import pytest
from aiohttp import ClientSession
from hypothesis import HealthCheck, Phase, settings
from hypothesis import seed as seeded
from hypothesis.stateful import run_state_machine_as_test

from chatsrv.domain.clock import Clock
from chatsrv.services import open_services
from tests.api.native.people import end_the_hold
from tests.conftest import MakeSettings
from tests.fuzz.directory_life import GRACE_S, Life, Lives
from tests.listening import served_node

LIVES = int(os.environ.get("CHATSRV_TEST_LIVES", "0"))
SEED = int(os.environ.get("CHATSRV_TEST_SEED", "1"))
HANDOFF_S = 60
RATES = ("key_rate_per_minute", "key_rate_burst", "token_rate_per_minute", "token_rate_burst", "panel_rate_per_minute")
LIMITS = {
    **dict.fromkeys((*RATES, "pulse_rate_per_minute", "address_rate_per_minute", "address_rate_burst"), 1_000_000),
    "grace_s": GRACE_S,
    "handoff_grace_s": HANDOFF_S,
    "mobile_grace_s": HANDOFF_S,
    "idle_after_s": 0,
    "fanout_window_ms": 5,
    "claims_max": 200,
}
BOUNDED = settings(
    max_examples=LIVES or 9,
    stateful_step_count=60 if LIVES else 24,
    deadline=None,
    database=None,
    print_blob=False,
    phases=[Phase.generate, Phase.shrink] if LIVES else [Phase.generate],
    suppress_health_check=list(HealthCheck),
)


@pytest.fixture
async def lives(make_settings: MakeSettings, clock: Clock) -> AsyncIterator[Lives]:
    async with (
        open_services(make_settings(**LIMITS), clock) as services,
        served_node(services) as url,
        ClientSession() as http,
    ):
        await end_the_hold(services, clock)
        yield Lives(services, clock, http, url)


@pytest.mark.parametrize(
    "database_source", ["sqlite_template", "postgres_url"] if LIVES else ["sqlite_template"], indirect=True
)
@pytest.mark.timeout(3600)
async def test_whoever_writes_in_whichever_dialect_all_see_one_directory(lives: Lives) -> None:
    here = seeded(SEED)(type("LifeHere", (Life,), {"lives": lives}))
    await asyncio.to_thread(run_state_machine_as_test, here, settings=BOUNDED)
