"""Teams of an app, who is in them, and the rules of their fields."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from chatsrv.domain.fields import Refused, check_each, read_text, read_uuid
from chatsrv.domain.listing import Filter, Sort
from chatsrv.domain.users import User

NAME_MAX = 191


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
    """`name`, and `parent_team_id` as a UUID or None. Raises Invalid with every field that breaks its rule."""
    return check_each(values, lambda field, value: RULES[field](value))


def _name(value: Any) -> str:
    text = read_text("" if value is None else value, NAME_MAX).strip()
    if not text:
        raise Refused("must not be empty")
    return text


def _parent(value: Any) -> UUID | None:
    return None if value is None else read_uuid(value)


RULES: Mapping[str, Callable[[Any], Any]] = {"name": _name, "parent_team_id": _parent}
"""What may be written, and how each value is checked."""
