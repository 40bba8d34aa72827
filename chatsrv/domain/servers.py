"""Servers of the panel dialect: things that users own, and that must be gone before their owner can be deleted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from chatsrv.domain.errors import Invalid, Problem
from chatsrv.domain.fields import Refused, read_text

NAME_MAX = 191


@dataclass(frozen=True, slots=True)
class Server:
    """What is kept of one: enough to own it and to let it go. `owner` is their username."""

    id: int
    app_id: str
    uuid: str
    name: str
    owner_id: int
    owner: str
    created_at: int
    updated_at: int


def check_name(value: Any) -> str:
    """1 to 191 characters as they are kept. Raises Invalid."""
    try:
        return _read_name(value)
    except Refused as refusal:
        raise Invalid(Problem("name", str(refusal))) from refusal


def _read_name(value: Any) -> str:
    text = read_text(value, NAME_MAX).strip()
    if not text:
        raise Refused("must not be empty")
    return text
