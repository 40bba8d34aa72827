"""Newcomers: people who are entered by somebody else, without a username of their own choice, and have yet to join."""

from __future__ import annotations

import re
import secrets
import unicodedata
from collections.abc import Iterator, Mapping
from typing import Any

from chatsrv.domain.clock import Clock
from chatsrv.domain.errors import Conflict
from chatsrv.domain.presence import Person, Viewer
from chatsrv.domain.user_fields import is_unseen
from chatsrv.domain.users import Onboarding
from chatsrv.services.users import Users, new_user
from chatsrv.storage import users as rows
from chatsrv.storage.database import Database

USERNAME_MAX = 150
NUMBERED = 3
TRIES = 8


class Newcomers:
    def __init__(self, db: Database, users: Users, clock: Clock) -> None:
        self._db = db
        self._users = users
        self._clock = clock

    async def create(self, app_id: str, values: Mapping[str, Any], viewer: Viewer) -> Person:
        """A user in the state `created`, named after their email or name. Raises Invalid and Conflict."""
        checked = self._users.check(values)
        for username in _usernames(checked.get("email"), checked.get("name")):
            try:
                return await self._add(app_id, {**checked, "username": username}, viewer)
            except Conflict as conflict:
                if conflict.field != "username":
                    raise
        raise Conflict("username", "No username could be found that is free.")

    async def _add(self, app_id: str, values: Mapping[str, Any], viewer: Viewer) -> Person:
        row = new_user({**values, "onboarding": Onboarding.CREATED}, self._clock.now())
        async with self._db.write() as tx:
            user = await rows.add(tx, app_id, row)
        return await self._users.seen(user, viewer)


def _usernames(email: str | None, name: str | None) -> Iterator[str]:
    """The plain one, a few with a number, then some that nobody else comes upon."""
    plain = _slug((email or "").partition("@")[0]) or _slug(name or "") or "user"
    yield plain
    yield from (f"{plain}{number}" for number in range(2, 2 + NUMBERED))
    yield from (f"{plain}-{secrets.token_hex(4)}" for _ in range(TRIES))


def _slug(text: str) -> str:
    """Letters and digits of any script, and `.`, `-`, `_` and `+` between them."""
    words = ".".join(unicodedata.normalize("NFC", text).lower().split())
    seen = "".join(char for char in re.sub(r"[^\w.+-]", "", words) if not is_unseen(char))
    kept = unicodedata.normalize("NFC", seen)
    return kept[:USERNAME_MAX].strip("._+-")
