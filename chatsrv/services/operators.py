"""Operators: who is signed in to the dashboard, and the tokens with which their page uses the API of an app.

A token is made of the session's secret, so that the same one is given after a reload, and ends with the session: SQL
has its hash beside the session's, and no process remembers either.
"""

from __future__ import annotations

import hmac
from base64 import urlsafe_b64encode
from collections.abc import Iterable
from hashlib import sha256

from chatsrv.domain.apps import Caller, Operator
from chatsrv.domain.clock import Clock
from chatsrv.domain.errors import Distrust, NotFound, Unauthenticated
from chatsrv.services.apps import Apps
from chatsrv.services.credentials import hash_secret
from chatsrv.storage import admin as rows
from chatsrv.storage import apps as app_rows
from chatsrv.storage.database import Database

PREFIX = "op_"


class Operators:
    def __init__(self, db: Database, apps: Apps, clock: Clock) -> None:
        self._db = db
        self._apps = apps
        self._clock = clock

    async def find(self, session: str, address: str) -> Operator | None:
        """Whose session it is. One that a key opened is none from where the key is none."""
        async with self._db.read() as tx:
            operator = await rows.find_session(tx, hash_secret(session), self._clock.now())
        if operator and operator.key and not operator.key.allows_address(address):
            return None
        return operator

    async def sign_out(self, session: str) -> None:
        async with self._db.write() as tx:
            await rows.end_session(tx, hash_secret(session))

    async def open_app(self, session: str, app_id: str) -> str:
        """The token with which the page uses the API of this app for as long as the session lasts. Raises NotFound."""
        token = make_token(session, app_id)
        async with self._db.write() as tx:
            if await app_rows.get_app(tx, app_id) is None:
                raise NotFound(f"There is no app {app_id!r}.")
            await rows.add_access(tx, hash_secret(token), hash_secret(session), app_id)
        return token

    async def identify(self, token: str) -> Caller:
        """Whose token it is. Raises Unauthenticated, at once where the session is over: nothing is remembered."""
        async with self._db.read() as tx:
            found = await rows.find_access(tx, hash_secret(token), self._clock.now())
        app = await self._apps.find(found[1]) if found else None
        if found is None or app is None:
            raise Unauthenticated(Distrust.UNKNOWN_KEY, "You are not signed in to the dashboard, or not any more.")
        return found[0].as_caller(app)

    async def find_over(self, operators: Iterable[Operator]) -> set[Operator]:
        """Those of them who are not signed in any more. Raises Unavailable."""
        asked = set(operators)
        if not asked:
            return asked
        async with self._db.read() as tx:
            live = await rows.find_live(tx, {one.session for one in asked}, self._clock.now())
        return {one for one in asked if one.session not in live}


def make_token(session: str, app_id: str) -> str:
    """Nobody without the session's secret can make it, nor one for another app from it."""
    made = hmac.digest(session.encode(), app_id.encode(), sha256)
    return PREFIX + urlsafe_b64encode(made).decode().rstrip("=")
