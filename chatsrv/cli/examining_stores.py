"""What the doctor asks of the stores."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator, Mapping, Sequence

from chatsrv import __version__
from chatsrv.cli.examining_machine import check_elsewhere
from chatsrv.cli.findings import Finding, fail, note, ok
from chatsrv.domain.errors import SetupError, Unavailable
from chatsrv.domain.nodes import Node
from chatsrv.services import Services, open_services
from chatsrv.services.migrations import find_missing
from chatsrv.services.stores import ValkeySilent
from chatsrv.services.troubles import driver_words, mend_for
from chatsrv.settings import Settings

SKEW_MAX_MS = 2000
TIMEOUT_S = 5.0
FAILING_TOLD = 5
OLDEST = (6, 2)
"""Of Redis: older ones lack commands that we send."""

NEARLY_FULL = 0.9
LATE_S = 600
"""So late only those come whose receivers have failed several times, or which nobody sends."""


async def check_stores(settings: Settings) -> list[Finding]:
    try:
        async with open_services(settings, as_guest=True) as services:
            found = await asyncio.gather(_check_database(services), _check_redis(services))
            return [finding for part in found for finding in part]
    except ValkeySilent as error:
        return [*await _check_database_alone(settings), _explained("redis", error), _unknown_clock()]
    except SetupError as error:
        return [_explained("stores", error)]


async def _check_database_alone(settings: Settings) -> list[Finding]:
    async with open_services(settings, as_guest=True, with_presence=False) as services:
        return await _check_database(services)


def _explained(check: str, error: SetupError) -> Finding:
    found, _, mend = str(error).partition(": ")
    return fail(check, found, mend)


async def _check_database(services: Services) -> list[Finding]:
    try:
        async with asyncio.timeout(TIMEOUT_S):
            await services.db.ping()
            missing = await find_missing(services.db)
            queues = [] if missing else await services.health.webhook_queues()
            failing = [] if missing else await services.health.failing_webhooks(FAILING_TOLD)
    except Unavailable as error:
        return [_out_of_reach("database", error)]
    except TimeoutError:
        return [_silent("database", "DATABASE_URL")]
    database = ok("database", "answers" if services.settings.database_url else "embedded")
    if missing and services.db.is_sqlite:
        return [database, ok("migrations", "to be run by the first start")]
    if missing:
        return [database, fail("migrations", f"the database lacks {', '.join(missing)}", "run: chatsrv migrate")]
    waiting = [(queue.length, queue.oldest_at) for queue in queues]
    troubles = [(one.webhook_id, one.app_id, one.error) for one in failing]
    return [database, ok("migrations", "up to date"), check_webhooks(waiting, troubles, services.clock.now())]


def check_webhooks(waiting: Sequence[tuple[int, int]], failing: Sequence[tuple[int, str, str]], now: int) -> Finding:
    """`waiting`: of each webhook, how many deliveries are open, and since when (ms). `failing`: its number, its app,
    and what its receiver said last."""
    found = "; ".join([_count_waiting(waiting, now), *(_tell_failing(*one) for one in failing)])
    if failing:
        _, app_id, _ = failing[0]
        return note("webhooks", found, f"see whether its receiver answers: chatsrv webhook list {app_id}")
    if waiting and _late_s(waiting, now) >= LATE_S:
        return note("webhooks", found, "see whether their receivers answer: chatsrv webhook list APP")
    return ok("webhooks", found)


def _count_waiting(waiting: Sequence[tuple[int, int]], now: int) -> str:
    if not waiting:
        return "nothing waits to be delivered"
    count = sum(length for length, _ in waiting)
    what = "1 delivery waits" if count == 1 else f"{count:,} deliveries wait"
    whose = "" if len(waiting) == 1 else f" for {len(waiting)} webhooks"
    return f"{what}{whose}, {'' if count == 1 else 'the oldest '}for {_late_s(waiting, now) // 60} min"


def _tell_failing(webhook_id: int, app_id: str, error: str) -> str:
    why = f": {error.rstrip('.')}" if error else ""
    return f"webhook {webhook_id} of {app_id} is failing{why}"


def _late_s(waiting: Sequence[tuple[int, int]], now: int) -> int:
    return (now - min(since for _, since in waiting)) // 1000


async def _check_redis(services: Services) -> list[Finding]:
    try:
        async with asyncio.timeout(TIMEOUT_S):
            await services.health.reach_redis()
            skew_ms = await services.health.clock_skew_ms(services.clock.now)
            info = await services.health.redis_info()
            nodes = await services.nodes.list_all("")  # each has a lease for every app
            urls = await services.nodes.urls()
    except Unavailable as error:
        return [_out_of_reach("redis", error), _unknown_clock()]
    except TimeoutError:
        return [_silent("redis", "REDIS_URL"), _unknown_clock()]
    where = "answers" if services.settings.redis_url else "embedded"
    return [
        ok("redis", f"{where}{_version(info)}"),
        *check_info(info),
        _check_clock(skew_ms),
        check_nodes(nodes),
        *await check_elsewhere(services.settings, urls),
    ]


def _version(info: Mapping[str, str]) -> str:
    if "valkey_version" in info:
        return f", Valkey {info['valkey_version']}"
    return f", Redis {info['redis_version']}" if "redis_version" in info else ""


def check_info(info: Mapping[str, str]) -> Iterator[Finding]:
    """What a Redis says of itself, where that is not as it should be."""
    if "redis_version" in info and tuple(map(int, info["redis_version"].split(".")[:2])) < OLDEST:
        yield fail("redis", f"Redis {info['redis_version']} is too old", "use Redis 6.2 or newer, or Valkey")
    most, used = int(info.get("maxmemory", 0)), int(info.get("used_memory", 0))
    policy = info.get("maxmemory_policy", "noeviction")
    if most and policy != "noeviction":
        found = f"it throws away what it likes when {most >> 20} MiB are full (maxmemory-policy {policy})"
        yield fail("redis memory", found, "set maxmemory-policy noeviction")
    if most and used > most * NEARLY_FULL:
        yield note("redis memory", f"{used >> 20} of {most >> 20} MiB are used", "give it more memory")
    if "err" in (info.get("rdb_last_bgsave_status"), info.get("aof_last_write_status")):
        yield fail("redis disk", "it cannot save its data", "make room on its disk, and look into its log")


def _check_clock(skew_ms: int) -> Finding:
    found = f"{skew_ms} ms from Redis' clock"
    return ok("clock", found) if abs(skew_ms) <= SKEW_MAX_MS else fail("clock", found, "set both clocks by NTP")


def check_nodes(nodes: Iterable[Node]) -> Finding:
    """The servers that live, by what they say of themselves."""
    alive = [node for node in nodes if node.is_alive]
    if not alive:
        return ok("servers", "none runs")
    told = ", ".join(f"{node.host or 'somewhere'} process {node.pid or '?'}" for node in alive)
    versions = sorted({node.version or "unknown" for node in alive})
    if versions == [__version__]:
        return ok("servers", f"{told}; version {__version__}")
    found = f"{told}; version {' and '.join(versions)}, and this command is {__version__}"
    return note("servers", found, "finish the upgrade: replace those that are behind")


def _unknown_clock() -> Finding:
    return fail("clock", "not known without Redis", "mend redis first")


def _silent(check: str, url: str) -> Finding:
    return fail(check, f"no answer within {TIMEOUT_S:g} s", f"check {url} and that the server runs")


def _out_of_reach(check: str, error: Unavailable) -> Finding:
    """With what the driver says: a wrong password and a wrong host look alike otherwise."""
    words = driver_words(error)
    return fail(check, f"{error} ({words})" if words else str(error), mend_for(error))
