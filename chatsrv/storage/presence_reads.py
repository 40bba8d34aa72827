"""What presence keeps in Redis, read: of one user, of a page of them, and of everybody at one moment."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from redis.asyncio import Redis

from chatsrv.domain.sessions import Session
from chatsrv.domain.users import Clocks
from chatsrv.storage import keys
from chatsrv.storage.records import (
    Examined,
    Snapshot,
    Unflushed,
    Whereabouts,
    read_claims_record,
    read_session,
    read_warm,
    read_whereabouts,
)
from chatsrv.storage.redis import translated

FLUSH_BATCH = 500


class PresenceReads:
    """The presence keyspace of one Redis. Every method raises Unavailable where Redis does not answer."""

    def __init__(self, redis: Redis, prefix: str) -> None:
        self._redis = redis
        self._prefix = prefix

    async def sessions(self, app_id: str, user_id: int) -> list[Session]:
        """All sessions of the user, the oldest first."""
        with translated():
            raws: Any = await self._redis.hgetall(self._key(keys.shard_of(app_id), "sessions", app_id, str(user_id)))
        return _by_age(raws)

    async def examine(self, app_id: str, user_id: int) -> Examined:
        """Everything that decides what the user shows, at one moment."""
        shard, user = keys.shard_of(app_id), str(user_id)
        pipe = self._redis.pipeline(transaction=True)
        pipe.hgetall(self._key(shard, "sessions", app_id, user))
        pipe.hget(self._app_key(app_id, "claims"), user)
        pipe.hget(self._app_key(app_id, "state"), user)
        pipe.zrange(self._key(shard, "nodes"), 0, -1, withscores=True)
        with translated():
            sessions, claims, state, nodes = await pipe.execute()
        return Examined(
            sessions=_by_age(sessions),
            claims=read_claims_record(claims),
            warm=read_warm(state) if state else None,
            leases={node.decode(): int(ends_at) for node, ends_at in nodes},
        )

    async def present(self, app_id: str, channel_id: int) -> set[int]:
        """The users who are in the channel."""
        with translated():
            entries: Any = await self._redis.smembers(
                self._key(keys.shard_of(app_id), "present", app_id, str(channel_id))
            )
        return {int(entry.split(b" ")[0]) for entry in entries}

    async def whereabouts(self, app_id: str, user_ids: Sequence[int]) -> dict[int, Whereabouts]:
        """How these users show, and in which channels their sessions are, at one moment."""
        if not user_ids:
            return {}
        shard = keys.shard_of(app_id)
        pipe = self._redis.pipeline(transaction=True)
        pipe.hmget(self._app_key(app_id, "state"), [str(user_id) for user_id in user_ids])
        for user_id in user_ids:
            pipe.hvals(self._key(shard, "sessions", app_id, str(user_id)))
        with translated():
            states, *sessions = await pipe.execute()
        return {
            user_id: read_whereabouts(state, raws)
            for user_id, state, raws in zip(user_ids, states, sessions, strict=True)
        }

    async def stored_sessions(self, shard: int, node: str) -> set[tuple[str, int, str]]:
        """(app, user, session) of every session that Redis holds for the node."""
        with translated():
            members: Any = await self._redis.zrange(self._key(shard, "node", node), 0, -1)
        parts = (entry.decode().split(" ") for entry in members)
        return {(app_id, int(user_id), session_id) for app_id, user_id, session_id in parts}

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
            found += await self._unflushed(app_id, users)
        return found

    async def _unflushed(self, app_id: str, scores: Sequence[tuple[int, int]]) -> list[Unflushed]:
        fields = [str(user_id) for user_id, _ in scores]
        pipe = self._redis.pipeline(transaction=True)
        pipe.hmget(self._app_key(app_id, "state"), fields)
        pipe.hmget(self._app_key(app_id, "claims"), fields)
        with translated():
            states, claims = await pipe.execute()
        found = []
        for (user_id, score), state, record in zip(scores, states, claims, strict=True):
            warm = read_warm(state) if state else None
            clocks = (warm.truth.clocks, warm.to_others.clocks) if warm else (Clocks(), Clocks())
            found.append(Unflushed(app_id, user_id, score, *clocks, read_claims_record(record).kept))
        return found

    def _key(self, shard: int, name: str, *parts: str) -> str:
        return keys.key(keys.shard_key(self._prefix, shard), name, *parts)

    def _app_key(self, app_id: str, name: str) -> str:
        return self._key(keys.shard_of(app_id), name, app_id)


def _by_age(raws: dict[bytes, bytes]) -> list[Session]:
    found = [read_session(session_id.decode(), raw) for session_id, raw in raws.items()]
    return sorted(found, key=lambda session: (session.connected_at, session.id))
