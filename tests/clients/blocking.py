"""Clients that block: their tests run in a thread beside the server's loop."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Callable, Coroutine
from typing import Any, ParamSpec

Fixtures = ParamSpec("Fixtures")


def in_a_thread(test: Callable[Fixtures, None]) -> Callable[Fixtures, Coroutine[Any, Any, None]]:
    @functools.wraps(test)
    async def run(*args: Fixtures.args, **fixtures: Fixtures.kwargs) -> None:
        await asyncio.to_thread(test, *args, **fixtures)

    return run
