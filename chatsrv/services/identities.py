"""Identities: what people who sign in see and change of themselves, and what an operator may set."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from chatsrv.domain.apps import Caller
from chatsrv.domain.clock import Clock
from chatsrv.domain.errors import Invalid, Problem, UserNotFound
from chatsrv.domain.identities import Identity
from chatsrv.domain.user_fields import check_fields
from chatsrv.domain.users import User, fold_case
from chatsrv.services.bearers import get_identity, proven_identity
from chatsrv.services.credentials import hash_secret
from chatsrv.services.passwords import Passwords, set_password
from chatsrv.settings import Settings
from chatsrv.storage import bearers as bearer_rows
from chatsrv.storage import identities as rows
from chatsrv.storage.database import Database

WRITABLE = frozenset(("email", "password"))


class Identities:
    def __init__(self, db: Database, passwords: Passwords, settings: Settings, clock: Clock) -> None:
        self._db = db
        self._passwords = passwords
        self._settings = settings
        self._clock = clock

    async def get(self, caller: Caller) -> Identity:
        """The caller's own. Raises Forbidden for a server key."""
        identity_id = proven_identity(caller)
        async with self._db.read() as tx:
            return await get_identity(tx, identity_id)

    async def update(self, caller: Caller, values: Mapping[str, Any], token: str) -> Identity:
        """Sets the caller's own `email` and `password`, or one of them.

        The email must be one that a user of theirs has: nobody takes the address of somebody who is not here yet. A
        new password ends all of their bearers but `token`. Raises Forbidden for a server key, Invalid and Conflict.
        """
        identity_id = proven_identity(caller)
        checked = await self._check(values)
        async with self._db.write() as tx:
            await rows.hold(tx, identity_id)
            if "email" in checked:
                _check_own(checked["email"], await get_identity(tx, identity_id))
            await rows.change(tx, identity_id, {**checked, "updated_at": self._clock.now()})
            if "password_hash" in checked:
                await bearer_rows.end_bearers(tx, identity_id, but_hash=hash_secret(token))
            return await get_identity(tx, identity_id)

    async def set_password(self, email: str, password: str, app_id: str | None = None) -> User:
        """For whoever runs the server: of the one with this email, in the app named or the only one where one has it.

        Raises UserNotFound, Invalid, and Conflict where the person signs in to other apps, too.
        """
        checked = _check_email(email)
        hashed = await self._passwords.hash(password, self._settings.password_min_chars)
        async with self._db.write() as tx:
            user = _choose(checked, await rows.hold_by_email(tx, checked), app_id)
            await set_password(tx, user, hashed, self._clock.now())
        return user

    async def _check(self, values: Mapping[str, Any]) -> dict[str, Any]:
        unknown = sorted(values.keys() - WRITABLE)
        if unknown:
            raise Invalid(*(Problem(name, "is nothing that can be set") for name in unknown))
        checked: dict[str, Any] = {}
        if "email" in values:
            checked["email"] = _check_email(values["email"])
        if "password" in values:
            least = self._settings.password_min_chars
            checked["password_hash"] = await self._passwords.hash(values["password"], least)
        return checked


def _check_email(email: Any) -> str:
    checked = check_fields({"email": email}, 0)["email"]
    if checked is None:
        raise Invalid(Problem("email", "must not be null"))
    return str(checked)


def _check_own(email: str, identity: Identity) -> None:
    own = {fold_case(account.user.email) for account in identity.accounts if account.user.email}
    if fold_case(email) not in own | {fold_case(identity.email)}:
        raise Invalid(Problem("email", "must be the email of your user in one of your accounts"))


def _choose(email: str, holders: Sequence[User], app_id: str | None) -> User:
    found = [user for user in holders if app_id in (None, user.app_id)]
    if not found:
        raise UserNotFound(f"Nobody has the email {email!r}{f' in the app {app_id!r}' if app_id else ''}.")
    if len(found) > 1:
        apps = ", ".join(user.app_id for user in found)
        raise Invalid(Problem("email", f"is somebody's in several apps: {apps}; name one with --app"))
    return found[0]
