"""The sign-in log in SQL. A function is a verb on one transaction. Only who sees the truth sees what was hidden."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Row, delete, func, insert, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from chatsrv.domain.presence import Viewer
from chatsrv.domain.sign_ins import NewSignIn, SignIn
from chatsrv.storage.many import execute_many
from chatsrv.storage.schema import sign_ins, users

ADD = insert(sign_ins)


async def add(tx: AsyncConnection, items: Sequence[NewSignIn]) -> None:
    """Users that are gone meanwhile are passed over."""
    wanted = {item.user_id for item in items}
    # in order of id, as in users.change_many
    held = select(users.c.id, users.c.app_id).where(users.c.id.in_(wanted)).order_by(users.c.id)
    apps = {row.id: row.app_id for row in await tx.execute(held.with_for_update(read=True, key_share=True))}
    rows = [_row(apps[item.user_id], item) for item in items if item.user_id in apps]
    await execute_many(tx, ADD, rows)


def _row(app_id: str, item: NewSignIn) -> dict[str, Any]:
    return {
        "app_id": app_id,
        "user_id": item.user_id,
        "created_at": item.created_at,
        "was_hidden": item.was_hidden,
    }


async def page(tx: AsyncConnection, user_id: int, viewer: Viewer, limit: int, offset: int) -> tuple[list[SignIn], int]:
    """The latest first, and how many there are."""
    wanted = (sign_ins.c.user_id == user_id, _may_see(viewer))
    total = (await tx.execute(select(func.count()).select_from(sign_ins).where(*wanted))).scalar_one()
    statement = select(sign_ins).where(*wanted).order_by(sign_ins.c.id.desc()).limit(limit).offset(offset)
    return [_to_sign_in(row) for row in await tx.execute(statement)], total


async def get(tx: AsyncConnection, app_id: str, sign_in_id: int, viewer: Viewer) -> SignIn | None:
    statement = select(sign_ins).where(sign_ins.c.app_id == app_id, sign_ins.c.id == sign_in_id, _may_see(viewer))
    row = (await tx.execute(statement)).one_or_none()
    return _to_sign_in(row) if row else None


async def find_latest(
    tx: AsyncConnection, user_ids: Collection[int], viewer: Viewer, most: int
) -> dict[int, list[SignIn]]:
    """Of each of these users the latest, the newest first."""
    number = func.row_number().over(partition_by=sign_ins.c.user_id, order_by=sign_ins.c.id.desc()).label("number")
    numbered = select(sign_ins, number).where(sign_ins.c.user_id.in_(list(user_ids)), _may_see(viewer)).subquery()
    found: dict[int, list[SignIn]] = {user_id: [] for user_id in user_ids}
    for row in await tx.execute(select(numbered).where(numbered.c.number <= most).order_by(numbered.c.id.desc())):
        found[row.user_id].append(_to_sign_in(row))
    return found


async def forget_before(tx: AsyncConnection, instant: int, most: int) -> int:
    """Deletes at most so many that are older (ms); says how many those were."""
    old = select(sign_ins.c.id).where(sign_ins.c.created_at < instant).order_by(sign_ins.c.created_at).limit(most)
    return (await tx.execute(delete(sign_ins).where(sign_ins.c.id.in_(old)))).rowcount


def _may_see(viewer: Viewer) -> ColumnElement[bool]:
    if viewer.user_id is None:
        return sign_ins.c.id == sign_ins.c.id
    return or_(~sign_ins.c.was_hidden, sign_ins.c.user_id == viewer.user_id)


def _to_sign_in(row: Row[Any]) -> SignIn:
    return SignIn(row.id, row.user_id, row.created_at)
