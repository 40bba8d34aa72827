"""The background loops: what keeps presence true and carries its clocks into SQL."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Collection
from contextlib import asynccontextmanager
from dataclasses import dataclass

import structlog

from chatsrv.domain.errors import Unavailable
from chatsrv.services import Services

log = structlog.get_logger(__name__)

CANCEL_AGAIN_S = 0.1
ANNOUNCE_AGAIN_S = 0.5
LOAD_AGAIN_S = 0.5

FORGET_EVERY_S = 3600.0


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
        Loop("forget_sign_ins", FORGET_EVERY_S, services.sign_ins.forget_old),
        Loop("tidy", settings.tidy_every_s, services.tidying.tidy),
    ]


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
    try:
        await services.clocks.flush()
        await services.sign_ins.flush()
    except Unavailable as error:
        log.warning("clocks_are_behind", reason=str(error))


async def _repeat(loop: Loop, services: Services) -> None:
    while True:
        try:
            await loop.run()
        except Unavailable as error:
            services.metrics.loop_failures.labels(loop.name).inc()
            log.warning("loop_postponed", loop=loop.name, reason=str(error))
        except Exception:
            # one bad round must not end the loop for good
            services.metrics.loop_failures.labels(loop.name).inc()
            log.exception("loop_failed", loop=loop.name)
        await asyncio.sleep(loop.period_s * random.uniform(0.8, 1.0))  # noqa: S311 - jitter, no secret
