"""Answers: resources with their links and linkage, what comes along with them, and pages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from aiohttp import web

from chatsrv.api.addresses import public_url
from chatsrv.api.dialect import Call
from chatsrv.api.jsonapi import Compound, IncludeTree, Path, Resource, answer, page_links
from chatsrv.api.oksky import errors
from chatsrv.api.oksky.input import read_type
from chatsrv.api.oksky.kinds import Kind, Relationship
from chatsrv.api.oksky.parameters import Question, Shape
from chatsrv.api.oksky.table import KINDS

PREFIX = "/rapi/v1"

Linked = Mapping[str, Mapping[int, list[Resource]]]
"""Linkage by the name of the relationship and the id of the source."""


def base_url(call: Call) -> str:
    return f"{public_url(call.request).origin()}{PREFIX}"


async def write_one(
    call: Call,
    kind: Kind,
    value: Any,
    shape: Shape,
    *,
    type_: str | None = None,
    with_linkage: bool = False,
    status: int = 200,
) -> web.Response:
    """`type_` where it is not the value's own. What was created has its address in Location."""
    writer = _Writer(call, shape, with_linkage, type_)
    data, included = await writer.write(kind, [value])
    headers = {"Location": data[0]["links"]["self"]} if status == 201 else None
    return answer({"data": data[0], **included}, status, headers)


async def write_page(
    call: Call,
    kind: Kind,
    values: Sequence[Any],
    total: int,
    question: Question,
    *,
    path: str | None = None,
    type_: str | None = None,
    given: Mapping[Path, str] | None = None,
) -> web.Response:
    """`path` and `given` where the links lead elsewhere than the request did."""
    writer = _Writer(call, question.shape, True, type_)
    data, included = await writer.write(kind, values)
    url = base_url(call) + (path or call.request.path.removeprefix(PREFIX).rstrip("/"))
    kept = {name: value for name, value in (given or question.given).items() if name[0] != "page"}
    links = page_links(url, kept, question.page.number, question.page.size, total)
    return answer({"data": data, **included, "meta": {"record_count": total}, "links": links})


async def write_linkage(call: Call, relationship: Relationship, name: str, source: Any) -> web.Response:
    """What belongs to a source that there is, and where it is to be had."""
    writer = _Writer(call, Shape({}, {}), True, None)
    linked = (await writer.link(relationship, [source]))[source.id]
    links = _relationship_links(f"{base_url(call)}/{read_type(call)}/{source.id}", name)
    return answer({"links": links, "data": _linkage(relationship, linked)})


async def load(call: Call, relationship: Relationship, sources: Sequence[Any]) -> dict[int, list[Any]]:
    """The values that belong to each. Raises Refusal where those are too many."""
    if relationship.load:
        return await relationship.load(call, sources)
    ids = await relationship.link(call, sources)
    wanted = list(dict.fromkeys(id_ for found in ids.values() for id_ in found))
    _check_bound(call, len(wanted))
    values = {value.id: value for value in await KINDS[relationship.kind].find(call, wanted)}
    return {source: [values[id_] for id_ in found if id_ in values] for source, found in ids.items()}


def _check_bound(call: Call, number: int) -> None:
    limit = call.services.settings.included_max
    if number > limit:
        raise errors.too_many(limit).over("included_max")


