"""Signing in and out, and what people who sign in see and change of themselves."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from chatsrv.api.admission import bearer_or_api_key
from chatsrv.api.dialect import Call, OpenCall
from chatsrv.api.jsonapi import answer
from chatsrv.api.pulse.admission import check_body_type
from chatsrv.api.pulse.ids import account_id, read_id
from chatsrv.api.pulse.input import read_attributes, read_data
from chatsrv.api.pulse.render import render
from chatsrv.domain.errors import Forbidden, Invalid, NotFound, Problem
from chatsrv.domain.identities import Identity, SignedIn

TYPES = ("identity", "identities")
ACCOUNTS = ("account", "accounts", "switch_accounts", "switch_account")
"""Some clients name the type after the path."""

NAMES = ("email", "password")


async def sign_in(call: OpenCall) -> web.StreamResponse:
    attributes = await _read(call, ("email", "password"))
    signed_in = await call.services.bearers.sign_in(attributes.get("email"), attributes.get("password"))
    return _signed_in(signed_in)


async def accept_invitation(call: OpenCall) -> web.StreamResponse:
    attributes = await _read(call, ("token", "password"))
    signed_in = await call.services.invitations.accept(attributes.get("token"), attributes.get("password"))
    return _signed_in(signed_in)


async def sign_out(call: Call) -> web.StreamResponse:
    """Only the bearer that it is asked with."""
    if call.caller.key:
        raise Forbidden("A server key cannot be signed out; it can be revoked.")
    await call.services.bearers.sign_out(bearer_or_api_key(call.request) or "")
    return web.Response(status=204)


async def get_identity(call: Call) -> web.StreamResponse:
    return _identity(await call.services.identities.get(call.caller))


async def update_identity(call: Call) -> web.StreamResponse:
    identity = await call.services.identities.get(call.caller)
    values = await read_attributes(call, TYPES, NAMES, identity.uuid)
    token = bearer_or_api_key(call.request) or ""
    return _identity(await call.services.identities.update(call.caller, values, token))


async def switch_account(call: Call) -> web.StreamResponse:
    data = await read_data(call, ACCOUNTS)
    identity = await call.services.identities.get(call.caller)
    return _identity(await call.services.bearers.switch_account(call.caller, _find_app(identity, data.get("id"))))


async def _read(call: OpenCall, names: tuple[str, ...]) -> dict[str, Any]:
    await check_body_type(call)
    return await read_attributes(call, TYPES, names)


def _find_app(identity: Identity, id_: Any) -> str:
    """The app of an account of theirs. Raises Invalid and NotFound."""
    if id_ is None:
        raise Invalid(Problem("/data/id", "is required"))
    wanted = str(read_id(id_))
    for account in identity.accounts:
        if account_id(account.app_id) == wanted:
            return account.app_id
    raise NotFound("You have no such account.")


def _signed_in(signed_in: SignedIn) -> web.Response:
    return answer({"data": render(signed_in.identity)}, headers={"Authorization": f"Bearer {signed_in.token}"})


def _identity(identity: Identity) -> web.Response:
    return answer({"data": render(identity)})
