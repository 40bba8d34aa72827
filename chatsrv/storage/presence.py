"""Presence in Redis: sessions, states and clocks. Every transition is one Lua script."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from uuid_utils import uuid4

from chatsrv.domain.changes import Claimed, Opened, Position
from chatsrv.domain.clock import Clock
from chatsrv.domain.instants import NEVER
from chatsrv.domain.presence import Claim, Warm
from chatsrv.domain.sessions import Departure, NewSession
from chatsrv.domain.users import KeptClaims
from chatsrv.storage import keys
from chatsrv.storage.lane import Arg, Lane
from chatsrv.storage.presence_reads import PresenceReads
from chatsrv.storage.records import (
    Beat,
    Registration,
    Swept,
    Unflushed,
    read_position,
    read_session,
    read_warm,
    write_claim,
)
from chatsrv.storage.scripts import Scripts

SWEEP_BATCH = 500


class PresenceStore(PresenceReads):
    """What changes presence. Every method raises Unavailable where Redis does not answer.

    `hold_ms`: how long offline changes wait in an epoch that this process begins; see read_epoch in base.lua.
    `on_written` is told, before the method that wrote returns, how far the change log goes with what it wrote, and of
    which user (None: of anybody) of which app (None: of any).
    """

    def __init__(
        self,
        lane: Lane,
        scripts: Scripts,
        prefix: str,
        clock: Clock,
        *,
        lease_ms: int,
        feed_max: int,
        changes_max: int,
        changes_ms: int,
        claims_max: int,
        hold_ms: int,
        sweep_batch: int = SWEEP_BATCH,
    ) -> None:
        super().__init__(lane, prefix)
        self._scripts = scripts
        self._clock = clock
        self._lease_ms = lease_ms
        self._kept = f"{feed_max} {changes_max} {claims_max}"
        self._changes_ms = changes_ms
        self._sweep_batch = sweep_batch
        self.hold_ms = hold_ms
        self.on_written: Callable[[int, Position, str | None, int | None], None] = _ignore
        self.under_way = 0
        """Scripts that were asked for and have not answered. `on_answered` is called after each, whatever it was."""
        self.on_answered: Callable[[], None] = lambda: None

    async def open(
        self,
        app_id: str,
        user_id: int,
        session: NewSession,
        record: bytes,
        most: int,
        kept: KeptClaims,
        claim: Claim | None = None,
    ) -> Opened | None:
        """None where the user was deleted or deactivated while they connected.

        `kept`: what SQL has of their claims. `claim` is set with the session, unless it came back inside its grace.
        """
        args = (session.id, record.decode(), most, kept.text, kept.changed_at, _written(claim))
        answer = await self._run_for("open", app_id, user_id, *args)
        if len(answer) == 1:
            return None
        epoch, version, resumed, state, raw = answer
        return Opened(epoch.decode(), version, bool(resumed), read_warm(state), read_session(session.id, raw))

    async def claim(
        self,
        app_id: str,
        user_id: int,
        claim: Claim | None,
        kept: KeptClaims,
        *,
        heartbeat: bytes = b"",
        ttl_ms: int = 0,
        sets_max: int = 0,
        window_ms: int = 0,
        session_id: str = "",
    ) -> Claimed | None:
        """Sets the claim, renews the heartbeat, or both; None where the user was deleted or deactivated meanwhile.

        Of more than `sets_max` claims within the window (0: any number) the last one waits for its end. Saying so in
        a session is an action in it.
        """
        args = (_written(claim), heartbeat.decode(), ttl_ms, sets_max, window_ms)
        answer = await self._run_for("claim", app_id, user_id, *args, kept.text, kept.changed_at, session_id)
        if len(answer) == 1:
            return None
        _, _, applied_at, waits, state = answer
        return Claimed(applied_at, bool(waits), read_warm(state))

    async def enter(self, app_id: str, user_id: int, session_id: str, channel_id: int, most: int) -> bool | None:
        """Whether the session is in the channel, and not in too many; None where it is not live."""
        args = (session_id, channel_id, most)
        answer = await self._run_for("enter", app_id, user_id, *args)
        return None if answer < 0 else bool(answer)

    async def leave(self, app_id: str, channel_id: int, user_id: int | None, session_id: str | None) -> None:
        """One session leaves the channel; without it all of the user's, without a user everybody's."""
        whom = (user_id or "*", session_id or "*")
        await self._call("leave", keys.shard_of(app_id), (app_id, user_id), app_id, channel_id, *whom)

    async def clear(self, app_id: str, user_id: int) -> Warm | None:
        """Takes back every claim and ends the heartbeat; None where the user was deleted or deactivated meanwhile."""
        state = await self._run_for("clear", app_id, user_id)
        return read_warm(state) if state else None

    async def close(
        self,
        app_id: str,
        user_id: int,
        session_id: str,
        grace_ms: int,
        acted_at: int = NEVER,
        departure: Departure = Departure.LOST,
    ) -> bool:
        """Whether the session was live until now; `acted_at` is the user's last action in it."""
        args = (session_id, grace_ms, acted_at, departure.value)
        return bool(await self._run_for("close", app_id, user_id, *args))

    async def touch(
        self, app_id: str, user_id: int, session_id: str, *, idle: bool, background: bool, every_ms: int
    ) -> bool:
        """Whether the session is live; actions closer together than `every_ms` cost no write."""
        args = (session_id, int(idle), int(background), every_ms)
        return bool(await self._run_for("touch", app_id, user_id, *args))

    async def beat(self, shard: int, node: str, report: bytes = b"{}") -> Beat:
        """Renews the node's lease. `report`: what it says of itself, kept as long as the lease is."""
        epoch, was_good, position = await self._run("beat", shard, node, report.decode())
        return Beat(epoch.decode(), bool(was_good), read_position(position))

    async def is_held(self, shard: int) -> bool:
        """Whether nobody is declared offline yet, for the epoch is young: see held_until in base.lua."""
        return bool(await self._run("held", shard))

    async def register(self, shard: int, node: str, sessions: Sequence[Registration]) -> set[str]:
        """Puts live sessions (back) in; the ids of those whose user is gone."""
        flat: list[Arg] = []
        for item in sessions:
            flat += (item.app_id, item.user_id, item.session_id, item.record.decode(), item.login_at)
            flat += (item.claims.text, item.claims.changed_at)
        _, refused = await self._run("register", shard, node, *flat)
        return {session_id.decode() for session_id in refused}

    async def sweep(self, shard: int, node: str) -> Swept:
        """One batch of each kind."""
        ended, orphaned, due = await self._run("sweep", shard, node, self._sweep_batch, self._changes_ms)
        return Swept(ended, orphaned, due, self._sweep_batch in (ended, orphaned, due))

    async def purge(self, app_id: str, user_id: int, code: int, fate: str, username: str = "") -> int:
        """Ends all sessions of a user; `fate` is keep, rename, bar or forget as in purge.lua."""
        return int(await self._run_for("purge", app_id, user_id, int(code), fate, username))

    async def sign_out(self, app_id: str, user_id: int, session_id: str, code: int) -> bool:
        """Whether there was such a session."""
        return bool(await self._run_for("sign_out", app_id, user_id, session_id, int(code)))

    async def announce_name(self, app_id: str, user_id: int, username: str) -> None:
        await self._run_for("renamed", app_id, user_id, username)

    async def announce_stored(self, app_id: str, user_ids: Iterable[int] | None) -> None:
        """Once SQL has committed: rows of these users (None: of many, or all, in the app) have changed."""
        users: tuple[Arg, ...] = ("*",) if user_ids is None else tuple(user_ids)
        if users:
            whom = users[0] if len(users) == 1 and isinstance(users[0], int) else None
            await self._call("stored", keys.shard_of(app_id), (app_id, whom), app_id, *users)

    async def admit(self, app_id: str, user_id: int) -> None:
        await self._run_for("admit", app_id, user_id)

    async def tell_sessions_of(self, shard: int, app_ids: Iterable[str]) -> bool:
        """From now on the sessions of these apps of the shard are told in the log, and of no others; whether that is
        new."""
        return bool(await self._run("telling", shard, *app_ids))

    async def mark_flushed(self, shard: int, items: Iterable[Unflushed]) -> None:
        flat: list[Arg] = []
        for item in items:
            flat += (item.app_id, item.user_id, item.score)
        await self._run("flushed", shard, *flat)

    async def forget_app(self, app_id: str) -> None:
        """What is left of an app whose users have been purged."""
        await self._run("forget_app", keys.shard_of(app_id), app_id)

    async def _run_for(self, script: str, app_id: str, user_id: int, *args: Arg) -> Any:
        """One that changes this user alone."""
        return await self._call(script, keys.shard_of(app_id), (app_id, user_id), app_id, user_id, *args)

    async def _run(self, script: str, shard: int, *args: Arg) -> Any:
        return await self._call(script, shard, (None, None), *args)

    async def _call(self, script: str, shard: int, whom: tuple[str | None, int | None], *args: Arg) -> Any:
        """The script's answer. `whom`: the app and the user that it may change."""
        common = (self._clock.offset_ms, uuid4().hex, self.hold_ms, self._kept, self._lease_ms)
        self.under_way += 1
        try:
            appended, answer = await self._scripts.run(script, keys.shard_key(self._prefix, shard), [*common, *args])
            if appended:
                self.on_written(shard, read_position(appended), *whom)
        finally:
            self.under_way -= 1
            self.on_answered()
        return answer


def _ignore(shard: int, position: Position, app_id: str | None, user_id: int | None) -> None:
    """Nobody wants to know."""


def _written(claim: Claim | None) -> str:
    return write_claim(claim).decode() if claim else ""
