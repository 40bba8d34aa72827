"""The stores that a server brings along: the folder they are in, and the Valkey that one process keeps for all."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from urllib.parse import quote

from chatsrv.domain.errors import SetupError
from chatsrv.settings import Settings, replaced
from chatsrv.storage.embedded import FolderInUse, embedded_valkey, own_folder
from chatsrv.storage.running_valkey import ValkeySilent as ValkeySilent
from chatsrv.storage.running_valkey import find_running_valkey

GUEST_PATIENCE_S = 10.0
GUEST_POLL_S = 0.05


@asynccontextmanager
async def shared_stores(settings: Settings) -> AsyncIterator[Settings]:
    """Runs the embedded Valkey, where no REDIS_URL is given, and yields the settings with which others find it.

    Call `check_folder` first: it makes the folder. Raises FolderInUse.
    """
    if settings.redis_url:
        yield settings
        return
    async with embedded_valkey(Path(settings.data_dir) / "valkey") as url:
        yield replaced(settings, {"redis_url": url})


async def check_running(settings: Settings) -> None:
    """For whoever would wait for it in vain. Raises ValkeySilent where an embedded Valkey runs and does not answer."""
    if not settings.redis_url:
        await find_running_valkey(Path(settings.data_dir) / "valkey")


def check_folder(settings: Settings) -> None:
    """For whoever wants to know before anything is started. Raises FolderInUse."""
    if not settings.redis_url:
        with own_folder(make_folder(settings) / "valkey"):
            pass


def make_folder(settings: Settings) -> Path:
    """The data folder, which is there if anything is to be kept in it: for us alone, as it holds secrets."""
    data = Path(settings.data_dir)
    if settings.database_url and settings.redis_url:
        return data
    try:
        data.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        why = f"cannot be made ({error.strerror})"
    else:
        why = "" if os.access(data, os.W_OK | os.X_OK) else "cannot be written to"
    if why:
        raise SetupError(f"the data folder {data} {why}: name another with CHATSRV_DATA_DIR")
    return data


async def find_or_start_valkey(stack: AsyncExitStack, folder: Path, as_guest: bool, with_presence: bool) -> str | None:
    """None where there is none. Guests wait a little: whoever keeps the folder is a server that starts, or another
    guest that ends soon. Nobody waits for one that runs and is silent."""
    give_up_at = time.monotonic() + (GUEST_PATIENCE_S if as_guest else 0)
    while True:
        try:
            if as_guest and (running := await find_running_valkey(folder)):
                return running
        except ValkeySilent:
            if with_presence:
                raise
        if not with_presence:
            return None
        try:
            return await stack.enter_async_context(embedded_valkey(folder))
        except FolderInUse:
            if time.monotonic() >= give_up_at:
                raise
        await asyncio.sleep(GUEST_POLL_S)


def nobodys_url(folder: Path) -> str:
    """Nobody answers there, which shows only when somebody asks: clients connect lazily."""
    return f"unix://{quote(str(folder.resolve() / 'valkey.sock'))}"
