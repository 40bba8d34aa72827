"""chatsrv forget-presence: what is told of somebody is never told of whoever has their id after a restore."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from aiohttp import ClientSession
from redis.asyncio import Redis

from tests.cli.shell import Server, Shell
from tests.faults.timings import TIMINGS


@pytest.fixture
def prefix() -> str:
    return f"t{uuid4().hex}"


@pytest.fixture
async def kept(tmp_path: Path, valkey_url: str, prefix: str) -> Shell:
    """An app on a Redis that is shared with others, and a backup from before it had any user."""
    shell = Shell(tmp_path, {**TIMINGS.variables, "REDIS_URL": valkey_url, "CHATSRV_REDIS_PREFIX": prefix})
    await shell.answer("app", "create", "shop")
    await shell.answer("backup", "kept.db")
    return shell


@pytest.fixture
async def redis(valkey_url: str) -> AsyncIterator[Redis]:
    async with Redis.from_url(valkey_url, decode_responses=True) as client:
        yield client


async def shown(shell: Shell, server: Server, username: str, **claim: str) -> Any:
    """Makes the user, who is here for a minute."""
    key = (await shell.answer("key", "create", "shop"))["key"]
    path = f"{server.url}/v1/shop/users"
    async with ClientSession(headers={"X-Api-Key": key}, raise_for_status=True) as session:
        await session.post(path, json={"username": username})
        async with session.put(f"{path}/{username}/presence", json={"ttl": 60, **claim}) as answer:
            return await answer.json()


def restore(shell: Shell) -> None:
    data = shell.folder / "data"
    for file in data.glob("chatsrv.db-*"):
        file.unlink()
    (shell.folder / "kept.db").replace(data / "chatsrv.db")


async def test_after_a_restore_nobody_shows_what_somebody_else_said(kept: Shell) -> None:
    """Which takes that no server runs: until then it is refused."""
    async with kept.serving() as server:
        assert (await shown(kept, server, "ben", status="dnd", text="Ben's words"))["presence_status"] == 4
        refused = await kept.run("forget-presence")
        assert "stop every one first" in refused.complaint
        assert (await server.stop()).status == 0
    restore(kept)
    assert (await kept.answer("forget-presence"))["keys"] > 0
    async with kept.serving() as server:
        carl = await shown(kept, server, "carl")
    assert (carl["presence_status"], carl["text"]) == (1, None)


async def test_nothing_of_others_on_the_same_redis_is_forgotten(kept: Shell, redis: Redis, prefix: str) -> None:
    others = {f"{prefix}x:{{0}}:feed", f"x{prefix}:{{0}}:feed", f"{prefix}:else"}
    for name in (*others, f"{prefix}:{{0}}:feed"):
        await redis.set(name, "precious")
    assert await kept.answer("forget-presence") == {"keys": 1}
    assert await redis.exists(*others) == len(others)
    await redis.unlink(*others)
