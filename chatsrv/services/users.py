"""The directory: making, reading and changing the users of an app, one at a time or by the page."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping
from typing import Any

from uuid_utils import uuid7

from chatsrv.domain.clock import Clock
from chatsrv.domain.instants import NEVER
from chatsrv.domain.listing import Page, UserQuery
from chatsrv.domain.presence import Person, Viewer, see
from chatsrv.domain.sessions import CloseCode
from chatsrv.domain.user_fields import check_fields
from chatsrv.domain.users import AccountStatus, Onboarding, User, UserRef, fold_case
from chatsrv.services.clocks import ClockFlush
from chatsrv.services.memory.sight import Sight
from chatsrv.services.memory.user_reads import UserReads
from chatsrv.services.passwords import Passwords, set_password
from chatsrv.services.presence import PresenceService
from chatsrv.services.user_changes import Then, UserChanges
from chatsrv.settings import Settings
from chatsrv.storage import users as rows
from chatsrv.storage.database import Database, Transaction

NEW_USER: Mapping[str, Any] = {
    "first_name": None,
    "last_name": None,
    "name": None,
    "email": None,
    "external_id": None,
    "avatar": None,
    "role": "user",
    "status": AccountStatus.ACTIVE,
    "onboarding": Onboarding.JOINED,
    "metadata": None,
    "language": None,
    "timezone": None,
    "last_login_at": NEVER,
    "last_active_at": NEVER,
    "last_seen_at": NEVER,
    "presence_changed_at": NEVER,
}


def new_user(values: Mapping[str, Any], now: int) -> dict[str, Any]:
    """The whole row of a new user: what was given over what everybody begins with."""
    return {**NEW_USER, "uuid": str(uuid7()), "created_at": now, "updated_at": now, **values}


class Users:
    """Every method but `empty` takes the app that the caller proved to belong to. `viewer`: who looks at presence."""

    def __init__(
        self,
        db: Database,
        changes: UserChanges,
        presence: PresenceService,
        sight: Sight,
        clocks: ClockFlush,
        passwords: Passwords,
        reads: UserReads,
        settings: Settings,
        clock: Clock,
    ) -> None:
        self._db = db
        self._reads = reads
        self._changes = changes
        self._passwords = passwords
        self._clocks = clocks
        self._presence = presence
        self._sight = sight
        self._settings = settings
        self._clock = clock

    def check(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Raises Invalid with every field that breaks its rule."""
        return check_fields(values, self._settings.metadata_max_bytes)

    async def create(
        self,
        app_id: str,
        values: Mapping[str, Any],
        viewer: Viewer,
        password: Any = None,
        then: Then | None = None,
    ) -> Person:
        """`values` holds `username` and any other writable field. Raises Invalid and Conflict.

        With a `password` they can sign in by their email: see `set_password`.
        """
        checked = self.check(values)
        giving = await self._giving(password, then)
        async with self._db.write() as tx:
            user = await rows.add(tx, app_id, new_user(checked, self._clock.now()))
            await giving(tx, user)
        return await self.seen(user, viewer)

    async def _giving(self, password: Any, then: Then | None) -> Then:
        """What gives a user the password, if there is one, and writes what comes then. Raises Invalid."""
        hashed = None if password is None else await self._passwords.hash(password)

        async def give(tx: Transaction, user: User) -> None:
            if hashed is not None:
                await set_password(tx, user, hashed, self._clock.now())
            if then:
                await then(tx, user)

        return give

    async def get(self, app_id: str, ref: UserRef, viewer: Viewer) -> Person:
        """Raises UserNotFound."""
        user = await self.find(app_id, ref)
        return await self.seen(user, viewer)

    async def find(self, app_id: str, ref: UserRef, *, with_discarded: bool = False) -> User:
        """The directory's part alone. Raises UserNotFound."""
        return await self._reads.find(app_id, ref, with_discarded=with_discarded)

    async def find_in_passing(self, app_id: str, username: str) -> User:
        """The same for a socket that comes: where a crowd does, the node does not remember it. Raises UserNotFound."""
        return await self._reads.find_in_passing(app_id, username)

    async def find_many(self, app_id: str, usernames: Iterable[str]) -> dict[str, User]:
        """Users by their folded names; who does not exist is left out."""
        return await self._reads.find_many(app_id, usernames)

    async def find_by_ids(self, app_id: str, user_ids: Iterable[int]) -> dict[int, User]:
        """The same by their ids."""
        return await self._reads.find_by_ids(app_id, user_ids)

    async def page(self, app_id: str, query: UserQuery, viewer: Viewer) -> Page:
        """Filters and sorts on presence see what is true now, and `total` is exact. Two statements, one round trip."""
        if query.touches("last_login_at"):
            await self._clocks.flush_app(app_id)
        here = await self._sight.who_is_here(app_id, viewer) if query.touches("presence_status") else {}
        page = await self._reads.page(app_id, query, here, viewer)
        if query.with_presence:
            people = await self._sight.see_all(app_id, page.users, viewer)
        else:
            people = [Person(user, see(user, None, viewer)) for user in page.users]
        return Page(tuple(people), page.total, page.next_after)

    async def update(
        self,
        app_id: str,
        ref: UserRef,
        values: Mapping[str, Any],
        viewer: Viewer,
        password: Any = None,
        then: Then | None = None,
    ) -> Person:
        """Sets the fields given; None clears. With another `username` in them it is a rename, too.

        With a `password` it is set, too: see `set_password`. Raises UserNotFound, Invalid and Conflict.
        """
        checked = self.check(values)
        if not checked and password is None and then is None:
            return await self.get(app_id, ref, viewer)
        user, old = await self._changes.apply(app_id, ref, lambda _: checked, await self._giving(password, then))
        if user.username != old.username:
            # the name in their tokens is no longer theirs
            await self._presence.rename(user, is_another=fold_case(user.username) != fold_case(old.username))
        return await self.seen(user, viewer)

    async def rename(self, app_id: str, ref: UserRef, new: Any, viewer: Viewer) -> Person:
        """Their sockets close. Raises UserNotFound, Invalid and Conflict."""
        return await self.update(app_id, ref, {"username": new}, viewer)

    async def empty(self, app_id: str) -> int:
        """Closes all sockets of an app that is about to be deleted, and forgets what Redis knows of it."""
        expelled = 0
        async for users in self.walk(app_id):
            for user in users:
                await self._presence.expel(user, CloseCode.DELETED)
            expelled += len(users)
        await self._presence.forget_app(app_id)
        return expelled

    async def seen(self, user: User, viewer: Viewer) -> Person:
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
        return await self._reads.count(app_id)
