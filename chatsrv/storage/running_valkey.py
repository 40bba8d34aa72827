"""Finding the embedded server of another process: the command line works beside a server that runs."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import quote

from chatsrv.storage.embedded import answers, connect_once


async def find_running_valkey(folder: Path) -> str | None:
    """The URL of the server that now owns the folder's data; None where none answers."""
    note = folder / "valkey.lock"
    socket_path = note.read_text(errors="replace") if note.is_file() else ""
    if not socket_path:
        return None
    async with connect_once(socket_path) as client:
        return f"unix://{quote(socket_path)}" if await answers(client) else None
