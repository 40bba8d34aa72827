"""The audit trail of an app, the newest entry first."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from chatsrv.admin.bodies import render
from chatsrv.admin.visits import Visit
from chatsrv.domain.audit import AuditQuery, Entry
from chatsrv.domain.errors import Invalid, Problem
from chatsrv.domain.fields import is_storable
from chatsrv.domain.instants import to_text

LIMIT, LIMIT_MAX = 50, 200
ID_MAX = 2**63 - 1


async def list_page(visit: Visit) -> web.Response:
    """GET ?limit=&before=&action=&subject=: older than the entry with that id, any of these acts, done to that one."""
    limit = _read(visit.request, "limit", LIMIT, LIMIT_MAX)
    before = _read(visit.request, "before", None, ID_MAX)
    actions, subjects = (_read_words(visit.request, name) for name in ("action", "subject"))
    query = AuditQuery(limit or LIMIT, actions=actions, subject=next(iter(subjects), None), before=before)
    found = await visit.services.audit.find(visit.app_id, query)
    return render({"entries": [_describe(entry) for entry in reversed(found)]})


def _read(request: web.Request, name: str, default: int | None, most: int) -> int | None:
    """Raises Invalid."""
    text = request.query.get(name)
    if text is None:
        return default
    if not (text.isascii() and text.isdigit() and len(text) < 20 and 1 <= int(text) <= most):
        raise Invalid(Problem(name, f"must be a number from 1 to {most}"))
    return int(text)


def _read_words(request: web.Request, name: str) -> tuple[str, ...]:
    """Raises Invalid."""
    words = tuple(request.query.getall(name, ()))
    if not all(map(is_storable, words)):
        raise Invalid(Problem(name, "has characters that nothing here is called by"))
    return words


def _describe(entry: Entry) -> dict[str, Any]:
    return {
        "id": entry.id,
        "created_at": to_text(entry.created_at),
        "action": entry.action,
        "subject": entry.subject,
        "actor": {"kind": entry.actor_kind, "id": entry.actor_id, "name": entry.actor_name},
        "address": entry.address,
        "detail": entry.detail,
    }
