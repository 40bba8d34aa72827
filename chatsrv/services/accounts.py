"""The life of an account after it was made: deactivated, discarded, restored, deleted for good."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NoReturn

from chatsrv.domain.audit import Action, act_on
from chatsrv.domain.clock import Clock
from chatsrv.domain.errors import OwnsServers, WrongState
from chatsrv.domain.presence import Person, Viewer
from chatsrv.domain.sessions import CloseCode
from chatsrv.domain.users import AccountState, AccountStatus, Onboarding, User, UserRef
from chatsrv.services import audit
from chatsrv.services.memory.sight import Sight
from chatsrv.services.presence import Fate, PresenceService
from chatsrv.services.user_changes import UserChanges, check_storable, later, no_user
from chatsrv.storage import identities as identity_rows
from chatsrv.storage import servers as server_rows
from chatsrv.storage import users as rows
from chatsrv.storage.database import Database, Transaction


class Accounts:
    """Every method takes the app that the caller proved to belong to."""

    def __init__(
        self, db: Database, changes: UserChanges, presence: PresenceService, sight: Sight, clock: Clock
    ) -> None:
        self._db = db
        self._changes = changes
        self._presence = presence
        self._sight = sight
        self._clock = clock

    async def deactivate(self, app_id: str, ref: UserRef, viewer: Viewer, *, strict: bool = False) -> Person:
        """Their sockets close, and they cannot connect or sign in until they are reactivated.

        Raises UserNotFound, and, where it is strict, WrongState if that has been done before.
        """
        user, _ = await self._changes.apply(app_id, ref, _deactivate_strictly if strict else _deactivate, _end_sign_ins)
        await self._presence.expel(user, CloseCode.DEACTIVATED)
        return await self._seen(user, viewer)

    async def reactivate(self, app_id: str, ref: UserRef, viewer: Viewer, *, strict: bool = False) -> Person:
        """Whoever was deactivated is active, however far they had come before.

        Raises UserNotFound, and, where it is strict, WrongState if they are not deactivated.
        """
        user, _ = await self._changes.apply(app_id, ref, _reactivate_strictly if strict else _reactivate)
        await self._presence.admit(user)
        return await self._seen(user, viewer)

    async def revoke_tokens(self, app_id: str, ref: UserRef) -> None:
        """No token or bearer that was issued until now is good any more; their sockets close. Raises UserNotFound."""
        now = self._clock.now()
        user, _ = await self._changes.apply(
            app_id, ref, lambda old: {"tokens_since": old.revoke_at(now)}, _end_sign_ins
        )
        await self._presence.expel(user, CloseCode.TOKEN_REVOKED)

    async def leave(self, user: User) -> None:
        """What follows once somebody was deactivated, in whichever way. Raises Unavailable."""
        async with self._db.write() as tx:
            if await rows.lock(tx, [user.id]):
                await _end_sign_ins(tx, user)
        await self._presence.expel(user, CloseCode.DEACTIVATED)

    async def delete(self, app_id: str, ref: UserRef) -> None:
        """For good, in every store; their sockets close. Raises UserNotFound and OwnsServers."""
        check_storable(ref)
        async with self._db.write() as tx:
            user = await rows.get_for_update(tx, app_id, ref) or no_user(ref)
            await _check_owns_nothing(tx, user)
            await identity_rows.release(tx, user.id)
            await rows.remove(tx, user)
            await audit.note(tx, self._clock.now(), act_on(user, Action.USER_DELETED))
        await self._presence.expel(user, CloseCode.DELETED)

    async def discard(self, app_id: str, ref: UserRef, viewer: Viewer) -> Person:
        """Gone for everybody but those who look for the discarded; their names are free for others.

        Raises UserNotFound, also where they were discarded before, and OwnsServers.
        """
        check_storable(ref)
        async with self._db.write() as tx:
            old = await rows.get_for_update(tx, app_id, ref) or no_user(ref)
            await _check_owns_nothing(tx, old)
            await _end_sign_ins(tx, old)
            user = await rows.discard(tx, old, later(old, self._clock.now()))
            await audit.note(tx, self._clock.now(), act_on(old, Action.USER_DISCARDED))
        # what is known of their presence is kept for a restore
        await self._presence.expel(user, CloseCode.DELETED, Fate.BAR)
        return await self._seen(user, viewer)

    async def restore(self, app_id: str, ref: UserRef, viewer: Viewer) -> Person:
        """The one who was discarded is active.

        Raises UserNotFound, WrongState where nobody discarded them, and Conflict where a name of theirs was taken.
        """
        check_storable(ref)
        async with self._db.write() as tx:
            old = await rows.get_for_update(tx, app_id, ref, with_discarded=True) or no_user(ref)
            if old.state is not AccountState.DELETED:
                raise WrongState("The user is not deleted.")
            user = await rows.restore(tx, old, later(old, self._clock.now()))
            await audit.note(tx, self._clock.now(), act_on(user, Action.USER_RESTORED))
        await self._presence.admit(user)
        return await self._seen(user, viewer)

    async def _seen(self, user: User, viewer: Viewer) -> Person:
        return Person(user, await self._sight.see(user, viewer))


def _deactivate(_: User) -> Mapping[str, Any]:
    return {"status": AccountStatus.INACTIVE}


def _deactivate_strictly(user: User) -> Mapping[str, Any]:
    if user.status is not AccountStatus.ACTIVE:
        raise WrongState("The user is deactivated already.")
    return _deactivate(user)


def _reactivate(user: User) -> Mapping[str, Any]:
    if user.status is AccountStatus.ACTIVE:
        return {}
    return {"status": AccountStatus.ACTIVE, "onboarding": Onboarding.JOINED}


def _reactivate_strictly(user: User) -> Mapping[str, Any]:
    return _reactivate(user) or _not_deactivated()


def _not_deactivated() -> NoReturn:
    raise WrongState("The user is not deactivated.")


async def _end_sign_ins(tx: Transaction, user: User) -> None:
    await identity_rows.end_sign_ins(tx, user.id)


async def _check_owns_nothing(tx: Transaction, user: User) -> None:
    if await server_rows.count_owned(tx, user.id):
        raise OwnsServers(
            "Cannot delete a user with active servers attached to their account. "
            "Please delete their servers before continuing."
        )
