"""Deactivating and reactivating the users whom a request names."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import suppress

from aiohttp import web

from chatsrv.api.dialect import Call
from chatsrv.api.jsonapi import Path
from chatsrv.api.oksky import errors
from chatsrv.api.oksky.documents import write_page
from chatsrv.api.oksky.input import read_document, to_id
from chatsrv.api.oksky.parameters import Question, read_question
from chatsrv.api.oksky.people import NOBODY, complete
from chatsrv.api.oksky.table import KINDS, SUBTYPES
from chatsrv.api.oksky.users import to_filters, to_query
from chatsrv.domain.errors import Malformed, UserNotFound
from chatsrv.domain.listing import Filter, Operator, UserQuery
from chatsrv.domain.presence import Person, Viewer

Act = Callable[[str, int, Viewer], Awaitable[Person]]


async def deactivate(call: Call) -> web.StreamResponse:
    return await _change_all(call, call.services.accounts.deactivate)


async def reactivate(call: Call) -> web.StreamResponse:
    return await _change_all(call, call.services.accounts.reactivate)


async def _change_all(call: Call, act: Act) -> web.StreamResponse:
    """Whoever is not there is passed over."""
    question = read_question(call, KINDS["users"], "users")
    ids = await _find_named(call, question)
    for user_id in ids:
        with suppress(UserNotFound):
            await act(call.app.id, user_id, NOBODY)
    return await _answer(call, question, ids)


async def _answer(call: Call, question: Question, ids: tuple[int, ...]) -> web.Response:
    """They as the index lists them, and where it does."""
    query = to_query(question, (Filter("id", Operator.IN, ids),))
    page = await call.services.users.page(call.app.id, query, NOBODY)
    given = question.given if _is_filtered(question) else _with_ids(question, ids)
    somebodies = await complete(call, page.people)
    users = KINDS["users"]
    return await write_page(call, users, somebodies, page.total, question, path="/users", type_="users", given=given)


def _is_filtered(question: Question) -> bool:
    return any(question.filters.values())


def _with_ids(question: Question, ids: tuple[int, ...]) -> dict[Path, str]:
    """Links have no body: whom it named they name as a filter."""
    given = {path: value for path, value in question.given.items() if path[0] != "filter"}
    return {**given, ("filter", "id"): ",".join(map(str, ids))}


async def _find_named(call: Call, question: Question) -> tuple[int, ...]:
    """Whom the filters name, or else the body. Raises Refusal where nobody is named, and Malformed for too many."""
    filters = to_filters(question.filters)
    if not _is_filtered(question):
        filters = (Filter("id", Operator.IN, await _read_ids(call)),)
    limit = call.services.settings.bulk_max_users
    page = await call.services.users.page(call.app.id, UserQuery(limit, filters=filters), NOBODY)
    if page.total > limit:
        raise Malformed(f"At most {limit} users may be named.").over("bulk_max_users")
    return tuple(person.user.id for person in page.people)


async def _read_ids(call: Call) -> tuple[int, ...]:
    data = (await read_document(call)).get("data")
    if data is None or data in ([], {}, ""):
        raise errors.missing("data")
    items = data if isinstance(data, list) else [data]
    ids = (to_id(_read_key(item)) for item in items)
    return tuple(id_ for id_ in ids if id_)


def _read_key(item: object) -> object:
    if not isinstance(item, dict):
        raise errors.invalid_data()
    if item.get("type") is None:
        raise errors.missing("type")
    if item["type"] not in ("users", *SUBTYPES):
        raise errors.invalid_resource(item["type"])
    if item.get("id") is None:
        raise errors.no_key()
    return item["id"]
