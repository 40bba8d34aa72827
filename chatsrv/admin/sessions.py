"""Signing in and out, and what a session opens."""

from __future__ import annotations

from typing import Any

import msgspec
from aiohttp import web

import chatsrv
from chatsrv.admin import cookies
from chatsrv.admin.bodies import read, render
from chatsrv.admin.visits import Door, Visit
from chatsrv.domain.apps import Operator
from chatsrv.domain.errors import Malformed
from chatsrv.domain.instants import to_text
from chatsrv.services import Services


class SignIn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One of the two: the token of a one-time link, or a server key."""

    link: str = ""
    key: str = ""


class Sessions:
    """The handlers. What goes wrong is told as the native dialect tells it."""

    def __init__(self, services: Services, door: Door) -> None:
        self._services = services
        self._door = door

    async def sign_in(self, request: web.Request) -> web.Response:
        """POST {link} or {key}: a session, in a cookie that no script can read."""
        self._door.check_source(request)
        given = await read(request, SignIn, self._services.settings.body_timeout_s)
        if bool(given.link) == bool(given.key):
            raise Malformed("Give a link or a key.")
        admin, address = self._services.admin, self._door.address_of(request)
        signing_in = (
            admin.sign_in_by_link(given.link, address) if given.link else admin.sign_in_by_key(given.key, address)
        )
        session, operator = await signing_in
        answer = render(_describe(operator))
        left_s = (operator.expires_at - self._services.clock.now()) // 1000
        cookies.write(
            answer, session, left_s, secure=cookies.is_secure(request, self._services.settings.trusted_proxies)
        )
        return answer

    async def show(self, request: web.Request) -> web.Response:
        """GET: who one is, if anybody."""
        return render(_describe(await self._door.find(request)))

    async def sign_out(self, request: web.Request) -> web.Response:
        """DELETE: the session is over; also where there was none."""
        self._door.check_source(request)
        if session := self._door.session_of(request):
            await self._services.operators.sign_out(session)
        answer = web.Response(status=204)
        cookies.clear(answer)
        return answer

    async def open_app(self, visit: Visit) -> web.Response:
        """POST: the token with which the page uses the public API and the socket, of this app alone."""
        session = self._door.session_of(visit.request)
        assert session is not None  # noqa: S101 - the operator was found by it
        token = await self._services.operators.open_app(session, visit.app_id)
        return render({"token": token, "expires_at": to_text(visit.operator.expires_at)})


def _describe(operator: Operator | None) -> dict[str, Any]:
    """`app_id` null: all apps. `version`: of the server, which is no stranger's to know."""
    if operator is None:
        return {"signed_in": False}
    key = {"id": operator.key.id, "name": operator.key.name} if operator.key else None
    return {
        "signed_in": True,
        "app_id": operator.app_id,
        "key": key,
        "expires_at": to_text(operator.expires_at),
        "version": chatsrv.__version__,
    }
