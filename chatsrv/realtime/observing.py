"""What an observer may ask over its socket."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from chatsrv.domain.apps import Caller, Scope
from chatsrv.domain.errors import Forbidden, WrongUser
from chatsrv.domain.instants import to_text
from chatsrv.domain.presence import SERVER
from chatsrv.realtime.commands import look_up, read_fields, read_token, stale
from chatsrv.realtime.observers import Observer, Observers
from chatsrv.services import Services


@dataclass(frozen=True, slots=True)
class Stand:
    """A connected observer, for as long as one command takes."""

    observer: Observer
    observers: Observers
    services: Services


ObserverCommand = Callable[[Stand, Any], Awaitable[dict[str, Any]]]


async def watch(stand: Stand, data: Any) -> dict[str, Any]:
    """app:watch {}: every change of anybody in the app from now on, and how many are there now."""
    read_fields(data or {}, ())
    answer = await stand.observers.watch(stand.observer)
    return {**answer, **stale(stand.services)}


async def unwatch(stand: Stand, data: Any) -> dict[str, Any]:
    """app:unwatch {}: no more."""
    read_fields(data or {}, ())
    stand.observer.app.part(stand.observer.sid)
    return {}


async def query(stand: Stand, data: Any) -> dict[str, Any]:
    """presence:query {usernames}: how they are now, in truth."""
    return await look_up(stand.services, stand.observer.app.id, SERVER, data)


async def refresh(stand: Stand, data: Any) -> dict[str, Any]:
    """auth:refresh {token}: another key or token for the same app, with which the socket lives from now on."""
    observer, token = stand.observer, read_token(data)
    caller = await identify(stand.services, token, observer.address)
    if caller.app.id != observer.app.id:
        raise WrongUser("The token is for another app.")
    observer.caller = caller
    ends_at = caller.operator.expires_at if caller.operator else caller.key and caller.key.expires_at
    return {"expires_at": to_text(ends_at) if ends_at else None}


async def identify(services: Services, token: str, address: str) -> Caller:
    """Raises Unauthenticated, and Forbidden where it may not see everybody."""
    caller = await services.callers.identify_server(token, address)
    services.callers.check_network(caller, address)
    if not caller.has_scope(Scope.PRESENCE_READ):
        raise Forbidden(f"This key lacks the scope {Scope.PRESENCE_READ}.")
    return caller


OBSERVER_COMMANDS: Mapping[str, ObserverCommand] = {
    "app:watch": watch,
    "app:unwatch": unwatch,
    "presence:query": query,
    "auth:refresh": refresh,
}
