"""Invitations: from an account that was made for somebody to a person who signs in."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from hmac import compare_digest
from typing import Any

from chatsrv.domain.audit import Action, act_on
from chatsrv.domain.clock import Clock
from chatsrv.domain.errors import Invalid, Problem, WrongState
from chatsrv.domain.identities import SignedIn
from chatsrv.domain.presence import Person, Viewer
from chatsrv.domain.users import AccountState, Onboarding, User, UserRef, fold_case
from chatsrv.services import audit
from chatsrv.services.bearers import Bearers
from chatsrv.services.credentials import hash_secret, new_secret
from chatsrv.services.memory.sight import Sight
from chatsrv.services.passwords import Passwords
from chatsrv.services.user_changes import UserChanges, later
from chatsrv.settings import Settings
from chatsrv.storage import identities as identity_rows
from chatsrv.storage import invitations as rows
from chatsrv.storage import users as user_rows
from chatsrv.storage.bearers import end_bearers
from chatsrv.storage.database import Database, Transaction

PREFIX = "ci_"
MARK_CHARS = 16


class Invitations:
    """Methods with an `app_id` take the app that the caller proved to belong to."""

    def __init__(
        self,
        db: Database,
        changes: UserChanges,
        passwords: Passwords,
        bearers: Bearers,
        sight: Sight,
        settings: Settings,
        clock: Clock,
    ) -> None:
        self._db = db
        self._changes = changes
        self._passwords = passwords
        self._bearers = bearers
        self._sight = sight
        self._settings = settings
        self._clock = clock

    async def invite(self, app_id: str, ref: UserRef, viewer: Viewer, *, with_token: bool) -> tuple[Person, str | None]:
        """From created to invited; the token, where one is wanted, is shown this once.

        It is as good as a password: only a backend may get it. Raises UserNotFound, WrongState, and Invalid without an
        email.
        """
        token: str | None = None

        async def keep_token(tx: Transaction, user: User) -> None:
            nonlocal token
            now = self._clock.now()
            await audit.note(tx, now, act_on(user, Action.USER_INVITED, with_token=with_token))
            if with_token:
                token = new_secret(PREFIX) + _mark(user)
                expires_at = now + self._settings.invitation_ttl_s * 1000
                await rows.replace_invitation(tx, user.id, hash_secret(token), now, expires_at)

        user, _ = await self._changes.apply(app_id, ref, _invite, keep_token)
        return await self._seen(user, viewer), token

    async def revoke(self, app_id: str, ref: UserRef, viewer: Viewer) -> Person:
        """From invited back to created; the token is dead. Raises UserNotFound and WrongState."""

        async def forget_token(tx: Transaction, user: User) -> None:
            await rows.end_invitation(tx, user.id)
            await audit.note(tx, self._clock.now(), act_on(user, Action.INVITATION_REVOKED))

        user, _ = await self._changes.apply(app_id, ref, _revoke, forget_token)
        return await self._seen(user, viewer)

    async def accept(self, token: Any, password: Any) -> SignedIn:
        """Whoever was invited is active and signed in, with this password from now on.

        Where their email has an identity already, it must be that identity's: nobody takes it over by an invitation.
        Raises Invalid, for the token or for the password, Unauthenticated, and Unavailable where too many wait.
        """
        token_hash = hash_secret(token) if isinstance(token, str) else ""
        async with self._db.read() as tx:
            found, known = await rows.find_invited(tx, token_hash, self._clock.now()) or (None, None)
        _check_invited(found, token)
        hashed = await self._prove(known, password)
        async with self._db.write() as tx:
            user = _check_invited(await rows.hold_invited(tx, token_hash, self._clock.now()), token)
            signed_in = await self._join(tx, user, hashed)
        await self._bearers.note(signed_in)
        return signed_in

    async def _prove(self, known: str | None, password: Any) -> str:
        """The hash that the identity has, or gets."""
        if known is None:
            return await self._passwords.hash(password, self._settings.password_min_chars)
        if not await self._passwords.verify(password, known):
            raise self._bearers.wrong_password()
        return known

    async def _join(self, tx: Transaction, user: User, hashed: str) -> SignedIn:
        now = self._clock.now()
        identity = await identity_rows.add_or_hold(tx, user.email or "", hashed, user.app_id, now)
        if identity.password_hash != hashed:
            # somebody made it, or changed its password, since ours was checked
            raise self._bearers.wrong_password()
        # whoever signed in before cannot know of this account
        await end_bearers(tx, identity.id)
        await identity_rows.link(tx, identity.id, user)
        await rows.end_invitation(tx, user.id)
        joined = {"onboarding": Onboarding.JOINED, "updated_at": later(user, now)}
        await user_rows.change(tx, user, joined)
        return await self._bearers.open(tx, identity.id, user.app_id)

    async def _seen(self, user: User, viewer: Viewer) -> Person:
        return Person(user, await self._sight.see(user, viewer))


def _invite(user: User) -> Mapping[str, Any]:
    if user.state is not AccountState.CREATED:
        raise WrongState("Only a user who was created and not invited yet can be invited.")
    if not user.email:
        raise Invalid(Problem("email", "must be there for an invitation"))
    return {"onboarding": Onboarding.INVITED}


def _revoke(user: User) -> Mapping[str, Any]:
    if user.state is not AccountState.INVITED:
        raise WrongState("The user is not invited.")
    return {"onboarding": Onboarding.CREATED}


def _check_invited(user: User | None, token: Any) -> User:
    """Raises Invalid."""
    if user is None or user.state is not AccountState.INVITED or not compare_digest(token[-MARK_CHARS:], _mark(user)):
        raise Invalid(Problem("token", "is no invitation that can be accepted, or not any more"))
    return user


def _mark(user: User) -> str:
    """Of the email as it was: when it changes, whoever got the token there is not meant any more."""
    return hashlib.sha256(fold_case(user.email or "").encode()).hexdigest()[:MARK_CHARS]
