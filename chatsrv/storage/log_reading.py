"""The change log read piece by piece, by whoever keeps their own place in it and never waits."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from chatsrv.domain.changes import FIRST_POSITION, Entry, Position
from chatsrv.domain.presence import Warm
from chatsrv.storage import keys
from chatsrv.storage.changelog import read_entries
from chatsrv.storage.lane import Command, Lane, without_errors
from chatsrv.storage.records import read_position, read_warm
from chatsrv.storage.redis import translated


@dataclass(frozen=True, slots=True)
class Head:
    """The log of a shard at one moment, `now` (ms, as scripts reckon but for the offset of their clock).

    `epoch`: empty where nothing was ever written. `held_until`: before it nobody is declared offline. `end`: where
    the newest entry stands or stood; `first`: the oldest one that is there, None if none is; `length`: how many are.
    """

    epoch: str
    held_until: int
    end: Position
    first: Position | None
    length: int
    now: int


@dataclass(frozen=True, slots=True)
class Piece:
    """Entries in the log's order. `reached`: where the last of them stands, and the end of the log if `is_last`."""

    head: Head
    entries: Sequence[Entry]
    reached: Position
    is_last: bool


@dataclass(frozen=True, slots=True)
class Census:
    """Everybody of these apps of whom Redis knows something, at one moment; the log goes on behind `head.end`."""

    head: Head
    warm: Mapping[str, Mapping[int, Warm]]


class LogReading:
    """Every method raises Unavailable where Redis does not answer."""

    def __init__(self, lane: Lane, prefix: str) -> None:
        self._lane = lane
        self._prefix = prefix

    async def heads(self, shards: Iterable[int] = range(keys.SHARDS)) -> dict[int, Head]:
        wanted = list(shards)
        now, *answers = await self._ask(*(command for shard in wanted for command in self._head(shard)))
        return {
            shard: _read_head(answers[2 * place], answers[2 * place + 1], now) for place, shard in enumerate(wanted)
        }

    async def read(self, shard: int, after: Position, most: int) -> Piece:
        """At most so many entries behind `after`."""
        feed = self._key(shard, "feed")
        entries_after = ("XRANGE", feed, f"({after[0]}-{after[1]}", "+", "COUNT", most)
        now, epoch, info, items = await self._ask(*self._head(shard), entries_after)
        without_errors([items])
        head = _read_head(epoch, info, now)
        is_last = len(items) < most
        reached = head.end if is_last else read_position(items[-1][0])
        entries = [entry for entry_id, fields in items for entry in read_entries(entry_id, fields)]
        return Piece(head, entries, reached, is_last)

    async def census(self, shard: int, app_ids: Sequence[str]) -> Census:
        """Apps of this shard."""
        everybody = (("HGETALL", self._key(shard, "state", app_id)) for app_id in app_ids)
        now, epoch, info, *found = await self._ask(*self._head(shard), *everybody)
        states = dict(zip(app_ids, map(_read_states, without_errors(found)), strict=True))
        return Census(_read_head(epoch, info, now), states)

    def _head(self, shard: int) -> tuple[Command, Command]:
        return ("GET", self._key(shard, "epoch")), ("XINFO", "STREAM", self._key(shard, "feed"))

    async def _ask(self, *commands: Command) -> list[Any]:
        """The clock of Redis in ms, and answers of one moment. There is an error for a log that has not begun."""
        with translated():
            (seconds, microseconds), *answers = await self._lane.transaction(("TIME",), *commands)
        return [int(seconds) * 1000 + int(microseconds) // 1000, *answers]

    def _key(self, shard: int, name: str, *parts: str) -> str:
        return keys.key(keys.shard_key(self._prefix, shard), name, *parts)


def _read_head(epoch: Any, info: Any, now: int) -> Head:
    without_errors([epoch])
    id_, _, held_until = (epoch or b"").decode().partition(" ")
    if isinstance(info, Exception):
        return Head(id_, int(held_until or 0), FIRST_POSITION, None, 0, now)
    told = dict(zip(info[::2], info[1::2], strict=True))
    first = told[b"first-entry"]
    end = read_position(told[b"last-generated-id"])
    return Head(id_, int(held_until or 0), end, read_position(first[0]) if first else None, told[b"length"], now)


def _read_states(flat: Sequence[bytes]) -> dict[int, Warm]:
    return {int(user_id): read_warm(raw) for user_id, raw in zip(flat[::2], flat[1::2], strict=True)}
