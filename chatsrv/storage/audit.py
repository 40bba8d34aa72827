"""The audit trail in SQL. A function is a verb on one transaction; no row is ever changed."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec
from sqlalchemy import Row, delete, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from chatsrv.domain.audit import Act, Actor, AuditQuery, Entry
from chatsrv.domain.users import fold_case
from chatsrv.storage.schema import audit_entries

TEXT_MAX = 200
"""Characters of what a client or an operator may have put together."""


async def add(tx: AsyncConnection, now: int, actor: Actor, acts: Iterable[Act]) -> None:
    who = {
        "created_at": now,
        "actor_kind": actor.kind.value,
        "actor_id": _in_plain(actor.id),
        "actor_name": _in_plain(actor.name),
        "address": _in_plain(actor.address),
        "request_id": _in_plain(actor.request_id),
    }
    rows = [{**who, **_columns(act)} for act in acts]
    if rows:
        await tx.execute(insert(audit_entries), rows)


def _columns(act: Act) -> dict[str, str]:
    return {
        "app_id": act.app_id,
        "action": act.action.value,
        "subject": act.subject,
        "subject_key": fold_case(act.subject),
        "detail": msgspec.json.encode(act.detail).decode(),
    }


def _in_plain(text: str) -> str:
    """An address that a proxy passed on may hold anything: what no column takes, or what a terminal obeys."""
    return "".join(char if char.isprintable() else "?" for char in text[:TEXT_MAX])


async def find(tx: AsyncConnection, app_id: str, query: AuditQuery) -> list[Entry]:
    """The latest that fit, the oldest of them first."""
    statement = select(audit_entries).where(audit_entries.c.app_id == app_id)
    if query.since:
        statement = statement.where(audit_entries.c.created_at >= query.since)
    if query.before is not None:
        statement = statement.where(audit_entries.c.id < query.before)
    if query.actions:
        statement = statement.where(audit_entries.c.action.in_(query.actions))
    if query.subject is not None:
        statement = statement.where(audit_entries.c.subject_key == fold_case(query.subject))
    found = await tx.execute(statement.order_by(audit_entries.c.id.desc()).limit(query.limit))
    return [_to_entry(row) for row in reversed(found.all())]


async def forget_before(tx: AsyncConnection, instant: int, most: int) -> int:
    """Deletes at most so many that are older (ms); says how many those were."""
    dated = audit_entries.c.created_at
    old = select(audit_entries.c.id).where(dated < instant).order_by(dated).limit(most)
    return (await tx.execute(delete(audit_entries).where(audit_entries.c.id.in_(old)))).rowcount


def _to_entry(row: Row[Any]) -> Entry:
    return Entry(
        id=row.id,
        app_id=row.app_id,
        created_at=row.created_at,
        action=row.action,
        subject=row.subject,
        actor_kind=row.actor_kind,
        actor_id=row.actor_id,
        actor_name=row.actor_name,
        address=row.address,
        request_id=row.request_id,
        detail=msgspec.json.decode(row.detail),
    )
