"""Changing one user: read and written in one transaction, so that no change is made of what is no longer true."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, NoReturn

from chatsrv.domain.audit import acts_of
from chatsrv.domain.clock import Clock
from chatsrv.domain.errors import UserNotFound
from chatsrv.domain.fields import is_storable
from chatsrv.domain.users import User, UserRef
from chatsrv.services import audit
from chatsrv.storage import identities as identity_rows
from chatsrv.storage import users as rows
from chatsrv.storage.database import Database, Transaction

Change = Callable[[User], Mapping[str, Any]]
"""What becomes of a user as they are; it may raise what forbids it."""

Then = Callable[[Transaction, User], Awaitable[None]]
"""What else is written along with it."""


ECHO_MAX = 200
"""Of a name that nobody has so many characters come back: no username is longer."""


class UserChanges:
    def __init__(self, db: Database, clock: Clock) -> None:
        self._db = db
        self._clock = clock

    async def apply(self, app_id: str, ref: UserRef, change: Change, then: Then | None = None) -> tuple[User, User]:
        """The user after and before. Raises UserNotFound and Conflict."""
        check_storable(ref)
        async with self._db.write() as tx:
            old = await rows.get_for_update(tx, app_id, ref) or no_user(ref)
            values, now = change(old), self._clock.now()
            user = await rows.change(tx, old, {**values, "updated_at": later(old, now)})
            await audit.note(tx, now, *acts_of(old, values))
            if user.email != old.email:
                await identity_rows.follow_email(tx, user)
            if then:
                await then(tx, user)
        return user, old


async def find_user(tx: Transaction, app_id: str, ref: UserRef) -> User:
    """Raises UserNotFound."""
    check_storable(ref)
    return await rows.get(tx, app_id, ref) or no_user(ref)


async def lock_user(tx: Transaction, app_id: str, ref: UserRef) -> User:
    """Nobody else writes to what is theirs until the transaction ends. Raises UserNotFound."""
    user = await find_user(tx, app_id, ref)
    return user if await rows.lock(tx, [user.id]) else no_user(ref)


def later(user: User, now: int) -> int:
    """A clock that was set back must not move updated_at back with it."""
    return max(now, user.updated_at + 1)


def check_storable(ref: UserRef) -> None:
    """Nobody has a name that no text column can hold."""
    if isinstance(ref, str) and not is_storable(ref):
        no_user(ref)


def no_user(ref: UserRef) -> NoReturn:
    raise UserNotFound(f"There is no user {str(ref)[:ECHO_MAX]!r}.")
