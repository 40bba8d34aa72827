"""A copy of an SQLite database while others write to it."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from chatsrv.domain.errors import SetupError

STEPS = 100_000
"""Of SQLite's machine, some milliseconds' worth: after so many it is said how far the copy is."""


def copy_database(source: Path, target: Path, timeout_s: float, on_progress: Callable[[int], None] | None) -> int:
    """Writes `source` as it is at one moment to `target`, a file that is not there yet; how many bytes it has.

    Nobody waits for it, and nobody else may read it: it holds what `source` does. `on_progress` is told how many bytes
    are written. Blocks. Raises SetupError.
    """
    if not source.exists():
        raise SetupError(f"there is no database at {source}: start chatsrv serve once, or name the folder it is in")
    if target.exists():
        raise SetupError(f"{target} is there already: name a file that is not")
    try:
        # made here, so that it never stands open to others; VACUUM INTO takes an empty file as none
        target.touch(mode=0o600, exist_ok=False)
        with closing(
            sqlite3.connect(source.resolve().as_uri() + "?mode=ro", uri=True, timeout=timeout_s)
        ) as connection:
            if on_progress:
                connection.set_progress_handler(lambda: on_progress(target.stat().st_size), STEPS)
            connection.execute("VACUUM INTO ?", (str(target),))
    except BaseException as error:
        # also where somebody stopped it: half a copy looks like one
        target.unlink(missing_ok=True)
        if not isinstance(error, sqlite3.Error | OSError):
            raise
        raise SetupError(f"the copy {target} could not be written: {error}") from error
    return target.stat().st_size
