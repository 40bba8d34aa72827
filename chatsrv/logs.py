"""Logs: one line per event, JSON for machines and text for people, with request and session id on each."""

from __future__ import annotations

import logging
import sys
from typing import TextIO

import structlog
import structlog.tracebacks
from structlog.contextvars import bind_contextvars, clear_contextvars, merge_contextvars
from structlog.dev import plain_traceback
from structlog.processors import ExceptionRenderer
from structlog.tracebacks import ExceptionDictTransformer
from structlog.typing import Processor

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
    return [remove, structlog.dev.ConsoleRenderer(colors=out.isatty(), exception_formatter=plain_traceback)]


def _tracebacks_as_data() -> Processor:
    """Without local variables, among which are tokens and passwords."""
    return ExceptionRenderer(ExceptionDictTransformer(show_locals=False))
