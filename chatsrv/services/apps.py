"""Apps and server keys: making, changing and revoking them, and telling whose key a caller shows."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import replace
from hmac import compare_digest
from typing import Any, TypeVar

from chatsrv import settings as settings_module
from chatsrv.domain.apps import (
    App,
    PublicKey,
    Scope,
    ServerKey,
    Setting,
    check_app_id,
    check_network,
    check_within,
)
from chatsrv.domain.audit import Act, Action
from chatsrv.domain.clock import Clock
from chatsrv.domain.errors import Conflict, Distrust, Invalid, NotFound, Problem, Unauthenticated
from chatsrv.services import audit
from chatsrv.services.credentials import hash_secret, new_secret
from chatsrv.services.tokens import read_public_key
from chatsrv.settings import PER_APP, Settings, SettingsError
from chatsrv.storage import apps as rows
from chatsrv.storage import identities as identity_rows
from chatsrv.storage import users as user_rows
from chatsrv.storage.database import Database

KEY_PREFIX = "cs_"
CACHE_MAX = 10_000
UNUSED_BATCH = 1000

T = TypeVar("T")


class Apps:
    """The tenants. What is read for a request may be `credential_cache_s` old, and so a revocation takes that long."""

    def __init__(self, db: Database, settings: Settings, clock: Clock) -> None:
        self._db = db
        self._settings = settings
        self._clock = clock
        self._cached: dict[tuple[str, str], tuple[int, Any]] = {}
        self._loading: dict[tuple[str, str], tuple[int, asyncio.Future[Any]]] = {}
        self._changes = 0
        self.on_change: Callable[[str], None] | None = None
        """Told of each app that may have changed, or a key of it."""

    async def create(self, app_id: str, name: str | None) -> tuple[App, str]:
        """The app and its first server key, which has every scope; the key is shown this once. Raises Conflict."""
        now = self._clock.now()
        app = App(check_app_id(app_id), name or app_id, new_secret(), now)
        key, text = _new_key(app_id, "default", frozenset(Scope), (), None, now)
        async with self._db.write() as tx:
            if await rows.get_app(tx, app_id):
                raise Conflict("appId", f"There is an app {app_id!r} already.")
            await rows.add_app(tx, app)
            await rows.add_key(tx, key)
            await audit.note(tx, now, Act(Action.APP_CREATED, app_id, app_id), _made(Action.KEY_CREATED, key))
        return app, text

    async def list_apps(self) -> list[tuple[App, int]]:
        async with self._db.read() as tx:
            return await rows.list_apps(tx)

    async def get(self, app_id: str) -> App:
        """Raises NotFound."""
        async with self._db.read() as tx:
            app = await rows.get_app(tx, app_id)
        return app or _no_app(app_id)

    async def is_only_one(self, app_id: str) -> bool:
        """Whether there is no app beside it."""
        async with self._db.read() as tx:
            return await rows.is_only_one(tx, app_id)

    async def find(self, app_id: str) -> App | None:
        """For requests: may be as old as the cache."""

        async def load() -> App | None:
            async with self._db.read() as tx:
                return await rows.get_app(tx, app_id)

        return await self._recent("app", app_id, load)

    async def delete(self, app_id: str) -> None:
        """Deletes the rows alone; `Users.empty` has closed the sockets before. Raises NotFound.

        Nobody signs in any more with what was theirs in this app alone.
        """
        async with self._db.write() as tx:
            users = await user_rows.count(tx, app_id)
            if not await rows.delete_app(tx, app_id):
                _no_app(app_id)
            await audit.note(tx, self._clock.now(), Act(Action.APP_DELETED, app_id, app_id, {"users": users}))
            while await identity_rows.delete_unused(tx, UNUSED_BATCH):
                pass

    async def change_setting(self, app_id: str, name: str, text: str) -> App:
        """Sets one of PER_APP, `name`, or adds a `public_key` (PEM); an empty text goes back to the default."""
        async with self._db.write() as tx:
            app = await rows.get_app_for_update(tx, app_id) or _no_app(app_id)
            app = self._changed(app, name, text)
            await rows.update_app(tx, app)
            # never the value: some are long, and some may be secrets one day
            await audit.note(tx, self._clock.now(), Act(Action.APP_CHANGED, app_id, app_id, {"setting": name}))
        return app

    def _changed(self, app: App, name: str, text: str) -> App:
        if name == "name":
            return replace(app, name=text or app.id)
        if name == "public_key":
            return replace(app, public_keys=_with_key(app.public_keys, read_public_key(text)) if text else ())
        if name not in PER_APP:
            known = ", ".join(sorted(PER_APP | {"name", "public_key"}))
            raise Invalid(Problem(name, f"is nothing that an app may set; there are {known}"))
        kept = {key: value for key, value in app.settings.items() if key != name}
        return replace(app, settings=self._with_setting(kept, name, text))

    def _with_setting(self, kept: dict[str, Setting], name: str, text: str) -> dict[str, Setting]:
        try:
            values = kept | ({name: settings_module.convert_one(name, text)} if text else {})
            settings_module.replaced(self._settings, values)  # the relations must hold for the app, too
        except SettingsError as error:
            raise Invalid(Problem(name, str(error).removeprefix("settings: ").removeprefix(f"{name}: "))) from error
        return values

    async def create_key(
        self,
        app_id: str,
        name: str,
        scopes: frozenset[Scope],
        networks: Sequence[str],
        expires_at: int | None,
        own: ServerKey | None = None,
    ) -> tuple[ServerKey, str]:
        """The key and its text, which is shown this once. `own`: that of whoever makes it, if they have but a key:
        where nothing else is said, the new one is for the same networks and ends with it.

        Raises NotFound, Invalid and Forbidden.
        """
        checked = tuple(check_network(network) for network in networks)
        if own:
            checked, expires_at = checked or own.networks, own.expires_at if expires_at is None else expires_at
        key, text = _new_key(app_id, name, scopes, checked, expires_at, self._clock.now())
        if own:
            check_within(key, own)
        async with self._db.write() as tx:
            await rows.get_app(tx, app_id) or _no_app(app_id)
            await rows.add_key(tx, key)
            await audit.note(tx, key.created_at, _made(Action.KEY_CREATED, key))
        return key, text

    async def list_keys(self, app_id: str) -> list[ServerKey]:
        async with self._db.read() as tx:
            await rows.get_app(tx, app_id) or _no_app(app_id)
            return await rows.list_keys(tx, app_id)

    async def find_live_keys(self, key_ids: Iterable[str]) -> set[str]:
        """Those of the keys that still open something, as SQL has them now. Raises Unavailable."""
        wanted = set(key_ids)
        if not wanted:
            return wanted
        async with self._db.read() as tx:
            found = await rows.find_keys(tx, wanted)
        return {key.id for key in found if key.is_live(self._clock.now())}

    async def rotate_key(self, app_id: str, key_id: str, own: ServerKey | None = None) -> tuple[ServerKey, str]:
        """A new key like the old one, which lives on until it is revoked. Raises NotFound where that is over, and
        Forbidden for one that may do more than `own`."""
        now = self._clock.now()
        async with self._db.write() as tx:
            old = await rows.get_key_for_update(tx, key_id)
            if old is None or old.app_id != app_id or not old.is_live(now):
                raise NotFound(f"The app {app_id!r} has no live key {key_id!r}.")
            if own:
                check_within(old, own)
            key, text = _new_key(app_id, old.name, old.scopes, old.networks, old.expires_at, now)
            await rows.add_key(tx, key)
            await audit.note(tx, now, _made(Action.KEY_ROTATED, key, old=old.id))
        return key, text

    async def revoke_key(self, app_id: str, key_id: str) -> None:
        async with self._db.write() as tx:
            if not await rows.revoke_key(tx, app_id, key_id, self._clock.now()):
                raise NotFound(f"The app {app_id!r} has no live key {key_id!r}.")
            await audit.note(tx, self._clock.now(), Act(Action.KEY_REVOKED, app_id, key_id))

    async def identify(self, text: str) -> tuple[App, ServerKey]:
        """Whose key this is. Raises Unauthenticated; which network it comes from is checked after the app."""
        key_id, _, secret = text.removeprefix(KEY_PREFIX).partition("_")

        async def load() -> ServerKey | None:
            async with self._db.read() as tx:
                return await rows.get_key(tx, key_id)

        known = text.startswith(KEY_PREFIX) and len(key_id) == 12 and key_id.isalnum()
        key = await self._recent("key", key_id, load) if known else None
        # compared even where there is no such key, so that the time tells nothing
        matches = compare_digest(hash_secret(secret), key.secret_hash if key else "")
        app = await self.find(key.app_id) if key and matches else None
        if key is None or app is None or not key.is_live(self._clock.now()):
            raise Unauthenticated(Distrust.UNKNOWN_KEY, "There is no such key, or it has been revoked or has expired.")
        return app, key

    async def _recent(self, kind: str, name: str, load: Callable[[], Awaitable[T]]) -> T:
        now = self._clock.now()
        known = self._cached.get((kind, name))
        if known and 0 <= now - known[0] < self._settings.credential_cache_s * 1000:
            return known[1]  # type: ignore[no-any-return] # the kind decides the type
        return await self._load((kind, name), now, load)

    async def _load(self, what: tuple[str, str], now: int, load: Callable[[], Awaitable[T]]) -> T:
        """Whoever comes while it is loaded waits for the same, unless it might be too old for them then."""
        began_at, loading = self._loading.get(what, (0, None))
        if loading is None or not 0 <= now - began_at < self._settings.credential_cache_s * 1000:
            loading = asyncio.ensure_future(self._keep(what, now, load))
            self._loading[what] = (now, loading)
            loading.add_done_callback(lambda done: self._forget_loading(what, done))
        # who gives up leaves the others what they wait for
        return await asyncio.shield(loading)

    async def _keep(self, what: tuple[str, str], now: int, load: Callable[[], Awaitable[T]]) -> T:
        changes = self._changes
        loaded = await load()
        if len(self._cached) >= CACHE_MAX:
            self._cached.clear()
        if changes == self._changes:  # else it may have been read just before the change
            self._cached[what] = (now, loaded)
        return loaded

    def _forget_loading(self, what: tuple[str, str], done: asyncio.Future[Any]) -> None:
        if self._loading.get(what, (0, None))[1] is done:
            del self._loading[what]
        if not done.cancelled():
            done.exception()  # everybody who wanted to know may have gone

    def forget(self, app_id: str) -> None:
        """The app or a key of it has changed: what was read is old, or is being read."""
        self._changes += 1
        self._loading.clear()
        if self.on_change:
            self.on_change(app_id)
        for place, (_, value) in list(self._cached.items()):
            # what was not there, too: it may be there now
            if value is None or (value.id if isinstance(value, App) else value.app_id) == app_id:
                del self._cached[place]

    def setting(self, app: App, name: str) -> float:
        """The app's own value of one of PER_APP that are numbers, or the server's."""
        value = app.settings[name] if name in app.settings else getattr(self._settings, name)
        assert isinstance(value, float | int)  # noqa: S101 - narrows the type
        return value


def _with_key(keys: tuple[PublicKey, ...], key: PublicKey) -> tuple[PublicKey, ...]:
    """One that is there already is not there twice."""
    return keys if key.id in {one.id for one in keys} else (*keys, key)


def _no_app(app_id: str) -> App:
    raise NotFound(f"There is no app {app_id!r}.")


def _new_key(
    app_id: str, name: str, scopes: frozenset[Scope], networks: tuple[str, ...], expires_at: int | None, now: int
) -> tuple[ServerKey, str]:
    key_id, secret = secrets.token_hex(6), new_secret()
    key = ServerKey(key_id, app_id, name, hash_secret(secret), scopes, networks, now, expires_at, None)
    return key, f"{KEY_PREFIX}{key_id}_{secret}"


def _made(action: Action, key: ServerKey, **detail: Any) -> Act:
    """What the key may do, and nothing by which it could be used."""
    limits = {"name": key.name, "scopes": sorted(key.scopes), "networks": key.networks, "expires_at": key.expires_at}
    return Act(action, key.app_id, key.id, {**detail, **limits})
