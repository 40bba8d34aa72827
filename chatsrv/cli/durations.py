"""Durations and dates as people write them on a command line."""

from __future__ import annotations

import re

import click

from chatsrv.domain.instants import LATEST, from_text

UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}


def read_duration(text: str) -> int:
    """`90s`, `15m`, `1h`, `30d`, or bare seconds, as seconds; raises a usage error."""
    match = re.fullmatch(r"(\d{1,9})([smhd]?)", text)
    if not match or not int(match[1]):
        raise click.UsageError(f"{text!r} is no duration; write it as 90s, 15m, 1h or 30d")
    return int(match[1]) * UNITS[match[2] or "s"]


def read_expiry(text: str | None, now: int) -> int | None:
    """A duration from now, or a date; in ms. A bare number is refused: people mean days as often as seconds."""
    if text is None:
        return None
    if text.isdigit():
        raise click.UsageError(f"--expires {text!r} has no unit; write it as 12h or 30d, or give a date")
    try:
        expires_at = from_text(text) if "-" in text else now + read_duration(text) * 1000
    except ValueError as error:
        raise click.UsageError(f"--expires {text!r} {error}") from error
    if not now < expires_at <= LATEST:
        raise click.UsageError(f"--expires {text!r} is {'in the past' if expires_at <= now else 'too far away'}")
    return expires_at


def read_past(text: str | None, now: int, option: str = "--since") -> int:
    """A duration before now, or a date; in ms, and 0 for the beginning of time."""
    if text is None:
        return 0
    if text.isdigit():
        raise click.UsageError(f"{option} {text!r} has no unit; write it as 12h or 30d, or give a date")
    try:
        since = from_text(text) if "-" in text else now - read_duration(text) * 1000
    except ValueError as error:
        raise click.UsageError(f"{option} {text!r} {error}") from error
    return max(since, 0)
