"""What signs an app's user tokens: changing it, and ending the sockets of tokens that no longer count."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import replace

from chatsrv.domain.apps import App, OldSecret
from chatsrv.domain.audit import Act, Action
from chatsrv.domain.clock import Clock
from chatsrv.domain.errors import NotFound
from chatsrv.services import audit
from chatsrv.services.credentials import new_secret
from chatsrv.services.sessions import LocalSessions
from chatsrv.storage import apps as rows
from chatsrv.storage.database import Database

OLD_SECRETS_MAX = 4
"""So many replaced secrets may count beside the newest; before that many the oldest gives way."""
APPS_BATCH = 500


class Signing:
    """`expel(session_id)` closes the socket of a session whose token is worth nothing any more."""

    def __init__(
        self, db: Database, local: LocalSessions, clock: Clock, expel: Callable[[str], Awaitable[None]], every_s: float
    ) -> None:
        self._db = db
        self._local = local
        self._clock = clock
        self._expel = expel
        self._every_ms = int(every_s * 1000)
        self._suspects: set[str] = set()
        self._next_at = 0

    async def rotate_secret(self, app_id: str, keep_s: int) -> App:
        """With a new secret. Tokens of the present one are good for `keep_s` more, and those of earlier ones no longer
        than that. Raises NotFound."""
        now = self._clock.now()
        async with self._db.write() as tx:
            app = await rows.get_app_for_update(tx, app_id) or _no_app(app_id)
            app = _rotated(app, now, now + keep_s * 1000)
            await rows.update_app(tx, app)
            detail = {"setting": "jwt_secret", "keep_s": keep_s}
            await audit.note(tx, now, Act(Action.APP_CHANGED, app_id, app_id, detail))
        return app

    async def remove_public_key(self, app_id: str, key_id: str) -> App:
        """Raises NotFound."""
        async with self._db.write() as tx:
            app = await rows.get_app_for_update(tx, app_id) or _no_app(app_id)
            kept = tuple(key for key in app.public_keys if key.id != key_id)
            if kept == app.public_keys:
                raise NotFound(f"The app {app_id!r} has no public key {key_id!r}.")
            app = replace(app, public_keys=kept)
            await rows.update_app(tx, app)
            detail = {"setting": "public_key", "removed": key_id}
            await audit.note(tx, self._clock.now(), Act(Action.APP_CHANGED, app_id, app_id, detail))
        return app

    def suspect(self, app_id: str) -> None:
        """The app has changed: perhaps in what signs its tokens."""
        self._suspects.add(app_id)

    async def check(self) -> None:
        """Ends the sockets of this node whose tokens nothing of their app could have signed now. Looks at apps that
        have changed, and from time to time at all: secrets end without a change. Raises Unavailable."""
        if self._clock.now() >= self._next_at:
            self._suspects.update({session.app_id for session in self._local.all_open()})
            self._next_at = self._clock.now() + self._every_ms
        while self._suspects:
            await self._check_apps(list(self._suspects)[:APPS_BATCH])

    async def _check_apps(self, app_ids: Sequence[str]) -> None:
        """The sessions come before the signers: whoever comes in meanwhile may know a newer secret than we do."""
        here = set(app_ids)
        sessions = [(one, one.signed_by) for one in self._local.all_open() if one.app_id in here and one.signed_by]
        signers = await self._read_signers(here) if sessions else {}
        self._suspects -= here
        for session, signed_by in sessions:
            # those of an app that has gone end with its users
            known = signers.get(session.app_id)
            if known is not None and signed_by not in known and session.signed_by == signed_by:
                await self._expel(session.id)

    async def _read_signers(self, app_ids: Collection[str]) -> Mapping[str, frozenset[str]]:
        async with self._db.read() as tx:
            found = await rows.find_apps(tx, app_ids)
        return {app.id: app.signers(self._clock.now()) for app in found}


def _rotated(app: App, now: int, ends_at: int) -> App:
    old = [OldSecret(app.jwt_secret, ends_at)]
    old += [OldSecret(one.secret, min(one.ends_at, ends_at)) for one in app.old_secrets]
    kept = tuple(one for one in old if now < one.ends_at)[:OLD_SECRETS_MAX]
    return replace(app, jwt_secret=new_secret(), old_secrets=kept)


def _no_app(app_id: str) -> App:
    raise NotFound(f"There is no app {app_id!r}.")
