"""The dashboard: a page, its sign-in, and what it shows. Nothing else on this server takes a cookie."""

from __future__ import annotations

from aiohttp import web

from chatsrv.admin import pages
from chatsrv.admin.sessions import Sessions
from chatsrv.services import Services

PREFIX = "/admin/"
"""Of everything that is no page. No page of another origin reads what is there."""


def mount(app: web.Application, services: Services) -> None:
    sessions = Sessions(services)
    pages.mount(app)
    app.router.add_post(f"{PREFIX}session", sessions.sign_in)
    app.router.add_get(f"{PREFIX}session", sessions.show)
    app.router.add_delete(f"{PREFIX}session", sessions.sign_out)
    app.router.add_get(f"{PREFIX}apps", sessions.list_apps)
