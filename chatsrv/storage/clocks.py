"""What SQL keeps of presence: the clocks, in truth and as others see them, and the claims."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

from sqlalchemy import Case, bindparam, case, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from chatsrv.domain.presence import INVISIBLE
from chatsrv.domain.users import KeptClaims
from chatsrv.storage.many import execute_many
from chatsrv.storage.records import Unflushed, read_claims
from chatsrv.storage.schema import users
from chatsrv.storage.touched import touch

CLOCKS_TO_OTHERS = {
    "last_login_at": "others_login_at",
    "last_active_at": "others_active_at",
    "last_seen_at": "others_seen_at",
    "presence_changed_at": "others_changed_at",
}
"""Each clock in truth, and as others see it."""


async def find_claims(tx: AsyncConnection, ids: Iterable[int]) -> dict[int, KeptClaims]:
    """What SQL keeps of the claims of those of the ids who have any, of whatever app."""
    statement = select(users.c.id, users.c.claims, users.c.claims_at)
    rows = await tx.execute(statement.where(users.c.id.in_(list(ids)), users.c.claims != ""))
    return {row.id: KeptClaims(row.claims, row.claims_at) for row in rows}


async def keep_presence(tx: AsyncConnection, items: Collection[Unflushed]) -> None:
    """Moves clocks forward, never back, and keeps claims that are newer; users that are gone are passed over."""
    # in order of id, as in change_many
    rows = [_presence_row(item) for item in sorted(items, key=lambda item: item.user_id)]
    await execute_many(tx, KEEP_PRESENCE, rows)
    for item in items:
        # a node that remembers the row without it would betray who hides, if Redis lost its data before it knows
        if any(claim.status is INVISIBLE for claim in read_claims(item.claims)):
            touch(tx, item.app_id, [item.user_id])


def _presence_row(item: Unflushed) -> dict[str, Any]:
    row = {"b_id": item.user_id, "b_claims": item.claims.text, "b_claims_at": item.claims.changed_at}
    for name, twin in CLOCKS_TO_OTHERS.items():
        row[f"b_{name}"] = getattr(item.clocks, name)
        row[f"b_{twin}"] = getattr(item.clocks_to_others, name)
    return row


def _later(name: str, newer: str) -> Case[Any]:
    """The value given where the row's `newer` is behind the one given."""
    return case((users.c[newer] < bindparam(f"b_{newer}"), bindparam(f"b_{name}")), else_=users.c[name])


KEEP_PRESENCE = (
    update(users)
    .where(users.c.id == bindparam("b_id"))
    .values({name: _later(name, name) for pair in CLOCKS_TO_OTHERS.items() for name in pair})
    .values({"claims": _later("claims", "claims_at"), "claims_at": _later("claims_at", "claims_at")})
)
