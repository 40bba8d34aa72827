"""Random schedules on two nodes that remember, held against a third that never does: every dialect, every viewer.

CHATSRV_TEST_STALE is how many schedules there are, longer ones and on both databases.
"""

from __future__ import annotations

import math
import os
import random
import re
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress

import pytest

from chatsrv.domain.clock import Clock
from chatsrv.domain.errors import ChatError
from chatsrv.domain.presence import SERVER, Claim, PresenceStatus, Source, Viewer
from chatsrv.services import Services
from tests.api.test_memo import ACTS as MILD_ACTS
from tests.api.test_memo import NAMES, Node, constant, node
from tests.conftest import MakeSettings
from tests.services.memory.test_stale_loads import lose_data

SCHEDULES = int(os.environ.get("CHATSRV_TEST_STALE", "0"))
SEEDS = range(max(1, SCHEDULES))
STEPS = 40 if SCHEDULES else 12
DATABASES = ["sqlite_template", "postgres_url"] if SCHEDULES else ["sqlite_template"]
pytestmark = pytest.mark.parametrize("database_source", DATABASES, indirect=True)
ASKED = 5
RATE = re.compile(rb"^X-RateLimit-[^\r]*\r\n", re.MULTILINE | re.IGNORECASE)
IDS = (1, 2, 3)

BY_BEARER = (
    *(f"/v1/demo/users/{name}" for name in NAMES[:2]),
    "/v1/demo/users/ANNA/presence",
    "/v1/demo/users?limit=2&cursor=",
    "/v1/demo/users?presence=true&sort=-updated_at",
    "/v1/demo/users?presence=true&limit=2&offset=1&sort=first_name",
    "/v1/demo/users?presence=true&filter=presence_status:in:1,2,3,4",
    "/v1/demo/users?presence=true&filter=status:eq:1",
    "/v1/demo/users?presence=true&sort=-last_login_at,username",
    "/v1/demo/presence/counts",
    "/v1/demo/presence",
    *(f"/api/v1/users/{id_}" for id_ in IDS[:1]),
    "/api/v1/users?page[size]=2&include=teams",
    "/api/v1/users?sort=-created_at",
    *(f"/api/application/users/{id_}" for id_ in IDS[:2]),
    "/api/application/users?sort=-id",
)
BY_ACCESS = ("/rapi/v1/users", "/rapi/v1/users?sort=-id", *(f"/rapi/v1/users/{id_}" for id_ in IDS[:2]))
RATES = ("key_rate_per_minute", "token_rate_per_minute", "panel_rate_per_minute", "pulse_rate_per_minute")
LIMITS = dict.fromkeys(RATES, 100_000)
Act = Callable[["Cluster", Services, random.Random], Awaitable[object]]


class Cluster:
    """`plain` never trusts what it remembers."""

    def __init__(self, remembering: Sequence[Node], plain: Node) -> None:
        self.remembering = remembering
        self.plain = plain
        self.nodes = [*remembering, plain]
        self.tokens: list[str] = []

    async def beat(self) -> None:
        """Leases that are over are noticed by their own nodes first."""
        for each in self.nodes:
            await each.services.upkeep.beat()

    async def settle(self) -> None:
        for each in self.nodes:
            await each.services.announcements.flush()
        for each in self.remembering:
            await each.settle()

    async def check(self, path: str, *headers: str) -> None:
        """That both kinds say the same, unless it changes meanwhile."""
        for _ in range(10):
            expected = bare(await self.plain.get(path, *headers))
            found = [bare(await each.get(path, *headers)) for each in self.remembering for _ in range(2)]
            if found == [expected] * len(found):
                return
            if bare(await self.plain.get(path, *headers)) == expected:
                assert found == [expected] * len(found), path
            await self.settle()
        raise AssertionError(f"{path} never came to rest")


def bare(answer: bytes) -> bytes:
    return RATE.sub(b"", constant(answer))


async def _lose_data(cluster: Cluster, services: Services, _: random.Random) -> None:
    await lose_data(services)
    await cluster.beat()


async def _lose_the_log(cluster: Cluster, _services: Services, dice: random.Random) -> None:
    dice.choice(cluster.remembering).services.following.lapse()


async def _end_recovery(cluster: Cluster, services: Services, _: random.Random) -> None:
    services.clock.advance(services.settings.node_dead_s + 1)
    await cluster.beat()


async def _hide(_: Cluster, services: Services, dice: random.Random) -> None:
    user = await services.users.find("demo", dice.choice(NAMES))
    expires_at = services.clock.now() + 15_000 if dice.random() < 0.5 else 0
    claim = Claim(str(dice.random()), Source.MANUAL, PresenceStatus.INVISIBLE, expires_at=expires_at)
    await services.claims.put(user, claim, dice.choice((None, 40)), "", Viewer(None))


