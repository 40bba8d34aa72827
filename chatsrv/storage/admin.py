"""The operator's links, sessions and tokens in SQL, of which only hashes are kept. A function is a verb on one
transaction."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from sqlalchemy import Row, Select, delete, func, insert, or_, select
from sqlalchemy.dialects.postgresql import insert as postgres_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.ext.asyncio import AsyncConnection

from chatsrv.domain.admin import AppSummary
from chatsrv.domain.apps import Operator
from chatsrv.domain.instants import NEVER
from chatsrv.storage.apps import to_key
from chatsrv.storage.schema import admin_access, admin_links, admin_sessions, apps, server_keys, users


async def add_link(tx: AsyncConnection, token_hash: str, expires_at: int) -> None:
    await tx.execute(insert(admin_links).values(token_hash=token_hash, expires_at=expires_at))


async def take_link(tx: AsyncConnection, token_hash: str, now: int) -> bool:
    """Whether there was such a link; now there is none, and of two who come at once one is told so."""
    statement = delete(admin_links).where(admin_links.c.token_hash == token_hash, admin_links.c.expires_at > now)
    return bool((await tx.execute(statement)).rowcount)


async def add_session(tx: AsyncConnection, token_hash: str, key_id: str | None, expires_at: int) -> None:
    values = {"token_hash": token_hash, "key_id": key_id, "expires_at": expires_at}
    await tx.execute(insert(admin_sessions).values(values))


async def find_session(tx: AsyncConnection, token_hash: str, now: int) -> Operator | None:
    """One that is over, or whose key is, is none."""
    row = (await tx.execute(_sessions(now).where(admin_sessions.c.token_hash == token_hash))).one_or_none()
    return _to_operator(row, now) if row else None


async def find_live(tx: AsyncConnection, token_hashes: Collection[str], now: int) -> set[str]:
    """Those of these sessions that are not over, and whose keys are not."""
    found = await tx.execute(_sessions(now).where(admin_sessions.c.token_hash.in_(token_hashes)))
    return {operator.session for row in found if (operator := _to_operator(row, now))}


def _sessions(now: int) -> Select[Any]:
    return (
        select(admin_sessions.c.expires_at.label("ends_at"), admin_sessions.c.token_hash, server_keys)
        .outerjoin(server_keys, server_keys.c.id == admin_sessions.c.key_id)
        .where(admin_sessions.c.expires_at > now)
    )


def _to_operator(row: Row[Any], now: int) -> Operator | None:
    key = to_key(row) if row.id is not None else None
    return Operator(row.ends_at, key, row.token_hash) if key is None or key.is_live(now) else None


async def add_access(tx: AsyncConnection, token_hash: str, session_hash: str, app_id: str) -> None:
    """Once is enough."""
    insert_or = sqlite_insert if tx.dialect.name == "sqlite" else postgres_insert
    values = {"token_hash": token_hash, "session_hash": session_hash, "app_id": app_id}
    await tx.execute(insert_or(admin_access).values(values).on_conflict_do_nothing())


async def find_access(tx: AsyncConnection, token_hash: str, now: int) -> tuple[Operator, str] | None:
    """Whose token it is, and the app that it opens."""
    statement = (
        _sessions(now)
        .add_columns(admin_access.c.app_id.label("opens"))
        .join(admin_access, admin_access.c.session_hash == admin_sessions.c.token_hash)
        .where(admin_access.c.token_hash == token_hash)
    )
    row = (await tx.execute(statement)).one_or_none()
    operator = _to_operator(row, now) if row else None
    return (operator, row.opens) if row and operator else None


async def end_session(tx: AsyncConnection, token_hash: str) -> None:
    await tx.execute(delete(admin_sessions).where(admin_sessions.c.token_hash == token_hash))


async def delete_expired_links(tx: AsyncConnection, now: int, most: int) -> int:
    """Says how many those were."""
    over = select(admin_links.c.token_hash).where(admin_links.c.expires_at <= now).limit(most)
    return (await tx.execute(delete(admin_links).where(admin_links.c.token_hash.in_(over)))).rowcount


async def delete_expired_sessions(tx: AsyncConnection, now: int, most: int) -> int:
    """Says how many those were."""
    over = select(admin_sessions.c.token_hash).where(admin_sessions.c.expires_at <= now).limit(most)
    return (await tx.execute(delete(admin_sessions).where(admin_sessions.c.token_hash.in_(over)))).rowcount


async def list_apps(tx: AsyncConnection, app_id: str | None, now: int, most: int) -> list[AppSummary]:
    """The one app, or all of them (None) by id; with their living users and live keys."""
    people = select(func.count()).where(users.c.app_id == apps.c.id, users.c.discarded_at == NEVER).scalar_subquery()
    is_live = (
        server_keys.c.revoked_at.is_(None),
        or_(server_keys.c.expires_at.is_(None), server_keys.c.expires_at > now),
    )
    keys = select(func.count()).where(server_keys.c.app_id == apps.c.id, *is_live).scalar_subquery()
    statement = select(apps.c.id, apps.c.name, people.label("users"), keys.label("keys"))
    if app_id is not None:
        statement = statement.where(apps.c.id == app_id)
    found = await tx.execute(statement.order_by(apps.c.id).limit(most))
    # a Row has a method of this name
    return [AppSummary(id_, name, users_count, keys_count) for id_, name, users_count, keys_count in found]
