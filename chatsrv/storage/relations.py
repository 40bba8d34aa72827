"""What belongs to users, read the same way whatever it is: one, those with these ids, a page, and who has which.

Nothing is found that names somebody who was discarded, or that belongs to another app. A function is a verb on one
transaction.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from sqlalchemy import ColumnElement, Select, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from chatsrv.domain.desk import Related, Relation
from chatsrv.domain.presence import SERVER, Viewer
from chatsrv.storage.kinds import KINDS, Kind
from chatsrv.storage.many import in_parts
from chatsrv.storage.schema import users
from chatsrv.storage.users import ID_MAX, living


async def get(tx: AsyncConnection, app_id: str, relation: Relation, item_id: int) -> Related | None:
    return next(iter(await find(tx, app_id, relation, [item_id])), None)


async def find(tx: AsyncConnection, app_id: str, relation: Relation, ids: Collection[int]) -> list[Related]:
    """In order of id; what is not there is left out."""
    kind, found = KINDS[relation], []
    for part in in_parts(sorted({item_id for item_id in ids if 0 < item_id <= ID_MAX})):
        statement = kind.things.where(kind.app_id == app_id, kind.id.in_(part)).order_by(kind.id)
        found += [kind.read(row) for row in await tx.execute(statement)]
    return found


async def page(
    tx: AsyncConnection,
    app_id: str,
    relation: Relation,
    user_id: int | None,
    limit: int,
    offset: int,
    viewer: Viewer = SERVER,
) -> tuple[list[Related], int]:
    """Of one user, or of the whole app; in order of id, with the exact total. A viewer sees no hidden channels."""
    kind = KINDS[relation]
    wanted = [kind.app_id == app_id]
    if user_id is not None:
        links = _links(kind, app_id, [user_id]).subquery()
        wanted.append(kind.id.in_(select(links.c.item)))
    if viewer.user_id is not None and kind.visible_to:
        wanted.append(kind.visible_to(viewer.user_id))
    return await paged(tx, kind, wanted, limit, offset)


async def paged(
    tx: AsyncConnection, kind: Kind, wanted: Collection[ColumnElement[bool]], limit: int, offset: int
) -> tuple[list[Related], int]:
    matching = kind.things.where(*wanted)
    total = (await tx.execute(matching.with_only_columns(func.count(), maintain_column_froms=True))).scalar_one()
    rows = await tx.execute(matching.order_by(kind.id).limit(limit).offset(offset))
    return [kind.read(row) for row in rows], total


async def find_links(
    tx: AsyncConnection, app_id: str, relation: Relation, user_ids: Collection[int]
) -> dict[int, list[int]]:
    """The ids of what each of these users has, in order; everybody asked for is in it."""
    found: dict[int, list[int]] = {user_id: [] for user_id in user_ids}
    links = _links(KINDS[relation], app_id, user_ids).subquery()
    for row in await tx.execute(select(links).distinct().order_by(links.c.owner, links.c.item)):
        found[row.owner].append(row.item)
    return found


def _links(kind: Kind, app_id: str, user_ids: Collection[int]) -> Select[Any]:
    wanted = [user_id for user_id in user_ids if 0 < user_id <= ID_MAX]
    owner = kind.links.selected_columns.owner
    return kind.links.where(owner.in_(select(users.c.id).where(living(app_id), users.c.id.in_(wanted))))
