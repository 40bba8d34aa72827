"""When the tokens of live sockets run out: a warning before, and the end soon after unless a new one came."""

from __future__ import annotations

import heapq
from collections.abc import Awaitable, Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, order=True)
class _Due:
    """`expires_at` is that of the token it was meant for: a socket with a newer one lets it pass."""

    at: int
    sid: str
    expires_at: int
    is_warning: bool


class Expiries:
    """`warn(sid, expires_at)` and `end(sid)` are called by `check`; instants in ms."""

    def __init__(
        self,
        warn: Callable[[str, int], Awaitable[None]],
        end: Callable[[str], Awaitable[None]],
        *,
        warning_s: float,
        close_s: float,
    ) -> None:
        self._warn = warn
        self._end = end
        self._warning_ms = int(warning_s * 1000)
        self._close_ms = int(close_s * 1000)
        self._expires_at: dict[str, int] = {}
        self._due: list[_Due] = []

    def keep(self, sid: str, expires_at: int) -> None:
        """The socket has a token that is good until then; an earlier one no longer counts."""
        self._expires_at[sid] = expires_at
        heapq.heappush(self._due, _Due(expires_at - self._warning_ms, sid, expires_at, True))
        heapq.heappush(self._due, _Due(expires_at + self._close_ms, sid, expires_at, False))

    def forget(self, sid: str) -> None:
        self._expires_at.pop(sid, None)

    async def check(self, now: int) -> None:
        """Does what is due."""
        while self._due and self._due[0].at <= now:
            due = heapq.heappop(self._due)
            if self._expires_at.get(due.sid) != due.expires_at:
                continue
            await (self._warn(due.sid, due.expires_at) if due.is_warning else self._end(due.sid))
