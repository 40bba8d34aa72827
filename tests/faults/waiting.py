"""Polling with a deadline, and sampling beside a scenario."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TypeVar

from tests.faults.timings import TIMINGS

T = TypeVar("T")
POLL_S = 0.03


async def eventually(
    check: Callable[[], bool] | Callable[[], Awaitable[bool]], what: str, within_s: float = TIMINGS.patience_s
) -> None:
    """Asks until it is so; a deadline ends a test that would wait for ever. `what` completes "it did not become so"."""
    try:
        async with asyncio.timeout(within_s):
            while not await _ask(check):
                await asyncio.sleep(POLL_S)
    except TimeoutError:
        raise AssertionError(f"in {within_s:g} s it did not become so that {what}") from None


async def _ask(check: Callable[[], bool] | Callable[[], Awaitable[bool]]) -> bool:
    answer = check()
    return await answer if inspect.isawaitable(answer) else bool(answer)


@asynccontextmanager
async def sampled(look: Callable[[], Awaitable[T]], every_s: float = POLL_S) -> AsyncIterator[list[T]]:
    """What `look` says, again and again as long as the block lasts; an error of it is raised at the end."""
    samples: list[T] = []
    is_over = asyncio.Event()

    async def run() -> None:
        while not is_over.is_set():
            samples.append(await look())
            await asyncio.sleep(every_s)

    task = asyncio.create_task(run())
    try:
        yield samples
    finally:
        is_over.set()
        await task
