"""Memos and drafts in SQL, written. A function is a verb on one transaction."""

from __future__ import annotations

from sqlalchemy import ColumnElement, delete, false, insert, update
from sqlalchemy.ext.asyncio import AsyncConnection

from chatsrv.domain.desk import InChannel, Place
from chatsrv.storage.schema import draft_messages, memos
from chatsrv.storage.users import ID_MAX


async def add_memo(tx: AsyncConnection, app_id: str, user_id: int, author_id: int | None, text: str, now: int) -> int:
    """Returns its id."""
    row = {"app_id": app_id, "user_id": user_id, "author_id": author_id, "text": text}
    row |= {"created_at": now, "updated_at": now}
    return int((await tx.execute(insert(memos).values(row).returning(memos.c.id))).scalar_one())


async def change_memo(tx: AsyncConnection, memo_id: int, text: str, now: int) -> None:
    await tx.execute(update(memos).where(memos.c.id == memo_id).values(text=text, updated_at=now))


async def remove_memo(tx: AsyncConnection, memo_id: int) -> None:
    await tx.execute(delete(memos).where(memos.c.id == memo_id))


async def put_draft(tx: AsyncConnection, app_id: str, user_id: int, place: Place, text: str, now: int) -> int:
    """Of a user whose row is locked, so that there is one draft for the place. Returns its id."""
    wanted = _is_for(user_id, place)
    changed = update(draft_messages).where(*wanted).values(text=text, updated_at=now).returning(draft_messages.c.id)
    old = (await tx.execute(changed)).scalar_one_or_none()
    if old is not None:
        return int(old)
    row = {"app_id": app_id, "user_id": user_id, "text": text, "created_at": now, "updated_at": now}
    added = insert(draft_messages).values({**row, _column(place): place.id}).returning(draft_messages.c.id)
    return int((await tx.execute(added)).scalar_one())


async def remove_draft(tx: AsyncConnection, user_id: int, place: Place) -> bool:
    """Says whether there was one."""
    return bool((await tx.execute(delete(draft_messages).where(*_is_for(user_id, place)))).rowcount)


def _is_for(user_id: int, place: Place) -> tuple[ColumnElement[bool], ...]:
    return draft_messages.c.user_id == user_id, draft_messages.c[
        _column(place)
    ] == place.id if 0 < place.id <= ID_MAX else false()


def _column(place: Place) -> str:
    return "channel_id" if isinstance(place, InChannel) else "support_id"
