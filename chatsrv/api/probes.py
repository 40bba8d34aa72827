"""What platforms and operators ask: alive, ready, and the metrics."""

from __future__ import annotations

from aiohttp import web

from chatsrv.api.admission import bearer_or_api_key, client_address
from chatsrv.api.dialect import SERVICES, json_response
from chatsrv.api.memo import MEMO
from chatsrv.domain.apps import Scope
from chatsrv.domain.errors import Forbidden
from chatsrv.metrics import CONTENT_TYPE
from chatsrv.services.health import OK


def mount(app: web.Application) -> None:
    app.router.add_get("/healthz", healthz)
    app.router.add_get("/readyz", readyz)
    app.router.add_get("/metrics", metrics_with_key)


async def healthz(_request: web.Request) -> web.Response:
    """The process runs and answers."""
    return json_response({"status": "ok"})


async def readyz(request: web.Request) -> web.Response:
    """503 as long as a store is out of reach or the database is behind; the checks say which and why."""
    checks = await request.app[SERVICES].health.check()
    is_ready = all(answer == OK for answer in checks.values())
    status = "ok" if is_ready else "unavailable"
    return json_response({"status": status, "checks": checks}, 200 if is_ready else 503)


async def metrics_with_key(request: web.Request) -> web.Response:
    """On the public address the metrics of all apps take a key with the scope admin."""
    services = request.app[SERVICES]
    caller = await services.callers.identify(bearer_or_api_key(request))
    services.callers.check_network(caller, client_address(request))
    if not caller.has_scope(Scope.ADMIN):
        raise Forbidden("The metrics take a key with the scope admin.")
    return await metrics(request)


async def metrics(request: web.Request) -> web.Response:
    request.app[MEMO].settle()
    return web.Response(body=request.app[SERVICES].metrics.render(), headers={"Content-Type": CONTENT_TYPE})


def metrics_app(app: web.Application) -> web.Application:
    """What listens on the address of its own, where no key is asked for."""
    own = web.Application()
    own[SERVICES], own[MEMO] = app[SERVICES], app[MEMO]
    own.router.add_get("/metrics", metrics)
    return own
