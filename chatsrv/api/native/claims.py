"""The presence of one user: seeing it, claiming another, an HTTP heartbeat, and why it is what it is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aiohttp import web
from uuid_utils import uuid7

from chatsrv.api.admission import client_address
from chatsrv.api.bodies import read_json_object
from chatsrv.api.dialect import SHOWN, Call, json_response
from chatsrv.api.native.input import check_names
from chatsrv.api.native.listing import check_parameters
from chatsrv.api.native.presence import NO_STORE, staleness
from chatsrv.api.native.sessions import render_session
from chatsrv.domain.errors import Invalid, Problem
from chatsrv.domain.instants import to_text, to_text_or_none
from chatsrv.domain.presence import Claim, Person, Presence, Rule
from chatsrv.domain.presence_input import CLAIM_FIELDS, read_claim
from chatsrv.domain.users import User
from chatsrv.domain.wire import render_presence
from chatsrv.services.explain import Explanation

PUT_FIELDS = (*CLAIM_FIELDS, "source", "ttl")

BECAUSE: Mapping[Rule, str] = {
    Rule.NO_SESSION: "There is no live session: whatever is claimed, the user is offline.",
    Rule.INVISIBLE: "The user chose to be invisible: others see them offline since that moment.",
    Rule.CLAIM: "The highest live claim decides, the newest of its level.",
    Rule.ACTIVE_SESSION: "No claim decides, and at least one session is active, or was when its grace began.",
    Rule.IDLE_SESSIONS: "No claim decides, and every session is idle or in the background.",
}


async def get(call: Call) -> web.StreamResponse:
    check_parameters(call.request.query, ())
    person = await call.services.users.get(call.app.id, call.username, call.viewer)
    call.request[SHOWN] = person.user.id
    stale, headers = staleness(call)
    return json_response({**render_presence(person), **stale}, headers=headers)


async def put(call: Call) -> web.StreamResponse:
    check_parameters(call.request.query, ())
    body = await read_json_object(call.request, call.services.settings.body_max_bytes)
    check_names(body, PUT_FIELDS)
    claim, ttl_s = _read_claim(call, body), _read_ttl(call, body)
    if claim is None and ttl_s is None:
        raise Invalid(Problem("status", "is required, unless there is a text, an emoji or a ttl"))
    user = await call.services.users.find(call.app.id, call.username)
    address = client_address(call.request)
    presence = await call.services.claims.put(user, claim, ttl_s, address, call.viewer)
    return _answer(user, presence)


def _read_claim(call: Call, body: Mapping[str, Any]) -> Claim | None:
    """None where the body claims nothing, but is a heartbeat alone."""
    claim = read_claim(body, uuid7().hex, call.services.clock.now())
    return claim if claim.status is not None or claim.text or claim.emoji else None


def _read_ttl(call: Call, body: Mapping[str, Any]) -> int | None:
    """Seconds; `true` stands for the time that the settings say."""
    settings, ttl = call.services.settings, body.get("ttl")
    if ttl is None:
        return None
    if ttl is True:
        return settings.heartbeat_ttl_s
    least, most = settings.heartbeat_ttl_min_s, settings.heartbeat_ttl_max_s
    if type(ttl) is not int or not least <= ttl <= most:
        raise Invalid(Problem("ttl", f"must be a number of seconds from {least} to {most}"))
    return ttl


async def clear(call: Call) -> web.StreamResponse:
    check_parameters(call.request.query, ())
    user = await call.services.users.find(call.app.id, call.username)
    return _answer(user, await call.services.claims.clear(user, call.viewer))


def _answer(user: User, presence: Presence) -> web.Response:
    return json_response(render_presence(Person(user, presence)), headers=NO_STORE)


async def explain(call: Call) -> web.StreamResponse:
    check_parameters(call.request.query, ())
    user = await call.services.users.find(call.app.id, call.username)
    return json_response(_render(await call.services.explain.explain(user)), headers=NO_STORE)


def _render(found: Explanation) -> dict[str, Any]:
    return {
        "username": found.user.username,
        "presence": render_presence(Person(found.user, found.presence)),
        "to_others": render_presence(Person(found.user, found.to_others)),
        "rule": found.rule.value,
        "because": BECAUSE[found.rule],
        "sessions": [render_session(session) for session in found.sessions],
        "nodes": [{"id": node, "lease_ends_at": to_text(ends_at)} for node, ends_at in sorted(found.leases.items())],
        "claims": [_render_claim(claim, claim == found.wins) for claim in found.claims],
        "timers": [{"what": timer.what, "of": timer.of, "at": to_text(timer.at)} for timer in found.timers],
    }


def _render_claim(claim: Claim, wins: bool) -> dict[str, Any]:
    return {
        "id": claim.id,
        "source": claim.source.value,
        "status": None if claim.status is None else int(claim.status),
        "text": claim.text,
        "emoji": claim.emoji,
        "expires_at": to_text_or_none(claim.expires_at),
        "set_at": to_text(claim.set_at),
        "wins": wins,
    }
