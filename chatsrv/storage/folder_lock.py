"""Locks on files of a data folder, released by any death of their holders, each with a note for those who wait."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def open_lock(path: Path) -> Iterator[int]:
    """The file stays when the lock is given up: to remove it would let two processes lock two files of one name."""
    lock_fd = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        yield lock_fd
    finally:
        os.close(lock_fd)


def try_lock(lock_fd: int) -> bool:
    """A process that inherits the descriptor holds the lock too, until all of them have ended or closed it."""
    import fcntl  # absent on Windows, where this module is imported and never used

    try:
        fcntl.flock(lock_fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def read_note(lock_fd: int) -> str:
    return os.pread(lock_fd, 4096, 0).decode(errors="replace")


def write_note(lock_fd: int, text: str) -> None:
    os.ftruncate(lock_fd, 0)
    os.pwrite(lock_fd, text.encode(errors="replace"), 0)
