"""Presence in Redis: sessions, states and clocks. Every transition is one Lua script."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from redis.asyncio import Redis
from uuid_utils import uuid4

from chatsrv.domain.clock import Clock
from chatsrv.domain.instants import NEVER
from chatsrv.domain.presence import NewSession, Opened, Session, Warm
from chatsrv.domain.users import Clocks
from chatsrv.storage import keys
from chatsrv.storage.records import Registration, Snapshot, Swept, Unflushed, read_session, read_warm
from chatsrv.storage.redis import translated
from chatsrv.storage.scripts import Arg, Scripts

SWEEP_BATCH = 500
FLUSH_BATCH = 500


class PresenceStore:
    """The presence keyspace of one Redis. Every method raises Unavailable where Redis does not answer.

    `hold_ms`: how long offline changes wait in an epoch that this process begins; see read_epoch in fold.lua.
    """

    def __init__(
        self,
        redis: Redis,
        scripts: Scripts,
        prefix: str,
        clock: Clock,
        *,
        lease_ms: int,
        feed_max: int,
        changes_max: int,
        hold_ms: int,
        sweep_batch: int = SWEEP_BATCH,
    ) -> None:
        self._redis = redis
        self._scripts = scripts
        self._prefix = prefix
        self._clock = clock
        self._lease_ms = lease_ms
        self._feed_max = feed_max
        self._changes_max = changes_max
        self._sweep_batch = sweep_batch
        self.hold_ms = hold_ms

    async def open(self, app_id: str, user_id: int, session: NewSession, record: bytes, most: int) -> Opened | None:
        """None where the user was deleted or deactivated while they connected."""
        args = (app_id, user_id, session.id, record.decode(), most)
        answer = await self._run("open", keys.shard_of(app_id), *args)
        if len(answer) == 1:
            return None
        epoch, version, resumed, state = answer
        return Opened(epoch.decode(), version, bool(resumed), read_warm(state))

    async def close(self, app_id: str, user_id: int, session_id: str, grace_ms: int, acted_at: int = NEVER) -> bool:
        """Whether the session was live until now; `acted_at` is the user's last action in it."""
        args = (app_id, user_id, session_id, grace_ms, acted_at)
        return bool(await self._run("close", keys.shard_of(app_id), *args))

    async def touch(
        self, app_id: str, user_id: int, session_id: str, *, idle: bool, background: bool, every_ms: int
    ) -> bool:
        """Whether the session is live; actions closer together than `every_ms` cost no write."""
        args = (app_id, user_id, session_id, int(idle), int(background), every_ms)
        return bool(await self._run("touch", keys.shard_of(app_id), *args))

    async def beat(self, shard: int, node: str) -> tuple[str, bool]:
        """Renews the node's lease; the epoch, and whether the lease was still good."""
        epoch, was_good = await self._run("beat", shard, node)
        return epoch.decode(), bool(was_good)

    async def register(self, shard: int, node: str, sessions: Sequence[Registration]) -> set[str]:
        """Puts live sessions (back) in; the ids of those whose user is gone."""
        flat: list[Arg] = []
        for item in sessions:
            flat += (item.app_id, item.user_id, item.session_id, item.record.decode(), item.login_at)
        _, refused = await self._run("register", shard, node, *flat)
        return {session_id.decode() for session_id in refused}

    async def sweep(self, shard: int, node: str) -> Swept:
        """One batch of each kind."""
        ended, orphaned = await self._run("sweep", shard, node, self._sweep_batch)
        return Swept(ended, orphaned, self._sweep_batch in (ended, orphaned))

    async def purge(self, app_id: str, user_id: int, code: int, fate: str) -> int:
        """Ends all sessions of a user; `fate` is keep, bar or forget as in purge.lua."""
        return int(await self._run("purge", keys.shard_of(app_id), app_id, user_id, int(code), fate))

    async def sign_out(self, app_id: str, user_id: int, session_id: str, code: int) -> bool:
        """Whether there was such a session."""
        return bool(await self._run("sign_out", keys.shard_of(app_id), app_id, user_id, session_id, int(code)))

    async def sessions(self, app_id: str, user_id: int) -> list[Session]:
        """All sessions of the user, the oldest first."""
        with translated():
            raws: Any = await self._redis.hgetall(self._key(keys.shard_of(app_id), "sessions", app_id, str(user_id)))
        found = [read_session(session_id.decode(), raw) for session_id, raw in raws.items()]
        return sorted(found, key=lambda session: (session.connected_at, session.id))

    async def announce_name(self, app_id: str, user_id: int, username: str) -> None:
        await self._run("renamed", keys.shard_of(app_id), app_id, user_id, username)

    async def admit(self, app_id: str, user_id: int) -> None:
        await self._run("admit", keys.shard_of(app_id), app_id, user_id)

    async def stored_sessions(self, shard: int, node: str) -> set[tuple[str, int, str]]:
        """(app, user, session) of every session that Redis holds for the node."""
        with translated():
            members: Any = await self._redis.zrange(self._key(shard, "node", node), 0, -1)
        parts = (entry.decode().split(" ") for entry in members)
        return {(app_id, int(user_id), session_id) for app_id, user_id, session_id in parts}

    async def read(self, app_id: str, user_ids: Sequence[int]) -> dict[int, Warm]:
        """What is warm of these users, in one round trip."""
        if not user_ids:
            return {}
        with translated():
            raws: Any = await self._redis.hmget(self._app_key(app_id, "state"), [str(i) for i in user_ids])
        return {user_id: read_warm(raw) for user_id, raw in zip(user_ids, raws, strict=True) if raw is not None}

    async def snapshot(self, app_id: str, user_ids: Sequence[int]) -> Snapshot:
        """These users at one moment: nothing happens between the parts of it."""
        return await self._snapshot(app_id, user_ids)

    async def snapshot_all(self, app_id: str) -> Snapshot:
        """Everybody of whom anything is warm, at one moment."""
        return await self._snapshot(app_id, None)

    async def changed_since(self, app_id: str, version: int) -> Snapshot:
        """Those who changed after `version`; whether that is all of them, `Snapshot.is_complete_since` tells."""
        with translated():
            ids: Any = await self._redis.zrange(self._app_key(app_id, "changes"), version + 1, "+inf", byscore=True)
        return await self._snapshot(app_id, [int(user_id) for user_id in ids])

    async def _snapshot(self, app_id: str, user_ids: Sequence[int] | None) -> Snapshot:
        shard = keys.shard_of(app_id)
        pipe = self._redis.pipeline(transaction=True)
        pipe.get(self._key(shard, "epoch"))
        pipe.hget(self._key(shard, "versions"), app_id)
        pipe.hget(self._key(shard, "floors"), app_id)
        if user_ids is None:
            pipe.hgetall(self._app_key(app_id, "state"))
        elif user_ids:
            pipe.hmget(self._app_key(app_id, "state"), [str(user_id) for user_id in user_ids])
            pipe.zmscore(self._app_key(app_id, "changes"), [str(user_id) for user_id in user_ids])
        with translated():
            epoch, version, floor, *rest = await pipe.execute()
        raws = rest[0] if user_ids is None else dict(zip(user_ids, rest[0] if rest else (), strict=bool(rest)))
        return Snapshot(
            epoch=epoch.decode().split(" ")[0] if epoch else "",
            version=int(version or 0),
            floor=int(floor or 0),
            warm={int(user_id): read_warm(raw) for user_id, raw in raws.items() if raw is not None},
            changed_in={
                user_id: int(score)
                for user_id, score in zip(user_ids or (), rest[1] if len(rest) > 1 else (), strict=bool(rest[1:]))
                if score is not None
            },
        )

    async def read_all(self, app_id: str) -> dict[int, Warm]:
        """Everybody of the app of whom anything is warm."""
        with translated():
            raws: Any = await self._redis.hgetall(self._app_key(app_id, "state"))
        return {int(user_id): read_warm(raw) for user_id, raw in raws.items()}

    async def unflushed(self, shard: int) -> list[Unflushed]:
        """A batch of the clocks that SQL does not have yet, the oldest first."""
        with translated():
            entries: Any = await self._redis.zrange(self._key(shard, "unflushed"), 0, FLUSH_BATCH - 1, withscores=True)
        by_app: dict[str, list[tuple[int, int]]] = {}
        for entry, score in entries:
            app_id, user_id = entry.decode().split(" ")
            by_app.setdefault(app_id, []).append((int(user_id), int(score)))
        found = []
        for app_id, users in by_app.items():
            warm = await self.read(app_id, [user_id for user_id, _ in users])
            found += [Unflushed(app_id, i, score, warm[i].clocks if i in warm else Clocks()) for i, score in users]
        return found

    async def mark_flushed(self, shard: int, items: Iterable[Unflushed]) -> None:
        flat: list[Arg] = []
        for item in items:
            flat += (item.app_id, item.user_id, item.score)
        await self._run("flushed", shard, *flat)

    async def forget_app(self, app_id: str) -> None:
        """What is left of an app whose users have been purged."""
        with translated():
            await self._redis.delete(self._app_key(app_id, "state"), self._app_key(app_id, "changes"))
            for name in ("versions", "floors"):
                await self._redis.hdel(self._key(keys.shard_of(app_id), name), app_id)

    async def _run(self, script: str, shard: int, *args: Arg) -> Any:
        kept = f"{self._feed_max} {self._changes_max}"
        common = (self._clock.offset_ms, uuid4().hex, self.hold_ms, kept, self._lease_ms)
        return await self._scripts.run(script, keys.shard_key(self._prefix, shard), [*common, *args])

    def _key(self, shard: int, name: str, *parts: str) -> str:
        return keys.key(keys.shard_key(self._prefix, shard), name, *parts)

    def _app_key(self, app_id: str, name: str) -> str:
        return self._key(keys.shard_of(app_id), name, app_id)
