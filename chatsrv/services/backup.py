"""Keeping a copy of what an embedded database holds."""

from __future__ import annotations

from pathlib import Path

from chatsrv.domain.errors import SetupError
from chatsrv.settings import Settings
from chatsrv.storage.backup import copy_database
from chatsrv.storage.database import parse_url


def back_up(settings: Settings, target: Path) -> int:
    """Copies the SQLite database to that file, which must not be there; how many bytes. Blocks. Raises SetupError."""
    url = parse_url(settings.database_url, Path(settings.data_dir))
    if url.get_backend_name() != "sqlite":
        raise SetupError("this database is a server's: back it up with pg_dump")
    return copy_database(Path(url.database or ""), target, settings.database_timeout_s)
