"""The background loops: what keeps presence true and carries its clocks into SQL."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Collection
from contextlib import asynccontextmanager
from dataclasses import dataclass

import structlog

from chatsrv.domain.errors import Unavailable
from chatsrv.domain.repeats import Repeats
from chatsrv.outbound import Sender
from chatsrv.services import Services

log = structlog.get_logger(__name__)

CANCEL_AGAIN_S = 0.1
FINISH_S = 2.0
ANNOUNCE_AGAIN_S = 0.5
LOAD_AGAIN_S = 0.5
SIGNING_EVERY_S = 1.0
"""How soon a socket follows the secret of its token."""

FORGET_EVERY_S = 3600.0
TELL_EVERY_S = 5.0
TEND_EVERY_S = 10.0
GATHER_S = 0.02
"""What is written in so short a time is looked for at once."""


@dataclass(frozen=True, slots=True)
class Loop:
    """`run` every `period_s` or up to a fifth sooner, so that nodes started together do not stay in step."""

    name: str
    period_s: float
    run: Callable[[], Awaitable[None]]


def node_loops(services: Services) -> list[Loop]:
    """What every node with sockets does for itself."""
    settings, upkeep = services.settings, services.upkeep
    return [
        Loop("beat", settings.node_heartbeat_s, upkeep.beat),
        Loop("reconcile", settings.reconcile_every_s, upkeep.reconcile),
        Loop("signing", SIGNING_EVERY_S, services.signing.check),
        Loop("idle", settings.sweep_every_s, services.presence.catch_up),
        Loop("sign_ins", settings.flush_every_s, services.sign_ins.flush),
        Loop("mirror", LOAD_AGAIN_S, lambda: services.following.load_forever(settings.node_heartbeat_s)),
        Loop("announce", ANNOUNCE_AGAIN_S, services.announcements.run),
    ]


def shared_loops(services: Services) -> list[Loop]:
    """What any process may do for all; several at once do no harm."""
    settings = services.settings
    return [
        Loop("sweep", settings.sweep_every_s, services.upkeep.sweep),
        Loop("flush", settings.flush_every_s, services.clocks.flush),
        Loop("chronicle", settings.history_every_s, services.chronicle.run),
        Loop("forget_sign_ins", FORGET_EVERY_S, services.sign_ins.forget_old),
        Loop("tidy", settings.tidy_every_s, services.tidying.tidy),
        Loop("telling", TELL_EVERY_S, services.telling.keep_all),
        Loop("tend_webhooks", TEND_EVERY_S, services.deliveries.tend),
    ]


@asynccontextmanager
async def sending(services: Services) -> AsyncIterator[None]:
    """Webhooks are sent to as long as the block lasts."""
    sender = Sender(services)
    try:
        async with running([Loop("webhooks", GATHER_S, sender.round)], services):
            yield
    finally:
        await sender.close()


@asynccontextmanager
async def running(loops: list[Loop], services: Services) -> AsyncIterator[None]:
    """Runs the loops as long as the block lasts."""
    tasks = [asyncio.create_task(_repeat(loop, services), name=loop.name) for loop in loops]
    try:
        yield
    finally:
        await stop(tasks)


async def stop(tasks: Collection[asyncio.Task[None]]) -> None:
    """Returns when all have ended, however they did.

    The Redis client calls asyncio.wait_for, which on Python 3.11 can swallow a cancel: so it is said again.
    """
    pending = set(tasks)
    while pending:
        for task in pending:
            task.cancel()
        _, pending = await asyncio.wait(pending, timeout=CANCEL_AGAIN_S)
    await asyncio.gather(*tasks, return_exceptions=True)


async def finish(services: Services) -> None:
    """What is left to do when a process ends in order; a store that is out of reach keeps nobody here."""
    for flush, behind in ((services.sign_ins.flush, "sign_ins_lost"), (services.clocks.flush, "clocks_are_behind")):
        try:
            async with asyncio.timeout(FINISH_S):
                await flush()
        except (Unavailable, TimeoutError) as error:
            log.warning(behind, reason=str(error) or "no answer in time")


async def _repeat(loop: Loop, services: Services) -> None:
    failures = Repeats()
    while True:
        try:
            await loop.run()
            if failures.over(Unavailable.__name__):
                log.info("loop_resumed", loop=loop.name)
        except Unavailable as error:
            services.metrics.loop_failures.labels(loop.name).inc()
            rounds = failures.count(Unavailable.__name__, time.monotonic())
            # the metric counts every round, and the log says once a minute that it goes on
            (log.warning if rounds else log.debug)("loop_postponed", loop=loop.name, reason=str(error), rounds=rounds)
        except Exception as error:
            # one bad round must not end the loop for good
            services.metrics.loop_failures.labels(loop.name).inc()
            rounds = failures.count(type(error).__name__, time.monotonic())
            if rounds:
                log.exception("loop_failed", loop=loop.name, rounds=rounds)
        await asyncio.sleep(loop.period_s * random.uniform(0.8, 1.0))  # noqa: S311 - jitter, no secret
