"""Whose rows a transaction changed: what is remembered of them elsewhere is told when it has committed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from sqlalchemy.ext.asyncio import AsyncConnection

Touched = Mapping[str, frozenset[int] | None]
"""App -> users whose rows changed; None: the app itself, or more users than anybody wants to name."""

NAMED_MAX = 100
"""More users of an app than that in one transaction are not named one by one."""

_KEY = "chatsrv_touched"


def begin(tx: AsyncConnection) -> None:
    """Forgets what an earlier transaction of this connection did."""
    tx.sync_connection.info[_KEY] = {}  # type: ignore[union-attr] # a transaction has a connection


def touch(tx: AsyncConnection, app_id: str, user_ids: Iterable[int] | None = None) -> None:
    """For every statement that changes rows that are remembered: those of users, apps and server keys."""
    touched: dict[str, set[int] | None] = tx.sync_connection.info.setdefault(_KEY, {})  # type: ignore[union-attr]
    if user_ids is None:
        touched[app_id] = None
        return
    known = touched.setdefault(app_id, set())
    if known is not None:
        known.update(user_ids)
        if len(known) > NAMED_MAX:
            touched[app_id] = None


def read(tx: AsyncConnection) -> Touched:
    found: dict[str, set[int] | None] = tx.sync_connection.info.get(_KEY, {})  # type: ignore[union-attr]
    return {app_id: None if ids is None else frozenset(ids) for app_id, ids in found.items()}
