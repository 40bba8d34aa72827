"""Bearers: signing in with email and password, signing out, and which account a person works in."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from chatsrv.domain.apps import Caller
from chatsrv.domain.clock import Clock
from chatsrv.domain.errors import Distrust, Forbidden, NotFound, Unauthenticated
from chatsrv.domain.fields import Refused
from chatsrv.domain.identities import Account, Identity, SignedIn
from chatsrv.domain.presence import INVISIBLE, SERVER
from chatsrv.domain.sign_ins import NewSignIn
from chatsrv.domain.user_fields import RULES
from chatsrv.domain.users import AccountState, User
from chatsrv.metrics import Metrics
from chatsrv.services.credentials import hash_secret, new_secret
from chatsrv.services.memory.sight import Sight
from chatsrv.services.passwords import Passwords
from chatsrv.services.sign_ins import SignIns
from chatsrv.settings import Settings
from chatsrv.storage import bearers as bearer_rows
from chatsrv.storage import identities as rows
from chatsrv.storage.database import Database, Transaction
from chatsrv.storage.identities import Credentials

PREFIX = "cb_"


class Bearers:
    def __init__(
        self,
        db: Database,
        passwords: Passwords,
        sight: Sight,
        sign_ins: SignIns,
        settings: Settings,
        clock: Clock,
        metrics: Metrics,
    ) -> None:
        self._db = db
        self._passwords = passwords
        self._sight = sight
        self._sign_ins = sign_ins
        self._settings = settings
        self._clock = clock
        self._metrics = metrics

    async def sign_in(self, email: Any, password: Any) -> SignedIn:
        """Into the account in which they worked last, or the first one in which they are active.

        Raises Unauthenticated, which takes as long whichever of the two is wrong, Forbidden where they are active
        nowhere, and Unavailable where too many sign in at once.
        """
        credentials = await self._find(email)
        matches = await self._passwords.verify(password, credentials.password_hash if credentials else None)
        if credentials is None or not matches:
            raise self.wrong_password()
        fresh = await self._passwords.renew(password, credentials.password_hash)
        async with self._db.write() as tx:
            held = await rows.hold(tx, credentials.id)
            if held is None or held.password_hash != credentials.password_hash:
                raise self.wrong_password()
            await rows.change(tx, held.id, {"password_hash": fresh})
            signed_in = await self.open(tx, held.id, held.last_app_id)
        await self.note(signed_in)
        return signed_in

    async def open(self, tx: Transaction, identity_id: int, app_id: str | None) -> SignedIn:
        """A new bearer of an identity that is held, in this account if they are active there. Raises Forbidden."""
        identity = await get_identity(tx, identity_id)
        account = _find_account(identity.accounts, app_id) or next(iter(identity.accounts), None)
        if account is None:
            raise Forbidden("You are not active in any account.")
        now = self._clock.now()
        token, expires_at = new_secret(PREFIX), now + self._settings.bearer_ttl_s * 1000
        await rows.change(tx, identity_id, {"last_app_id": account.app_id})
        await bearer_rows.add_bearer(tx, identity_id, hash_secret(token), now, expires_at)
        await bearer_rows.end_oldest(tx, identity_id, self._settings.bearers_max)
        return SignedIn(token, expires_at, replace(identity, last_app_id=account.app_id))

    async def note(self, signed_in: SignedIn) -> None:
        """Once it is written: it counts in the sign-in log."""
        [user] = (one.user for one in signed_in.identity.accounts if one.app_id == signed_in.identity.last_app_id)
        status = (await self._sight.see(user, SERVER)).display.status
        self._sign_ins.note(NewSignIn(user.id, self._clock.now(), was_hidden=status is INVISIBLE))

    def wrong_password(self) -> Unauthenticated:
        """Counts it, and says nothing of whether there is such a person."""
        self._metrics.refused_credentials.labels(Distrust.BAD_PASSWORD.value).inc()
        return Unauthenticated(Distrust.BAD_PASSWORD, "The email or the password is wrong.")

    async def sign_out(self, token: str) -> None:
        """A bearer that is over, or never was, is no error."""
        async with self._db.write() as tx:
            await bearer_rows.end_bearer(tx, hash_secret(token))

    async def identify(self, token: str) -> tuple[int, User]:
        """The identity's id, and its user in the account in which they work. Raises Unauthenticated.

        Looked up by its hash, so that the time tells nothing of a token.
        """
        async with self._db.read() as tx:
            found = await bearer_rows.find_bearer(tx, hash_secret(token), self._clock.now())
        if found is None or found[1].state is not AccountState.ACTIVE:
            raise Unauthenticated(Distrust.BAD_BEARER, "You are not signed in, or not any more.")
        return found

    async def switch_account(self, caller: Caller, app_id: str) -> Identity:
        """Scopes everything else that they ask, with each of their bearers. Raises NotFound and Forbidden."""
        identity_id = proven_identity(caller)
        async with self._db.write() as tx:
            await rows.hold(tx, identity_id)
            identity = await get_identity(tx, identity_id)
            if _find_account(identity.accounts, app_id) is None:
                raise NotFound("You have no such account.")
            await rows.change(tx, identity_id, {"last_app_id": app_id})
        return replace(identity, last_app_id=app_id)

    async def _find(self, email: Any) -> Credentials | None:
        try:
            checked = RULES["email"](email)
        except Refused:
            return None
        async with self._db.read() as tx:
            return await rows.find(tx, checked)


def proven_identity(caller: Caller) -> int:
    """Raises Forbidden for a server key, which is nobody."""
    if caller.identity_id is None:
        raise Forbidden("This is for somebody who has signed in with a password.")
    return caller.identity_id


async def get_identity(tx: Transaction, identity_id: int) -> Identity:
    """Raises Unauthenticated where it has gone since the caller was identified."""
    identity = await rows.get(tx, identity_id)
    if identity is None:
        raise Unauthenticated(Distrust.BAD_BEARER, "You are not signed in, or not any more.")
    return identity


def _find_account(accounts: Iterable[Account], app_id: str | None) -> Account | None:
    return next((account for account in accounts if account.app_id == app_id), None)
