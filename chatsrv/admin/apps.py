"""The apps that an operator sees, and making another."""

from __future__ import annotations

import msgspec
from aiohttp import web

from chatsrv.admin.bodies import read, render
from chatsrv.admin.visits import Visit
from chatsrv.domain.apps import check_app_id
from chatsrv.domain.errors import Forbidden
from chatsrv.domain.fields import check_each, read_text, worded

NAME_MAX = 191


class NewApp(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Without a name it goes by its id."""

    id: str
    name: str = ""


async def list_all(visit: Visit) -> web.Response:
    """GET: each in a few words."""
    return render({"apps": await visit.services.overview.list_apps(visit.operator)})


async def create(visit: Visit) -> web.Response:
    """POST {id, name?}: the app, with its first key and the secret of its tokens, which are shown this once."""
    if visit.operator.key:
        raise Forbidden("Who signed in with the key of an app sees that app alone, and makes none.")
    given = await read(visit.request, NewApp, visit.services.settings.body_timeout_s)
    checked = check_each({"id": given.id, "name": given.name}, _rule)
    app, key = await visit.services.apps.create(checked["id"], checked["name"] or None)
    return render({"app_id": app.id, "key": key, "jwt_secret": app.jwt_secret}, 201)


def _rule(field: str, text: str) -> str:
    return read_text(text, NAME_MAX) if field == "name" else worded(check_app_id, text)
