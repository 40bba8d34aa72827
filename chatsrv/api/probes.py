"""What platforms and operators ask: alive, ready, and the metrics."""

from __future__ import annotations

import asyncio
from hmac import compare_digest

from aiohttp import web

from chatsrv.api.admission import bearer_or_api_key, client_address
from chatsrv.api.dialect import CALLER, SERVICES, json_response
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
    """On the public address: they are of all apps, and no app learns of another from them."""
    services, credential = request.app[SERVICES], bearer_or_api_key(request) or ""
    key = services.settings.metrics_key
    if not key or not compare_digest(credential.encode(errors="replace"), key.encode()):
        await _check_admin(request, credential)
    return await metrics(request)


async def _check_admin(request: web.Request, credential: str) -> None:
    services, address = request.app[SERVICES], client_address(request)
    request[CALLER] = caller = await services.callers.identify(credential, address)
    services.callers.check_network(caller, address)
    if caller.operator or not caller.has_scope(Scope.ADMIN):
        raise Forbidden("The metrics take a key with the scope admin.")
    if services.settings.metrics_key or not await services.apps.is_only_one(caller.app.id):
        raise Forbidden("The metrics are of all apps here: they take the server's metrics_key, or its metrics_port.")


async def metrics(request: web.Request) -> web.Response:
    settle(request.app)
    return web.Response(body=request.app[SERVICES].metrics.render(), headers={"Content-Type": CONTENT_TYPE})


def settle(app: web.Application) -> None:
    """What is not counted as it happens goes to the metrics, before somebody reads them."""
    app[MEMO].settle()
    app[SERVICES].metrics.tasks.set(len(asyncio.all_tasks()))


def metrics_app(app: web.Application) -> web.Application:
    """What listens on the address of its own, where no key is asked for."""
    own = web.Application()
    own[SERVICES], own[MEMO] = app[SERVICES], app[MEMO]
    own.router.add_get("/metrics", metrics)
    return own
