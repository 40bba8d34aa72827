"""What comes in the query: page, sort, filter, fields and include. Other parameters are ignored."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from chatsrv.api.dialect import Call
from chatsrv.api.jsonapi import IncludeTree, Path, read_include, read_parameters
from chatsrv.api.oksky import errors
from chatsrv.api.oksky.kinds import Kind
from chatsrv.api.oksky.table import KINDS, SUBTYPES

PAGE_SIZE = 25
DIGITS_MAX = 18
"""No page has a longer number."""
OFFSET_MAX = 2**62
"""Behind the last row of any table, but still a number that databases take."""

KNOWN = ("fields", "filter", "include", "page", "sort")

Fields = Mapping[str, tuple[str, ...]]
"""The names that are wanted, by type; a type that is not there has all."""


@dataclass(frozen=True, slots=True)
class Shape:
    """What is told of each resource, and what comes along."""

    fields: Fields
    include: IncludeTree

    def wanted(self, type_: str) -> tuple[str, ...] | None:
        """None: everything. What is said of users is said of both subtypes, unless they are named themselves."""
        wanted = self.fields.get(type_)
        return self.fields.get("users") if wanted is None and type_ in SUBTYPES else wanted


@dataclass(frozen=True, slots=True)
class Order:
    name: str
    descending: bool


@dataclass(frozen=True, slots=True)
class Page:
    number: int
    size: int

    @property
    def offset(self) -> int:
        return min((self.number - 1) * self.size, OFFSET_MAX)


@dataclass(frozen=True, slots=True)
class Question:
    """Everything that a list can be asked for; `given` is what its links repeat."""

    shape: Shape
    filters: Mapping[str, tuple[str, ...]]
    order: tuple[Order, ...]
    page: Page
    given: Mapping[Path, str]


def read_shape(call: Call, kind: Kind, type_: str) -> Shape:
    """Raises Refusal."""
    return _read_shape(call, kind, type_, read_parameters(call.request.query))


def read_question(call: Call, kind: Kind, type_: str, *, is_related: bool = False) -> Question:
    """In the order in which the original looks at them. Raises Refusal.

    What belongs to one resource is sorted here, by any attribute.
    """
    sorts = {"id", *kind.attributes} if is_related else kind.sorts
    given = {path: value for path, value in read_parameters(call.request.query).items() if path[0] in KNOWN}
    return Question(
        shape=_read_shape(call, kind, type_, given),
        filters=_read_filters(kind, given),
        order=_read_order(sorts, type_, given.get(("sort",), "")),
        page=_read_page(given, call.services.settings.oksky_page_max),
        given=given,
    )


def split(text: str) -> tuple[str, ...]:
    return tuple(filter(None, (part.strip() for part in text.split(","))))


def _read_shape(call: Call, kind: Kind, type_: str, given: Mapping[Path, str]) -> Shape:
    fields = _read_fields(given)
    return Shape(fields, _read_include(kind, type_, given.get(("include",), ""), call.services.settings.include_max))


def _read_fields(given: Mapping[Path, str]) -> Fields:
    fields: dict[str, tuple[str, ...]] = {}
    for path, value in given.items():
        if path[0] == "fields":
            if len(path) == 1:
                raise errors.invalid_fields()
            fields[path[1]] = split(value)
    for type_, names in fields.items():
        if type_ not in KINDS:
            raise errors.invalid_resource(type_)
        for name in names:
            if name != "id" and name not in KINDS[type_].attributes and name not in KINDS[type_].relationships:
                raise errors.invalid_field(type_, name)
    return fields


def _read_include(kind: Kind, type_: str, text: str, limit: int) -> IncludeTree:
    # before anything goes down as deep as it is nested
    if len(re.split(r"[.,]", text)) > limit:
        raise errors.include_too_large(limit).over("include_max")
    tree = read_include(text)
    _check_include(kind, type_, tree)
    return tree


def _check_include(kind: Kind, type_: str, tree: IncludeTree) -> None:
    for name, below in tree.items():
        if name not in kind.relationships:
            raise errors.invalid_include(type_, name)
        target = kind.relationships[name].kind
        _check_include(KINDS[target], target, below)


def _read_filters(kind: Kind, given: Mapping[Path, str]) -> dict[str, tuple[str, ...]]:
    filters: dict[str, tuple[str, ...]] = {}
    for path, value in given.items():
        if path[0] == "filter":
            if len(path) == 1:
                raise errors.invalid_filters(value)
            if path[1] not in kind.filters:
                raise errors.filter_not_allowed(path[1])
            filters[path[1]] = split(value)
    return filters


def _read_order(sorts: Collection[str], type_: str, text: str) -> tuple[Order, ...]:
    orders = tuple(Order(word.removeprefix("-"), word.startswith("-")) for word in split(text))
    for order in orders:
        if order.name not in sorts:
            raise errors.invalid_sort(type_, order.name)
    return orders


def _read_page(given: Mapping[Path, str], most: int) -> Page:
    """`page=3` is the third page of the usual size."""
    size = _to_int(given.get(("page", "size"), str(PAGE_SIZE)))
    number = _to_int(given.get(("page", "number"), given.get(("page",), "1")))
    if size > most:
        raise errors.page_too_large(most).over("oksky_page_max")
    for name, value in (("size", size), ("number", number)):
        if value < 1:
            raise errors.invalid_page(name, value)
    return Page(number, size)


def _to_int(text: str) -> int:
    """As the original reads a number: what it begins with, or nothing."""
    match = re.match(rf"\s*([+-]?[0-9]{{1,{DIGITS_MAX}}})", text)
    return int(match[1]) if match else 0
