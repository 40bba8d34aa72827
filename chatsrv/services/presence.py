"""Presence: sessions open and close, and what others see follows. One instance is one node of the cluster."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import NoReturn
from weakref import WeakValueDictionary

import structlog

from chatsrv.domain.apps import App
from chatsrv.domain.audit import Action, act_on
from chatsrv.domain.changes import Opened
from chatsrv.domain.clock import Clock
from chatsrv.domain.errors import Distrust, NotFound, Unauthenticated, Unavailable
from chatsrv.domain.instants import NEVER
from chatsrv.domain.presence import Claim
from chatsrv.domain.repeats import Repeats
from chatsrv.domain.sessions import CloseCode, Departure, Graces, NewSession, Session
from chatsrv.domain.sign_ins import NewSignIn
from chatsrv.domain.users import User
from chatsrv.services.apps import Apps
from chatsrv.services.audit import Audit
from chatsrv.services.sessions import LocalSession, LocalSessions, Terms
from chatsrv.services.sign_ins import SignIns
from chatsrv.storage.presence import PresenceStore
from chatsrv.storage.records import Whereabouts

log = structlog.get_logger(__name__)


class Fate(StrEnum):
    """What purge.lua does beside ending the sessions."""

    KEEP = "keep"
    RENAME = "rename"
    BAR = "bar"
    FORGET = "forget"


FATES = {
    CloseCode.DELETED: Fate.FORGET,
    CloseCode.DEACTIVATED: Fate.BAR,
    CloseCode.RENAMED: Fate.RENAME,
}


class PresenceService:
    """What the edges and the directory ask of presence. `local` is shared with the upkeep of this node."""

    def __init__(
        self,
        store: PresenceStore,
        local: LocalSessions,
        apps: Apps,
        sign_ins: SignIns,
        audit: Audit,
        clock: Clock,
        last_active_every_s: float,
    ) -> None:
        self._audit = audit
        self._sign_ins = sign_ins
        self._every_ms = int(last_active_every_s * 1000)
        self._store = store
        self._local = local
        self._apps = apps
        self._clock = clock
        self._terms: dict[Terms, Terms] = {}
        self._postponed = Repeats()
        # of the sessions of which Redis is being told; a lock goes with the last one who holds it
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def open(
        self,
        app: App,
        user: User,
        session: NewSession,
        token_issued_at: int = NEVER,
        claim: Claim | None = None,
        signed_by: str = "",
    ) -> Opened:
        """`claim` is set along with it, unless it came back inside its grace. `signed_by`: the mark of what signed the
        token.

        Raises Unauthenticated where the user was deleted or deactivated meanwhile, and Unavailable.
        """
        most = int(self._apps.setting(app, "sessions_per_user"))
        local = self._local.add(user, session, self._terms_of(app), self._clock.now())
        local.token_issued_at, local.signed_by = token_issued_at, sys.intern(signed_by)
        record = local.record(self._local.node)
        try:
            opened = await self._store.open(app.id, user.id, session, record, most, user.claims, claim)
        except BaseException:
            self._local.remove(session.id)
            raise
        if opened is None:
            self._local.remove(session.id)
            raise Unauthenticated(Distrust.NO_SUCH_USER, "The user of this token does not exist any more.")
        self._take(local, opened)
        if not opened.resumed:
            self._sign_ins.note(_sign_in(user, opened))
        return opened

    def _take(self, local: LocalSession, opened: Opened) -> None:
        """The session as it is in Redis now."""
        found = opened.session
        local.background = found.background
        local.is_idle, local.channels = not found.is_active and not found.background, found.channels
        local.opened_at, local.acted_at, local.told_at = found.connected_at, found.last_active_at, found.last_active_at
        local.login_at = opened.warm.truth.clocks.last_login_at
        local.is_open = True

    def _terms_of(self, app: App) -> Terms:
        """One value for all sessions on the same terms; the app itself is read anew on and on."""
        lost_s, mobile_s, handoff_s, orphan_s, idle_s = (
            self._apps.setting(app, name)
            for name in ("grace_s", "mobile_grace_s", "handoff_grace_s", "orphan_grace_s", "idle_after_s")
        )
        terms = Terms(Graces(lost_s, mobile_s, handoff_s), int(orphan_s * 1000), int(idle_s * 1000))
        return self._terms.setdefault(terms, terms)

    def renew(self, session_id: str, token_issued_at: int, signed_by: str = "") -> None:
        """The session goes on with a newer token."""
        local = self._local.get(session_id)
        if local:
            local.token_issued_at, local.signed_by = token_issued_at, sys.intern(signed_by)

    async def touch(self, session_id: str, active: bool, background: bool | None = None) -> None:
        """Whether the user is active in this session, and whether it is in the background (None: as before).

        Raises NotFound where the session has ended, and Unavailable: then `catch_up` tells Redis later.
        """
        local = self._local.get(session_id) or _no_session(session_id)
        is_background = local.background if background is None else background
        is_news = (local.is_idle, local.background) != (not active, is_background)
        if active:
            local.acted_at = self._clock.now()
        if is_news or local.acted_at - local.told_at >= self._every_ms:
            local.is_idle, local.background = not active, is_background
            await self._tell(local)

    def note_action(self, session_id: str) -> None:
        """The user acted in it, as Redis knows already."""
        local = self._local.get(session_id)
        if local:
            local.is_idle, local.acted_at = False, self._clock.now()
            local.told_at = local.acted_at

    async def _tell(self, local: LocalSession) -> None:
        """One after the other, so that what is true last is told last."""
        turn = self._turns.get(local.id) or self._turns.setdefault(local.id, asyncio.Lock())
        async with turn:
            await self._tell_now(local)

    async def _tell_now(self, local: LocalSession) -> None:
        local.told_at = NEVER
        await self._store.touch(
            local.app_id,
            local.user_id,
            local.id,
            idle=local.is_idle,
            background=bool(local.background),
            every_ms=self._every_ms,
        )
        local.told_at = local.acted_at

    async def catch_up(self) -> None:
        """Makes sessions idle whose users did nothing for long; tells what could not be told. Raises Unavailable."""
        now = self._clock.now()
        for local in list(self._local.all_open()):
            if local.has_idled(now):
                local.is_idle, local.told_at = True, NEVER
            if local.told_at == NEVER:
                await self._tell(local)

    async def enter(self, session_id: str, channel_id: int, most: int) -> bool:
        """Whether the session is in the channel now, and not in too many. Raises NotFound and Unavailable."""
        local = self._local.get(session_id) or _no_session(session_id)
        has_entered = await self._store.enter(local.app_id, local.user_id, session_id, channel_id, most)
        if has_entered is None:
            # its socket is here: Redis lost the session, and this node is about to put it back
            raise Unavailable("presence store")
        if has_entered:
            local.channels = (*(other for other in local.channels if other != channel_id), channel_id)
        return bool(has_entered)

    async def leave(self, session_id: str, channel_id: int) -> None:
        """Raises NotFound and Unavailable."""
        local = self._local.get(session_id) or _no_session(session_id)
        await self._store.leave(local.app_id, channel_id, local.user_id, session_id)
        local.channels = tuple(other for other in local.channels if other != channel_id)

    async def vacate(self, app_id: str, channel_id: int, user_id: int | None) -> None:
        """The user, or everybody, is in the channel no more. Where Redis does not answer they stay until they leave."""
        try:
            await self._store.leave(app_id, channel_id, user_id, None)
        except Unavailable:
            log.warning("channel_not_vacated", app=app_id, channel=channel_id, user=user_id)

    async def present(self, app_id: str, channel_id: int) -> set[int]:
        """Ids of the users who are in the channel. Raises Unavailable."""
        return await self._store.present(app_id, channel_id)

    async def whereabouts(self, app_id: str, user_ids: Sequence[int]) -> Mapping[int, Whereabouts]:
        """How each of them shows and in which channels they are: one round trip. Raises Unavailable."""
        return await self._store.whereabouts(app_id, user_ids)

    async def close(self, session_id: str, departure: Departure) -> None:
        """The socket is gone. Where Redis does not answer, reconciliation ends the session later."""
        local = self._local.get(session_id)
        if local is None:
            return
        local.is_open = False
        grace_s = local.terms.graces.after(departure, local.device, local.background)
        try:
            await self._store.close(
                local.app_id, local.user_id, session_id, int(grace_s * 1000), local.acted_at, departure
            )
        except Unavailable as error:
            sessions = self._postponed.count("close", time.monotonic())
            if sessions:  # a store that is away while thousands leave is one thing to say
                log.warning("session_closes_postponed", sessions=sessions, reason=str(error))
        finally:
            self._local.remove(session_id)

    async def expel(self, user: User, code: CloseCode, fate: Fate | None = None) -> None:
        """Ends all their sessions on every node. Where Redis does not answer, the upkeep does it later."""
        try:
            fate = fate or FATES.get(code, Fate.KEEP)
            await self._store.purge(user.app_id, user.id, code, fate, user.username)
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
        if session_id is not None and session_id not in {session.id for session in await self.sessions(user)}:
            _not_theirs(user, session_id)
        await self._audit.tell(act_on(user, Action.SIGNED_OUT, session=session_id))
        if session_id is None:
            await self._store.purge(user.app_id, user.id, CloseCode.SIGNED_OUT, Fate.KEEP, user.username)
        elif not await self._store.sign_out(user.app_id, user.id, session_id, CloseCode.SIGNED_OUT):
            _not_theirs(user, session_id)

    async def admit(self, user: User) -> None:
        """Raises Unavailable: without it they could not connect."""
        await self._store.admit(user.app_id, user.id)

    async def forget_app(self, app_id: str) -> None:
        await self._store.forget_app(app_id)


def _sign_in(user: User, opened: Opened) -> NewSignIn:
    truth, to_others = opened.warm.truth, opened.warm.to_others
    was_hidden = to_others.clocks.last_login_at != truth.clocks.last_login_at
    return NewSignIn(user.id, truth.clocks.last_login_at, was_hidden)


def _not_theirs(user: User, session_id: str) -> NoReturn:
    raise NotFound(f"{user.username!r} has no session {session_id!r}.")


def _no_session(session_id: str) -> NoReturn:
    raise NotFound(f"There is no session {session_id!r} here.")