async def _clear(_: Cluster, services: Services, dice: random.Random) -> None:
    await services.claims.clear(await services.users.find("demo", dice.choice(NAMES)), SERVER)


async def _touch(_: Cluster, services: Services, dice: random.Random) -> None:
    ids = services.upkeep._local.ids()
    if ids:
        await services.presence.touch(dice.choice(ids), dice.random() < 0.5, dice.choice((None, True, False)))


async def _restore(_: Cluster, services: Services, dice: random.Random) -> None:
    await services.accounts.restore("demo", dice.choice(IDS), SERVER)


async def _revoke(_: Cluster, services: Services, dice: random.Random) -> None:
    await services.accounts.revoke_tokens("demo", dice.choice(NAMES))


async def _mint(cluster: Cluster, services: Services, dice: random.Random) -> None:
    app = await services.apps.get("demo")
    token, _ = await services.callers.mint_token(app, dice.choice(NAMES), 3600)
    cluster.tokens.append(token)


async def _change_the_app(_: Cluster, services: Services, dice: random.Random) -> None:
    await services.apps.change_setting("demo", "name", str(dice.random()))


async def _pass_time(cluster: Cluster, services: Services, dice: random.Random) -> None:
    services.clock.advance(dice.choice((1, 9, 20)))
    await cluster.beat()
    await services.upkeep.sweep()


def alone(act: Callable[[Services, random.Random], Awaitable[object]]) -> Act:
    return lambda _, services, dice: act(services, dice)


ACTS: tuple[Act, ...] = (
    *(alone(act) for act in MILD_ACTS if act.__name__ != "_pass_time"),
    _pass_time, _pass_time, _lose_data, _lose_the_log, _end_recovery, _hide, _clear, _touch, _restore, _revoke, _mint,
    _change_the_app,
)  # fmt: skip


async def compare_mirrors(cluster: Cluster) -> None:
    for each in cluster.remembering:
        services = each.services
        if not services.freshness.is_level("demo") or not services.mirror.knows("demo"):
            continue
        changes = services.freshness.changes
        truth = await services.following._store.snapshot_all("demo")
        if services.freshness.changes == changes and services.freshness.shard("demo").seen == truth.position:
            assert services.mirror._apps["demo"].warm == truth.warm
            assert services.mirror._apps["demo"].version == truth.version


@pytest.mark.parametrize("seed", SEEDS)
async def test_whatever_happens_to_whichever_node_all_tell_the_same_as_one_that_remembers_nothing(
    make_settings: MakeSettings, clock: Clock, seed: int
) -> None:
    dice = random.Random(seed)
    async with (
        node(make_settings, clock, **LIMITS) as one,
        node(make_settings, clock, **LIMITS) as two,
        node(make_settings, clock, answer_cache_bytes=0, row_cache_bytes=0, **LIMITS) as plain,
    ):
        plain.services.freshness._now = lambda: math.inf
        cluster = Cluster((one, two), plain)
        _, key = await one.services.apps.create("demo", None)
        for step in range(STEPS):
            act = dice.choice(ACTS)
            if step < len(NAMES):
                act = MAKE
            with suppress(ChatError):
                await act(cluster, dice.choice(cluster.nodes).services, dice)
            await cluster.settle()
            await compare_mirrors(cluster)
            for each in cluster.nodes:
                each.key = key
            for path in dice.sample(BY_BEARER, ASKED):
                await cluster.check(path)
            await cluster.check(dice.choice(BY_ACCESS), f"X-Access-Token: {key}")
            if cluster.tokens:
                token = dice.choice(cluster.tokens)
                for each in cluster.nodes:
                    each.key = token
                for path in dice.sample(BY_BEARER[:11], 2):
                    await cluster.check(path)


@pytest.mark.parametrize("seed", SEEDS)
async def test_who_wrote_reads_it_at_once(make_settings: MakeSettings, clock: Clock, seed: int) -> None:
    """Whatever was remembered before, and without waiting for the log."""
    dice = random.Random(seed)
    async with (
        node(make_settings, clock, **LIMITS) as one,
        node(make_settings, clock, answer_cache_bytes=0, row_cache_bytes=0, **LIMITS) as plain,
    ):
        plain.services.freshness._now = lambda: math.inf
        cluster = Cluster((one,), plain)
        _, key = await one.services.apps.create("demo", None)
        for each in cluster.nodes:
            each.key = key
        for step in range(STEPS * 2):
            paths = dice.sample(BY_BEARER, ASKED)
            await cluster.settle()
            for path in paths * 2:
                await one.get(path)
            with suppress(ChatError):
                await (MAKE if step < len(NAMES) else dice.choice(ACTS))(cluster, one.services, dice)
            for path in paths:
                await cluster.check(path)


async def _make(_: Cluster, services: Services, dice: random.Random) -> None:
    name = dice.choice(NAMES)
    await services.users.create("demo", {"username": name, "email": f"{name}@chat.example"}, SERVER)


MAKE: Act = _make
