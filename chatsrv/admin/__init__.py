"""The dashboard: a page, its sign-in, and what it shows. Nothing else on this server takes a cookie.

Of an app's people the page asks the public API, as everybody does; here is what only an operator may know.
"""

from __future__ import annotations

from aiohttp import web

from chatsrv.admin import apps, audit, keys, nodes, pages
from chatsrv.admin.sessions import Sessions
from chatsrv.admin.visits import Door, Handler
from chatsrv.services import Services

PREFIX = "/admin/"
"""Of everything that is no page. No page of another origin reads what is there."""
APP = "apps/{app:[^/]+}"
KEY = APP + "/keys/{key:[^/]+}"

ROUTES: tuple[tuple[str, str, Handler], ...] = (
    ("GET", "apps", apps.list_all),
    ("POST", "apps", apps.create),
    ("GET", APP + "/keys", keys.list_all),
    ("POST", APP + "/keys", keys.create),
    ("POST", KEY + "/rotate", keys.rotate),
    ("DELETE", KEY, keys.revoke),
    ("GET", APP + "/nodes", nodes.list_all),
    ("GET", APP + "/audit", audit.list_page),
)


def mount(app: web.Application, services: Services) -> None:
    door = Door(services)
    sessions = Sessions(services, door)
    pages.mount(app)
    app.router.add_post(f"{PREFIX}session", sessions.sign_in)
    app.router.add_get(f"{PREFIX}session", sessions.show)
    app.router.add_delete(f"{PREFIX}session", sessions.sign_out)
    for method, path, handler in (*ROUTES, ("POST", APP + "/access", sessions.open_app)):
        app.router.add_route(method, PREFIX + path, door.before(handler, changes=method != "GET"))
