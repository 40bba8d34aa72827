"""What presence keeps in Redis, read: of one user, of a page of them, and of everybody at one moment."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

from redis import exceptions

from chatsrv.domain.changes import FIRST_POSITION, Position
from chatsrv.domain.sessions import Session
from chatsrv.domain.users import Clocks
from chatsrv.storage import keys
from chatsrv.storage.lane import Command, Lane, without_errors
from chatsrv.storage.records import (
    Examined,
    Snapshot,
    Unflushed,
    Whereabouts,
    read_claims_record,
    read_position,
    read_session,
    read_warm,
    read_whereabouts,
)
from chatsrv.storage.redis import translated

FLUSH_BATCH = 500


class PresenceReads:
    """The presence keyspace of one Redis. Every method raises Unavailable where Redis does not answer."""

    def __init__(self, lane: Lane, prefix: str) -> None:
        self._lane = lane
        self._prefix = prefix

    async def check(self) -> None:
        """Whether Redis answers and takes changes, without making one: the key never exists."""
        with translated():
            await self._lane.calls(("PING",), ("SET", self._key(0, "nothing"), "", "XX"))

    async def read_clock(self) -> int:
        """Milliseconds since 1970 by the clock in which all expiries are reckoned."""
        with translated():
            seconds, microseconds = await self._lane.call("TIME")
        return int(seconds) * 1000 + int(microseconds) // 1000

    async def read_info(self) -> dict[str, str]:
        """What the server says of itself, by Redis' own names; empty where it does not tell us."""
        with translated():
            try:
                raw = await self._lane.call("INFO")
            except exceptions.ResponseError:
                return {}
        lines = (line.partition(":") for line in raw.decode(errors="replace").splitlines())
        return {name: value for name, _, value in lines if value}

    async def sessions(self, app_id: str, user_id: int) -> list[Session]:
        """All sessions of the user, the oldest first."""
        with translated():
            raws = await self._lane.call("HGETALL", self._sessions_key(app_id, user_id))
        return _by_age(raws)

    async def examine(self, app_id: str, user_id: int) -> Examined:
        """Everything that decides what the user shows, at one moment."""
        with translated():
            sessions, claims, state, nodes = await self._at_once(
                ("HGETALL", self._sessions_key(app_id, user_id)),
                ("HGET", self._app_key(app_id, "claims"), user_id),
                ("HGET", self._app_key(app_id, "state"), user_id),
                ("ZRANGE", self._key(keys.shard_of(app_id), "nodes"), 0, -1, "WITHSCORES"),
            )
        return Examined(
            sessions=_by_age(sessions),
            claims=read_claims_record(claims),
            warm=read_warm(state) if state else None,
            leases={node.decode(): int(ends_at) for node, ends_at in _pairs(nodes)},
        )

    async def nodes(self, shard: int) -> tuple[int, dict[str, tuple[int, bytes]]]:
        """The time (ms) by the clock of Redis, and of each node the end of its lease and what it says of itself."""
        with translated():
            (seconds, microseconds), leases, reports = await self._at_once(
                ("TIME",),
                ("ZRANGE", self._key(shard, "nodes"), 0, -1, "WITHSCORES"),
                ("HGETALL", self._key(shard, "reports")),
            )
        said = dict(_pairs(reports))
        found = {node.decode(): (int(ends_at), said.get(node, b"{}")) for node, ends_at in _pairs(leases)}
        return int(seconds) * 1000 + int(microseconds) // 1000, found

    async def present(self, app_id: str, channel_id: int) -> set[int]:
        """The users who are in the channel."""
        with translated():
            entries = await self._lane.call(
                "SMEMBERS", self._key(keys.shard_of(app_id), "present", app_id, str(channel_id))
            )
        return {int(entry.split(b" ")[0]) for entry in entries}

    async def whereabouts(self, app_id: str, user_ids: Sequence[int]) -> dict[int, Whereabouts]:
        """How these users show, and in which channels their sessions are, at one moment."""
        if not user_ids:
            return {}
        with translated():
            states, *sessions = await self._at_once(
                ("HMGET", self._app_key(app_id, "state"), *user_ids),
                *(("HVALS", self._sessions_key(app_id, user_id)) for user_id in user_ids),
            )
        return {
            user_id: read_whereabouts(state, raws)
            for user_id, state, raws in zip(user_ids, states, sessions, strict=True)
        }

    async def stored_sessions(self, shard: int, node: str) -> set[tuple[str, int, str]]:
        """(app, user, session) of every session that Redis holds for the node."""
        with translated():
            members = await self._lane.call("ZRANGE", self._key(shard, "node", node), 0, -1)
        parts = (entry.decode().split(" ") for entry in members)
        return {(app_id, int(user_id), session_id) for app_id, user_id, session_id in parts}

    async def snapshot(self, app_id: str, user_ids: Sequence[int]) -> Snapshot:
        """These users at one moment: nothing happens between the parts of it."""
        return await self._snapshot(app_id, user_ids)

    async def snapshot_all(self, app_id: str) -> Snapshot:
        """Everybody of whom anything is warm, at one moment."""
        return await self._snapshot(app_id, None)

    async def changed_since(self, app_id: str, version: int) -> Snapshot:
        """Those who changed after `version`; whether that is all of them, `Snapshot.is_complete_since` tells.

        Who they are is read along with the version up to which that is all. How they show is read after it and may be
        newer, and then comes once more; whoever changes in between is for the next time.
        """
        shard = keys.shard_of(app_id)
        with translated():
            epoch, reached, floor, ids = await self._at_once(
                ("GET", self._key(shard, "epoch")),
                ("HGET", self._key(shard, "versions"), app_id),
                ("HGET", self._key(shard, "floors"), app_id),
                ("ZRANGEBYSCORE", self._app_key(app_id, "changes"), version + 1, "+inf"),
            )
        snapshot = await self._snapshot(app_id, [int(user_id) for user_id in ids])
        if snapshot.epoch != read_epoch(epoch):
            return snapshot  # what was kept is gone: nobody can have seen anything of this epoch
        return replace(snapshot, version=int(reached or 0), floor=int(floor or 0))

    async def _snapshot(self, app_id: str, user_ids: Sequence[int] | None) -> Snapshot:
        shard, state = keys.shard_of(app_id), self._app_key(app_id, "state")
        commands: list[Command] = [
            ("GET", self._key(shard, "epoch")),
            ("HGET", self._key(shard, "versions"), app_id),
            ("HGET", self._key(shard, "floors"), app_id),
            ("XINFO", "STREAM", self._key(shard, "feed")),
        ]
        if user_ids is None:
            commands.append(("HGETALL", state))
        elif user_ids:
            commands += [("HMGET", state, *user_ids), ("ZMSCORE", self._app_key(app_id, "changes"), *user_ids)]
        with translated():
            epoch, version, floor, info, *rest = await self._lane.transaction(*commands)
        found, versions = (*without_errors(rest), [], [])[:2]
        raws = _pairs(found) if user_ids is None else zip(user_ids, found, strict=bool(rest))
        return Snapshot(
            epoch=read_epoch(epoch),
            version=int(version or 0),
            floor=int(floor or 0),
            warm={int(user_id): read_warm(raw) for user_id, raw in raws if raw is not None},
            changed_in={
                user_id: int(score)
                for user_id, score in zip(user_ids or (), versions, strict=True)
                if score is not None
            },
            position=read_end(info),
        )

    async def unflushed(self, shard: int) -> list[Unflushed]:
        """A batch of the clocks that SQL does not have yet, the oldest first."""
        with translated():
            entries = await self._lane.call("ZRANGE", self._key(shard, "unflushed"), 0, FLUSH_BATCH - 1, "WITHSCORES")
        by_app: dict[str, list[tuple[int, int]]] = {}
        for entry, score in _pairs(entries):
            app_id, user_id = entry.decode().split(" ")
            by_app.setdefault(app_id, []).append((int(user_id), int(score)))
        found = []
        for app_id, users in by_app.items():
            found += await self._unflushed(app_id, users)
        return found

    async def _unflushed(self, app_id: str, scores: Sequence[tuple[int, int]]) -> list[Unflushed]:
        fields = [user_id for user_id, _ in scores]
        with translated():
            states, claims = await self._at_once(
                ("HMGET", self._app_key(app_id, "state"), *fields), ("HMGET", self._app_key(app_id, "claims"), *fields)
            )
        found = []
        for (user_id, score), state, record in zip(scores, states, claims, strict=True):
            warm = read_warm(state) if state else None
            clocks = (warm.truth.clocks, warm.to_others.clocks) if warm else (Clocks(), Clocks())
            found.append(Unflushed(app_id, user_id, score, *clocks, read_claims_record(record).kept))
        return found

    async def _at_once(self, *commands: Command) -> list[Any]:
        return without_errors(await self._lane.transaction(*commands))

    def _sessions_key(self, app_id: str, user_id: int) -> str:
        return self._key(keys.shard_of(app_id), "sessions", app_id, str(user_id))

    def _key(self, shard: int, name: str, *parts: str) -> str:
        return keys.key(keys.shard_key(self._prefix, shard), name, *parts)

    def _app_key(self, app_id: str, name: str) -> str:
        return self._key(keys.shard_of(app_id), name, app_id)


def _pairs(flat: Sequence[bytes]) -> Iterable[tuple[bytes, bytes]]:
    """Redis sends what belongs together one after the other."""
    items = iter(flat)
    return zip(items, items, strict=True)


def read_end(info: Any) -> Position:
    """Of a stream, from what XINFO STREAM answers; there is no information on one that has not begun."""
    if isinstance(info, Exception):
        return FIRST_POSITION
    return read_position(info[info.index(b"last-generated-id") + 1])


def read_epoch(raw: bytes | None) -> str:
    """Beside its id stands when it was made."""
    return raw.decode().split(" ")[0] if raw else ""


def _by_age(raws: Sequence[bytes]) -> list[Session]:
    found = [read_session(session_id.decode(), raw) for session_id, raw in _pairs(raws)]
    return sorted(found, key=lambda session: (session.connected_at, session.id))
