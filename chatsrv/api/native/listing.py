"""The list of users: its parameters, and the links of its pages."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NoReturn
from urllib.parse import quote

import msgspec
from multidict import MultiMapping
from yarl import URL

from chatsrv.domain.errors import Invalid, Problem
from chatsrv.domain.instants import from_text
from chatsrv.domain.listing import (
    CODE_FIELDS,
    FILTER_FIELDS,
    INSTANT_FIELDS,
    SORT_FIELDS,
    TEXT_FIELDS,
    After,
    Filter,
    FilterValue,
    Operator,
    Page,
    Sort,
    UserQuery,
)
from chatsrv.domain.wire import FIELDS, PRESENCE_FIELDS
from chatsrv.settings import Settings

PARAMETERS = ("limit", "offset", "cursor", "sort", "filter", "presence", "fields")
ID_MAX = 2**63 - 1
OPERATORS = tuple(Operator(word) for word in ("eq", "not_eq", "gte", "lte", "contains", "begins", "ends", "in"))
TEXT_OPERATORS = frozenset((Operator.CONTAINS, Operator.BEGINS, Operator.ENDS))
CODE_MAX = {"status": 2, "presence_status": 4}


@dataclass(frozen=True, slots=True)
class ListRequest:
    """`fields` None: those that the shape has by default."""

    query: UserQuery
    fields: tuple[str, ...] | None
    presence: bool


def _refuse(name: str, message: str) -> NoReturn:
    raise Invalid(Problem(name, message))


def read_list(parameters: MultiMapping[str], settings: Settings) -> ListRequest:
    """Raises Invalid naming the parameter that is unknown or bad."""
    _check_names(parameters)
    sort = _read_sort(parameters.get("sort", ""))
    presence, fields = read_flag(parameters, "presence"), read_fields(parameters)
    by_cursor = "cursor" in parameters
    if by_cursor and "offset" in parameters:
        _refuse("cursor", "does not go with offset")
    query = UserQuery(
        limit=read_limit(parameters, settings),
        offset=_read_offset(parameters, settings),
        by_cursor=by_cursor,
        after=_read_cursor(parameters["cursor"], sort) if by_cursor and parameters["cursor"] else None,
        sort=sort,
        filters=_read_filters(parameters.getall("filter", []), settings.filters_max),
        with_presence=presence or not PRESENCE_FIELDS.isdisjoint(fields or ()),
    )
    return ListRequest(query, fields, presence)


def read_offset_page(
    parameters: MultiMapping[str], settings: Settings, others: tuple[str, ...] = ()
) -> tuple[int, int]:
    """`limit` and `offset` of a list that has no parameters but these and `others`."""
    check_parameters(parameters, ("limit", "offset", *others))
    return read_limit(parameters, settings), _read_offset(parameters, settings)


def read_fields(parameters: MultiMapping[str]) -> tuple[str, ...] | None:
    """`fields=a,b` or `fields=*`."""
    text = parameters.get("fields")
    if text is None:
        return None
    if text == "*":
        return tuple(FIELDS)
    names = tuple(dict.fromkeys(name.strip() for name in text.split(",")))
    for name in names:
        if name not in FIELDS:
            _refuse("fields", f"{name!r} is not a field of a user")
    return names


def check_parameters(parameters: MultiMapping[str], known: tuple[str, ...]) -> None:
    for name in parameters:
        if name not in known:
            _refuse(name, "is not a parameter here")
        if name != "filter" and len(parameters.getall(name)) > 1:
            _refuse(name, "is given more than once")


def _check_names(parameters: MultiMapping[str]) -> None:
    check_parameters(parameters, PARAMETERS)


def read_limit(parameters: Mapping[str, str], settings: Settings) -> int:
    return _read_number(parameters, "limit", (settings.page_default, 1, settings.page_max), "page_max")


def _read_offset(parameters: Mapping[str, str], settings: Settings) -> int:
    return _read_number(parameters, "offset", (0, 0, settings.offset_max), "offset_max")


def _read_number(parameters: Mapping[str, str], name: str, bounds: tuple[int, int, int], setting: str) -> int:
    """`bounds`: what it is if not given, the least, and the most, which is what the setting says."""
    text = parameters.get(name)
    default, least, most = bounds
    if text is None:
        return default
    is_number = text.isascii() and text.isdigit()
    if not (is_number and len(text) < 10 and least <= int(text) <= most):
        error = Invalid(Problem(name, f"must be a number from {least} to {most}"))
        raise error.over(setting) if is_number and text.strip("0") else error
    return int(text)


def read_flag(parameters: Mapping[str, str], name: str) -> bool:
    text = parameters.get(name, "false")
    if text not in ("true", "false"):
        _refuse(name, "must be true or false")
    return text == "true"


def _read_sort(text: str) -> tuple[Sort, ...]:
    sorts: list[Sort] = []
    for word in text.split(",") if text else ():
        field = word.strip().removeprefix("-")
        if field not in SORT_FIELDS or field in (sort.field for sort in sorts):
            _refuse("sort", f"{word!r} is none of {', '.join(SORT_FIELDS)}, each once, with - for descending")
        sorts.append(Sort(field, word.strip().startswith("-")))
    return tuple(sorts)


def _read_filters(texts: Sequence[str], most: int) -> tuple[Filter, ...]:
    if len(texts) > most:
        raise Invalid(Problem("filter", f"may be given at most {most} times")).over("filters_max")
    return tuple(_read_filter(text) for text in texts)


def _read_filter(text: str) -> Filter:
    field, _, rest = text.partition(":")
    word, colon, value = rest.partition(":")
    if field not in FILTER_FIELDS:
        _refuse("filter", f"{field!r} is none of {', '.join(FILTER_FIELDS)}; write filter=field:op:value")
    if not colon or word not in OPERATORS:
        _refuse("filter", f"{word!r} is none of {', '.join(OPERATORS)}; write filter={field}:op:value")
    operator = Operator(word)
    if operator in TEXT_OPERATORS and field not in TEXT_FIELDS:
        _refuse("filter", f"{word} does not go with {field}, which is no text")
    texts = value.replace(";", ",").split(",") if operator is Operator.IN else [value]
    return Filter(field, operator, tuple(_read_value(field, item) for item in texts))


def _read_value(field: str, text: str) -> FilterValue:
    if field in CODE_FIELDS:
        if text not in [str(code) for code in range(CODE_MAX[field] + 1)]:
            _refuse("filter", f"{field} is a number from 0 to {CODE_MAX[field]}, not {text!r}")
        return int(text)
    if field in INSTANT_FIELDS:
        try:
            return from_text(text)
        except ValueError as error:
            _refuse("filter", f"{field}: {text!r} {error}")
    if "\0" in text:
        _refuse("filter", f"{field} cannot hold a NUL")
    return text


# Cursors: what the last row held in each sort key, its id, and the sort they belong to


def write_cursor(after: After, sort: tuple[Sort, ...]) -> str:
    content = [_name_sort(sort), list(after.values), after.id]
    return base64.urlsafe_b64encode(msgspec.json.encode(content)).rstrip(b"=").decode()


def _read_cursor(text: str, sort: tuple[Sort, ...]) -> After:
    try:
        raw = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
        name, values, id_ = msgspec.json.decode(raw, type=tuple[str, list[FilterValue], int])
    except (ValueError, msgspec.MsgspecError):
        _refuse("cursor", "is not one that a page's next link carried")
    kinds = [str if item.field in TEXT_FIELDS else int for item in sort]
    if name != _name_sort(sort) or [type(value) for value in values] != kinds:
        _refuse("cursor", "belongs to another sort")
    if not all(_can_be_asked_for(value) for value in (*values, id_)):
        _refuse("cursor", "is not one that a page's next link carried")
    return After(tuple(values), id_)


def _can_be_asked_for(value: FilterValue) -> bool:
    """No column holds anything else, and a database that is asked for it fails."""
    return abs(value) <= ID_MAX if isinstance(value, int) else "\0" not in value


def _name_sort(sort: tuple[Sort, ...]) -> str:
    return ",".join(("-" if item.descending else "") + item.field for item in sort)


# Links


def write_links(url: URL, request: ListRequest, page: Page, settings: Settings) -> dict[str, str | None]:
    """`current`, `previews` (spelled so), `next`, `first` and `last`; null where there is none."""
    query = request.query
    cursor = write_cursor(page.next_after, query.sort) if page.next_after else None
    following = str(url.without_query_params("offset").update_query(cursor=cursor)) if cursor else None
    if query.by_cursor:
        return {"current": _as_asked(url), "previews": None, "next": following, "first": None, "last": None}
    links = write_offset_links(url, query.limit, query.offset, page.total, settings)
    # further than offsets reach, the cursor goes on
    return links | {"next": (links["next"] or following) if following else None}


def _as_asked(url: URL) -> str:
    """As the client wrote it, but for what no URL may hold."""
    return quote(str(url), safe="%:/?#[]@!$&'()*+,;=~")


def write_offset_links(url: URL, limit: int, offset: int, total: int, settings: Settings) -> dict[str, str | None]:
    last = max(0, (total - 1) // limit * limit)

    def at(there: int) -> str | None:
        return str(url.update_query(offset=there)) if there <= settings.offset_max else None

    return {
        "current": _as_asked(url),
        "previews": at(max(0, min(offset - limit, last))) if offset else None,
        "next": at(offset + limit) if offset + limit < total else None,
        "first": at(0),
        "last": at(last),
    }


def write_link_header(links: Mapping[str, str | None]) -> str:
    relations = {"first": "first", "prev": "previews", "next": "next", "last": "last"}
    found = ((rel, links[name]) for rel, name in relations.items())
    return ", ".join(f'<{link}>; rel="{rel}"' for rel, link in found if link)
