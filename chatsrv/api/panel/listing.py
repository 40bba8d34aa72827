"""Lists: their parameters as PHP would read them, and what stands around the items of a page."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

from aiohttp import web
from multidict import MultiMapping

from chatsrv.api.addresses import public_url
from chatsrv.api.jsonapi import Path, read_parameters
from chatsrv.api.panel.admission import trim
from chatsrv.api.panel.errors import BadQuery, Failure, ValidationFailed
from chatsrv.domain.listing import Filter, Operator, Sort, UserQuery

FILTERS = ("email", "uuid", "username", "external_id")
SORTS = ("id", "uuid")
PAGE_DEFAULT = 50
PAGE_OF_ZERO = 15
PAGE_NUMBER_MAX = 2**63 - 1
OFFSET_MAX = 2**53
"""Behind any row that there could be, and within what the databases can add to."""
FILTER_VALUES_MAX = 200
"""More alternatives than that would make an expression deeper than SQLite takes."""


@dataclass(frozen=True, slots=True)
class Paging:
    page: int
    per_page: int

    @property
    def offset(self) -> int:
        return min((self.page - 1) * self.per_page, OFFSET_MAX)


def read_paging(query: MultiMapping[str], per_page_max: int) -> Paging:
    """Raises ValidationFailed; a page that is no number is the first."""
    parameters = _trimmed(query)
    text = parameters.get(("page",), "")
    is_page = re.fullmatch(r"\+?[1-9][0-9]{0,18}", text) and int(text) <= PAGE_NUMBER_MAX
    per_page = _read_per_page(parameters.get(("per_page",), ""))
    return Paging(int(text) if is_page else 1, min(per_page or PAGE_OF_ZERO, per_page_max))


def _read_per_page(text: str) -> int:
    if not text:
        return PAGE_DEFAULT
    if re.fullmatch(r"-[0-9]+", text):
        _refuse_per_page("min", "The per page must be at least 0.")
    if not re.fullmatch(r"[0-9]+", text):
        _refuse_per_page("integer", "The per page must be an integer.")
    return int(text[:18])


def _refuse_per_page(rule: str, detail: str) -> NoReturn:
    raise ValidationFailed(Failure("per_page", rule, detail))


def read_user_query(query: MultiMapping[str], paging: Paging) -> UserQuery:
    """Raises BadQuery where there is no such filter or sort."""
    parameters = _trimmed(query)
    return UserQuery(
        limit=paging.per_page, offset=paging.offset, sort=_read_sort(parameters), filters=_read_filters(parameters)
    )


def _trimmed(query: MultiMapping[str]) -> dict[Path, str]:
    return {path: trim(value) for path, value in read_parameters(query).items()}


def _read_filters(parameters: Mapping[Path, str]) -> tuple[Filter, ...]:
    """`filter[email]=a,b`; `filter=abc` is passed over, and so is a filter of nothing."""
    alternatives: dict[str, list[str]] = {}
    for path, text in parameters.items():
        if path[0] == "filter" and len(path) > 1:
            alternatives.setdefault(path[1], []).extend(text.split(","))
    unknown = [name for name in alternatives if name not in FILTERS]
    if unknown:
        raise BadQuery(
            "InvalidFilterQuery",
            f"Requested filter(s) `{', '.join(unknown)}` are not allowed. "
            f"Allowed filter(s) are `{', '.join(FILTERS)}`.",
        )
    return tuple(_filter(name, values) for name, values in alternatives.items() if any(values))


def _filter(name: str, texts: Iterable[str]) -> Filter:
    values = tuple(dict.fromkeys(text.lower() for text in texts if text))
    if len(values) > FILTER_VALUES_MAX:
        detail = f"The {name} filter may not have more than {FILTER_VALUES_MAX} values."
        raise ValidationFailed(Failure(f"filter.{name}", "max", detail))
    # nothing that is kept holds a NUL, and PostgreSQL does not even take one to compare
    return Filter(name, Operator.CONTAINS_ANY, tuple(value for value in values if "\0" not in value))


def _read_sort(parameters: Mapping[Path, str]) -> tuple[Sort, ...]:
    """`sort=-id,uuid`."""
    words = [word for path, text in parameters.items() if path[0] == "sort" for word in text.split(",") if word]
    sorts: dict[str, Sort] = {}
    for word in words:
        name = word.lstrip("-")
        sorts.setdefault(name, Sort(name, word.startswith("-")))
    unknown = [name for name in sorts if name not in SORTS]
    if unknown:
        raise BadQuery(
            "InvalidSortQuery",
            f"Requested sort(s) `{', '.join(unknown)}` is not allowed. Allowed sort(s) are `{', '.join(SORTS)}`.",
        )
    return tuple(sorts.values())


def includes(query: MultiMapping[str], name: str) -> bool:
    """Whether it is named by `include=a,b`, alone or with something behind a dot or colon."""
    texts = [text for key, text in query.items() if key.partition("[")[0] == "include"]
    return any(re.split(r"[.:]", word.strip())[0] == name for text in texts for word in text.split(","))


def list_address(request: web.Request) -> str:
    """Of the list without its parameters. Raises Malformed."""
    return str(public_url(request).with_query(None)).rstrip("/")


def write_list(address: str, items: Sequence[Any], paging: Paging, total: int) -> dict[str, Any]:
    last = max(1, -(-total // paging.per_page))
    links = {}
    if paging.page > 1:
        links["previous"] = f"{address}?page={paging.page - 1}"
    if paging.page < last:
        links["next"] = f"{address}?page={paging.page + 1}"
    pagination = {
        "total": total,
        "count": len(items),
        "per_page": paging.per_page,
        "current_page": paging.page,
        "total_pages": last,
        "links": links,
    }
    return {"object": "list", "data": items, "meta": {"pagination": pagination}}
