"""From SQLite to PostgreSQL: whole, or not at all."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

from chatsrv.domain.errors import SetupError
from chatsrv.services.migrations import ensure_current
from chatsrv.settings import Settings
from chatsrv.storage.copying import check_fit, copy_rows, count_rows, sole_reader
from chatsrv.storage.database import open_database, parse_url

Watch = Callable[[int], AbstractContextManager[Callable[[int], None]]]
"""Is told how many rows there are, and yields what is told how many are done."""


async def copy_database(settings: Settings, file: Path, watch: Watch) -> dict[str, int]:
    """Fills the PostgreSQL database of the settings with all that the file holds; how many rows, by table.

    In one transaction: a failure leaves the database as empty as it was. Nobody else may have the file open, and
    nobody writes to the database meanwhile. Raises SetupError, and Unavailable where the database is.
    """
    url = parse_url(settings.database_url, Path(settings.data_dir))
    if url.get_backend_name() == "sqlite":
        raise SetupError("there is no database to copy to: set DATABASE_URL to postgres://user:password@host/name")
    async with open_database(url, 1, settings.database_timeout_s) as db:
        await ensure_current(db)
        with sole_reader(file) as source:
            async with db.write() as tx:
                await check_fit(tx, source)
                counts = count_rows(source)
                with watch(sum(counts.values())) as note:
                    await copy_rows(tx, source, note)
    return counts
