"""Where the server is that a command talks of: its settings need not be those of this call, such as a port."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from chatsrv.cli.banner import url_of
from chatsrv.domain.errors import SetupError, Unavailable

if TYPE_CHECKING:
    from chatsrv.settings import Settings


async def locate(settings: Settings) -> str:
    """What a server that runs on these stores says of itself; where none does, what the settings name."""
    return (await find_urls(settings) or [url_of(settings.host, settings.port)])[0]


async def find_urls(settings: Settings) -> list[str]:
    """Of the servers that run on these stores, as this machine reaches them. Makes nothing, and never fails."""
    if not settings.redis_url and not (Path(settings.data_dir) / "valkey").is_dir():
        return []
    from chatsrv.services import open_services
    from chatsrv.services.stores import check_running

    try:
        await check_running(settings)
        async with open_services(settings, as_guest=True, with_presence=False) as services:
            return await services.nodes.urls()
    except (SetupError, Unavailable):
        return []
