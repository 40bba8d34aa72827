"""What the tests of the embedded server share: an owner that can be killed, and waits with a deadline."""

import asyncio
import fcntl
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from redis.asyncio import Redis
from redis.exceptions import RedisError

# An owner that can be killed: it prints its server's URL and waits. SIGINT is answered with one more write.
OWNER = """
import asyncio, signal, sys
from pathlib import Path
from redis.asyncio import Redis
from chatsrv.storage.embedded import embedded_valkey

async def main():
    interrupted = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGINT, interrupted.set)
    async with embedded_valkey(Path(sys.argv[1])) as url, Redis.from_url(url) as client:
        await client.set("kept", "yes")
        print(url, file=sys.stderr, flush=True)
        await interrupted.wait()
        await client.set("kept", "to the end")

asyncio.run(main())
"""
DEADLINE_S = 10


def client_of(url: str) -> Redis:
    return Redis.from_url(url, decode_responses=True)


async def set_kept(url: str, value: str) -> None:
    async with client_of(url) as client:
        await client.set("kept", value)


async def get_kept(url: str) -> str | None:
    async with client_of(url) as client:
        kept = await client.get("kept")
    assert not isinstance(kept, bytes)
    return kept


async def get_pid(url: str) -> int:
    async with client_of(url) as client:
        return int((await client.info("server"))["process_id"])


async def wait_until(holds: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(DEADLINE_S):
        while not await holds():
            await asyncio.sleep(0.02)


async def wait_for_answer(url: str) -> None:
    async def answers() -> bool:
        try:
            async with client_of(url) as client:
                return bool(await client.ping())
        except RedisError:
            return False

    await wait_until(answers)


async def wait_for_replacement(url: str, pid: int) -> None:
    async def is_replaced() -> bool:
        try:
            return await get_pid(url) != pid
        except RedisError:
            return False

    await wait_until(is_replaced)


async def wait_for_end_of_server(folder: Path) -> None:
    """Watchdog, server and the server's forks all inherit this lock: nobody holding it means that none is left."""

    async def is_free() -> bool:
        with (folder / "valkey.lock").open("a") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return False
            return True

    await wait_until(is_free)


@asynccontextmanager
async def launched_owner(folder: Path) -> AsyncIterator[Process]:
    owner = await asyncio.create_subprocess_exec(
        sys.executable, "-c", OWNER, str(folder), stdout=DEVNULL, stderr=PIPE, start_new_session=True
    )
    try:
        yield owner
    finally:
        if owner.returncode is None:
            owner.kill()
        await owner.communicate()


@asynccontextmanager
async def running_owner(folder: Path) -> AsyncIterator[tuple[Process, str]]:
    async with launched_owner(folder) as owner:
        assert owner.stderr is not None
        url = (await asyncio.wait_for(owner.stderr.readline(), DEADLINE_S)).decode().strip()
        assert url.startswith("unix:///")
        yield owner, url
