"""Presence: sessions open and close, and what others see follows. One instance is one node of the cluster."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import msgspec
import structlog

from chatsrv.domain.apps import App
from chatsrv.domain.clock import Clock
from chatsrv.domain.errors import Distrust, NotFound, Unauthenticated, Unavailable
from chatsrv.domain.presence import (
    CloseCode,
    Departure,
    Graces,
    NewSession,
    Opened,
    Person,
    Presence,
    PresenceStatus,
    Session,
    see,
)
from chatsrv.domain.users import User
from chatsrv.services.apps import Apps
from chatsrv.services.sessions import LocalSessions
from chatsrv.storage.presence import PresenceStore

log = structlog.get_logger(__name__)

FATES = {CloseCode.DELETED: "forget", CloseCode.DEACTIVATED: "bar"}
"""What purge.lua does beside ending the sessions; for other codes, nothing."""


class PresenceService:
    """What the edges and the directory ask of presence. `local` is shared with the upkeep of this node."""

    def __init__(
        self, store: PresenceStore, local: LocalSessions, apps: Apps, clock: Clock, last_active_every_s: float
    ) -> None:
        self._every_s = last_active_every_s
        self._store = store
        self._local = local
        self._apps = apps
        self._clock = clock
        self._answered_at = clock.now()
        self._is_deaf = False

    async def open(self, app: App, user: User, session: NewSession) -> Opened:
        """Raises Unauthenticated where the user was deleted or deactivated meanwhile, and Unavailable."""
        most = int(self._apps.setting(app, "sessions_per_user"))
        local = self._local.add(app, user, session, self._record(app, session))
        try:
            opened = await self._store.open(app.id, user.id, session, local.registration.record, most)
        except BaseException:
            self._local.remove(session.id)
            raise
        if opened is None:
            self._local.remove(session.id)
            raise Unauthenticated(Distrust.NO_SUCH_USER, "The user of this token does not exist any more.")
        local.registration = replace(local.registration, login_at=opened.warm.clocks.last_login_at)
        local.is_open = True
        return opened

    def _record(self, app: App, session: NewSession) -> dict[str, str | int]:
        """A session as fold.lua describes it."""
        return {
            "n": self._local.node,
            "k": session.client_id,
            "w": int(session.has_own_client_id),
            "d": session.device.value,
            "b": int(session.background),
            "i": 0,
            "t": session.transport,
            "p": session.address,
            "g": int(self._apps.setting(app, "orphan_grace_s") * 1000),
            "o": self._clock.now(),
            "a": self._clock.now(),
        }

    async def touch(self, session_id: str, active: bool, background: bool | None) -> None:
        """Whether the user is active in this session, and whether it is in the background (None: as before).

        Raises NotFound where the session has ended, and Unavailable.
        """
        local = self._local.get(session_id)
        if local is None:
            raise NotFound(f"There is no session {session_id!r} here.")
        if background is not None:
            local.session = replace(local.session, background=background)
        if active:
            local.acted_at = self._clock.now()
        record = self._record(local.app, local.session) | {"i": int(not active)}
        local.registration = replace(local.registration, record=msgspec.json.encode(record))
        await self._store.touch(
            local.app.id,
            local.registration.user_id,
            session_id,
            idle=not active,
            background=local.session.background,
            every_ms=int(self._every_s * 1000),
        )

    async def close(self, session_id: str, departure: Departure) -> None:
        """The socket is gone. Where Redis does not answer, reconciliation ends the session later."""
        local = self._local.get(session_id)
        if local is None:
            return
        local.is_open = False
        grace_s = self._graces(local.app).after(departure, local.session.device, local.session.background)
        item = local.registration
        try:
            await self._store.close(item.app_id, item.user_id, item.session_id, int(grace_s * 1000), local.acted_at)
        except Unavailable:
            log.warning("session_close_postponed", session=session_id)
        finally:
            self._local.remove(session_id)

    def _graces(self, app: App) -> Graces:
        return Graces(*(self._apps.setting(app, name) for name in ("grace_s", "mobile_grace_s", "handoff_grace_s")))

    async def expel(self, user: User, code: CloseCode) -> None:
        """Ends all their sessions on every node. Where Redis does not answer, the upkeep does it later."""
        try:
            await self._store.purge(user.app_id, user.id, code, FATES.get(code, "keep"))
        except Unavailable:
            log.warning("expulsion_postponed", app=user.app_id, user=user.id, code=int(code))

    async def rename(self, user: User, is_another: bool) -> None:
        """Their sockets close where the name is another one and not only written otherwise; watchers learn the new one.

        Where Redis does not answer, watchers go on with the old name until they subscribe again.
        """
        if is_another:
            await self.expel(user, CloseCode.RENAMED)
        try:
            await self._store.announce_name(user.app_id, user.id, user.username)
        except Unavailable:
            log.warning("new_name_not_announced", app=user.app_id, user=user.id)

    async def sessions(self, user: User) -> list[Session]:
        """The oldest first. Raises Unavailable."""
        return await self._store.sessions(user.app_id, user.id)

    async def sign_out(self, user: User, session_id: str | None) -> None:
        """Ends one session, or all of them, at once; their sockets close. Raises NotFound and Unavailable."""
        if session_id is None:
            await self._store.purge(user.app_id, user.id, CloseCode.SIGNED_OUT, "keep")
        elif not await self._store.sign_out(user.app_id, user.id, session_id, CloseCode.SIGNED_OUT):
            raise NotFound(f"{user.username!r} has no session {session_id!r}.")

    async def admit(self, user: User) -> None:
        """Raises Unavailable: without it they could not connect."""
        await self._store.admit(user.app_id, user.id)

    async def forget_app(self, app_id: str) -> None:
        await self._store.forget_app(app_id)

    @property
    def stale_s(self) -> float | None:
        """For how long Redis has not answered, None while it does: presences are then those that SQL last knew."""
        return (self._clock.now() - self._answered_at) / 1000 if self._is_deaf else None

    async def see(self, user: User) -> Presence:
        return (await self.see_all(user.app_id, [user]))[0].presence

    async def see_all(self, app_id: str, users: Sequence[User]) -> list[Person]:
        """One round trip. While Redis does not answer, everybody shows as SQL last knew them; see `stale_s`."""
        try:
            warm = await self._store.read(app_id, [user.id for user in users])
        except Unavailable:
            self._is_deaf, warm = True, {}
        else:
            self._is_deaf, self._answered_at = False, self._clock.now()
        return [Person(user, see(user, warm.get(user.id))) for user in users]

    async def who_is_here(self, app_id: str) -> dict[PresenceStatus, list[int]]:
        """The ids of those who are not offline, by status. Raises Unavailable."""
        here: dict[PresenceStatus, list[int]] = {}
        for user_id, warm in (await self._store.read_all(app_id)).items():
            if warm.status is not PresenceStatus.OFFLINE:
                here.setdefault(warm.status, []).append(user_id)
        return here
