"""What a kind of resource is: its attributes, what it is related to, and how its values are found."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from chatsrv.api.dialect import Call

Ids = dict[int, list[int]]
"""What belongs to whom: ids by the id of their source, in their order."""

Link = Callable[[Call, Sequence[Any]], Awaitable[Ids]]
"""The ids that belong to each of these values; a bounded number of queries however many values."""

Find = Callable[[Call, Sequence[int]], Awaitable[list[Any]]]
"""The values of these ids that are there for the caller; a bounded number of queries however many ids."""

Load = Callable[[Call, Sequence[Any]], Awaitable[dict[int, list[Any]]]]
PageOf = Callable[[Call, Any, int, int], Awaitable[tuple[list[Any], int]]]
"""Of one value a page by limit and offset, and how many there are."""


@dataclass(frozen=True, slots=True)
class Relationship:
    """`kind` names what it leads to. `in_lists`: its linkage is shown without being asked for.

    Without `load` and `page`, values are linked first and then found.
    """

    kind: str
    link: Link
    is_many: bool = True
    in_lists: bool = False
    load: Load | None = None
    page: PageOf | None = None


@dataclass(frozen=True, slots=True)
class Kind:
    """Its values have an `id`. `tell_types`: for kinds whose resources are of several types."""

    name: str
    attributes: Mapping[str, Callable[[Any], Any]]
    find: Find
    relationships: Mapping[str, Relationship] = field(default_factory=dict)
    filters: frozenset[str] = frozenset(("id",))
    sorts: frozenset[str] = frozenset(("id",))
    type_of: Callable[[Any], str] | None = None
    tell_types: Callable[[Call, Sequence[int]], Awaitable[Mapping[int, str]]] | None = None

    def type_name(self, value: Any) -> str:
        return self.type_of(value) if self.type_of else self.name
