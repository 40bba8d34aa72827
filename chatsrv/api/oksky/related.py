"""What belongs to a resource: linkage, related resources, and each of them on its own."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from aiohttp import web

from chatsrv.api.dialect import Call
from chatsrv.api.jsonapi import answer, no_content
from chatsrv.api.oksky import errors
from chatsrv.api.oksky.documents import load, write_linkage, write_one, write_page
from chatsrv.api.oksky.input import read_id, read_identifiers, read_type, to_id
from chatsrv.api.oksky.kinds import Kind, Relationship
from chatsrv.api.oksky.parameters import Question, read_question, read_shape
from chatsrv.api.oksky.table import KINDS, SUBTYPES, USER_RELATIONSHIPS
from chatsrv.domain.errors import MethodNotAllowed, RouteNotFound
from chatsrv.domain.presence import SERVER

READABLE = frozenset(("GET", "HEAD", "OPTIONS", "PATCH", "PUT"))

Write = Callable[[Call, int, Sequence[int]], Awaitable[None]]


async def get_one(call: Call) -> web.StreamResponse:
    """`/{rel}/{id}`: under the name of any relationship, and of whatever type it is."""
    name = read_type(call)
    kind = KINDS[USER_RELATIONSHIPS[name].kind if name in USER_RELATIONSHIPS else name]
    shape, value = read_shape(call, kind, kind.name), await find_one(call, kind)
    return await write_one(call, kind, value, shape)


async def get_linkage(call: Call) -> web.StreamResponse:
    name, relationship = _read_relationship(call)
    return await write_linkage(call, relationship, name, await _find_source(call))


async def get_related(call: Call) -> web.StreamResponse:
    _, relationship = _read_relationship(call)
    kind = KINDS[relationship.kind]
    if relationship.is_many:
        return await _list_related(call, kind, relationship)
    shape, source = read_shape(call, kind, kind.name), await _find_source(call)
    found = (await load(call, relationship, [source]))[source.id]
    return await write_one(call, kind, found[0], shape) if found else answer({"data": None})


async def _list_related(call: Call, kind: Kind, relationship: Relationship) -> web.StreamResponse:
    question = read_question(call, kind, kind.name, is_related=True)
    source = await _find_source(call)
    values, total = await _page(call, kind, relationship, source, question)
    return await write_page(call, kind, values, total, question)


async def _page(
    call: Call, kind: Kind, relationship: Relationship, source: Any, question: Question
) -> tuple[list[Any], int]:
    start, end = question.page.offset, question.page.offset + question.page.size
    wanted = {to_id(text) for text in question.filters["id"]} if "id" in question.filters else None
    if relationship.page and wanted is None and not question.order:
        return await relationship.page(call, source, question.page.size, start)
    if wanted is None and not question.order and call.caller.manages:
        ids = (await relationship.link(call, [source]))[source.id]
        return await kind.find(call, ids[start:end]), len(ids)
    found = (await load(call, relationship, [source]))[source.id]
    kept = [value for value in found if wanted is None or value.id in wanted]
    for order in reversed(question.order):
        kept.sort(key=_sort_key(kind, order.name), reverse=order.descending)
    return kept[start:end], len(kept)


def _sort_key(kind: Kind, name: str) -> Callable[[Any], tuple[bool, Any]]:
    """Nothing comes first; attributes of one name are of one kind."""

    def read(value: Any) -> tuple[bool, Any]:
        found = value.id if name == "id" else kind.attributes[name](value)
        return (found is not None, found if isinstance(found, int) else str(found or "").casefold())

    return read


# Writing


async def add(call: Call) -> web.StreamResponse:
    return await _write(call, ADD)


async def remove(call: Call) -> web.StreamResponse:
    return await _write(call, REMOVE)


async def replace(call: Call) -> web.StreamResponse:
    """Refused for whatever may be changed otherwise, and for what may not be changed at all."""
    _read_relationship(call)
    raise errors.replacement_forbidden()


async def _write(call: Call, writes: Mapping[str, Write]) -> web.StreamResponse:
    name, relationship = _read_relationship(call)
    if name not in writes:
        raise MethodNotAllowed(call.request.method, READABLE)
    user_id = read_id(call)
    types = ("users", *SUBTYPES) if relationship.kind == "users" else (relationship.kind,)
    keys = await read_identifiers(call, types)
    await _check_there(call, relationship, keys)
    await writes[name](call, user_id, [to_id(key) or 0 for key in keys])
    return no_content()


async def _check_there(call: Call, relationship: Relationship, keys: Sequence[Any]) -> None:
    """Raises Refusal with the first that there is not."""
    ids = [id_ for id_ in map(to_id, keys) if id_]
    found = {value.id for value in await KINDS[relationship.kind].find(call, ids)}
    for key in keys:
        if to_id(key) not in found:
            raise errors.no_record(key)


async def _join(call: Call, user_id: int, ids: Sequence[int]) -> None:
    await call.services.channels.join(call.app.id, user_id, ids)


async def _part(call: Call, user_id: int, ids: Sequence[int]) -> None:
    await call.services.channels.part(call.app.id, user_id, ids)


async def _star_rooms(call: Call, user_id: int, ids: Sequence[int]) -> None:
    viewer = SERVER if call.caller.manages else call.viewer
    for id_ in ids:
        await call.services.stars.star_channel(call.app.id, user_id, id_, viewer)


async def _unstar_rooms(call: Call, user_id: int, ids: Sequence[int]) -> None:
    for id_ in ids:
        await call.services.stars.unstar_channel(call.app.id, user_id, id_)


async def _star_customers(call: Call, user_id: int, ids: Sequence[int]) -> None:
    for id_ in ids:
        await call.services.stars.star_customer(call.app.id, user_id, id_)


async def _unstar_customers(call: Call, user_id: int, ids: Sequence[int]) -> None:
    for id_ in ids:
        await call.services.stars.unstar_customer(call.app.id, user_id, id_)


ADD: Mapping[str, Write] = {"rooms": _join, "starred_rooms": _star_rooms, "starred_customers": _star_customers}
REMOVE: Mapping[str, Write] = {"rooms": _part, "starred_rooms": _unstar_rooms, "starred_customers": _unstar_customers}


# Finding what the path names


async def find_one(call: Call, kind: Kind) -> Any:
    """Raises Refusal."""
    found = await kind.find(call, [read_id(call)])
    return found[0] if found else _no_record(call)


def _no_record(call: Call) -> None:
    raise errors.no_record(call.request.match_info["id"])


def _source_kind(call: Call) -> Kind:
    return KINDS[read_type(call)]


async def _find_source(call: Call) -> Any:
    return await find_one(call, _source_kind(call))


def _read_relationship(call: Call) -> tuple[str, Relationship]:
    """Raises RouteNotFound."""
    name = call.request.match_info["relationship"]
    relationships = _source_kind(call).relationships
    if name not in relationships:
        raise RouteNotFound(f"There is nothing at {call.request.path}.")
    return name, relationships[name]
