"""The embedded stores of a server that is several processes: one of them keeps the stores for all."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from chatsrv.settings import Settings, replaced
from chatsrv.storage.embedded import embedded_valkey


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
