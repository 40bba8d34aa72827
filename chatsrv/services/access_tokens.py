"""Access tokens: with one a person uses the OkSky dialect until it is replaced."""

from __future__ import annotations

from chatsrv.domain.audit import Action, act_on
from chatsrv.domain.clock import Clock
from chatsrv.domain.users import User, UserRef
from chatsrv.services import audit
from chatsrv.services.credentials import hash_secret, new_secret
from chatsrv.services.user_changes import check_storable, no_user
from chatsrv.storage import access_tokens as rows
from chatsrv.storage import users as user_rows
from chatsrv.storage.database import Database

PREFIX = "ca_"


class AccessTokens:
    def __init__(self, db: Database, clock: Clock) -> None:
        self._db = db
        self._clock = clock

    async def issue(self, app_id: str, ref: UserRef) -> str:
        """A new one, shown this once; the old one is dead when this returns. Raises UserNotFound."""
        check_storable(ref)
        token = new_secret(PREFIX)
        async with self._db.write() as tx:
            user = await user_rows.get_for_update(tx, app_id, ref) or no_user(ref)
            await rows.replace(tx, user.id, hash_secret(token), self._clock.now())
            await audit.note(tx, self._clock.now(), act_on(user, Action.ACCESS_TOKEN_ISSUED))
        return token

    async def find_user(self, token: str) -> User | None:
        """Whose it is. Looked up by its hash, so that the time tells nothing of a token."""
        async with self._db.read() as tx:
            return await rows.find_user(tx, hash_secret(token))