class _Writer:
    """One answer. `type_` is that of the primary resources where it is not their own."""

    def __init__(self, call: Call, shape: Shape, with_linkage: bool, type_: str | None) -> None:
        self._call = call
        self._shape = shape
        self._with_linkage = with_linkage
        self._type = type_
        self._base = base_url(call)
        self._included = 0

    async def write(self, kind: Kind, values: Sequence[Any]) -> tuple[list[Resource], dict[str, list[Resource]]]:
        """The primary resources, and `included` where anything is."""
        related = await self._load_tree(kind, values, self._shape.include)
        linked = await self._link_shown(kind, values, related) if self._with_linkage else {}
        primary = self._render_all(kind, values, {**linked, **_identify_all(kind, related)}, self._type)
        compound = Compound(primary)
        await self._include(compound, kind, related, self._shape.include)
        return primary, {"included": compound.included} if compound.included else {}

    async def _load_tree(self, kind: Kind, values: Sequence[Any], tree: IncludeTree) -> dict[str, dict[int, list[Any]]]:
        return {name: await load(self._call, kind.relationships[name], values) for name in tree}

    async def _include(
        self, compound: Compound, kind: Kind, related: Mapping[str, dict[int, list[Any]]], tree: IncludeTree
    ) -> None:
        """Level by level: each relationship of a level is loaded once for everybody there. Raises Refusal."""
        for name, below in tree.items():
            target = KINDS[kind.relationships[name].kind]
            values = list({value.id: value for found in related[name].values() for value in found}.values())
            self._included += len(values)
            _check_bound(self._call, self._included)
            deeper = await self._load_tree(target, values, below)
            compound.include(self._render_all(target, values, _identify_all(target, deeper)))
            await self._include(compound, target, deeper, below)

    async def _link_shown(
        self, kind: Kind, values: Sequence[Any], related: Mapping[str, Any]
    ) -> dict[str, dict[int, list[Resource]]]:
        """Only what is shown of at least one of them."""
        wanted = [self._shape.wanted(self._type or kind.type_name(value)) for value in values]
        return {
            name: await self.link(relationship, values)
            for name, relationship in kind.relationships.items()
            if relationship.in_lists and name not in related and any(names is None or name in names for names in wanted)
        }

    async def link(self, relationship: Relationship, sources: Sequence[Any]) -> dict[int, list[Resource]]:
        """A customer has to do with those alone that they may read."""
        target = KINDS[relationship.kind]
        if not self._call.caller.manages and relationship.is_many:
            return _identify(target, await load(self._call, relationship, sources))
        ids = await relationship.link(self._call, sources)
        everybody = {id_ for found in ids.values() for id_ in found}
        types = await target.tell_types(self._call, sorted(everybody)) if target.tell_types else None
        return {
            source: [
                {"type": types[id_] if types else target.name, "id": str(id_)}
                for id_ in found
                if types is None or id_ in types
            ]
            for source, found in ids.items()
        }

    def _render_all(
        self, kind: Kind, values: Sequence[Any], linked: Linked, type_: str | None = None
    ) -> list[Resource]:
        return [self._render(kind, value, linked, type_ or kind.type_name(value)) for value in values]

    def _render(self, kind: Kind, value: Any, linked: Linked, type_: str) -> Resource:
        wanted = self._shape.wanted(type_)
        url = f"{self._base}/{type_}/{value.id}"
        shown = {name: kind.relationships[name] for name in kind.relationships if wanted is None or name in wanted}
        resource: Resource = {"id": str(value.id), "type": type_, "links": {"self": url}}
        attributes = {n: read(value) for n, read in kind.attributes.items() if wanted is None or n in wanted}
        relationships = {
            name: _relationship(relationship, name, url, linked, value.id) for name, relationship in shown.items()
        }
        # as in the original, what would be empty is left out
        return (
            resource
            | ({"attributes": attributes} if attributes else {})
            | ({"relationships": relationships} if relationships else {})
        )


def _relationship(relationship: Relationship, name: str, url: str, linked: Linked, source: int) -> dict[str, Any]:
    links: dict[str, Any] = {"links": _relationship_links(url, name)}
    return links | {"data": _linkage(relationship, linked[name].get(source, []))} if name in linked else links


def _relationship_links(url: str, name: str) -> dict[str, str]:
    return {"self": f"{url}/relationships/{name}", "related": f"{url}/{name}"}


def _linkage(relationship: Relationship, linked: list[Resource]) -> list[Resource] | Resource | None:
    if relationship.is_many:
        return linked
    return linked[0] if linked else None


def _identify_all(kind: Kind, related: Mapping[str, dict[int, list[Any]]]) -> dict[str, dict[int, list[Resource]]]:
    return {name: _identify(KINDS[kind.relationships[name].kind], found) for name, found in related.items()}


def _identify(target: Kind, related: Mapping[int, list[Any]]) -> dict[int, list[Resource]]:
    return {
        source: [{"type": target.type_name(value), "id": str(value.id)} for value in found]
        for source, found in related.items()
    }
