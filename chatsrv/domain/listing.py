"""What a list of users is asked for, and what comes back. The dialects parse their own words into it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from chatsrv.domain.presence import Person

FilterValue = str | int


class Operator(StrEnum):
    """How a filter compares. Texts are compared without regard to case; nothing is the empty text or NEVER."""

    EQ = "eq"
    NOT_EQ = "not_eq"
    GT = "gt"
    GTE = "gte"
    LT = "lt"
    LTE = "lte"
    CONTAINS = "contains"
    CONTAINS_ANY = "contains_any"
    NOT_CONTAINS = "not_contains"
    BEGINS = "begins"
    ENDS = "ends"
    IN = "in"
    NOT_IN = "not_in"
    BLANK = "blank"
    PRESENT = "present"


# What the native dialect names; more is known to storage/listing.py.
TEXT_FIELDS = ("username", "first_name", "last_name", "role")
INSTANT_FIELDS = ("created_at", "updated_at", "last_login_at")
CODE_FIELDS = ("status", "presence_status")
MOVED_BY_PRESENCE = frozenset(
    ("presence_status", "last_login_at", "last_active_at", "last_seen_at", "presence_changed_at")
)
"""What of a user changes without the directory being written to."""
SORT_FIELDS = ("username", "first_name", "last_name", "created_at", "updated_at", "last_login_at")
FILTER_FIELDS = TEXT_FIELDS + INSTANT_FIELDS + CODE_FIELDS


@dataclass(frozen=True, slots=True)
class Filter:
    """`values` has one item, any number for IN, NOT_IN and CONTAINS_ANY, none for BLANK and PRESENT.

    Instants are milliseconds, codes are ints.
    """

    field: str
    operator: Operator
    values: tuple[FilterValue, ...]


@dataclass(frozen=True, slots=True)
class Sort:
    field: str
    descending: bool = False


@dataclass(frozen=True, slots=True)
class After:
    """Where the last page ended: the sort values of its last row, then that row's id."""

    values: tuple[FilterValue, ...]
    id: int


@dataclass(frozen=True, slots=True)
class UserQuery:
    """A page by offset, or by keyset when `by_cursor`; `after` None there means from the beginning."""

    limit: int
    offset: int = 0
    by_cursor: bool = False
    after: After | None = None
    sort: tuple[Sort, ...] = ()
    filters: tuple[Filter, ...] = ()
    with_presence: bool = False
    with_discarded: bool = False

    def touches(self, field: str) -> bool:
        """Whether the answer's order or membership depends on this field."""
        return any(sort.field == field for sort in self.sort) or any(f.field == field for f in self.filters)

    @property
    def touches_presence(self) -> bool:
        """Whether order or membership depend on what presence moves, or on what is not among the users."""
        fields = {sort.field for sort in self.sort} | {item.field for item in self.filters}
        return not MOVED_BY_PRESENCE.isdisjoint(fields) or any("." in field for field in fields)


@dataclass(frozen=True, slots=True)
class Page:
    """`next_after` is where the following page begins, None on the last one; it is given for every page."""

    people: tuple[Person, ...]
    total: int
    next_after: After | None
