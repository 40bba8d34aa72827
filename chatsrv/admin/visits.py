"""Who stands in front of the page: whose session it is, what they may see, and as whom their acts are written down.

Every handler but those of the session itself is behind this one door.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from aiohttp import web

from chatsrv.admin import cookies
from chatsrv.domain.apps import Operator
from chatsrv.domain.errors import Distrust, Forbidden, NotFound, Unauthenticated
from chatsrv.domain.fields import is_storable
from chatsrv.services import Services
from chatsrv.services.audit import acting
from chatsrv.wire import REQUEST_ID, came_from


@dataclass(frozen=True, slots=True)
class Visit:
    """One request of an operator."""

    request: web.Request
    services: Services
    operator: Operator

    @property
    def app_id(self) -> str:
        """The one in the path, which they may see."""
        return self.request.match_info["app"]


Handler = Callable[[Visit], Awaitable[web.Response]]


class Door:
    def __init__(self, services: Services) -> None:
        self._services = services
        self._proxies = services.settings.trusted_proxies

    def before(self, handler: Handler, *, changes: bool) -> Callable[[web.Request], Awaitable[web.Response]]:
        """`changes`: it changes something, or gives a secret away, and is for a page of ours alone."""

        async def answer(request: web.Request) -> web.Response:
            if changes:
                self.check_source(request)
            operator = await self.find(request)
            if operator is None:
                raise Unauthenticated(Distrust.MISSING, "Sign in first.")
            _check_path(request, operator)
            with acting(operator.actor(self.address_of(request), request[REQUEST_ID])):
                return await handler(Visit(request, self._services, operator))

        return answer

    async def find(self, request: web.Request) -> Operator | None:
        session = self.session_of(request)
        return await self._services.operators.find(session, self.address_of(request)) if session else None

    def session_of(self, request: web.Request) -> str | None:
        """The secret in the cookie."""
        return cookies.read(request, self._proxies)

    def check_source(self, request: web.Request) -> None:
        """Raises Forbidden."""
        if not cookies.is_ours(request, self._proxies):
            raise Forbidden("Only a page of this server may do this.")

    def address_of(self, request: web.Request) -> str:
        return self._services.addresses.of_client(*came_from(request))


def _check_path(request: web.Request, operator: Operator) -> None:
    """An app that is not theirs is there as little as one that nobody has. Raises NotFound."""
    app_id = request.match_info.get("app")
    if app_id is not None and not operator.sees(app_id):
        raise NotFound(f"There is no app {app_id!r}.")
    if not all(map(is_storable, request.match_info.values())):
        raise NotFound("Nothing has such a name.")
