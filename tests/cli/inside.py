"""A command of the menu, run inside the test process: all that a process of its own would do but for its start."""

from __future__ import annotations

import io
import logging
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, chdir, contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path
from threading import Lock

import structlog

from chatsrv.cli import run
from chatsrv.logs import QUIET

_one_at_a_time = Lock()
"""A process has one folder, one environment and one standard output."""


def run_inside(words: Sequence[str], text: bytes, folder: Path, variables: Mapping[str, str]) -> tuple[int, str, str]:
    """Its status, and what it said on standard output and standard error. Not in a thread that runs a loop."""
    out, err = _stream(b""), _stream(b"")
    with ExitStack() as stack:
        stack.enter_context(_one_at_a_time)
        stack.enter_context(_same_logs_afterwards())
        stack.enter_context(chdir(folder))
        stack.enter_context(_environment(variables))
        stack.enter_context(_input(_stream(text)))
        stack.enter_context(redirect_stdout(out))
        stack.enter_context(redirect_stderr(err))
        try:
            status = run(list(words), "--json" in words)
        except SystemExit as end:
            status = int(end.code or 0)
    return status, _written(out), _written(err)


def _stream(text: bytes) -> io.TextIOWrapper:
    return io.TextIOWrapper(io.BytesIO(text), encoding="utf-8")


def _written(stream: io.TextIOWrapper) -> str:
    stream.flush()
    assert isinstance(stream.buffer, io.BytesIO)
    return stream.buffer.getvalue().decode()


@contextmanager
def _input(stream: io.TextIOWrapper) -> Iterator[None]:
    before, sys.stdin = sys.stdin, stream
    try:
        yield
    finally:
        sys.stdin = before


@contextmanager
def _environment(variables: Mapping[str, str]) -> Iterator[None]:
    before = dict(os.environ)
    os.environ.clear()
    os.environ.update(variables)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


@contextmanager
def _same_logs_afterwards() -> Iterator[None]:
    """A command sends logs to its own standard error."""
    root, configuration = logging.getLogger(), structlog.get_config()
    handlers, level, quiet = root.handlers[:], root.level, {name: logging.getLogger(name).level for name in QUIET}
    try:
        yield
    finally:
        structlog.configure(**configuration)
        root.handlers[:] = handlers
        root.setLevel(level)
        for name, its in quiet.items():
            logging.getLogger(name).setLevel(its)
