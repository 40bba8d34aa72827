"""The change log in Redis: what a node reads to learn of every change, whoever made it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Literal

import structlog

from chatsrv.domain.changes import Changed, CloseOrdered, Entry, Forgotten, Position, Renamed, SessionTold, Stored
from chatsrv.domain.sessions import CloseCode
from chatsrv.storage import keys
from chatsrv.storage.lane import Lane, without_errors
from chatsrv.storage.records import read_position, read_warm
from chatsrv.storage.redis import translated

log = structlog.get_logger(__name__)

READ_COUNT = 1000
TOLD = (b"app", b"name", b"session", b"device", b"client", b"transport", b"reason")
"""The words of an entry about a session."""


class ChangeLog:
    """A reader with one cursor for each of its shards. It wants a lane of its own, for its reads block."""

    def __init__(self, lane: Lane, prefix: str, shards: Iterable[int] = range(keys.SHARDS)) -> None:
        self._lane = lane
        self._prefix = prefix
        self._feeds = {keys.key(keys.shard_key(prefix, shard), "feed").encode(): shard for shard in shards}
        self._by_shard = {shard: feed for feed, shard in self._feeds.items()}
        self._cursors: dict[bytes, bytes] = {}
        self.has_more = False
        """Whether the last read left something behind, as far as it can know."""

    async def seek_end(self) -> dict[str, int]:
        """Goes behind the newest entry of each shard: what came before is in the states.

        Returns each app's version there.
        """
        versions: dict[str, int] = {}
        for feed, shard in self._feeds.items():
            versions_key = keys.key(keys.shard_key(self._prefix, shard), "versions")
            with translated():
                info, found = await self._lane.transaction(("XINFO", "STREAM", feed), ("HGETALL", versions_key))
                without_errors([found])
            # of a log that has not begun there is no information
            self._cursors[feed] = b"0-0" if isinstance(info, Exception) else _pairs(info)[b"last-generated-id"]
            versions |= {app_id.decode(): int(version) for app_id, version in _pairs(found).items()}
        return versions

    def position(self, shard: int) -> Position:
        """How far this reader has come."""
        return read_position(self._cursors.get(self._by_shard[shard], b"0-0"))

    def rewind(self, shard: int) -> None:
        """To the beginning of a log that began anew: its ids may be smaller than our cursor."""
        self._cursors[self._by_shard[shard]] = b"0-0"

    async def read(self, block_ms: int | None) -> list[Entry]:
        """Waits up to `block_ms` (None: not at all) for what is new, in the log's order within a shard.

        An entry of a kind that we do not know, as a newer version may write one, is passed over; one that cannot be
        read is logged, too. Raises Unavailable.
        """
        block = () if block_ms is None else ("BLOCK", block_ms)
        cursors = self._cursors
        with translated():
            found: Any = await self._lane.call(
                "XREAD", "COUNT", READ_COUNT, *block, "STREAMS", *cursors, *cursors.values()
            )
        entries: list[Entry] = []
        self.has_more = False
        for feed, items in found or ():
            self.has_more |= len(items) >= READ_COUNT
            for entry_id, fields in items:
                self._cursors[feed] = entry_id
                entries += read_entries(entry_id, fields)
        return entries


def _pairs(flat: Sequence[Any]) -> dict[bytes, Any]:
    """Redis writes names and values in turn."""
    return dict(zip(flat[::2], flat[1::2], strict=True))


def read_entries(entry_id: bytes, flat: Sequence[bytes]) -> Iterable[Entry]:
    """What an entry of the stream says; see `ChangeLog.read`."""
    fields = _pairs(flat)
    try:
        read = READERS.get(fields[b"kind"])
        return read(fields, read_position(entry_id)) if read else ()
    except (KeyError, ValueError):
        log.exception("change_unreadable")
        return ()


def _read_changed(fields: Mapping[bytes, bytes], position: Position) -> tuple[Entry]:
    kind, warm = fields[b"kind"], read_warm(fields[b"state"])
    app_id, user_id, version = fields[b"app"].decode(), int(fields[b"user"]), int(fields[b"version"])
    is_own, is_unheard = kind != b"change", kind == b"unheard"
    shows = not is_unheard or b"shows" in fields
    return (Changed(app_id, user_id, version, warm, is_own, is_unheard, shows, position),)


def _read_renamed(fields: Mapping[bytes, bytes], position: Position) -> tuple[Entry]:
    return (Renamed(fields[b"app"].decode(), int(fields[b"user"]), fields[b"name"].decode(), position),)


def _read_close(fields: Mapping[bytes, bytes], position: Position) -> tuple[Entry]:
    session = fields[b"session"].decode()
    app_id, user_id, code = fields[b"app"].decode(), int(fields[b"user"]), int(fields[b"code"])
    return (CloseOrdered(app_id, user_id, None if session == "*" else session, code, position),)


def _read_forgotten(fields: Mapping[bytes, bytes], position: Position) -> list[Entry]:
    return [Forgotten(fields[b"app"].decode(), user_id, position) for user_id in _users(fields)]


def _read_stored(fields: Mapping[bytes, bytes], position: Position) -> list[Entry]:
    return [Stored(fields[b"app"].decode(), user_id, position) for user_id in _users(fields)]


def _read_session(fields: Mapping[bytes, bytes], position: Position) -> tuple[Entry]:
    text = {name: fields[name].decode() for name in TOLD}
    kind: Literal["opened", "closed"] = "opened" if fields[b"kind"] == b"opened" else "closed"
    told = SessionTold(
        app_id=text[b"app"],
        user_id=int(fields[b"user"]),
        username=text[b"name"] or None,
        session_id=text[b"session"],
        kind=kind,
        at=int(fields[b"at"]),
        device=text[b"device"],
        client_id=text[b"client"],
        transport=text[b"transport"],
        opened_at=int(fields[b"opened"]),
        reason=_reason(text[b"reason"]),
        position=position,
    )
    return (told,)


def _reason(text: str) -> str | None:
    """Where the server ended a session the script knows the code alone."""
    return CloseCode(int(text)).name.lower() if text.isdigit() else text or None


def _users(fields: Mapping[bytes, bytes]) -> list[int | None]:
    """None alone for everybody."""
    raw = fields[b"user"]
    return [None] if raw == b"*" else [int(user_id) for user_id in raw.split()]


READERS: Mapping[bytes, Callable[[Mapping[bytes, bytes], Position], Iterable[Entry]]] = {
    b"change": _read_changed,
    b"own": _read_changed,
    b"unheard": _read_changed,
    b"renamed": _read_renamed,
    b"close": _read_close,
    b"forgotten": _read_forgotten,
    b"stored": _read_stored,
    b"opened": _read_session,
    b"closed": _read_session,
}
