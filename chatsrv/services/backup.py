"""Keeping a copy of what an embedded database holds."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from chatsrv.domain.errors import SetupError
from chatsrv.settings import Settings
from chatsrv.storage.backup import copy_database
from chatsrv.storage.database import parse_url


def back_up(settings: Settings, target: Path, on_progress: Callable[[int], None] | None = None) -> int:
    """Copies the SQLite database to that file, which must not be there; how many bytes. Blocks. Raises SetupError.

    `on_progress` is told how many are written.
    """
    return copy_database(_file(settings), target, settings.database_timeout_s, on_progress)


def measure(settings: Settings) -> int | None:
    """How many bytes the database has, and its copy at the most; None where there is none. Raises SetupError."""
    file = _file(settings)
    return file.stat().st_size if file.is_file() else None


def _file(settings: Settings) -> Path:
    url = parse_url(settings.database_url, Path(settings.data_dir))
    if url.get_backend_name() != "sqlite":
        raise SetupError("this database is a server's: back it up with pg_dump")
    return Path(url.database or "")
