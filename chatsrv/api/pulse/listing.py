"""Lists: which parameters narrow, order and cut them, and the links of their pages."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from urllib.parse import quote

from aiohttp import web
from multidict import MultiMapping

from chatsrv.api.jsonapi import Path, read_parameters, read_path
from chatsrv.api.pulse.errors import BadParameter
from chatsrv.domain.fields import is_storable
from chatsrv.domain.instants import from_text
from chatsrv.domain.listing import Filter, FilterValue, Operator, Sort
from chatsrv.settings import Settings

NUMBER_DIGITS = 9


class Kind(Enum):
    TEXT = "text"
    ID = "id"
    INSTANT = "instant"


@dataclass(frozen=True, slots=True)
class Field:
    """`name` is what the domain calls it."""

    name: str
    kind: Kind = Kind.TEXT


@dataclass(frozen=True, slots=True)
class Fields:
    """What a list knows: attributes and attributes of associations, as they stand in the brackets of a filter."""

    filters: Mapping[Path, Field]
    sorts: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class ListRequest:
    number: int
    size: int
    sort: tuple[Sort, ...]
    filters: tuple[Filter, ...]

    @property
    def offset(self) -> int:
        return (self.number - 1) * self.size


OPERATORS: Mapping[str, Operator] = {
    "eq": Operator.EQ,
    "!eq": Operator.NOT_EQ,
    "gt": Operator.GT,
    "gte": Operator.GTE,
    "lt": Operator.LT,
    "lte": Operator.LTE,
    "pre": Operator.BEGINS,
    "suf": Operator.ENDS,
    "ct": Operator.CONTAINS,
    "!ct": Operator.NOT_CONTAINS,
    "in": Operator.IN,
    "!in": Operator.NOT_IN,
    "blank": Operator.BLANK,
    "present": Operator.PRESENT,
}
OF_TEXTS = ("pre", "suf", "ct", "!ct")
NULLARY = {"blank": Operator.BLANK, "present": Operator.PRESENT}
FLAGS = {"1": True, "true": True, "0": False, "false": False}

_TIMES: Mapping[str, Field] = {
    "created_at": Field("created_at", Kind.INSTANT),
    "updated_at": Field("updated_at", Kind.INSTANT),
}

_TEAM: Mapping[str, Field] = {
    "id": Field("uuid", Kind.ID),
    "name": Field("name"),
    "parent_team_id": Field("parent_uuid", Kind.ID),
    **_TIMES,
}


def _of(association: str, fields: Mapping[str, Field]) -> dict[Path, Field]:
    return {(association, name): Field(f"{association}.{field.name}", field.kind) for name, field in fields.items()}


def _own(fields: Mapping[str, Field]) -> dict[Path, Field]:
    return {(name,): field for name, field in fields.items()}


USERS = Fields(
    filters={
        **_own(
            {
                "id": Field("uuid", Kind.ID),
                "name": Field("display_name"),
                "email": Field("email"),
                "status": Field("state"),
                "avatar": Field("avatar"),
                "discarded_at": Field("discarded_at", Kind.INSTANT),
                **_TIMES,
            }
        ),
        **_of("account", {"name": Field("name"), "created_at": _TIMES["created_at"]}),
        # there is one for each user, made and changed with them
        **{("account_memberships", name): field for name, field in _TIMES.items()},
        ("account_memberships", "id"): Field("uuid", Kind.ID),
        ("account_memberships", "user_id"): Field("uuid", Kind.ID),
        **_of("teams", _TEAM),
        **_of("team_memberships", {"id": _TEAM["id"], "team_id": Field("team_uuid", Kind.ID), **_TIMES}),
    },
    sorts={
        "name": "display_name",
        "email": "email",
        "status": "state",
        "created_at": "created_at",
        "updated_at": "updated_at",
        "discarded_at": "discarded_at",
        "alive": "alive",
    },
)

TEAMS = Fields(filters=_own(_TEAM), sorts={"name": "name", "created_at": "created_at", "updated_at": "updated_at"})


def read_list(parameters: MultiMapping[str], fields: Fields, settings: Settings) -> ListRequest:
    """Raises BadParameter naming the one that is not acceptable; those of others are passed over."""
    read = read_parameters(parameters)
    return ListRequest(
        number=_read_number(read, "number", 1, 10**NUMBER_DIGITS - 1),
        size=_read_number(read, "size", settings.pulse_page_default, settings.pulse_page_max),
        sort=_read_sort(read.get(("sort",), ""), fields),
        filters=_read_filters(parameters, fields, settings.pulse_filters_max),
    )


def _read_number(read: Mapping[Path, str], name: str, default: int, most: int) -> int:
    text = read.get(("page", name))
    if text is None:
        return default
    if not (text.isascii() and text.isdigit() and len(text) <= NUMBER_DIGITS and 1 <= int(text) <= most):
        error = BadParameter(f"page[{name}]", f"page[{name}] must be a number from 1 to {most}.")
        raise error.over("pulse_page_max") if name == "size" and text.isdigit() else error
    return int(text)


def _read_sort(text: str, fields: Fields) -> tuple[Sort, ...]:
    sorts: dict[str, Sort] = {}
    for word in filter(None, (word.strip() for word in text.split(","))):
        name = word.removeprefix("-")
        if name not in fields.sorts:
            raise BadParameter("sort", f"{word[:40]!r} is none of {', '.join(fields.sorts)}, with - for descending.")
        sorts.setdefault(name, Sort(fields.sorts[name], word.startswith("-")))
    return tuple(sorts.values())


def _read_filters(parameters: MultiMapping[str], fields: Fields, most: int) -> tuple[Filter, ...]:
    """Also of a parameter that is given more than once all of them count."""
    found = [(name, value) for name, value in parameters.items() if read_path(name)[0] == "filter"]
    if len(found) > most:
        raise BadParameter("filter", f"A list takes at most {most} filters.").over("pulse_filters_max")
    return tuple(_read_filter(name, read_path(name)[1:], value, fields) for name, value in found)


def _read_filter(parameter: str, path: Path, text: str, fields: Fields) -> Filter:
    if path in fields.filters:
        return _read_condition(parameter, fields.filters[path], text)
    base, _, ending = path[-1].rpartition("_") if path else ("", "", "")
    field = fields.filters.get((*path[:-1], base))
    if field is None or ending not in NULLARY:
        raise BadParameter(parameter, f"{parameter[:80]!r} names no attribute that can be filtered by.")
    if text.lower() not in FLAGS:
        raise BadParameter(parameter, f"{parameter} must be 1 or 0.")
    is_blank = (ending == "blank") is FLAGS[text.lower()]
    return Filter(field.name, Operator.BLANK if is_blank else Operator.PRESENT, ())


def _read_condition(parameter: str, field: Field, text: str) -> Filter:
    word, colon, value = text.partition(":")
    if word in NULLARY:
        return Filter(field.name, NULLARY[word], ())
    if not colon or word not in OPERATORS:
        raise BadParameter(parameter, f"{word[:40]!r} is none of {', '.join(OPERATORS)}; write op:value.")
    if word in OF_TEXTS and field.kind is Kind.INSTANT:
        raise BadParameter(parameter, f"{word} does not go with an instant.")
    texts = value.split(",") if word in ("in", "!in") else [value]
    return Filter(field.name, OPERATORS[word], tuple(_read_value(parameter, field, item) for item in texts))


def _read_value(parameter: str, field: Field, text: str) -> FilterValue:
    if field.kind is Kind.INSTANT:
        try:
            return from_text(text)
        except ValueError as error:
            raise BadParameter(parameter, f"{text[:40]!r} {error}") from error
    # a lone surrogate stands for bytes that are no UTF-8
    if not is_storable(text):
        raise BadParameter(parameter, "No text can hold that.")
    return text.lower() if field.kind is Kind.ID else text


def page_links(request: web.Request, page: ListRequest, total: int) -> dict[str, str]:
    """`self`, `first` and `last` always, `prev` and `next` where there are such pages; the other parameters stay."""
    last = max(1, -(-total // page.size))
    kept = [(name, value) for name, value in request.query.items() if read_path(name)[0] != "page"]

    def at(number: int) -> str:
        pairs = sorted([*kept, ("page[number]", str(number)), ("page[size]", str(page.size))])
        return f"{request.path.rstrip('/')}?{'&'.join(f'{_quote(name)}={_quote(value)}' for name, value in pairs)}"

    links = {"self": at(page.number), "first": at(1)}
    if page.number > 1:
        links["prev"] = at(min(page.number - 1, last))
    if page.number < last:
        links["next"] = at(page.number + 1)
    return links | {"last": at(last)}


def _quote(text: str) -> str:
    return quote(text, safe="", errors="replace")
