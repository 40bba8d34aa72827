"""The directory: making, reading, changing and removing the users of an app, one at a time or by the page."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any

from uuid_utils import uuid7

from chatsrv.domain.clock import Clock
from chatsrv.domain.errors import UserNotFound
from chatsrv.domain.instants import NEVER
from chatsrv.domain.listing import Page, UserQuery
from chatsrv.domain.presence import Person, Viewer, see
from chatsrv.domain.sessions import CloseCode
from chatsrv.domain.users import AccountStatus, User, check_fields, fold_case
from chatsrv.services.clocks import ClockFlush
from chatsrv.services.presence import PresenceService
from chatsrv.services.sight import Sight
from chatsrv.settings import Settings
from chatsrv.storage import listing as lists
from chatsrv.storage import users as rows
from chatsrv.storage.database import Database

NEW_USER: Mapping[str, Any] = {
    "first_name": None,
    "last_name": None,
    "name": None,
    "email": None,
    "external_id": None,
    "avatar": None,
    "role": "user",
    "status": AccountStatus.ACTIVE,
    "metadata": None,
    "language": None,
    "timezone": None,
    "last_login_at": NEVER,
    "last_active_at": NEVER,
    "last_seen_at": NEVER,
    "presence_changed_at": NEVER,
}


Change = Callable[[User], Mapping[str, Any]]
"""What becomes of a user as they are."""


def new_user(values: Mapping[str, Any], now: int) -> dict[str, Any]:
    """The whole row of a new user: what was given over what everybody begins with."""
    return {**NEW_USER, "uuid": str(uuid7()), "created_at": now, "updated_at": now, **values}


class Users:
    """Every method but `empty` takes the app that the caller proved to belong to. `viewer`: who looks at presence."""

    def __init__(
        self,
        db: Database,
        presence: PresenceService,
        sight: Sight,
        clocks: ClockFlush,
        settings: Settings,
        clock: Clock,
    ) -> None:
        self._db = db
        self._clocks = clocks
        self._presence = presence
        self._sight = sight
        self._settings = settings
        self._clock = clock

    def check(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Raises Invalid with every field that breaks its rule."""
        return check_fields(values, self._settings.metadata_max_bytes)

    async def create(self, app_id: str, values: Mapping[str, Any], viewer: Viewer) -> Person:
        """`values` holds `username` and any other writable field. Raises Invalid and Conflict."""
        checked = self.check(values)
        async with self._db.write() as tx:
            user = await rows.add(tx, app_id, new_user(checked, self._clock.now()))
        return await self._person(user, viewer)

    async def get(self, app_id: str, username: str, viewer: Viewer) -> Person:
        """Raises UserNotFound."""
        user = await self.find(app_id, username)
        return await self._person(user, viewer)

    async def find(self, app_id: str, username: str) -> User:
        """The directory's part alone. Raises UserNotFound."""
        _check_storable(username)
        async with self._db.read() as tx:
            user = await rows.get(tx, app_id, username)
        return user or _no_user(username)

    async def page(self, app_id: str, query: UserQuery, viewer: Viewer) -> Page:
        """Filters and sorts on presence see what is true now, and `total` is exact. Two statements, one round trip."""
        if query.touches("last_login_at"):
            await self._clocks.flush_app(app_id)
        here = await self._sight.who_is_here(app_id, viewer) if query.touches("presence_status") else {}
        async with self._db.read() as tx:
            users, total, next_after = await lists.page(tx, app_id, query, here, viewer)
        if query.with_presence:
            people = await self._sight.see_all(app_id, users, viewer)
        else:
            people = [Person(user, see(user, None, viewer)) for user in users]
        return Page(tuple(people), total, next_after)

    async def update(self, app_id: str, username: str, values: Mapping[str, Any], viewer: Viewer) -> Person:
        """Sets the fields given; None clears. Raises UserNotFound, Invalid and Conflict."""
        checked = self.check(values)
        if not checked:
            return await self.get(app_id, username, viewer)
        user, _ = await self._change(app_id, username, lambda _: checked)
        return await self._person(user, viewer)

    async def rename(self, app_id: str, username: str, new: Any, viewer: Viewer) -> Person:
        """Their sockets close: the name in their tokens is no longer theirs."""
        checked = self.check({"username": new})
        user, old = await self._change(app_id, username, lambda _: checked)
        await self._presence.rename(user, is_another=fold_case(user.username) != fold_case(old.username))
        return await self._person(user, viewer)

    async def delete(self, app_id: str, username: str) -> None:
        """For good, in every store; their sockets close. Raises UserNotFound."""
        _check_storable(username)
        async with self._db.write() as tx:
            user = await rows.remove(tx, app_id, username) or _no_user(username)
        await self._presence.expel(user, CloseCode.DELETED)

    async def deactivate(self, app_id: str, username: str, viewer: Viewer) -> Person:
        """Their sockets close, and they cannot connect until they are reactivated. Doing it twice is no error."""
        user, _ = await self._change(app_id, username, lambda _: {"status": AccountStatus.INACTIVE})
        await self._presence.expel(user, CloseCode.DEACTIVATED)
        return await self._person(user, viewer)

    async def reactivate(self, app_id: str, username: str, viewer: Viewer) -> Person:
        user, _ = await self._change(app_id, username, lambda _: {"status": AccountStatus.ACTIVE})
        await self._presence.admit(user)
        return await self._person(user, viewer)

    async def revoke_tokens(self, app_id: str, username: str) -> None:
        """No token that was issued until now is good any more; their sockets close. Raises UserNotFound."""
        user, _ = await self._change(app_id, username, lambda old: {"tokens_since": old.revoke_at(self._clock.now())})
        await self._presence.expel(user, CloseCode.TOKEN_REVOKED)

    async def empty(self, app_id: str) -> int:
        """Closes all sockets of an app that is about to be deleted, and forgets what Redis knows of it."""
        expelled = 0
        async for users in self.walk(app_id):
            for user in users:
                await self._presence.expel(user, CloseCode.DELETED)
            expelled += len(users)
        await self._presence.forget_app(app_id)
        return expelled

    async def _person(self, user: User, viewer: Viewer) -> Person:
        return Person(user, await self._sight.see(user, viewer))

    async def walk(self, app_id: str) -> AsyncIterator[list[User]]:
        """Everybody in order of id, a batch at a time, each batch in a transaction of its own."""
        after = 0
        while True:
            async with self._db.read() as tx:
                users = await rows.batch_after(tx, app_id, after)
            if not users:
                return
            yield users
            after = users[-1].id

    async def count(self, app_id: str) -> int:
        async with self._db.read() as tx:
            return await rows.count(tx, app_id)

    async def _change(self, app_id: str, username: str, change: Change) -> tuple[User, User]:
        """The user after and before."""
        _check_storable(username)
        async with self._db.write() as tx:
            old = await rows.get_for_update(tx, app_id, username) or _no_user(username)
            # a clock that was set back must not move updated_at back with it
            moved = max(self._clock.now(), old.updated_at + 1)
            user = await rows.change(tx, old.id, {**change(old), "updated_at": moved})
        return user, old


def _check_storable(username: str) -> None:
    """No text column can hold these, and a driver asked for one fails: nobody has such a name."""
    if any(char == "\0" or "\ud800" <= char <= "\udfff" for char in username):
        _no_user(username)


def _no_user(username: str) -> User:
    raise UserNotFound(f"There is no user {username!r}.")
