"""Claims and heartbeats: what users, their backends and their calendars say about a state."""

from __future__ import annotations

from typing import NoReturn

import msgspec
import structlog

from chatsrv.domain.audit import Action, act_on
from chatsrv.domain.changes import Claimed
from chatsrv.domain.errors import Inactive, Unavailable, UserNotFound
from chatsrv.domain.presence import INVISIBLE, Claim, Presence, Viewer, see
from chatsrv.domain.sessions import Device
from chatsrv.domain.users import AccountStatus, KeptClaims, User
from chatsrv.services.audit import Audit
from chatsrv.services.clocks import ClockFlush
from chatsrv.services.users import Users
from chatsrv.settings import Settings
from chatsrv.storage.presence import PresenceStore

log = structlog.get_logger(__name__)


class Claims:
    """Every method raises Unavailable where Redis does not answer."""

    def __init__(
        self, store: PresenceStore, users: Users, clocks: ClockFlush, audit: Audit, settings: Settings
    ) -> None:
        self._store = store
        self._audit = audit
        self._users = users
        self._clocks = clocks
        self._settings = settings

    async def set_often(self, user: User, claim: Claim, session_id: str) -> Claimed:
        """In a session, whose client may say so over and over: of too many the last one counts, a little later."""
        settings = self._settings
        claimed = await self._store.claim(
            user.app_id,
            user.id,
            claim,
            await self._kept(user),
            sets_max=settings.presence_sets,
            window_ms=int(settings.presence_sets_window_s * 1000),
            session_id=session_id,
        )
        await self._keep(user, claim)
        return claimed if claimed else _gone(user)

    async def _kept(self, user: User) -> KeptClaims:
        """As SQL has them, or had them within `row_cache_s`: since the last outage Redis has whatever came later.

        Without SQL, presence goes on.
        """
        try:
            return (await self._users.find(user.app_id, user.id)).claims
        except (Unavailable, UserNotFound):
            return KeptClaims()

    async def _keep(self, user: User, claim: Claim | None) -> None:
        """Who hides must stay hidden though Redis lose its data the next moment."""
        if claim and claim.status is INVISIBLE:
            try:
                await self._clocks.flush_app(user.app_id)
            except Unavailable:
                log.warning("claim_not_kept_yet", app=user.app_id, user=user.id)

    async def put(self, user: User, claim: Claim | None, ttl_s: int | None, address: str, viewer: Viewer) -> Presence:
        """Sets the claim, if any, and renews the heartbeat if it has a time to live; the presence after it.

        Raises UserNotFound and Inactive.
        """
        _check_active(user)
        if claim:
            status = None if claim.status is None else claim.status.name.lower()
            await self._audit.tell(act_on(user, Action.CLAIM_SET, source=claim.source.value, status=status))
        heartbeat = b"" if ttl_s is None else msgspec.json.encode(_heartbeat(address))
        claimed = await self._store.claim(
            user.app_id, user.id, claim, user.claims, heartbeat=heartbeat, ttl_ms=(ttl_s or 0) * 1000
        )
        await self._keep(user, claim)
        return see(user, claimed.warm if claimed else _gone(user), viewer)

    async def clear(self, user: User, viewer: Viewer) -> Presence:
        """Takes back all claims and ends the heartbeat; the presence after it. Raises UserNotFound and Inactive."""
        _check_active(user)
        await self._audit.tell(act_on(user, Action.CLAIMS_CLEARED))
        warm = await self._store.clear(user.app_id, user.id)
        return see(user, warm or _gone(user), viewer)


def _heartbeat(address: str) -> dict[str, str | int]:
    """A session as fold.lua describes it, of no node and no client."""
    return {"n": "", "k": "", "w": 0, "d": Device.BOT.value, "b": 0, "i": 0, "t": "http", "p": address, "g": 0}


def _check_active(user: User) -> None:
    if user.status is not AccountStatus.ACTIVE:
        raise Inactive(f"The account {user.username!r} is deactivated.")


def _gone(user: User) -> NoReturn:
    raise UserNotFound(f"There is no user {user.username!r}.")
