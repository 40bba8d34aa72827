"""Rooms, which are channels, and their members."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from typing import Any

from aiohttp import web

from chatsrv.api.dialect import Call
from chatsrv.api.jsonapi import no_content
from chatsrv.api.oksky.desk import KINDS_OF_ROOMS
from chatsrv.api.oksky.documents import write_one, write_page
from chatsrv.api.oksky.input import read_changes, read_id, read_new, to_id
from chatsrv.api.oksky.kinds import Kind
from chatsrv.api.oksky.parameters import Question, read_question, read_shape
from chatsrv.api.oksky.people import NOBODY
from chatsrv.api.oksky.table import KINDS
from chatsrv.domain.channels import ChannelType
from chatsrv.domain.desk import Relation
from chatsrv.domain.errors import Invalid, NotFound, Problem, UserNotFound
from chatsrv.domain.presence import SERVER

ROOM_WRITABLE = ("name", "kind", "is_private")
MEMBER_WRITABLE = ("room_id", "user_id")
TYPES: Mapping[str, ChannelType] = {word: type_ for type_, word in KINDS_OF_ROOMS.items()}

Found = tuple[Sequence[Any], int]
"""The values of one page, and how many there are."""

PageOf = Callable[[Call, int, int], Awaitable[Found]]


# Rooms


async def list_rooms(call: Call) -> web.StreamResponse:
    question = read_question(call, KINDS["rooms"], "rooms")
    rooms, total = await _find_rooms(call, question)
    return await write_page(call, KINDS["rooms"], rooms, total, question)


async def _find_rooms(call: Call, question: Question) -> Found:
    if "id" in question.filters:
        return await _find_by_id(call, KINDS["rooms"], _named_ids(question), question)
    return await _page_by_id(call, question, _page_rooms)


async def _page_rooms(call: Call, limit: int, offset: int) -> Found:
    viewer = SERVER if call.caller.manages else call.viewer
    owned, total = await call.services.channels.page(call.app.id, limit, offset, viewer)
    return [one.channel for one in owned], total


async def create_room(call: Call) -> web.StreamResponse:
    """The person who makes it owns it; a server key's has no owner."""
    shape = read_shape(call, KINDS["rooms"], "rooms")
    values = _read_room(await read_new(call, ("rooms",), ROOM_WRITABLE))
    owner = call.caller.user.username if call.caller.user else None
    owned = await call.services.channels.create(call.app.id, values, owner, NOBODY)
    return await write_one(call, KINDS["rooms"], owned.channel, shape, status=201)


async def update_room(call: Call) -> web.StreamResponse:
    shape, room_id = read_shape(call, KINDS["rooms"], "rooms"), read_id(call)
    values = _read_room(await read_changes(call, ("rooms",), ROOM_WRITABLE))
    owned = await call.services.channels.update(call.app.id, room_id, values, NOBODY)
    return await write_one(call, KINDS["rooms"], owned.channel, shape)


async def delete_room(call: Call) -> web.StreamResponse:
    await call.services.channels.delete(call.app.id, read_id(call))
    return no_content()


def _read_room(attributes: Mapping[str, Any]) -> dict[str, Any]:
    """`is_private` alone tells private from public; with a kind it must agree. Raises Invalid."""
    values: dict[str, Any] = {"subject": attributes["name"]} if "name" in attributes else {}
    if "kind" in attributes:
        values["type"] = _read_kind(attributes["kind"])
    if "is_private" in attributes:
        is_private = attributes["is_private"]
        chosen = values.setdefault("type", int(ChannelType.PRIVATE if is_private else ChannelType.PUBLIC))
        if is_private is not (chosen != ChannelType.PUBLIC):
            raise Invalid(Problem("is_private", "must be true or false, as the kind says"))
    return values


def _read_kind(word: Any) -> int:
    if not isinstance(word, str) or word not in TYPES:
        raise Invalid(Problem("kind", "is not included in the list"))
    return int(TYPES[word])


# Members


async def list_members(call: Call) -> web.StreamResponse:
    question = read_question(call, KINDS["members"], "members")
    members, total = await _find_members(call, question)
    return await write_page(call, KINDS["members"], members, total, question)


async def _find_members(call: Call, question: Question) -> Found:
    if not question.filters:
        return await _page_by_id(call, question, _page_members)
    ids = _named_ids(question) if "id" in question.filters else None
    if "user_id" in question.filters:
        users = [id_ for id_ in map(to_id, question.filters["user_id"]) if id_]
        links = await call.services.desk.links(call.app.id, Relation.MEMBERS, users)
        theirs = {id_ for found in links.values() for id_ in found}
        ids = theirs if ids is None else theirs & ids
    return await _find_by_id(call, KINDS["members"], ids or set(), question)


async def _page_members(call: Call, limit: int, offset: int) -> Found:
    """A customer is told of their own memberships alone."""
    user_id = None if call.caller.manages or not call.caller.user else call.caller.user.id
    return await call.services.desk.page(call.app.id, Relation.MEMBERS, user_id, limit, offset)


async def create_member(call: Call) -> web.StreamResponse:
    """Who is a member already stays one."""
    shape = read_shape(call, KINDS["members"], "members")
    attributes = await read_new(call, ("members",), MEMBER_WRITABLE)
    room_id, user_id = await _read_references(call, attributes)
    try:
        await call.services.channels.add_members(call.app.id, room_id, [user_id], None)
        member = await call.services.channels.membership_of(call.app.id, room_id, user_id)
    except NotFound as error:
        field = "user_id" if isinstance(error, UserNotFound) else "room_id"
        raise Invalid(Problem(field, "must exist")) from error
    return await write_one(call, KINDS["members"], member, shape, status=201)


async def _read_references(call: Call, attributes: Mapping[str, Any]) -> tuple[int, int]:
    """Room and user, each an int or decimal digits. Raises Invalid with what is wrong with either."""
    room_id, user_id = to_id(attributes.get("room_id")), to_id(attributes.get("user_id"))
    rooms = await call.services.channels.find(call.app.id, [room_id] if room_id else [])
    users = await KINDS["users"].find(call, [user_id] if user_id else [])
    missing = [name for name, found in (("room_id", rooms), ("user_id", users)) if not found]
    if missing or room_id is None or user_id is None:
        raise Invalid(*(Problem(name, _missing(attributes.get(name))) for name in missing))
    return room_id, user_id


def _missing(value: Any) -> str:
    return "can't be blank" if value is None or value == "" else "must exist"


async def delete_member(call: Call) -> web.StreamResponse:
    await call.services.channels.remove_member(call.app.id, read_id(call))
    return no_content()


# Lists in order of id, which is the one order they have


async def _page_by_id(call: Call, question: Question, page_of: PageOf) -> Found:
    """A list that is read backwards is paged from its end."""
    limit, offset = question.page.size, question.page.offset
    if not _is_descending(question):
        return await page_of(call, limit, offset)
    _, total = await page_of(call, 1, 0)
    end = max(0, total - offset)
    start = max(0, end - limit)
    values, total = await page_of(call, max(1, end - start), start)
    return (values[::-1] if end else []), total


async def _find_by_id(call: Call, kind: Kind, ids: Collection[int], question: Question) -> Found:
    found = await kind.find(call, sorted(ids))
    ordered = found[::-1] if _is_descending(question) else found
    return ordered[question.page.offset : question.page.offset + question.page.size], len(found)


def _is_descending(question: Question) -> bool:
    return bool(question.order) and question.order[0].descending


def _named_ids(question: Question) -> set[int]:
    return {id_ for id_ in map(to_id, question.filters["id"]) if id_}
