"""Everything but users: rooms and members, supports, and what people note, draft and set."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from chatsrv.api.dialect import Call
from chatsrv.api.oksky.kinds import Find, Ids, Link
from chatsrv.api.oksky.people import NOBODY
from chatsrv.domain.channels import Channel, ChannelType, Membership
from chatsrv.domain.desk import Draft, Memo, NamedValue, Relation, Support
from chatsrv.domain.instants import NEVER
from chatsrv.domain.sign_ins import SignIn

Attributes = Mapping[str, Callable[[Any], Any]]

KINDS_OF_ROOMS: Mapping[ChannelType, str] = {
    ChannelType.PUBLIC: "public",
    ChannelType.PRIVATE: "private",
    ChannelType.DIRECT: "direct",
}


def _seconds(at_ms: int) -> int:
    return at_ms // 1000


def _seconds_or_none(at_ms: int) -> int | None:
    return None if at_ms == NEVER else _seconds(at_ms)


ROOM: Mapping[str, Callable[[Channel], Any]] = {
    "name": lambda room: room.subject,
    "kind": lambda room: KINDS_OF_ROOMS[room.type],
    "is_private": lambda room: room.type is not ChannelType.PUBLIC,
}

MEMBER: Mapping[str, Callable[[Membership], Any]] = {
    "room_id": lambda member: member.channel_id,
    "user_id": lambda member: member.user_id,
    "last_read_at_unix": lambda member: _seconds(member.last_read_at),
    "unread_message_count": lambda member: member.unread_message_count,
}

SUPPORT: Mapping[str, Callable[[Support], Any]] = {
    "room_id": lambda support: support.channel_id,
    "customer_id": lambda support: support.customer_id,
    "user_id": lambda support: support.agent_id,
    "start_time_unix": lambda support: _seconds(support.created_at),
    "end_time_unix": lambda support: _seconds_or_none(support.closed_at),
}

MEMO: Mapping[str, Callable[[Memo], Any]] = {
    "resource_id": lambda memo: memo.user_id,
    "resource_type": lambda _: "User",
    "user_id": lambda memo: memo.author_id,
    "text": lambda memo: memo.text,
    "created_at_unix": lambda memo: _seconds(memo.created_at),
}

DRAFT: Mapping[str, Callable[[Draft], Any]] = {
    "room_id": lambda draft: draft.channel_id,
    "support_id": lambda draft: draft.support_id,
    "user_id": lambda draft: draft.user_id,
    "message_content": lambda draft: draft.text,
    "created_at_unix": lambda draft: _seconds(draft.created_at),
    "updated_at_unix": lambda draft: _seconds(draft.updated_at),
}

INFO: Mapping[str, Callable[[NamedValue], Any]] = {
    "user_id": lambda info: info.user_id,
    "name": lambda info: info.name,
    "value_data": lambda info: info.value,
}

WIDGET_SETTING: Mapping[str, Callable[[NamedValue], Any]] = {
    "user_id": lambda setting: setting.user_id,
    "name": lambda setting: setting.name,
    "value": lambda setting: setting.value,
}

EVENT: Mapping[str, Callable[[SignIn], Any]] = {
    "resource_type": lambda _: "User",
    "resource_id": lambda event: event.user_id,
    "kind": lambda _: "signin",
    "created_at_unix": lambda event: _seconds(event.created_at),
}


# Finding values


def finder(relation: Relation, sieve: Callable[[Call, list[Any]], Any] | None = None) -> Find:
    """`sieve` keeps what a customer may read; administrators and server keys read everything."""

    async def find(call: Call, ids: Sequence[int]) -> list[Any]:
        found: list[Any] = list(await call.services.desk.find(call.app.id, relation, ids)) if ids else []
        return found if sieve is None or call.caller.manages else list(await sieve(call, found))

    return find


async def sift_rooms(call: Call, found: list[Channel]) -> list[Channel]:
    """Public ones and their own."""
    own = await _own_rooms(call)
    return [room for room in found if room.type is ChannelType.PUBLIC or room.id in own]


async def sift_by_room(call: Call, found: list[Any]) -> list[Any]:
    """Of members and supports: what is in a room that they may read."""
    ids = list({one.channel_id for one in found})
    rooms = {room.id for room in await sift_rooms(call, await call.services.channels.find(call.app.id, ids))}
    return [one for one in found if one.channel_id in rooms]


async def sift_own(call: Call, found: list[Any]) -> list[Any]:
    """What nobody else has to know."""
    return [one for one in found if one.user_id == _own_id(call)]


async def sift_written(call: Call, found: list[Memo]) -> list[Memo]:
    """Memos are notes about people for those who look after them."""
    return [memo for memo in found if memo.author_id == _own_id(call)]


async def _own_rooms(call: Call) -> set[int]:
    own_id = _own_id(call)
    return set((await call.services.desk.links(call.app.id, Relation.ROOMS, [own_id]))[own_id])


def _own_id(call: Call) -> int:
    return call.caller.user.id if call.caller.user else 0


async def find_events(call: Call, ids: Sequence[int]) -> list[SignIn]:
    """Asked for one at a time: those of a user come by `load_events`."""
    return [await call.services.sign_ins.get(call.app.id, id_, NOBODY) for id_ in ids]


# What belongs to whom


def linker(relation: Relation) -> Link:
    async def link(call: Call, sources: Sequence[Any]) -> Ids:
        return await call.services.desk.links(call.app.id, relation, [source.id for source in sources])

    return link


async def link_present_rooms(call: Call, sources: Sequence[Any]) -> Ids:
    return await call.services.channels.present_rooms(call.app.id, [source.id for source in sources], NOBODY)


async def load_events(call: Call, sources: Sequence[Any]) -> dict[int, list[SignIn]]:
    """The latest of each."""
    return await call.services.sign_ins.find_latest([source.id for source in sources], NOBODY)


async def link_events(call: Call, sources: Sequence[Any]) -> Ids:
    return {id_: [event.id for event in found] for id_, found in (await load_events(call, sources)).items()}


async def page_events(call: Call, source: Any, limit: int, offset: int) -> tuple[list[SignIn], int]:
    return await call.services.sign_ins.page(call.app.id, source.id, NOBODY, limit, offset)


def pointer(name: str) -> Link:
    """To the one whose id the value holds, if it holds one."""

    async def link(_: Call, sources: Sequence[Any]) -> Ids:
        return {source.id: [getattr(source, name)] if getattr(source, name) else [] for source in sources}

    return link
