"""The sessions of one user: what they are, and signing them out."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from chatsrv.api.dialect import Call, json_response
from chatsrv.api.native.listing import check_parameters
from chatsrv.domain.instants import to_text
from chatsrv.domain.sessions import Session


async def list_all(call: Call) -> web.StreamResponse:
    check_parameters(call.request.query, ())
    user = await call.services.users.find(call.app.id, call.username)
    sessions = await call.services.explain.sessions(user)
    return json_response([render_session(session) for session in sessions], headers={"Cache-Control": "no-store"})


async def sign_out(call: Call) -> web.StreamResponse:
    check_parameters(call.request.query, ())
    user = await call.services.users.find(call.app.id, call.username)
    await call.services.presence.sign_out(user, call.request.match_info.get("sessionId"))
    return web.Response(status=204)


def render_session(session: Session) -> dict[str, Any]:
    """A heartbeat has no node."""
    return {
        "id": session.id,
        "client_id": session.client_id,
        "device": session.device,
        "state": session.state,
        "background": session.background,
        "node": session.node or None,
        "transport": session.transport,
        "address": session.address,
        "connected_at": to_text(session.connected_at),
        "last_active_at": to_text(session.last_active_at),
    }
