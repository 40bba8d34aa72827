"""What the two JSON:API dialects share: bracketed parameters, paging links, compound documents and answers."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from aiohttp import web
from multidict import MultiMapping

from chatsrv.api.dialect import json_response

MEDIA_TYPE = "application/vnd.api+json"

Resource = dict[str, Any]
"""`type`, `id` and whatever else a resource object has."""

Identifier = tuple[str, str]
"""Type and id."""

Path = tuple[str, ...]
"""`filter[teams][name]` is ("filter", "teams", "name")."""

_BRACKETS = re.compile(r"([^\[\]]+)((?:\[[^\[\]]*\])*)")


def read_path(name: str) -> Path:
    """A name whose brackets do not pair is a path of its own."""
    match = _BRACKETS.fullmatch(name)
    if not match:
        return (name,)
    return (match[1], *re.findall(r"\[([^\[\]]*)\]", match[2]))


def read_parameters(parameters: MultiMapping[str]) -> dict[Path, str]:
    """Of a parameter that is given twice the last one counts, but `include[]=a&include[]=b` is `include=a,b`."""
    read: dict[Path, str] = {}
    for name, value in parameters.items():
        path = read_path(name)
        if len(path) > 1 and not path[-1]:
            path = path[:-1]
            value = f"{read[path]},{value}" if path in read else value
        read[path] = value
    return read


def write_query(parameters: Mapping[Path, str]) -> str:
    """In order of their names, percent-encoded in full: `page%5Bnumber%5D=1`."""
    named = {path[0] + "".join(f"[{part}]" for part in path[1:]): value for path, value in parameters.items()}
    return "&".join(f"{_quote(name)}={_quote(value)}" for name, value in sorted(named.items()))


def _quote(text: str) -> str:
    # bytes that are no UTF-8 come as lone surrogates
    return quote(text, safe="", errors="replace")


def page_links(url: str, parameters: Mapping[Path, str], number: int, size: int, total: int) -> dict[str, str]:
    """`first` and `last` always, `prev` after page 1, `next` before the last; `url` has no query."""
    last = max(1, -(-total // size))

    def at(there: int) -> str:
        return f"{url}?{write_query({**parameters, ('page', 'number'): str(there), ('page', 'size'): str(size)})}"

    links = {"first": at(1)}
    if number > 1:
        links["prev"] = at(number - 1)
    if number < last:
        links["next"] = at(number + 1)
    return links | {"last": at(last)}


IncludeTree = dict[str, Any]
"""`members.room,rooms` is {"members": {"room": {}}, "rooms": {}}."""


def read_include(text: str) -> IncludeTree:
    tree: IncludeTree = {}
    for path in filter(None, (part.strip() for part in text.split(","))):
        node = tree
        for name in path.split("."):
            node = node.setdefault(name, {})
    return tree


@dataclass(slots=True)
class Compound:
    """Resources that come along with the primary ones: each once, and none that is primary itself.

    Whoever comes by two ways has the linkage of both.
    """

    primary: Sequence[Resource]
    _included: dict[Identifier, Resource] = field(default_factory=dict)
    _primary: dict[Identifier, Resource] = field(init=False)

    def __post_init__(self) -> None:
        self._primary = {identify(resource): resource for resource in self.primary}

    def include(self, resources: Iterable[Resource]) -> None:
        for resource in resources:
            known = self._primary.get(identify(resource)) or self._included.setdefault(identify(resource), resource)
            _add_linkage(known, resource)

    @property
    def included(self) -> list[Resource]:
        return list(self._included.values())


def _add_linkage(known: Resource, other: Resource) -> None:
    for name, relationship in other.get("relationships", {}).items():
        if "data" in relationship:
            known.get("relationships", {}).get(name, {}).setdefault("data", relationship["data"])


def identify(resource: Resource) -> Identifier:
    return resource["type"], resource["id"]


def linkage(resources: Iterable[Resource]) -> list[Resource]:
    """Resource identifier objects."""
    return [{"type": resource["type"], "id": resource["id"]} for resource in resources]


def answer(document: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> web.Response:
    return json_response(document, status, headers, MEDIA_TYPE)


def no_content() -> web.Response:
    """Even what is empty says that it is JSON:API."""
    return web.Response(status=204, content_type=MEDIA_TYPE)


def media_types(header: str) -> Iterator[tuple[str, dict[str, str]]]:
    """The types of an Accept header in lower case with their parameters, weights among them."""
    for item in header.split(","):
        name, *rest = (part.strip() for part in item.split(";"))
        pairs = (part.partition("=") for part in rest)
        yield name.lower(), {key.strip().lower(): value for key, _, value in pairs}
