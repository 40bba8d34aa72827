"""Logs: one line per event, JSON for machines and text for people, with request and session id on each."""

from __future__ import annotations

import io
import logging
import sys
from typing import TextIO

import structlog
import structlog.tracebacks
from structlog.contextvars import bind_contextvars, clear_contextvars, merge_contextvars
from structlog.dev import plain_traceback
from structlog.processors import ExceptionRenderer
from structlog.tracebacks import ExceptionDictTransformer
from structlog.typing import EventDict, ExcInfo, Processor, WrappedLogger

__all__ = ["bind_contextvars", "clear_contextvars", "configure"]

QUIET = {
    "aiosqlite": logging.WARNING,
    "alembic": logging.WARNING,
    "aiohttp.access": logging.ERROR,
    "socketio": logging.ERROR,
    "engineio": logging.ERROR,
}
"""Loggers of libraries that print payloads, tokens among them, at their lower levels."""


def configure(log_format: str, level: str, stream: TextIO | None = None) -> None:
    """Sends our events and the libraries' to `stream` (standard error), one line each."""
    out = stream or sys.stderr
    as_json = log_format == "json" or (log_format == "auto" and not out.isatty())
    shared: list[Processor] = [
        merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(out)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(foreign_pre_chain=shared, processors=_endings(as_json, out))
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for name, quiet in QUIET.items():
        logging.getLogger(name).setLevel(quiet)


def _endings(as_json: bool, out: TextIO) -> list[Processor]:
    remove = structlog.stdlib.ProcessorFormatter.remove_processors_meta
    if as_json:
        return [remove, _tracebacks_as_data(), structlog.processors.JSONRenderer()]
    return [remove, _on_one_line, structlog.dev.ConsoleRenderer(colors=out.isatty(), exception_formatter=_traceback)]


def _on_one_line(_logger: WrappedLogger, _level: str, event: EventDict) -> EventDict:
    """What comes from outside begins no line of its own and steers no terminal; JSON escapes it by itself."""
    return {name: _readable(value) if isinstance(value, str) else value for name, value in event.items()}


def _readable(text: str) -> str:
    """With an escape for each character that is none to read."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)


def _traceback(out: TextIO, failure: ExcInfo) -> None:
    """Moved in, so that no line of it looks like one of the log."""
    whole = io.StringIO()
    plain_traceback(whole, failure)
    out.writelines(f"\n  {_readable(line)}" for line in whole.getvalue().strip("\n").split("\n"))


def _tracebacks_as_data() -> Processor:
    """Without local variables, among which are tokens and passwords."""
    return ExceptionRenderer(ExceptionDictTransformer(show_locals=False))
