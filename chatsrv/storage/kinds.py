"""What belongs to users, as it is selected and read: for relations.py, which does the same with all of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, FromClause, Row, Select, Table, select

from chatsrv.domain.desk import Draft, InChannel, InSupport, Memo, NamedValue, Related, Relation, Support
from chatsrv.domain.instants import NEVER
from chatsrv.storage.channels import COUNT, to_channel, to_membership, visible_to
from chatsrv.storage.schema import (
    channel_members,
    channels,
    draft_messages,
    memos,
    starred_channels,
    starred_customers,
    supports,
    user_infos,
    user_widget_settings,
    users,
)
from chatsrv.storage.users import to_user

customers, others = users.alias("customers"), users.alias("others")


@dataclass(frozen=True, slots=True)
class Kind:
    """`things` are all of this kind; `links` are pairs of a user and the id of a thing, named owner and item.

    `visible_to` says what a user may see, where that is not everything.
    """

    things: Select[Any]
    id: ColumnElement[int]
    app_id: ColumnElement[str]
    links: Select[Any]
    read: Callable[[Row[Any]], Related]
    visible_to: Callable[[int], ColumnElement[bool]] | None = None


def _pairs(owner: ColumnElement[int], item: ColumnElement[int], among: FromClause | None = None) -> Select[Any]:
    columns: tuple[ColumnElement[Any], ...] = (owner.label("owner"), item.label("item"))
    pairs = select(*columns)
    return pairs if among is None else pairs.select_from(among)


def _is_here(person: FromClause) -> ColumnElement[bool]:
    return person.c.discarded_at == NEVER


def _read_support(row: Row[Any]) -> Support:
    return Support(
        id=row.id,
        channel_id=row.channel_id,
        customer_id=row.customer_id,
        customer=row.customer,
        agent_id=row.known_agent_id,
        agent=row.agent,
        created_at=row.created_at,
        closed_at=row.closed_at,
    )


def _read_memo(row: Row[Any]) -> Memo:
    return Memo(
        id=row.id,
        user_id=row.user_id,
        username=row.username,
        author_id=row.known_author_id,
        author=row.author,
        text=row.text,
        created_at=row.created_at,
        updated_at=row.updated_at,
    )


def _read_draft(row: Row[Any]) -> Draft:
    place = InChannel(row.channel_id) if row.channel_id is not None else InSupport(row.support_id)
    return Draft(row.id, row.user_id, place, row.text, row.created_at, row.updated_at)


def _read_info(row: Row[Any]) -> NamedValue:
    return NamedValue(row.id, row.user_id, row.name, row.value)


def _read_setting(row: Row[Any]) -> NamedValue:
    return NamedValue(row.id, row.user_id, row.name, msgspec.json.decode(row.value))


# Supports: a discarded customer hides them, a discarded agent is nobody
CUSTOMERS = supports.join(customers, (customers.c.id == supports.c.customer_id) & _is_here(customers))
PEOPLE = CUSTOMERS.outerjoin(others, (others.c.id == supports.c.agent_id) & _is_here(others))
AS_AGENT = _pairs(supports.c.agent_id, supports.c.id, CUSTOMERS)
SUPPORT = Kind(
    select(
        supports,
        customers.c.username.label("customer"),
        others.c.id.label("known_agent_id"),
        others.c.username.label("agent"),
    ).select_from(PEOPLE),
    supports.c.id,
    supports.c.app_id,
    AS_AGENT,
    _read_support,
)

_SUBJECTS = memos.join(users, (users.c.id == memos.c.user_id) & _is_here(users))
MEMO = Kind(
    select(
        memos, users.c.username, others.c.id.label("known_author_id"), others.c.username.label("author")
    ).select_from(_SUBJECTS.outerjoin(others, (others.c.id == memos.c.author_id) & _is_here(others))),
    memos.c.id,
    memos.c.app_id,
    _pairs(memos.c.user_id, memos.c.id),
    _read_memo,
)

_WRITERS = draft_messages.join(users, (users.c.id == draft_messages.c.user_id) & _is_here(users))
_SUPPORT_WRITERS = _WRITERS.join(supports, supports.c.id == draft_messages.c.support_id).join(
    customers, (customers.c.id == supports.c.customer_id) & _is_here(customers)
)


def _draft_kind(among: FromClause, place: ColumnElement[Any]) -> Kind:
    mine = draft_messages.c.user_id, draft_messages.c.id
    return Kind(
        select(draft_messages).select_from(among).where(place.is_not(None)),
        draft_messages.c.id,
        draft_messages.c.app_id,
        _pairs(*mine, among).where(place.is_not(None)),
        _read_draft,
    )


def _named_kind(table: Table, read: Callable[[Row[Any]], NamedValue]) -> Kind:
    among = table.join(users, (users.c.id == table.c.user_id) & _is_here(users))
    return Kind(select(table).select_from(among), table.c.id, table.c.app_id, _pairs(table.c.user_id, table.c.id), read)


def _channel_kind(links: Select[Any]) -> Kind:
    return Kind(select(channels, COUNT), channels.c.id, channels.c.app_id, links, to_channel, visible_to)


_STARRED = starred_customers.join(customers, (customers.c.id == starred_customers.c.customer_id) & _is_here(customers))
_MEMBERS = channel_members.join(users, (users.c.id == channel_members.c.user_id) & _is_here(users)).join(
    channels, channels.c.id == channel_members.c.channel_id
)

KINDS: Mapping[Relation, Kind] = {
    Relation.SUPPORTS: SUPPORT,
    Relation.SUPPORTED: replace(SUPPORT, links=_pairs(supports.c.customer_id, supports.c.id)),
    Relation.SUPPORT_ROOMS: _channel_kind(_pairs(supports.c.agent_id, supports.c.channel_id, CUSTOMERS)),
    Relation.MEMOS: MEMO,
    Relation.DRAFTS: _draft_kind(_WRITERS, draft_messages.c.channel_id),
    Relation.SUPPORT_DRAFTS: _draft_kind(_SUPPORT_WRITERS, draft_messages.c.support_id),
    Relation.INFOS: _named_kind(user_infos, _read_info),
    Relation.WIDGET_SETTINGS: _named_kind(user_widget_settings, _read_setting),
    Relation.STARRED_ROOMS: _channel_kind(_pairs(starred_channels.c.user_id, starred_channels.c.channel_id)),
    Relation.STARRED_CUSTOMERS: Kind(
        select(users).where(_is_here(users)),
        users.c.id,
        users.c.app_id,
        _pairs(starred_customers.c.user_id, starred_customers.c.customer_id, _STARRED),
        to_user,
    ),
    Relation.ROOMS: _channel_kind(_pairs(channel_members.c.user_id, channel_members.c.channel_id)),
    Relation.MEMBERS: Kind(
        select(channel_members).select_from(_MEMBERS),
        channel_members.c.id,
        channels.c.app_id,
        _pairs(channel_members.c.user_id, channel_members.c.id),
        to_membership,
    ),
}
