"""Users, and the same people as administrators and customers. A handler is parse -> one service call -> render."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from aiohttp import web

from chatsrv.api.dialect import Call
from chatsrv.api.jsonapi import no_content
from chatsrv.api.oksky.documents import write_one, write_page
from chatsrv.api.oksky.input import read_changes, read_id, read_new, read_type, to_id
from chatsrv.api.oksky.parameters import Question, read_question, read_shape
from chatsrv.api.oksky.people import NOBODY, complete
from chatsrv.api.oksky.problems import telling_all
from chatsrv.api.oksky.table import KINDS, SUBTYPES, USER_SORTS
from chatsrv.domain.listing import Filter, FilterValue, Operator, Sort, UserQuery
from chatsrv.domain.users import ADMIN

USER_FIELDS: Mapping[str, str] = {
    "username": "username",
    "name": "name",
    "email": "email",
    "avatar_url": "avatar",
    "timezone": "timezone",
    "language": "language",
}
PROFILE_FIELDS = (
    "max_support_count",
    "in_training",
    "info",
    "sound_notification",
    "notification_email",
    "last_seen_location",
)
WRITABLE = (*USER_FIELDS, "full_name", *PROFILE_FIELDS)

WHO: Mapping[str, tuple[Filter, ...]] = {
    "users": (),
    "administrators": (Filter("role", Operator.EQ, (ADMIN,)),),
    "customers": (Filter("role", Operator.NOT_EQ, (ADMIN,)),),
}
"""Who is listed under each path."""


async def list_page(call: Call) -> web.StreamResponse:
    type_ = read_type(call)
    question = read_question(call, KINDS[type_], type_)
    page = await call.services.users.page(call.app.id, to_query(question, WHO[type_]), NOBODY)
    return await write_page(call, KINDS["users"], await complete(call, page.people), page.total, question)


async def get(call: Call) -> web.StreamResponse:
    """Under `/users` the type is `users`."""
    type_ = read_type(call)
    shape, user_id = read_shape(call, KINDS[type_], type_), read_id(call)
    person = await call.services.users.get(call.app.id, user_id, NOBODY)
    shown_as = None if type_ in SUBTYPES else type_
    return await write_one(call, KINDS["users"], (await complete(call, [person]))[0], shape, type_=shown_as)


async def create(call: Call) -> web.StreamResponse:
    shape = read_shape(call, KINDS["users"], "users")
    attributes = await read_new(call, ("users",), WRITABLE)
    user, profile = split_attributes({"username": None, **attributes})
    async with telling_all(call, user):
        person, _ = await call.services.profiles.create(call.app.id, user, profile, NOBODY)
    somebody = (await complete(call, [person]))[0]
    return await write_one(call, KINDS["users"], somebody, shape, type_="users", with_linkage=True, status=201)


async def update(call: Call) -> web.StreamResponse:
    type_ = read_type(call)
    shape, user_id = read_shape(call, KINDS[type_], type_), read_id(call)
    # a list hands out links of both subtypes, and somebody's may have changed since
    attributes = await read_changes(call, SUBTYPES if type_ in SUBTYPES else (type_,), WRITABLE)
    user, profile = split_attributes(attributes)
    async with telling_all(call, user, user_id):
        person, _ = await call.services.profiles.update(call.app.id, user_id, user, profile, NOBODY)
    return await write_one(call, KINDS["users"], (await complete(call, [person]))[0], shape, with_linkage=True)


async def delete(call: Call) -> web.StreamResponse:
    """A body is allowed and ignored."""
    await call.services.accounts.delete(call.app.id, read_id(call))
    return no_content()


async def regenerate_access_token(call: Call) -> web.StreamResponse:
    """The new one is nobody's to read: it ends the old one."""
    await call.services.access_tokens.issue(call.app.id, read_id(call))
    return no_content()


def to_query(question: Question, filters: tuple[Filter, ...] = ()) -> UserQuery:
    sorts = [Sort(field, order.descending) for order in question.order for field in USER_SORTS[order.name]]
    return UserQuery(
        limit=question.page.size,
        offset=question.page.offset,
        sort=tuple(sorts),
        filters=(*filters, *to_filters(question.filters)),
        with_presence=True,
    )


def to_filters(filters: Mapping[str, Sequence[str]]) -> tuple[Filter, ...]:
    """What can be no id or uuid is nobody's."""
    return tuple(Filter(name, Operator.IN, READ[name](values)) for name, values in filters.items())


def _to_ids(values: Sequence[str]) -> tuple[FilterValue, ...]:
    return tuple(id_ for id_ in map(to_id, values) if id_)


def _to_uuids(values: Sequence[str]) -> tuple[FilterValue, ...]:
    return tuple(uuid for uuid in map(_to_uuid, values) if uuid)


def _to_uuid(text: str) -> str | None:
    try:
        return str(UUID(text))
    except ValueError:
        return None


READ = {"id": _to_ids, "uuid": _to_uuids}


def split_attributes(attributes: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """What is the user's, and what is their profile's, in the domain's names."""
    user = {field: attributes[name] for name, field in USER_FIELDS.items() if name in attributes}
    if "full_name" in attributes:
        user |= _split_name(attributes["full_name"])
    if isinstance(user.get("username"), str) and not user["username"].strip():
        user["username"] = None
    return user, {name: attributes[name] for name in PROFILE_FIELDS if name in attributes}


def _split_name(full_name: Any) -> dict[str, Any]:
    """The last word is the last name; what is no text is left for the rule to refuse."""
    if not isinstance(full_name, str):
        return {"first_name": full_name, "last_name": None}
    words = [word for word in full_name.split(" ") if word]
    return {"first_name": " ".join(words[:-1]) or None, "last_name": words[-1] if words else None}
