"""Writing what may be long to a file or to standard output."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO


def is_stdout(file: Path) -> bool:
    return str(file) == "-"


@contextmanager
def opened(file: Path) -> Iterator[BinaryIO]:
    """A file is put in its place when it is whole; pipes and devices get what there is."""
    if is_stdout(file):
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
    elif file.exists() and not file.is_file():
        with file.open("wb") as out:
            yield out
    else:
        with _replacing(file) as out:
            yield out


@contextmanager
def _replacing(file: Path) -> Iterator[BinaryIO]:
    whole = file.resolve()
    part = whole.with_name(whole.name + ".part")
    try:
        with part.open("wb") as out:
            yield out
        part.replace(whole)
    finally:
        part.unlink(missing_ok=True)
