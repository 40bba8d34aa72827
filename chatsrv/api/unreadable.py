"""What is said where no request can be read: in the words of the dialect that it seems to have been for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

import structlog
from aiohttp import web
from uuid_utils import uuid7

from chatsrv.api.dialect import REQUEST_ID, Dialect
from chatsrv.api.edge import GUARDS, find_speaker
from chatsrv.domain.errors import ChatError, Malformed, TooManyRequests
from chatsrv.services import Services
from chatsrv.settings import Settings
from chatsrv.wire import Fault, Refuse, Unreadable

log = structlog.get_logger(__name__)

LIMITS: Mapping[Fault, str] = {
    Fault.LINE_TOO_LONG: "header_max_bytes",
    Fault.TOO_MANY_FIELDS: "header_max_fields",
}
NO_METHOD = "none"
"""In metrics and log lines: what stood there may be anything."""


def refuse_with(services: Services, dialects: tuple[Dialect, ...]) -> Refuse:
    """`dialects[0]` speaks where it cannot be told which one was meant."""

    def refuse(request: web.BaseRequest, unreadable: Unreadable) -> web.StreamResponse:
        error = _count(services, request.remote or "", unreadable.fault)
        dialect = find_speaker(dialects, unreadable.path)
        request[REQUEST_ID] = request_id = uuid7().hex
        # it has gone through no route, and no error of these kinds asks for one
        answer = (dialect or dialects[0]).render_error(error, cast(web.Request, request))
        answer.headers.update({"X-Request-Id": request_id, "Server": "chatsrv", "Cache-Control": "no-store"})
        answer.headers.update(GUARDS)
        name = dialect.name if dialect else "none"
        services.metrics.requests.labels(name, NO_METHOD, answer.status).inc()
        if services.settings.access_log:
            log.info(
                "request",
                method=NO_METHOD,
                path=unreadable.path,
                status=answer.status,
                ms=0.0,
                address=request.remote,
                request_id=request_id,
                reason=str(error),
            )
        return answer

    return refuse


def _count(services: Services, address: str, fault: Fault) -> ChatError:
    """What is wrong; it counts as any request that brings no key."""
    error = _describe(fault, services.settings)
    try:
        services.addresses.count_request(address)
    except TooManyRequests as flood:
        error = flood
    if error.limit:
        services.metrics.limits_reached.labels(error.limit).inc()
    return error


def _describe(fault: Fault, settings: Settings) -> ChatError:
    if fault is Fault.LINE_TOO_LONG:
        error = Malformed(f"No line before the body may have more than {settings.header_max_bytes} bytes.")
    elif fault is Fault.TOO_MANY_FIELDS:
        error = Malformed(f"There may be at most {settings.header_max_fields} headers.")
    else:
        error = Malformed("This is no request of HTTP/1.1.")
    return error.over(LIMITS[fault]) if fault in LIMITS else error
