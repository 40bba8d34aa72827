"""Signing in and out, and what is shown to whoever is signed in."""

from __future__ import annotations

import asyncio
from typing import Any, TypeVar

import msgspec
from aiohttp import web

from chatsrv.admin import cookies
from chatsrv.domain.admin import Operator
from chatsrv.domain.errors import Distrust, Forbidden, Malformed, TooLarge, Unauthenticated, UnsupportedMediaType
from chatsrv.domain.instants import to_text
from chatsrv.services import Services

BODY_MAX = 4096

T = TypeVar("T")


class SignIn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One of the two: the token of a one-time link, or a server key."""

    link: str = ""
    key: str = ""


class Sessions:
    """The handlers. What goes wrong is told as the native dialect tells it."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._proxies = services.settings.trusted_proxies

    async def sign_in(self, request: web.Request) -> web.Response:
        """POST {link} or {key}: a session, in a cookie that no script can read."""
        self._check_source(request)
        given = await self._read(request, SignIn)
        if bool(given.link) == bool(given.key):
            raise Malformed("Give a link or a key.")
        admin, address = self._services.admin, self._address(request)
        signing_in = (
            admin.sign_in_by_link(given.link, address) if given.link else admin.sign_in_by_key(given.key, address)
        )
        session, operator = await signing_in
        answer = _json(_describe(operator))
        left_s = (operator.expires_at - self._services.clock.now()) // 1000
        cookies.write(answer, session, left_s, secure=cookies.is_secure(request, self._proxies))
        return answer

    async def show(self, request: web.Request) -> web.Response:
        """GET: who one is, if anybody."""
        return _json(_describe(await self._find(request)))

    async def sign_out(self, request: web.Request) -> web.Response:
        """DELETE: the session is over; also where there was none."""
        self._check_source(request)
        if session := cookies.read(request, self._proxies):
            await self._services.admin.sign_out(session)
        answer = web.Response(status=204)
        cookies.clear(answer)
        return answer

    async def list_apps(self, request: web.Request) -> web.Response:
        operator = await self._find(request)
        if operator is None:
            raise Unauthenticated(Distrust.MISSING, "Sign in first.")
        return _json({"apps": await self._services.admin.list_apps(operator)})

    async def _find(self, request: web.Request) -> Operator | None:
        session = cookies.read(request, self._proxies)
        return await self._services.admin.find(session, self._address(request)) if session else None

    def _check_source(self, request: web.Request) -> None:
        if not cookies.is_ours(request, self._proxies):
            raise Forbidden("Only a page of this server may do this.")

    def _address(self, request: web.Request) -> str:
        return self._services.callers.address_of(request.remote, request.headers.getall("X-Forwarded-For", []))

    async def _read(self, request: web.Request, kind: type[T]) -> T:
        if request.content_type != "application/json":  # forms of other sites could send anything else
            raise UnsupportedMediaType("Send application/json.")
        body = bytearray()
        try:
            async with asyncio.timeout(self._services.settings.body_timeout_s):
                async for piece in request.content.iter_any():
                    body += piece
                    if len(body) > BODY_MAX:
                        raise TooLarge(f"The body may have at most {BODY_MAX} bytes.")
            return msgspec.json.decode(body, type=kind)
        except (TimeoutError, web.RequestPayloadError) as error:
            raise Malformed("The body did not come.") from error
        except msgspec.MsgspecError as error:
            raise Malformed(str(error)) from error


def _describe(operator: Operator | None) -> dict[str, Any]:
    """`app_id` null: all apps."""
    if operator is None:
        return {"signed_in": False}
    key = {"id": operator.key.id, "name": operator.key.name} if operator.key else None
    return {"signed_in": True, "app_id": operator.app_id, "key": key, "expires_at": to_text(operator.expires_at)}


def _json(value: Any) -> web.Response:
    return web.Response(body=msgspec.json.encode(value), content_type="application/json")
