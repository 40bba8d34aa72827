"""Passwords: hashing and checking them, and whose an app may set.

Hashing takes a tenth of a second and much memory on purpose: it is done in a few threads, before a transaction begins.
"""

from __future__ import annotations

import asyncio
import secrets
from base64 import b64encode
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from chatsrv.domain.audit import Action, act_on
from chatsrv.domain.errors import Conflict, Invalid, Problem, Unavailable
from chatsrv.domain.identities import PASSWORD_MAX, check_password, read_password
from chatsrv.domain.users import User
from chatsrv.services import audit
from chatsrv.settings import Settings
from chatsrv.storage import identities as rows
from chatsrv.storage.bearers import end_bearers
from chatsrv.storage.database import Transaction

LANES = 1
"""As many cores work on one password; others answer requests."""

T = TypeVar("T")


class Passwords:
    """argon2id. Close it: its threads end when what they do is done."""

    def __init__(self, settings: Settings) -> None:
        self._hasher = PasswordHasher(settings.password_time_cost, settings.password_memory_kib, LANES)
        self._threads = ThreadPoolExecutor(settings.password_threads, "argon2")
        self._most = settings.password_threads + settings.password_queue_max
        self._under_way = 0
        self._nobodys = _nobodys_hash(settings)

    def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def hash(self, password: Any, min_chars: int = 1) -> str:
        """Raises Invalid, and Unavailable where too many wait."""
        text = check_password(password, min_chars)
        return await self._in_thread(lambda: self._hasher.hash(text))

    async def verify(self, password: Any, hashed: str | None) -> bool:
        """Without a hash it is nobody's, which takes as long to find out. Raises Unavailable where too many wait."""
        text = read_password(password)
        is_possible = hashed is not None and text is not None and len(text) <= PASSWORD_MAX
        matches = await self._in_thread(lambda: self._matches(text if is_possible and text else "", hashed))
        return matches and is_possible

    async def renew(self, password: Any, hashed: str) -> str:
        """The same hash, or, where it was made with other costs than those of today, a new one."""
        return await self.hash(password) if self._hasher.check_needs_rehash(hashed) else hashed

    def _matches(self, text: str, hashed: str | None) -> bool:
        try:
            return self._hasher.verify(hashed or self._nobodys, text)
        except (VerificationError, InvalidHashError):
            return False

    async def _in_thread(self, work: Callable[[], T]) -> T:
        if self._under_way >= self._most:
            raise Unavailable("sign-in").over("password_queue_max")
        self._under_way += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, work)
        finally:
            self._under_way -= 1


def _nobodys_hash(settings: Settings) -> str:
    """Costs as much to check as any other, and no password fits."""
    salt, digest = (b64encode(secrets.token_bytes(size)).decode().rstrip("=") for size in (16, 32))
    costs = f"m={settings.password_memory_kib},t={settings.password_time_cost},p={LANES}"
    return f"$argon2id$v=19${costs}${salt}${digest}"


async def set_password(tx: Transaction, user: User, hashed: str, now: int) -> None:
    """Of the identity of the user's email, which is made where there is none; the user's row is locked.

    Only while all its users belong to the user's app: nobody's app may touch who is somebody in another, too.
    All its bearers end. Raises Invalid without an email, and Conflict.
    """
    if not user.email:
        raise Invalid(Problem("email", "must be given with a password"))
    identity = await rows.add_or_hold(tx, user.email, hashed, user.app_id, now)
    if await rows.is_used_elsewhere(tx, identity.id, user.app_id):
        raise Conflict("password", "Somebody with this email signs in elsewhere, too: only they can change it.")
    await rows.change(tx, identity.id, {"password_hash": hashed, "last_app_id": user.app_id, "updated_at": now})
    await end_bearers(tx, identity.id)
    await rows.link(tx, identity.id, user)
    await audit.note(tx, now, act_on(user, Action.PASSWORD_SET))
