"""Teams of an app, who is in them, and the rules of their fields."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from chatsrv.domain.errors import Invalid, Problem
from chatsrv.domain.fields import Refused, read_text
from chatsrv.domain.listing import Filter, Sort
from chatsrv.domain.users import User

NAME_MAX = 191

TEAM_TEXTS = ("name", "uuid", "parent_uuid")
TEAM_INSTANTS = ("created_at", "updated_at")
"""What a list of teams can be filtered and sorted by."""


@dataclass(frozen=True, slots=True)
class Team:
    """A team of one app; `name` is unique there. `parent_uuid`: that of the team above it."""

    id: int
    app_id: str
    uuid: str
    name: str
    parent_uuid: str | None
    created_at: int
    updated_at: int


@dataclass(frozen=True, slots=True)
class TeamMembership:
    """A user in a team, with words of what they are there."""

    uuid: str
    team: Team
    user: User
    roles: tuple[str, ...]
    created_at: int
    updated_at: int


@dataclass(frozen=True, slots=True)
class TeamQuery:
    """A page of teams by offset, in order of id where `sort` leaves it open."""

    limit: int
    offset: int = 0
    sort: tuple[Sort, ...] = ()
    filters: tuple[Filter, ...] = ()


def check_team(values: Mapping[str, Any]) -> dict[str, Any]:
    """`name` and `parent` (a UUID or None) as they are kept. Raises Invalid with every field that breaks its rule."""
    checked: dict[str, Any] = {}
    problems = []
    for field, value in values.items():
        try:
            checked[field] = RULES[field](value)
        except Refused as refusal:
            problems.append(Problem(field, str(refusal)))
    if problems:
        raise Invalid(*problems)
    return checked


def _name(value: Any) -> str:
    text = read_text(value, NAME_MAX).strip()
    if not text:
        raise Refused("must not be empty")
    return text


def _parent(value: Any) -> UUID | None:
    try:
        return None if value is None else UUID(_text(value))
    except ValueError as error:
        raise Refused("must be the id of a team, or null") from error


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError(value)
    return value


RULES: Mapping[str, Callable[[Any], Any]] = {"name": _name, "parent_team_id": _parent}
"""What may be written, and how each value is checked."""
