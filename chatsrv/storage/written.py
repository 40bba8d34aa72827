"""What a transaction has done that others may want to be told of: kept until it is about to commit."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncConnection

from chatsrv.domain.users import User
from chatsrv.domain.webhooks import Draft


@dataclass(frozen=True, slots=True)
class UserWritten:
    """A user was made (`before` None), changed, or deleted for good (`is_gone`).

    Where a statement did not say what they are now (`after` None), they are found by `user_id`, or, where that is not
    known either, by `uuid`.
    """

    app_id: str
    before: User | None
    after: User | None = None
    user_id: int | None = None
    uuid: str = ""
    is_gone: bool = False


Written = UserWritten | Draft

_KEY = "chatsrv_written"


def begin(tx: AsyncConnection) -> None:
    """Forgets what an earlier transaction of this connection did."""
    tx.sync_connection.info[_KEY] = []  # type: ignore[union-attr] # a transaction has a connection


def note(tx: AsyncConnection, item: Written) -> None:
    tx.sync_connection.info.setdefault(_KEY, []).append(item)  # type: ignore[union-attr]


def take(tx: AsyncConnection) -> list[Written]:
    """All of it, in order; from here on there is nothing."""
    found: list[Written] = tx.sync_connection.info.pop(_KEY, [])  # type: ignore[union-attr]
    return found
