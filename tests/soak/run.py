"""One soak from its beginning to its report: warm-up, rest, load, rest."""

from __future__ import annotations

import asyncio
import random
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from tests.soak.checks import Rest, find_growth, find_leaks
from tests.soak.followers import Inspector, RestFollower, SocketFollower
from tests.soak.report import MB, Report, Sample
from tests.soak.requests import Requests
from tests.soak.site import GRACE_S, PING_INTERVAL_S, PING_TIMEOUT_S, Site, running_site
from tests.soak.visitors import Visitor
from tests.soak.world import World

PROGRESS_EVERY_S = 30.0
REST_WITHIN_S = PING_INTERVAL_S + PING_TIMEOUT_S + GRACE_S + 40
END_WITHIN_S = 120.0
MEMORY_FROM_S = 300.0
"""Of load after the warm-up."""


@dataclass(frozen=True, slots=True)
class Plan:
    """`minutes` of load in all, of which the first part warms up."""

    minutes: float
    workers: int = 1
    on_postgres: bool = False
    load: float = 1.0
    seed: int = 1

    @property
    def warm_up_s(self) -> float:
        """A fifth, at least three minutes where they are less than a third."""
        whole = self.minutes * 60
        return max(whole / 5, min(180.0, 0.3 * whole))

    @property
    def load_s(self) -> float:
        return self.minutes * 60 - self.warm_up_s

    @property
    def judges_memory(self) -> bool:
        """Before that the caches of the database's connections are still filling."""
        return self.load_s >= MEMORY_FROM_S

    @property
    def server(self) -> str:
        stores = "PostgreSQL and the embedded Valkey" if self.on_postgres else "the embedded SQLite and Valkey"
        return f"{self.workers} worker{'s' * (self.workers > 1)} on {stores}"


async def soak(plan: Plan) -> Report:
    async with running_site(plan.workers, plan.on_postgres) as site:
        world = World(site, random.Random(plan.seed), plan.load)
        report = Report(plan.minutes, plan.warm_up_s, plan.load_s, plan.judges_memory, plan.server, world.latencies)
        requests = Requests(world)
        followers = _followers(world)
        await requests.prepare(followers.names)
        await requests.fill()
        async with loaded(world, requests, followers):
            await _stay(world, plan.warm_up_s, plan.minutes * 60, [])
        report.rests.append(await _rest(site))
        world.counts.clear()
        world.latencies.begin(time.monotonic(), plan.load_s)
        async with loaded(world, requests, followers):
            await _stay(world, plan.load_s, plan.load_s, report.samples)
        report.rests.append(await _rest(site))
        if plan.judges_memory:
            world.findings.note_all("memory", find_growth([sample.rss_bytes for sample in report.samples]))
        world.findings.note_all("left behind", find_leaks(*report.rests))
        status = await site.node.stop()
        if status:
            world.findings.note("the server's end", f"exit status {status}")
        errors, report.warnings = site.log_lines()
        world.findings.note_all("an error in the log", errors)
    report.counts, report.findings = world.counts, world.findings.lines()
    return report


@dataclass(frozen=True, slots=True)
class Followers:
    sockets: list[SocketFollower]
    poller: RestFollower
    inspector: Inspector

    @property
    def names(self) -> list[str]:
        return [*(one.name for one in self.sockets), self.poller.name, "inspector"]


def _followers(world: World) -> Followers:
    sockets = [SocketFollower(world, "steady", drops=False), SocketFollower(world, "dropping", drops=True)]
    poller = RestFollower(world, "poller")
    return Followers(sockets, poller, Inspector(world, sockets, poller, "inspector"))


@asynccontextmanager
async def loaded(world: World, requests: Requests, followers: Followers) -> AsyncIterator[None]:
    """Everybody is at it during the block, and gone after it."""
    world.is_over = False
    world.let_act()
    lives = [Visitor(world, name).live() for name in world.visitors]
    lives += [one.live() for one in followers.sockets]
    lives += [followers.poller.live(), followers.inspector.live(), requests.live()]
    tasks = [asyncio.create_task(life) for life in lives]
    watch = asyncio.create_task(_tell_failures(world, tasks))
    try:
        yield
        world.is_over = True
        async with asyncio.timeout(END_WITHIN_S):
            await watch
    finally:
        for task in (*tasks, watch):
            task.cancel()
        await asyncio.gather(*tasks, watch, return_exceptions=True)


async def _tell_failures(world: World, tasks: list[asyncio.Task[None]]) -> None:
    """Whoever fails is told of at once; the others go on."""
    for task in asyncio.as_completed(tasks):
        try:
            await task
        except Exception as error:
            world.findings.note("a client of the soak failed", repr(error))
            _say(f"a client of the soak failed: {error!r}")


async def _stay(world: World, lasts_s: float, whole_s: float, samples: list[Sample]) -> None:
    """Samples once a second; tells from time to time how it goes."""
    began = told = time.monotonic()
    cpu_s, at = world.site.cpu_s(), began
    while (elapsed := time.monotonic() - began) < lasts_s:
        await asyncio.sleep(min(1.0, lasts_s - elapsed))
        now_cpu_s, now = world.site.cpu_s(), time.monotonic()
        samples.append(Sample(world.site.rss_bytes(), max(now_cpu_s - cpu_s, 0) / (now - at)))
        cpu_s, at = now_cpu_s, now
        if now - told >= PROGRESS_EVERY_S:
            told = now
            _tell(world, samples[-int(PROGRESS_EVERY_S) :], now - began, whole_s)


def _tell(world: World, recent: list[Sample], elapsed_s: float, whole_s: float) -> None:
    cpu = sum(sample.cpu for sample in recent) / len(recent)
    counts = world.counts
    _say(
        f"{_clock(elapsed_s)}  {_clock(whole_s - elapsed_s)} left  {recent[-1].rss_bytes / MB:.1f} MB  cpu {cpu:.0%}  "
        f"connects {counts['connect']}  sets {counts['presence:set']}  resumed {counts['resumed']}  "
        f"inspections {counts['inspections']}  findings {len(world.findings)}"
    )
    for news in world.findings.take_news():
        _say(f"FOUND  {news}")


async def _rest(site: Site) -> Rest:
    """When everybody has gone: what is there once the graces are over, and the least of some looks."""
    until = time.monotonic() + REST_WITHIN_S
    found = await site.look()
    while (found.sockets or found.entries.total()) and time.monotonic() < until:
        await asyncio.sleep(1)
        found = await site.look()
    for _ in range(5):
        await asyncio.sleep(1)
        again = await site.look()
        if (again.tasks, again.descriptors) <= (found.tasks, found.descriptors):
            found = again
    _say(f"at rest: {found.rss_bytes / MB:.1f} MB, {found.descriptors} descriptors, {found.tasks} tasks")
    return found


def _clock(seconds: float) -> str:
    return f"{int(seconds) // 60}:{int(seconds) % 60:02}"


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()
