"""Users. A handler is parse -> one service call -> render; `include=servers` asks a second time."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from aiohttp import web

from chatsrv.api.addresses import public_url
from chatsrv.api.dialect import Call, json_response
from chatsrv.api.panel import listing, validation
from chatsrv.api.panel.admission import BODY, USER
from chatsrv.api.panel.documents import WITHHELD, Relationships, render_owned, render_user
from chatsrv.api.panel.errors import UNIQUE
from chatsrv.domain.apps import Scope
from chatsrv.domain.users import ADMIN, User, fold_case

COPIED = ("email", "external_id", "language", "first_name", "last_name")


async def list_page(call: Call) -> web.StreamResponse:
    paging = listing.read_paging(call.request.query, call.services.settings.panel_page_max)
    query = listing.read_user_query(call.request.query, paging)
    address = listing.list_address(call.request)
    page = await call.services.users.page(call.app.id, query, call.viewer)
    users = await _render(call, [person.user for person in page.people])
    return json_response(listing.write_list(address, users, paging, page.total))


async def get(call: Call) -> web.StreamResponse:
    return json_response((await _render(call, [call.request[USER]]))[0])


async def create(call: Call) -> web.StreamResponse:
    address = public_url(call.request).with_query(None)
    body = await _read(call, None)
    values = _values(body) | _role(body, None)
    person = await call.services.users.create(call.app.id, values, call.viewer, password=body.get("password"))
    document = (await _render(call, [person.user]))[0]
    meta = {"resource": f"{str(address).rstrip('/')}/{person.user.id}"}
    return json_response({**document, "meta": meta}, 201)


async def update(call: Call) -> web.StreamResponse:
    user = call.request[USER]
    body = await _read(call, user)
    values = _values(body) | _role(body, user)
    if fold_case(values["username"]) == fold_case(user.username):
        del values["username"]
    person = await call.services.users.update(call.app.id, user.id, values, call.viewer, password=body.get("password"))
    return json_response((await _render(call, [person.user]))[0])


async def delete(call: Call) -> web.StreamResponse:
    await call.services.accounts.delete(call.app.id, call.request[USER].id)
    return web.Response(status=204)


async def _read(call: Call, user: User | None) -> Mapping[str, Any]:
    """The body of a user that may be written. Raises ValidationFailed."""
    body = call.request[BODY]
    named = {**body, "username": validation.read_username(body.get("username"))}
    unique = {name: named[name] for name in UNIQUE if isinstance(named.get(name), str)}
    taken = await call.services.holders.find_taken(call.app.id, unique, user.id if user else None)
    validation.check(validation.USER, body, taken, _kept(named, user) if user else ())
    return body


def _kept(body: Mapping[str, Any], user: User) -> frozenset[str]:
    """The texts that are sent back as they were read; usernames are compared without regard to case."""
    shown = render_user(user)["attributes"]
    same = {name for name in COPIED if body.get(name) and body[name] == shown[name]}
    if body["username"] and fold_case(body["username"]) == fold_case(user.username):
        same.add("username")
    return frozenset(same)


def _values(body: Mapping[str, Any]) -> dict[str, Any]:
    copied = {name: body[name] for name in COPIED if name in body}
    return {"username": validation.read_username(body["username"]), **copied}


def _role(body: Mapping[str, Any], user: User | None) -> dict[str, str]:
    """Whoever is no administrator stays what they are when that is said again."""
    wanted = validation.read_flag(body.get("root_admin"))
    if "root_admin" not in body or wanted == (user is not None and user.is_admin):
        return {}
    return {"role": ADMIN if wanted else "user"}


async def _render(call: Call, users: Sequence[User]) -> list[dict[str, Any]]:
    related = await _find_related(call, users)
    return [render_user(user, related.get(user.id)) for user in users]


async def _find_related(call: Call, users: Iterable[User]) -> Mapping[int, Relationships]:
    """What was asked to be included, by the user's id."""
    ids = [user.id for user in users]
    if not listing.includes(call.request.query, "servers"):
        return {}
    if not call.caller.has_scope(Scope.SERVERS_READ):
        return dict.fromkeys(ids, WITHHELD)
    owned = await call.services.servers.find_owned(call.app.id, ids)
    return {user_id: render_owned(owned.get(user_id, ())) for user_id in ids}
